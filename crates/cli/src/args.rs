//! The command line, as `snaplark --help` shows it.
//!
//! Length: each argument has its line of help.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use snaplark_app::{ExportFormat, KEEP_SECONDS, PictureSize};
use snaplark_core::capture::{Device, Sound, Source};
use snaplark_core::overlay::{Keys, Marks, Webcam};
use snaplark_core::policy::{STRIKE_SECONDS, STRIKE_SECONDS_MAX};
use snaplark_core::still::{PixelRect, StillSource};
use snaplark_terminal::manual::Shell;

use crate::ranges::KeptRanges;
use crate::webhook::WebhookAction;

/// Record the screen and share the recording by a link.
///
/// The recording is uploaded while you make it, so the link works when you stop.
///
/// Recordings, settings and the account are shared with the Snaplark app. They are kept in the system's
/// usual folders, or in SNAPLARK_HOME if it is set. SNAPLARK_SERVER, SNAPLARK_TOKEN and SNAPLARK_PROFILE
/// select another server for one run.
#[derive(Debug, Parser)]
#[command(name = "snaplark", version, arg_required_else_help = true, after_help = EXAMPLES,
          after_long_help = EXAMPLES_AND_EXIT_CODES)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
    /// Print the result as one JSON object, errors included.
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only errors and the result.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print log messages.
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

/// The examples of `snaplark --help`. A macro, so that they can be part of a longer text.
macro_rules! examples {
    () => {
        "\
Examples:
  snaplark record                Record the screen until Ctrl-C, then print the link
  snaplark record --seconds 10   Record for 10 seconds
  snaplark screenshot --copy     Take a screenshot, copy it and print the link
  snaplark list                  List all recordings
  snaplark settings fps 60       Change a setting
  snaplark help record           Show the options of a command"
    };
}

const EXAMPLES: &str = examples!();
const EXAMPLES_AND_EXIT_CODES: &str = concat!(
    examples!(),
    "\n\n\
Exit codes:
  0        Success
  1        Failure; the reason is printed on standard error
  2        Invalid command line
  3        Saved on this computer, but not online yet
  4        Saved, but the recording ended early
  128 + N  Ended immediately by a second signal N"
);

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record the screen until Ctrl-C, then print the link.
    ///
    /// Recording needs no network and no server: the recording is always saved on this computer. If it
    /// can't be uploaded now, it is uploaded the next time Snaplark runs.
    #[command(after_help = RECORD_EXAMPLES)]
    Record(Box<Record>),
    /// Take a screenshot and print its link.
    ///
    /// The screenshot is always saved in the library on this computer. If it can't be uploaded now, it is
    /// uploaded the next time Snaplark runs.
    #[command(after_help = SCREENSHOT_EXAMPLES)]
    Screenshot(Box<Screenshot>),
    /// Upload video and image files and print their links.
    ///
    /// Videos (MP4, MOV, M4V, WebM, MKV) stay where they are and are uploaded unchanged; images (PNG, JPEG, WebP, GIF) are
    /// added to the library. If Snaplark is running, it uploads the files and the command ends when their links are
    /// known. Otherwise the command ends when they are online.
    #[command(after_help = UPLOAD_EXAMPLES)]
    Upload(UploadArgs),
    /// Start or stop a recording in the running Snaplark. Bind it to a keyboard shortcut.
    Toggle,
    /// Start a recording in the running Snaplark, with its settings.
    Start {
        /// Begin the recording this many seconds in the past. Requires the setting keep-last.
        #[arg(long, value_name = "SECONDS", value_parser = seconds)]
        ago: Option<u64>,
    },
    /// Share the last minutes of the screen and print the link.
    ///
    /// Requires the setting keep-last in the running Snaplark, or `snaplark keep`.
    ShareLast {
        /// Share only the last SECONDS. By default everything that is kept is shared.
        #[arg(long, value_parser = seconds)]
        seconds: Option<u64>,
        /// Print the link as Markdown, with the recording's title.
        #[arg(long)]
        markdown: bool,
    },
    /// Stop the recording in the running Snaplark and print its link.
    Stop,
    /// Pause or resume the recording in the running Snaplark.
    Pause,
    /// Resume the paused recording in the running Snaplark.
    Resume,
    /// Mute or unmute the microphone in the running Snaplark.
    Mute,
    /// Show or hide the webcam in the running Snaplark.
    Webcam,
    /// Remove the last seconds of the running recording.
    ///
    /// The recording continues as if they had not been recorded. With the setting hold-back they never left this
    /// computer; otherwise they may already be online, and are replaced there by what is recorded next.
    Strike {
        /// How many seconds, 1 to 60.
        #[arg(long, value_name = "SECONDS", default_value_t = STRIKE_SECONDS,
              value_parser = clap::value_parser!(u64).range(1..=STRIKE_SECONDS_MAX))]
        seconds: u64,
    },
    /// Stop the recording in the running Snaplark and delete it.
    Cancel {
        /// Delete without asking for confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Delete the recording in the running Snaplark and start a new one.
    Restart {
        /// Delete without asking for confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// List all recordings, newest first.
    List,
    /// Show a recording with its link, its file and its problems.
    Show {
        /// The recording's ID, as `snaplark list` shows it.
        id: String,
    },
    /// Show which recordings are online and which are not.
    Status {
        /// Upload what is not online, and wait until it is. Ctrl-C stops waiting.
        #[arg(long)]
        wait: bool,
    },
    /// Retry the upload of recordings now.
    Retry {
        /// IDs of recordings, as `snaplark list` shows them.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Rename a recording on this computer and on its server.
    Rename {
        /// The recording's ID, as `snaplark list` shows it.
        id: String,
        /// The new title.
        title: String,
    },
    /// Choose which ranges of a recording are kept.
    ///
    /// The recording itself stays as it is: the edit is stored beside it, and `snaplark export`, --publish and
    /// the app use it. Works while Snaplark runs.
    #[command(after_help = EDIT_EXAMPLES)]
    Edit(EditArgs),
    /// Write a recording, or its edit, into a file of another format.
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportArgs),
    /// Send a recording, a screenshot or a file to another place, too.
    ///
    /// The places are the accounts that `snaplark login` has made. Each has its own link and state, which
    /// `snaplark show ID --json` lists. The command waits until the item is there. A recording with an
    /// edit isn't sent: export it, or make a copy of it. A screenshot is sent as it is drawn on.
    Send {
        /// The ID of the item, as `snaplark list` shows it.
        id: String,
        /// The place: the address of a server or a bucket, or the path of a folder.
        #[arg(long)]
        to: String,
    },
    /// Delete recordings from this computer. Uploaded copies stay online.
    Delete {
        /// IDs of recordings, as `snaplark list` shows them.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Sign in to a server, or use a bucket or a folder. New recordings go there.
    ///
    /// Opens the server's sign-in page in the browser. If standard input is not a terminal, or the server
    /// has no sign-in page, a token is read from standard input instead. For a bucket that is
    /// KEY_ID:SECRET. A folder needs none. The place is checked first: a small object is written, read and
    /// deleted.
    #[command(after_help = LOGIN_EXAMPLES)]
    Login {
        /// The server's address, such as https://videos.example.com; s3+https://ENDPOINT/BUCKET for a bucket;
        /// or a folder.
        server: String,
        /// The API that the server implements: spec, spec-standalone, snaplark, poster or storage. By default
        /// it is detected for Snaplark's own servers, and spec for others.
        #[arg(long)]
        profile: Option<snaplark_app::Profile>,
        /// The web address under which others can open the files of a bucket or a folder.
        #[arg(long, value_name = "ADDRESS")]
        public: Option<String>,
        /// The region of a bucket.
        #[arg(long)]
        region: Option<String>,
        /// Where requests name the bucket: in the path, or in the host name (virtual).
        #[arg(long, value_parser = ["path", "virtual"])]
        style: Option<String>,
        /// The storage class of a bucket's objects.
        #[arg(long)]
        class: Option<String>,
        /// Sign in with the browser even if standard input is not a terminal.
        #[arg(long)]
        browser: bool,
        /// Allow an unencrypted http address. Anyone on the network path can read the token and the
        /// recordings. Stored for this server.
        #[arg(long)]
        allow_http: bool,
    },
    /// Print or change settings.
    ///
    /// Works while Snaplark runs, which applies the change immediately.
    #[command(after_help = SETTINGS_EXAMPLES)]
    Settings {
        /// The setting. Without it, all settings are printed.
        #[arg(value_parser = crate::settings::names())]
        name: Option<String>,
        /// The new value. Without it, the current value is printed.
        value: Option<String>,
    },
    /// Print how the webhook is getting on, send it a test, or print its secret.
    ///
    /// Its address is the setting `webhook`.
    Webhook {
        #[command(subcommand)]
        action: Option<WebhookAction>,
    },
    /// Sign out of the server and forget its token. New recordings stay on this computer.
    ///
    /// Uploads that were begun for the server wait until you sign in there again. With an address, signs out
    /// of another server at which you are signed in still; new recordings go where they went before.
    Logout {
        /// The address of another server.
        server: Option<String>,
    },
    /// Keep the last minutes of the screen until Ctrl-C.
    ///
    /// They are kept in a folder of this computer and not uploaded. `snaplark share-last` makes a recording
    /// of them, and `snaplark start --ago SECONDS` begins a recording in the past.
    Keep {
        /// How many seconds to keep, 30 to 600.
        #[arg(long, default_value_t = 120, value_parser = keep_seconds())]
        seconds: u32,
    },
    /// Serve the links to this computer until Ctrl-C, without the app.
    Serve,
    /// Check what is needed for recording and uploading, and suggest fixes.
    Doctor,
    /// Print completions for a shell: bash, zsh, fish, elvish or powershell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages into a folder.
    #[command(hide = true)]
    Man { folder: PathBuf },
}

const RECORD_EXAMPLES: &str = "\
Examples:
  snaplark record --seconds 10
  snaplark record --region 1280x720+0+0 --microphone
  snaplark record --webcam --system-sound --countdown 3
  snaplark record --no-upload";

const SCREENSHOT_EXAMPLES: &str = "\
Examples:
  snaplark screenshot
  snaplark screenshot --area 640x480+100+100 --out area.png --no-upload
  snaplark screenshot --all --delay 3 --copy";

const UPLOAD_EXAMPLES: &str = "\
Examples:
  snaplark upload demo.mp4
  snaplark upload demo.mov --title \"The new checkout\" --wait
  snaplark upload *.mp4 --json";

const LOGIN_EXAMPLES: &str = "\
Examples:
  snaplark login https://videos.example.com
  echo \"$TOKEN\" | snaplark login https://videos.example.com
  echo \"$KEY_ID:$SECRET\" | snaplark login s3+https://s3.example.com/videos --region eu-central-1
  snaplark login ~/Shared/Recordings --public https://files.example.com/recordings";

const SETTINGS_EXAMPLES: &str = "\
Examples:
  snaplark settings          Print all settings
  snaplark settings fps      Print one setting
  snaplark settings fps 60   Change a setting";

const EDIT_EXAMPLES: &str = "\
Examples:
  snaplark edit ID --keep 0:05-1:20.5,2:00-   Cut out the first five seconds and a middle
  snaplark edit ID                            Keep all of it again
  snaplark edit ID --keep 0:05- --publish     Show the edit behind the recording's link
  snaplark edit ID --original --publish       Show all of the recording again";

const EXPORT_EXAMPLES: &str = "\
Examples:
  snaplark export ID --format mp4 --out talk.mp4
  snaplark export ID --format gif --width 640 --keep 0:05-0:12 --out demo.gif
  snaplark export ID --format png --fps 2 --out frames";

#[derive(Debug, clap::Args)]
pub struct EditArgs {
    /// The recording's ID, as `snaplark list` shows it.
    pub id: String,
    /// The ranges to keep: START-END, separated by commas. A time is seconds, M:SS or H:MM:SS, with up to
    /// three decimals. Without a start or an end, a range goes to that end of the recording. Without this
    /// option, all of it is kept.
    #[arg(long, value_name = "RANGES", value_parser = crate::ranges::ranges, allow_hyphen_values = true)]
    pub keep: Option<KeptRanges>,
    /// Discard the edit: all of the recording, without covers and chapters.
    #[arg(long, conflicts_with = "keep")]
    pub original: bool,
    /// Show the edit behind the recording's link, and wait until the link shows it. Without --keep and
    /// --original, the stored edit is published. If the server can't do that, the edit gets a new link; you are
    /// told before that happens.
    #[arg(long)]
    pub publish: bool,
}

#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// The recording's ID, as `snaplark list` shows it.
    pub id: String,
    /// webm, mp4, gif, webp, png (a folder of pictures), opus or wav (the sound alone).
    #[arg(long, value_parser = export_format)]
    pub format: ExportFormat,
    /// The file to write, or the folder for png. An existing one is never overwritten; the name gets a
    /// number instead.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Export these ranges instead of the stored edit: START-END, separated by commas, such as
    /// 0:05-1:20.5,2:00-.
    #[arg(long, value_name = "RANGES", value_parser = crate::ranges::ranges, allow_hyphen_values = true)]
    pub keep: Option<KeptRanges>,
    /// Ignore the stored edit.
    #[arg(long, conflicts_with = "keep")]
    pub original: bool,
    /// The most pictures per second, 1 to 60. By default 12 for GIF and WebP, and all pictures otherwise.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=60))]
    pub fps: Option<u32>,
    /// Scale larger pictures down to this width in pixels, 16 to 8192.
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(16..=8192))]
    pub width: Option<u32>,
}

fn export_format(text: &str) -> Result<ExportFormat, String> {
    text.parse()
}

#[derive(Debug, clap::Args)]
pub struct Record {
    /// Stop after this many seconds. By default the recording runs until Ctrl-C.
    #[arg(long, value_parser = seconds, allow_negative_numbers = true)]
    pub seconds: Option<u64>,
    /// Wait this many seconds before recording, 1 to 60.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=60))]
    pub countdown: Option<u64>,
    #[command(flatten)]
    pub source: SourceArgs,
    /// Frames per second, 1 to 120.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub fps: u32,
    /// Maximum video bitrate in bits per second, 100000 to 10000000.
    #[arg(long, default_value_t = 2_500_000, value_name = "BITS",
          value_parser = clap::value_parser!(u32).range(100_000..=10_000_000))]
    pub bitrate: u32,
    /// Scale larger sources down to this many pixels on their shorter side: 720, 1080, 1440, or full to
    /// keep their size.
    #[arg(long, default_value = "1080", value_name = "LINES", value_parser = size)]
    pub size: PictureSize,
    /// Encode on the processor, not on the graphics card.
    #[arg(long)]
    pub no_hardware_encoding: bool,
    /// Hide the mouse pointer.
    #[arg(long)]
    pub no_pointer: bool,
    #[command(flatten)]
    pub sound: SoundArgs,
    #[command(flatten)]
    pub overlay: OverlayArgs,
    /// Keep the recording on this computer only.
    #[arg(long)]
    pub no_upload: bool,
    /// Record on at the end of the recording with this ID, behind the same link. It is recorded in that recording's
    /// size and frame rate. With --no-upload, the link shows the recording of before until it is published.
    #[arg(long, value_name = "ID", conflicts_with_all = ["fps", "size"])]
    pub append: Option<String>,
    /// Record a stretch of the recording with this ID again, behind the same link: what you record plays in the place of
    /// what is between --from and --to, which stays in the recording and is not shown. The rest is as for --append.
    #[arg(long, value_name = "ID", conflicts_with_all = ["fps", "size", "append"],
          requires_all = ["from", "to"])]
    pub replace: Option<String>,
    /// Where the stretch of --replace begins in the recording, such as 1:05.5.
    #[arg(long, value_name = "TIME", requires = "replace", value_parser = crate::ranges::time)]
    pub from: Option<u64>,
    /// Where it ends.
    #[arg(long, value_name = "TIME", requires = "replace", value_parser = crate::ranges::time)]
    pub to: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub struct UploadArgs {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Set the title. By default it is the name of the file.
    #[arg(long)]
    pub title: Option<String>,
    /// Set the description that the page shows below the title.
    #[arg(long)]
    pub description: Option<String>,
    /// Wait until the files are online, also if Snaplark is running.
    #[arg(long)]
    pub wait: bool,
}

#[derive(Debug, clap::Args)]
pub struct Screenshot {
    #[command(flatten)]
    pub source: StillArgs,
    /// Wait this many seconds first, 1 to 60.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=60))]
    pub delay: Option<u64>,
    /// Include the mouse pointer.
    #[arg(long)]
    pub pointer: bool,
    /// Copy the picture to the clipboard.
    #[arg(long)]
    pub copy: bool,
    /// Write the picture to this file, as PNG, JPEG or WebP by its ending. An existing file is not
    /// overwritten.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Overwrite the file of --out.
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Keep the screenshot on this computer only.
    #[arg(long)]
    pub no_upload: bool,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub struct StillArgs {
    /// Take this display; the first one is 0 and the default.
    #[arg(long, value_name = "N", value_parser = display, allow_negative_numbers = true)]
    display: Option<u32>,
    /// Take this window. An ID is a decimal number, or 0x and hexadecimal digits.
    #[arg(long, value_name = "ID", value_parser = window_id)]
    window: Option<u64>,
    /// Take this area of the screen, in pixels: WIDTHxHEIGHT+X+Y, such as 640x480+100+100.
    #[arg(long, value_name = "WxH+X+Y", value_parser = region, allow_hyphen_values = true)]
    area: Option<Region>,
    /// Take all displays in one picture.
    #[arg(long)]
    all: bool,
}

impl StillArgs {
    pub fn source(&self) -> StillSource {
        match (self.window, self.area, self.all) {
            (Some(window), ..) => StillSource::Window(window),
            (None, Some(Region { x, y, width, height }), _) => {
                StillSource::Area(PixelRect { x, y, width, height })
            }
            (None, None, true) => StillSource::All,
            (None, None, false) => StillSource::Display(self.display),
        }
    }
}

#[derive(Debug, clap::Args)]
pub struct SoundArgs {
    /// Record a microphone. `snaplark doctor` lists the names; without a name, the system's default is
    /// used.
    #[arg(long, value_name = "NAME", num_args = 0..=1)]
    microphone: Option<Option<String>>,
    /// Record what the computer plays.
    #[arg(long)]
    system_sound: bool,
}

impl SoundArgs {
    pub fn sound(&self) -> Sound {
        let microphone = self.microphone.as_ref();
        Sound {
            microphone: microphone.map(|name| name.clone().map_or(Device::Default, Device::Named)),
            system: self.system_sound,
            ..Sound::default()
        }
    }
}

#[derive(Debug, clap::Args)]
pub struct OverlayArgs {
    /// Show a webcam. `snaplark doctor` lists the names; without a name, the camera of `snaplark settings`
    /// is used. Its position, shape and size are settings, too.
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true)]
    webcam: Option<Option<String>>,
    /// Highlight mouse clicks.
    #[arg(long)]
    clicks: bool,
    /// Show the keyboard shortcuts that are pressed. With `=all`, show all typed keys, passwords included.
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true,
          default_missing_value = "shortcuts")]
    keys: Option<WhichKeys>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum WhichKeys {
    Shortcuts,
    All,
}

impl OverlayArgs {
    /// Returns the stored webcam settings `set`, overridden by the options.
    pub fn webcam(&self, set: Webcam) -> Webcam {
        let named = self.webcam.clone().flatten().map(Device::Named);
        Webcam { shown: self.webcam.is_some(), camera: named.unwrap_or(set.camera.clone()), ..set }
    }

    pub fn marks(&self) -> Marks {
        let keys = self.keys.map(|which| match which {
            WhichKeys::Shortcuts => Keys::Shortcuts,
            WhichKeys::All => Keys::All,
        });
        Marks { clicks: self.clicks, keys }
    }
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub struct SourceArgs {
    /// Record this display; the first one is 0 and the default.
    #[arg(long, value_name = "N", value_parser = display, allow_negative_numbers = true)]
    display: Option<u32>,
    /// Record this window. An ID is a decimal number, or 0x and hexadecimal digits.
    #[arg(long, value_name = "ID", value_parser = window_id)]
    window: Option<u64>,
    /// Record this region of the screen, in pixels: WIDTHxHEIGHT+X+Y, such as 1280x720+0+0.
    #[arg(long, value_name = "WxH+X+Y", value_parser = region, allow_hyphen_values = true)]
    region: Option<Region>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    x: i32,
    y: i32,
    width: u32,
    height: u32,
}

impl SourceArgs {
    pub fn source(&self) -> Source {
        match (self.window, self.region) {
            (Some(window), _) => Source::Window(window),
            (None, Some(Region { x, y, width, height })) => Source::Region { x, y, width, height },
            (None, None) => Source::Display(self.display),
        }
    }
}

fn keep_seconds() -> clap::builder::RangedI64ValueParser<u32> {
    let (min, max) = (*KEEP_SECONDS.start(), *KEEP_SECONDS.end());
    clap::value_parser!(u32).range(i64::from(min)..=i64::from(max))
}

fn seconds(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| "expected a number of seconds, 1 or more".to_owned())
}

fn display(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "expected a display number; the first display is 0".to_owned())
}

fn size(text: &str) -> Result<PictureSize, String> {
    text.parse()
}

fn window_id(text: &str) -> Result<u64, String> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    }
    .map_err(|_| "expected a window ID: a decimal number, or 0x and hexadecimal digits".to_owned())
}

fn region(text: &str) -> Result<Region, String> {
    parse_region(text)
        .filter(|region| region.width > 0 && region.height > 0)
        .ok_or_else(|| "expected WIDTHxHEIGHT+X+Y, such as 1280x720+0+0".to_owned())
}

fn parse_region(text: &str) -> Option<Region> {
    let (size, place) = text.split_once('+')?;
    let (width, height) = size.split_once('x')?;
    let (x, y) = place.split_once('+')?;
    Some(Region {
        x: x.parse().ok()?,
        y: y.parse().ok()?,
        width: width.parse().ok()?,
        height: height.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    fn said(args: &[&str]) -> String {
        let args = std::iter::once(&"snaplark").chain(args);
        Args::try_parse_from(args).expect_err("it is not taken").to_string()
    }

    #[test]
    fn wrong_values_are_answered_by_what_is_right() {
        for (args, words) in [
            (["record", "--seconds", "0"], "a number of seconds, 1 or more"),
            (["record", "--seconds", "-3"], "a number of seconds, 1 or more"),
            (["record", "--display", "-1"], "the first display is 0"),
            (["record", "--no-uploads", "x"], "--no-upload"),
            (["screenshot", "--area", "640x480"], "such as 1280x720+0+0"),
            (["screenshot", "--force", "--json"], "--out"),
            (["statsu", "--wait", "--json"], "status"),
        ] {
            assert!(said(&args).contains(words), "{args:?}: {}", said(&args));
        }
    }

    #[test]
    fn every_command_takes_json_and_quiet() {
        for command in Args::command().get_subcommands() {
            let name = command.get_name().to_owned();
            let args = ["snaplark", &name, "--json", "--quiet", "x", "y"];
            let error = Args::try_parse_from(args).err();
            let unknown = clap::error::ErrorKind::UnknownArgument;
            let refused = error.filter(|error| error.kind() == unknown).map(|e| e.to_string());
            let refused =
                refused.filter(|said| said.contains("--json") || said.contains("--quiet"));
            assert_eq!(refused, None, "{name}");
        }
    }

    #[test]
    fn screenshot_is_of_the_first_display_unless_something_else_is_named() {
        let source = |args: &[&str]| {
            let args = ["snaplark", "screenshot"].iter().chain(args);
            match Args::try_parse_from(args).map(|args| args.command) {
                Ok(Command::Screenshot(options)) => Some(options.source.source()),
                Ok(_) | Err(_) => None,
            }
        };
        let area = PixelRect { x: -10, y: 20, width: 640, height: 360 };
        assert_eq!(source(&[]), Some(StillSource::Display(None)));
        assert_eq!(source(&["--display", "1"]), Some(StillSource::Display(Some(1))));
        assert_eq!(source(&["--window", "0x1a"]), Some(StillSource::Window(26)));
        assert_eq!(source(&["--area", "640x360+-10+20"]), Some(StillSource::Area(area)));
        assert_eq!(source(&["--all"]), Some(StillSource::All));
        assert_eq!(source(&["--all", "--display", "1"]), None);
    }

    #[test]
    fn regions_and_windows_are_read() {
        let want = Region { x: -10, y: 20, width: 640, height: 360 };
        assert_eq!(region("640x360+-10+20"), Ok(want));
        for text in ["640x360", "0x10+0+0", "640+0+0", "axb+0+0"] {
            assert!(region(text).is_err(), "{text}");
        }
        assert_eq!(window_id("0x1a"), Ok(26));
        assert!(window_id("firefox").is_err());
    }
}
