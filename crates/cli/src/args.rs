//! The command line, as `snaplark --help` shows it.

use clap::{Parser, Subcommand};
use snaplark_app::PictureSize;
use snaplark_core::capture::{Device, Sound, Source};
use snaplark_core::overlay::{Keys, Marks, Webcam};
use snaplark_terminal::manual::Shell;

/// Records the screen; the recording is online when you stop.
///
/// Everything is below SNAPLARK_HOME where that is set, else in the system's own folders.
/// SNAPLARK_SERVER, SNAPLARK_TOKEN and SNAPLARK_PROFILE name another server for one run.
#[derive(Debug, Parser)]
#[command(name = "snaplark", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
    /// Print one JSON object on standard output, and nothing else there; errors as well.
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but errors on standard error.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say what happens inside, on standard error.
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 failed; 2 the command line can't be read; 3 saved here, but not online yet; \
4 saved, but the recording ended early; 128 + N ended at once by a second signal N.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Record until Ctrl-C, or for so many seconds.
    Record(Box<Record>),
    /// In the Snaplark that runs here: start a recording where there is none, else stop it. For a
    /// shortcut of the desktop's own.
    Toggle,
    /// In the Snaplark that runs here: start a recording, as its settings say.
    Start {
        /// Let it begin so many seconds ago, out of what is kept of the last minutes.
        #[arg(long, value_name = "SECONDS", value_parser = seconds)]
        ago: Option<u64>,
    },
    /// In the Snaplark that runs here: make a recording of what is kept of the last minutes; prints
    /// its link. The setting keep-last switches keeping on.
    ShareLast {
        /// Only so many seconds of it.
        #[arg(long, value_parser = seconds)]
        seconds: Option<u64>,
    },
    /// In the Snaplark that runs here: stop the recording; prints its link.
    Stop,
    /// In the Snaplark that runs here: pause the recording; once more, resume it.
    Pause,
    /// In the Snaplark that runs here: resume the recording.
    Resume,
    /// In the Snaplark that runs here: mute the microphone; once more, unmute it.
    Mute,
    /// In the Snaplark that runs here: show the webcam; once more, hide it.
    Webcam,
    /// In the Snaplark that runs here: end the recording and delete it.
    Cancel {
        /// Without asking.
        #[arg(long)]
        yes: bool,
    },
    /// In the Snaplark that runs here: delete the recording and begin again.
    Restart {
        /// Without asking.
        #[arg(long)]
        yes: bool,
    },
    /// The recordings, newest first.
    List,
    /// One recording, with its link and its file.
    Show { id: String },
    /// What is online and what is not yet.
    Status {
        /// Send what is unsent, and wait until nothing is left. Ctrl-C ends the waiting.
        #[arg(long)]
        wait: bool,
    },
    /// Send these now, whatever stopped them.
    Retry {
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Give a recording another title, here and at its server, also while it is made or sent.
    Rename { id: String, title: String },
    /// Delete these from this computer. What is online stays there.
    Delete {
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Send recordings to a server from now on. Signs in with a browser; where standard input is no
    /// terminal or the server offers no such sign-in, a token is read from there.
    Login {
        /// Its address, like https://videos.example.com.
        server: String,
        /// Which document it was built from: spec (unless it is Snaplark's own), spec-standalone or
        /// snaplark.
        #[arg(long)]
        profile: Option<snaplark_app::Profile>,
        /// Sign in with a browser even where standard input is no terminal.
        #[arg(long)]
        browser: bool,
        /// Send the token and recordings without encryption, to an address with http. Whoever is on
        /// the way can read them. Kept for this server.
        #[arg(long)]
        allow_http: bool,
    },
    /// Show the settings; with a name, that one; with a name and a value, set it. Works while
    /// Snaplark runs.
    Settings {
        /// fps, quality (small, standard or sharp), size (720, 1080, 1440 or full),
        /// hardware-encoding, pointer,
        /// microphone (off, default or a name), system-sound, webcam, camera (default or a name),
        /// webcam-shape (circle or square), webcam-place (a corner like top-left, or right,down in
        /// per cent), webcam-size (small, medium, large or per cent), webcam-mirrored, clicks, keys
        /// (off, shortcuts or all), save-folder, upload-limit (bytes a second, or none),
        /// wait-on-metered, keep-local-days (a number, or forever), keep-last (off,
        /// or 30 to 600 seconds), share-at-once, after-sleep (go-on or stop). The rest are yes or no.
        name: Option<String>,
        value: Option<String>,
    },
    /// Forget the server's token. Recordings stay on this computer from now on. Works while Snaplark
    /// runs.
    Logout,
    /// Keep the last minutes of the screen in a folder of this computer, until Ctrl-C: `snaplark
    /// share-last` makes a recording of them, and `snaplark start --ago` begins one in the past.
    Keep {
        /// So much of them, 30 to 600.
        #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(30..=600))]
        seconds: u32,
    },
    /// Keep the links of this computer's own cloud working, until Ctrl-C.
    Serve,
    /// What of recording and uploading works here, and how to mend what doesn't.
    Doctor,
    /// Print a shell's completions: bash, zsh, fish, elvish or powershell.
    Completions { shell: Shell },
    /// Write the manual pages into a folder.
    #[command(hide = true)]
    Man { folder: std::path::PathBuf },
}

#[derive(Debug, clap::Args)]
pub struct Record {
    /// Stop after so many seconds of recording.
    #[arg(long, value_parser = seconds, allow_negative_numbers = true)]
    pub seconds: Option<u64>,
    /// Wait so many seconds before it begins.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=60))]
    pub countdown: Option<u64>,
    #[command(flatten)]
    pub source: SourceArgs,
    /// Frames a second.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=120))]
    pub fps: u32,
    /// Bits a second at the most.
    #[arg(long, default_value_t = 2_500_000, value_name = "BITS",
          value_parser = clap::value_parser!(u32).range(100_000..=10_000_000))]
    pub bitrate: u32,
    /// Scale larger sources down, by their shorter side: 720, 1080, 1440, or full for as they are.
    #[arg(long, default_value = "1080", value_name = "LINES", value_parser = size)]
    pub size: PictureSize,
    /// Leave the graphics card out, also where it encodes right.
    #[arg(long)]
    pub no_hardware_encoding: bool,
    /// Leave the pointer out.
    #[arg(long)]
    pub no_pointer: bool,
    #[command(flatten)]
    pub sound: SoundArgs,
    #[command(flatten)]
    pub overlay: OverlayArgs,
    /// Keep the recording on this computer only.
    #[arg(long)]
    pub no_upload: bool,
}

#[derive(Debug, clap::Args)]
pub struct SoundArgs {
    /// With a microphone: this one, by its name as `snaplark doctor` shows it, or the system's own.
    #[arg(long, value_name = "NAME", num_args = 0..=1)]
    microphone: Option<Option<String>>,
    /// With what this computer plays.
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
    /// With the picture of a webcam: this one, by its name as `snaplark doctor` shows it, or the one
    /// that is set. Its place, shape and size are those of `snaplark settings`.
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true)]
    webcam: Option<Option<String>>,
    /// Mark where the mouse clicks.
    #[arg(long)]
    clicks: bool,
    /// Show shortcuts as they are pressed; with `=all` whatever is typed, passwords as well.
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
    /// This display, by its number. Without it: the first.
    #[arg(long, value_name = "N", value_parser = display, allow_negative_numbers = true)]
    display: Option<u32>,
    /// This window, by its id (a number, or 0x and hex digits).
    #[arg(long, value_name = "ID", value_parser = window_id)]
    window: Option<u64>,
    /// This region, as WIDTHxHEIGHT+X+Y.
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

fn seconds(text: &str) -> Result<u64, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| "it is a number of seconds, 1 or more".to_owned())
}

fn display(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "displays are numbered from 0, the first".to_owned())
}

fn size(text: &str) -> Result<PictureSize, String> {
    text.parse()
}

fn window_id(text: &str) -> Result<u64, String> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    }
    .map_err(|_| "a window's id is a number, or 0x and hex digits".to_owned())
}

fn region(text: &str) -> Result<Region, String> {
    parse_region(text)
        .filter(|region| region.width > 0 && region.height > 0)
        .ok_or_else(|| "a region is WIDTHxHEIGHT+X+Y, like 1280x720+0+0".to_owned())
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
            (["record", "--display", "-1"], "displays are numbered from 0"),
            (["record", "--no-uploads", "x"], "--no-upload"),
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
