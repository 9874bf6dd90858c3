//! ffmpeg, as products use it: one run in the sandbox, from the video's bytes to one file.
//!
//! It gets the video through a pipe, or as a file in its own folder if it has to seek, and never a URL.
//! The formats and codecs that it may open are listed here.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use snaplark_cloud_data::private;
use snaplark_cloud_data::storage::Storage;
use snaplark_formats::sniff::MediaKind;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::{OnceCell, mpsc};

use super::encoder::{HardwareEncoder, Mp4Encoder, SOFTWARE, trial_fault};
use super::error::JobError;
use super::growing::GrowingUpload;
use super::mp4::Mp4Height;
use super::stream::{PIECE_MS, stream_plan};
use crate::media_map::MediaMap;
use crate::pieces::stream_pieces;
use crate::sandbox::{self, Group, Sandbox, SandboxLimits};

/// The limit on the size of a picture. Those that are made have a few hundred kB.
const PICTURE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The limit on address space for a picture. 8K VP9 takes about 1 GB; libraries and threads take a few
/// hundred MB.
const PICTURE_MEMORY_BYTES: u64 = 1536 * 1024 * 1024;
/// The number of threads of each decoder, filter and encoder.
const THREADS: &str = "2";
/// All threads of one ffmpeg that can compute at once: `THREADS` of decoder, filter and encoder each, and
/// those that read and write.
const THREADS_MAX: u32 = 3 * 2 + 2;
const STREAMS_MAX: &str = "32";
/// 8K and some more. Three 4K displays side by side have fewer pixels.
const VIDEO_PIXELS_MAX: &str = "36000000";
/// Images that unpack to gigabytes are refused.
const IMAGE_PIXELS_MAX: &str = "67108864";
/// The decoders for what browsers, phones, cameras and screen recorders write. All others stay disabled.
const DECODERS: &str = "vp8,libvpx,vp9,libvpx-vp9,av1,libdav1d,libaom-av1,h264,hevc,mpeg4,prores,\
    opus,libopus,vorbis,libvorbis,aac,mp3,mp3float,alac,flac,pcm_s16le,pcm_s16be,pcm_s24le,pcm_f32le";
/// The timeout for ffmpeg to print its version. Starting takes a while on a busy computer.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// The time in which a hardware encoder has to encode the test picture.
const TRIAL_MAX: Duration = Duration::from_secs(20);
/// Four seconds, so two pieces. Some hardware takes no smaller pictures.
const TRIAL_PICTURE: &str = "testsrc2=size=640x360:rate=30:duration=4";
const TRIAL_PIECES: u64 = 2;
/// The number of bytes of a stream that are read from ffmpeg at once.
const STREAM_READ_BYTES: usize = 256 * 1024;
/// The number of bytes of ffmpeg's error output that are kept.
const ERROR_BYTES_MAX: u64 = 4 * 1024;

/// An ffmpeg that works, and what it is confined by.
#[derive(Debug)]
pub(crate) struct Ffmpeg {
    program: PathBuf,
    sandbox: Sandbox,
    choice: Mp4Encoder,
    /// The hardware encoder that works here, once the trials are over.
    hardware: OnceCell<Option<HardwareEncoder>>,
}

/// The arguments for ffmpeg, and its limits.
#[derive(Debug)]
pub(crate) struct FfmpegPlan {
    pub(crate) before_input: Vec<String>,
    pub(crate) before_output: Vec<String>,
    pub(crate) time: Duration,
    pub(crate) memory_bytes: u64,
    pub(crate) file_bytes: u64,
    /// The hardware whose devices it gets.
    pub(crate) hardware: Option<HardwareEncoder>,
}

/// The bytes that ffmpeg reads.
#[derive(Debug)]
pub(crate) struct FfmpegInput<'a> {
    pub(crate) storage: &'a Storage,
    pub(crate) map: &'a Arc<MediaMap>,
    pub(crate) media: MediaKind,
    /// The bytes that ffmpeg gets in place of the file, where it can't read the file itself.
    pub(crate) instead: Option<Bytes>,
}

/// The source of a stream that is made while ffmpeg runs.
#[derive(Debug)]
pub(crate) enum StreamSource<'a> {
    /// A finished video.
    Whole(FfmpegInput<'a>),
    /// An upload whose parts are still arriving.
    Growing(GrowingUpload<'a>),
}

impl StreamSource<'_> {
    fn media(&self) -> MediaKind {
        match self {
            StreamSource::Whole(input) => input.media,
            StreamSource::Growing(upload) => upload.media,
        }
    }
}

/// The file that ffmpeg has written. Dropping it deletes the file.
#[derive(Debug)]
pub(crate) struct FfmpegOutput {
    pub(crate) file: PathBuf,
    _folder: TempDir,
}

impl FfmpegPlan {
    /// Plans a picture that is made within `time`.
    pub(crate) fn picture(before_output: Vec<String>, time: Duration) -> Self {
        FfmpegPlan {
            before_input: Vec::new(),
            before_output,
            time,
            memory_bytes: PICTURE_MEMORY_BYTES,
            file_bytes: PICTURE_BYTES_MAX,
            hardware: None,
        }
    }

    fn limits(&self) -> SandboxLimits {
        let FfmpegPlan { time, memory_bytes, file_bytes, .. } = *self;
        // Processor time is summed over all threads, so the time limit takes effect before this one,
        // however many cores there are. This one ends what runs on without a server that waits for it.
        SandboxLimits { cpu: time * THREADS_MAX, memory_bytes, file_bytes }
    }
}

/// Splits the constant part of a command line into its arguments.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

impl Ffmpeg {
    /// Looks for the program and tries it. Logs once whether there is one, and what it is confined by.
    /// `data` is the server's data folder, which it may not read.
    /// `choice` is the encoder of H.264 that the operator wants.
    pub(crate) async fn detect(
        program: &Path,
        data: Option<&Path>,
        choice: Mp4Encoder,
    ) -> Option<Self> {
        let Some(program) = sandbox::find(program) else {
            tracing::warn!(
                "ffmpeg is not installed: videos work, but there are no thumbnails and no MP4"
            );
            return None;
        };
        let sandbox = Sandbox::detect(data);
        let ffmpeg = Ffmpeg { program, sandbox, choice, hardware: OnceCell::new() };
        let by = ffmpeg.sandbox.describe();
        if !ffmpeg.answers().await {
            let program = ffmpeg.program.display().to_string();
            tracing::warn!(
                program,
                by,
                "ffmpeg does not run in its sandbox: videos work, but there are no thumbnails \
                 and no MP4. It has to be below /usr, /opt or /nix with all its libraries"
            );
            return None;
        }
        tracing::info!(by, "ffmpeg is confined");
        Some(ffmpeg)
    }

    /// Returns whether the program prints its version inside the sandbox.
    async fn answers(&self) -> bool {
        let Ok(folder) = private::temporary() else { return false };
        let limits = SandboxLimits {
            cpu: ANSWER_MAX,
            memory_bytes: PICTURE_MEMORY_BYTES,
            file_bytes: PICTURE_BYTES_MAX,
        };
        let command = self.sandbox.command(&self.program, folder.path(), &limits);
        let Ok(mut command) = command else { return false };
        command.arg("-version").stderr(Stdio::null());
        let Ok(mut group) = Group::spawn(&mut command) else { return false };
        let ended = tokio::time::timeout(ANSWER_MAX, group.wait()).await;
        ended.is_ok_and(|status| status.is_ok_and(|status| status.success()))
    }

    /// Returns the hardware encoder that works here, or none: then software encodes. The first call tries them
    /// and logs what it found.
    pub(crate) async fn hardware(&self) -> Option<HardwareEncoder> {
        *self.hardware.get_or_init(|| self.try_hardware()).await
    }

    async fn try_hardware(&self) -> Option<HardwareEncoder> {
        for encoder in self.choice.candidates(Path::exists) {
            let name = encoder.name();
            match self.trial(encoder).await {
                Ok(()) => {
                    tracing::info!(encoder = name, "H.264 is encoded by hardware");
                    return Some(encoder);
                }
                Err(reason) => match self.choice {
                    Mp4Encoder::Hardware(_) => {
                        tracing::warn!(
                            encoder = name,
                            reason,
                            "The hardware encoder does not work"
                        );
                    }
                    Mp4Encoder::Auto | Mp4Encoder::Software => {
                        tracing::info!(
                            encoder = name,
                            reason,
                            "The hardware encoder does not work"
                        );
                    }
                },
            }
        }
        tracing::info!(encoder = SOFTWARE, "H.264 is encoded by software");
        None
    }

    /// Encodes a few seconds of a test picture as a stream, in the same sandbox and by the same arguments.
    async fn trial(&self, encoder: HardwareEncoder) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let mut plan = stream_plan(Mp4Height::P720, Some(encoder), TRIAL_MAX);
        plan.file_bytes = PICTURE_BYTES_MAX;
        let folder = private::temporary().map_err(|error| text(&error))?;
        let mut command = self.confined(&plan, &folder).map_err(|error| text(&error))?;
        command.args(["-v", "error", "-nostdin", "-y"]).args(&plan.before_input);
        command.args(["-f", "lavfi", "-i", TRIAL_PICTURE]);
        command.args(&plan.before_output).args(["-threads", THREADS, "pipe:1"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut group = Group::spawn(&mut command).map_err(|error| text(&error))?;
        let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
        let written = async {
            let mut written = Vec::new();
            let Some(stdout) = stdout else { return Ok(written) };
            let mut limited = stdout.take(PICTURE_BYTES_MAX);
            limited.read_to_end(&mut written).await.map(|_| written)
        };
        let run = async { tokio::join!(written, said(stderr), group.wait()) };
        let Ok((written, said, status)) = tokio::time::timeout(plan.time, run).await else {
            group.end().await;
            return Err("its trial took too long".to_owned());
        };
        let status = status.map_err(|error| text(&error))?;
        outcome(status, &said, plan.time).map_err(|error| text(&error))?;
        let written = written.map_err(|error| text(&error))?;
        trial_fault(&written, TRIAL_PIECES, PIECE_MS).map_or(Ok(()), Err)
    }

    /// Runs ffmpeg once. `out_name` is the file's name, whose ending says what it writes.
    pub(crate) async fn run(
        &self,
        plan: &FfmpegPlan,
        input: &FfmpegInput<'_>,
        out_name: &str,
    ) -> Result<FfmpegOutput, JobError> {
        let folder = private::temporary().map_err(JobError::Run)?;
        let file = folder.path().join(out_name);
        let mut command = self.command(plan, &folder, input.media)?;
        if seeks(input.media) {
            copy_for(&mut command, &folder, input).await?;
        }
        command.args(&plan.before_output).args(["-threads", THREADS]).arg(&file);
        wait(command, input, plan.time).await?;
        Ok(FfmpegOutput { file, _folder: folder })
    }

    /// Runs ffmpeg once, and sends what it writes to `into` while it runs. `source` is what it reads. It is
    /// ended when the future is dropped, and when nobody receives any more.
    pub(crate) async fn stream(
        &self,
        plan: &FfmpegPlan,
        source: StreamSource<'_>,
        into: mpsc::Sender<Bytes>,
    ) -> Result<(), JobError> {
        let folder = private::temporary().map_err(JobError::Run)?;
        let mut command = self.command(plan, &folder, source.media())?;
        if let StreamSource::Whole(input) = &source
            && seeks(input.media)
        {
            copy_for(&mut command, &folder, input).await?;
        }
        command.args(&plan.before_output).args(["-threads", THREADS, "pipe:1"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut group = Group::spawn(&mut command).map_err(JobError::Run)?;
        let stdin = group.child.stdin.take();
        let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
        let feed = async {
            match (stdin, &source) {
                (Some(mut stdin), StreamSource::Whole(input)) => feed(&mut stdin, input).await,
                (Some(mut stdin), StreamSource::Growing(upload)) => upload.feed(&mut stdin).await,
                (None, _) => Ok(()),
            }
        };
        let taken = async move {
            let Some(mut stdout) = stdout else { return Ok(()) };
            let mut buffer = vec![0; STREAM_READ_BYTES];
            loop {
                let count = stdout.read(&mut buffer).await.map_err(JobError::Run)?;
                if count == 0 {
                    return Ok(());
                }
                let bytes = Bytes::copy_from_slice(&buffer[..count]);
                into.send(bytes).await.map_err(|_| JobError::Lost)?;
            }
        };
        let ended = async { Ok((said(stderr).await, group.wait().await.map_err(JobError::Run)?)) };
        // An error drops the others, and with them ffmpeg.
        let run = async { tokio::try_join!(feed, taken, ended) };
        let Ok(run) = tokio::time::timeout(plan.time, run).await else {
            group.end().await;
            return Err(JobError::TooLong(plan.time));
        };
        let ((), (), (said, status)) = run?;
        outcome(status, &said, plan.time)
    }

    /// Returns the command up to its input. An input that has to be seeked is not named yet.
    fn command(
        &self,
        plan: &FfmpegPlan,
        folder: &TempDir,
        media: MediaKind,
    ) -> Result<Command, JobError> {
        let mut command = self.confined(plan, folder).map_err(JobError::Run)?;
        command.args(["-v", "error", "-nostdin", "-y"]);
        command.args(["-filter_threads", THREADS, "-threads", THREADS]);
        let (demuxer, demuxers) = demuxer_of(media);
        let pixels = if media.is_image() { IMAGE_PIXELS_MAX } else { VIDEO_PIXELS_MAX };
        command.args(["-max_pixels", pixels, "-max_streams", STREAMS_MAX]);
        command.args(["-format_whitelist", demuxers]);
        command.args(["-codec_whitelist", decoders_of(media)]);
        command.args(&plan.before_input);
        let seeks = seeks(media);
        command.args(["-protocol_whitelist", if seeks { "file" } else { "pipe" }]);
        command.args(["-f", demuxer, "-i"]);
        if !seeks {
            command.arg("pipe:0").stdin(Stdio::piped());
        }
        Ok(command)
    }
}

impl Ffmpeg {
    /// Returns the command without arguments, in a sandbox with the devices that the plan needs.
    fn confined(&self, plan: &FfmpegPlan, folder: &TempDir) -> std::io::Result<Command> {
        let limits = plan.limits();
        match plan.hardware {
            None => self.sandbox.command(&self.program, folder.path(), &limits),
            Some(encoder) => {
                let sandbox = self.sandbox.with_devices(encoder.devices());
                sandbox.command(&self.program, folder.path(), &limits)
            }
        }
    }
}

/// Returns whether ffmpeg has to seek in a file of this kind.
fn seeks(media: MediaKind) -> bool {
    matches!(media, MediaKind::Mp4 | MediaKind::Mov)
}

/// Copies an input that has to be seeked into ffmpeg's folder, and names it.
async fn copy_for(
    command: &mut Command,
    folder: &TempDir,
    input: &FfmpegInput<'_>,
) -> Result<(), JobError> {
    let whole = folder.path().join("input");
    let mut copy = tokio::fs::File::create(&whole).await.map_err(JobError::Run)?;
    feed(&mut copy, input).await?;
    copy.flush().await.map_err(JobError::Run)?;
    command.arg(&whole).stdin(Stdio::null());
    Ok(())
}

/// Waits until ffmpeg has ended. Writes the video to its standard input, if that is a pipe, until
/// ffmpeg has enough.
async fn wait(
    mut command: Command,
    input: &FfmpegInput<'_>,
    time: Duration,
) -> Result<(), JobError> {
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut group = Group::spawn(&mut command).map_err(JobError::Run)?;
    let (stdin, stderr) = (group.child.stdin.take(), group.child.stderr.take());
    let feed = async {
        match stdin {
            Some(mut stdin) => feed(&mut stdin, input).await,
            None => Ok(()),
        }
    };
    // What it started may hold its pipes open. `wait` ends that too.
    let run = async { tokio::join!(feed, said(stderr), group.wait()) };
    let Ok((fed, said, status)) = tokio::time::timeout(time, run).await else {
        group.end().await;
        return Err(JobError::TooLong(time));
    };
    let status = status.map_err(JobError::Run)?;
    fed?;
    outcome(status, &said, time)
}

/// Windows' exit statuses of a process that got no memory: STATUS_NO_MEMORY and STATUS_COMMITMENT_LIMIT.
#[cfg(not(unix))]
const NO_MEMORY: [u32; 2] = [0xC000_0017, 0xC000_012D];

/// Returns what an exit status means. `said` is what ffmpeg wrote to its error output.
fn outcome(status: ExitStatus, said: &str, time: Duration) -> Result<(), JobError> {
    if status.success() {
        return Ok(());
    }
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        match status.signal() {
            Some(libc::SIGXCPU) => return Err(JobError::TooLong(time)),
            Some(libc::SIGXFSZ) => {
                return Err(JobError::Refused("what came out of it became too large"));
            }
            Some(libc::SIGKILL) => return Err(JobError::Killed),
            Some(_) | None => {}
        }
    }
    #[cfg(not(unix))]
    {
        // No limit of processor time is set here, whose end would be told apart.
        let _ = time;
        let is_short_of_memory = |code: i32| NO_MEMORY.contains(&code.cast_unsigned());
        if status.code().is_some_and(is_short_of_memory) {
            return Err(JobError::Killed);
        }
    }
    let last = said.lines().last().unwrap_or("it failed without a word").to_owned();
    Err(JobError::Ffmpeg(last))
}

async fn feed(
    into: &mut (impl AsyncWrite + Unpin),
    input: &FfmpegInput<'_>,
) -> Result<(), JobError> {
    if let Some(bytes) = &input.instead {
        // As below, its exit status says whether it succeeded.
        into.write_all(bytes).await.ok();
        return Ok(());
    }
    let pieces = input.map.pieces(0..input.map.len_bytes());
    let mut bytes = std::pin::pin!(stream_pieces(input.storage, pieces));
    while let Some(bytes) = bytes.next().await {
        // ffmpeg closes the pipe when it has what it needs. Its exit status says whether it
        // succeeded.
        if into.write_all(&bytes?).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn said(stderr: Option<impl AsyncRead + Unpin>) -> String {
    let Some(stderr) = stderr else { return String::new() };
    let mut said = Vec::new();
    let mut head = stderr.take(ERROR_BYTES_MAX);
    head.read_to_end(&mut said).await.ok();
    // The rest is read too, because ffmpeg would otherwise block on a full pipe.
    tokio::io::copy(&mut head.into_inner(), &mut tokio::io::sink()).await.ok();
    String::from_utf8_lossy(&said).trim().to_owned()
}

/// Returns the demuxer and its full name, which the whitelist needs. The demuxer is set explicitly,
/// because ffmpeg would otherwise probe the file and could pick a playlist format that names other
/// files.
fn demuxer_of(media: MediaKind) -> (&'static str, &'static str) {
    match media {
        MediaKind::Webm | MediaKind::Mkv | MediaKind::Unknown => ("matroska", "matroska,webm"),
        MediaKind::Mp4 | MediaKind::Mov => ("mov", "mov,mp4,m4a,3gp,3g2,mj2"),
        MediaKind::Png => ("png_pipe", "png_pipe"),
        MediaKind::Jpeg => ("jpeg_pipe", "jpeg_pipe"),
        MediaKind::Webp => ("webp_pipe", "webp_pipe"),
        MediaKind::Gif => ("gif", "gif"),
    }
}

fn decoders_of(media: MediaKind) -> &'static str {
    match media {
        MediaKind::Webm | MediaKind::Mkv | MediaKind::Unknown | MediaKind::Mp4 | MediaKind::Mov => {
            DECODERS
        }
        MediaKind::Png => "png",
        MediaKind::Jpeg => "mjpeg",
        // Lossy WebP images are VP8.
        MediaKind::Webp => "webp,vp8",
        MediaKind::Gif => "gif",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_limit_takes_effect_before_the_one_on_processor_time() {
        let threads: u32 = THREADS.parse().unwrap();
        for seconds in [1, 60, 4 * 60 * 60] {
            let plan = FfmpegPlan::picture(Vec::new(), Duration::from_secs(seconds));
            // Decoder, filter and encoder, all of whose threads compute all the time.
            assert!(plan.limits().cpu > plan.time * threads * 3, "{seconds} s");
        }
    }
}
