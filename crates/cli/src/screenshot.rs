//! `snaplark screenshot`.
//!
//! The picture is taken here, and added by the program that holds the library: by a running Snaplark, or else
//! by this one.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use snaplark_app::desktop::screenshot::add_screenshot;
use snaplark_app::pictures::clipboard;
use snaplark_app::pictures::view::PictureSummary;
use snaplark_app::view::RecordingState;
use snaplark_app::{
    AppError, Drawing, ErrorCode, Handover, Home, LinkReach, PictureFormat, control,
    private_options, write_beside,
};
use snaplark_capture::SystemCapture;
use snaplark_core::ItemId;
use snaplark_core::capture::{Source, Subject};
use snaplark_core::render::{PictureRecipe, Render as _, RenderProgress};
use snaplark_core::still::{StillPicture, StillRequest, StillSource, Stills};
use snaplark_render::SystemRender;
use snaplark_terminal::output;
use snaplark_terminal::signals::Polite;
use tokio::time::Instant;

use crate::args::Screenshot;
use crate::program::LibraryHolder;
use crate::say::{self, Topic};
use crate::{NOT_ONLINE, print, waiting};

/// How long the upload of a picture is waited for: far longer than a picture takes, and a person at a terminal
/// isn't kept waiting for a server that is gone.
const WAITING_MAX: Duration = Duration::from_secs(20);
/// How often the upload is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often a countdown is updated.
const COUNTDOWN_TICK: Duration = Duration::from_millis(100);
/// JPEG at which no difference is seen at the size of the screen.
const JPEG_QUALITY: u8 = 90;

/// The output with `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Taken<'a> {
    id: &'a str,
    kind: &'static str,
    title: &'a str,
    state: &'a RecordingState,
    link: Option<&'a str>,
    /// Who can open the link.
    reach: Option<LinkReach>,
    /// The file of `--out`.
    file: Option<&'a Path>,
    width: u32,
    height: u32,
    /// Whether the picture was put on the clipboard.
    copied: bool,
}

pub async fn screenshot(home: Home, options: Screenshot) -> anyhow::Result<ExitCode> {
    let mut polite = Polite::new();
    // A file that can't be written is found out before anything is taken.
    let out = options.out.as_deref().map(|file| OutFile::open(file, options.force)).transpose()?;
    if let Some(seconds) = options.delay {
        count_down(Duration::from_secs(seconds), &mut polite).await?;
    }
    LibraryHolder::with(home, async |library| finish(library, &options, out, &mut polite).await)
        .await
}

impl LibraryHolder<'_> {
    /// Adds the picture, and begins its upload if that is wanted.
    async fn add(
        &self,
        png: Vec<u8>,
        subject: Option<&Subject>,
        upload: bool,
    ) -> anyhow::Result<PictureSummary> {
        match self {
            LibraryHolder::Here(program) => {
                let id = add_screenshot(&program.app, png, subject).await?;
                if upload {
                    program.app.pictures().publish(id).await?;
                }
                Ok(control::picture(&program.app, id).await?)
            }
            LibraryHolder::Elsewhere(home) => {
                let root = || home.root.display().to_string();
                let handover = Handover::write(home, &png).with_context(root)?;
                let file = handover.file().to_owned();
                Ok(control::add_screenshot_elsewhere(home, file, subject, upload).await?)
            }
        }
    }

    async fn picture(&self, id: ItemId) -> anyhow::Result<PictureSummary> {
        Ok(match self {
            LibraryHolder::Here(program) => control::picture(&program.app, id).await?,
            LibraryHolder::Elsewhere(home) => control::picture_elsewhere(home, id).await?,
        })
    }

    /// Takes the picture with the permission that the person gave for recordings.
    async fn take(
        &self,
        options: &Screenshot,
        polite: &mut Polite,
    ) -> anyhow::Result<(StillPicture, Vec<u8>)> {
        let stills: Arc<dyn Stills> = Arc::new(SystemCapture::new());
        let source = options.source.source();
        let recorded = match source {
            StillSource::Display(number) => Some(Source::Display(number)),
            StillSource::Area(_) | StillSource::All => Some(Source::Display(None)),
            // A window is chosen in the desktop's dialog, each time.
            StillSource::Window(_) => None,
        };
        let known = match self {
            LibraryHolder::Here(program) if stills.desktop_asks() => {
                recorded.map(|recorded| (&program.app, recorded))
            }
            LibraryHolder::Here(_) | LibraryHolder::Elsewhere(_) => None,
        };
        let permission = match &known {
            Some((app, recorded)) => app.permission(recorded, None).await?,
            None => None,
        };
        let request = StillRequest {
            source,
            pointer: options.pointer,
            interactive: false,
            permission,
            ..StillRequest::default()
        };
        let abandoned = request.abandoned.clone();
        let taken = tokio::task::spawn_blocking(move || {
            let picture = stills.take(&request)?;
            let png = stills.png(&picture)?;
            Ok::<_, AppError>((picture, png))
        });
        tokio::pin!(taken);
        let (picture, png) = loop {
            tokio::select! {
                taken = &mut taken => break taken??,
                // Withdraws a question that the desktop shows.
                () = polite.asked(), if !abandoned.is_set() => abandoned.set(),
            }
        };
        if let (Some((app, recorded)), Some(given)) = (known, picture.permission.clone()) {
            app.permission(&recorded, Some(given)).await?;
        }
        Ok((picture, png))
    }
}

async fn finish(
    library: LibraryHolder<'_>,
    options: &Screenshot,
    out: Option<OutFile>,
    polite: &mut Polite,
) -> anyhow::Result<ExitCode> {
    let (picture, png) = library.take(options, polite).await?;
    let file = out.as_ref().map(|out| out.path.clone());
    // Into the library first: a file or a clipboard that refuses it doesn't lose it then.
    let added = library.add(png.clone(), picture.subject.as_ref(), !options.no_upload).await?;
    if let Some(out) = out {
        out.write(&png)?;
    }
    if options.copy {
        clipboard::copy(png).await?;
    }
    let settled = until_settled(&library, added, polite).await?;
    if say::is_json() {
        say::json(&Taken {
            id: &settled.id,
            kind: "screenshot",
            title: &settled.title,
            state: &settled.state,
            link: settled.link.as_deref(),
            reach: settled.link_reach,
            file: file.as_deref(),
            width: picture.width,
            height: picture.height,
            copied: options.copy,
        })?;
    } else {
        settled.link.iter().for_each(|link| output::answer(link));
        file.iter().for_each(|file| output::answer(&file.display().to_string()));
    }
    say::line(&format!("{} x {} pixels · {}", picture.width, picture.height, settled.title));
    Ok(match &settled.state {
        RecordingState::Done | RecordingState::Local => {
            if settled.link_reach == Some(LinkReach::ThisComputer) {
                say::line(
                    "The link opens only on this computer. To share it with others, run `snaplark login` or \
                     `snaplark settings share-on-local-network yes`.",
                );
            }
            ExitCode::SUCCESS
        }
        state => {
            say::line(&format!("Not online yet. {}.", print::state_words(state)));
            say::line("The screenshot is saved. The upload continues when Snaplark runs.");
            ExitCode::from(NOT_ONLINE)
        }
    })
}

/// Waits until the picture is online, or until something has to change first.
async fn until_settled(
    library: &LibraryHolder<'_>,
    added: PictureSummary,
    polite: &mut Polite,
) -> anyhow::Result<PictureSummary> {
    let id: ItemId = added.id.parse()?;
    let until = Instant::now() + WAITING_MAX;
    let line = &mut say::Progress::default();
    waiting::until_settled(
        polite,
        line,
        LOOK_EVERY,
        async || library.picture(id).await,
        |now: &PictureSummary| match &now.state {
            RecordingState::Done | RecordingState::Local | RecordingState::NeedsYou { .. } => None,
            state @ (RecordingState::Waits { .. }
            | RecordingState::Uploading
            | RecordingState::Recording) => {
                let words = || (Topic::Uploading, print::state_words(state));
                (Instant::now() < until).then(words)
            }
        },
    )
    .await
}

/// Counts down on the progress line. Ctrl-C ends the program; nothing was taken.
async fn count_down(wait: Duration, polite: &mut Polite) -> anyhow::Result<()> {
    let until = Instant::now() + wait;
    let mut progress = say::Progress::default();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            progress.end();
            return Ok(());
        }
        let seconds = left.as_millis().div_ceil(1_000);
        progress.show(Topic::Countdown, &format!("Screenshot in {seconds}"));
        tokio::select! {
            () = polite.asked() => {
                progress.end();
                anyhow::bail!("No screenshot was taken");
            }
            () = tokio::time::sleep(left.min(COUNTDOWN_TICK)) => {}
        }
    }
}

/// The file of `--out`, which is reserved before the picture is taken.
struct OutFile {
    path: PathBuf,
    format: PictureFormat,
    /// The file was made by this program, and is removed if nothing is written into it.
    is_new: bool,
    is_written: bool,
}

impl OutFile {
    fn open(path: &Path, force: bool) -> anyhow::Result<Self> {
        let format = format_of(path)?;
        let refused = |error: std::io::Error| {
            let text = format!("{} can't be written: {error}", path.display());
            AppError::told(ErrorCode::FolderUnwritable, text)
        };
        let made = private_options().write(true).create_new(true).open(path);
        let is_new = match made {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists && force => {
                OpenOptions::new().write(true).open(path).map_err(refused)?;
                false
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let text = format!(
                    "{} exists already. Nothing was changed. Overwrite it with --force",
                    path.display()
                );
                return Err(AppError::told(ErrorCode::NoFile, text).into());
            }
            Err(error) => return Err(refused(error).into()),
        };
        Ok(OutFile { path: path.to_owned(), format, is_new, is_written: false })
    }

    /// Writes the picture in the file's format. A larger file is cut to its length.
    fn write(mut self, png: &[u8]) -> anyhow::Result<()> {
        let rendered;
        let bytes: &[u8] = match self.format {
            PictureFormat::Png => png,
            PictureFormat::Jpeg { .. } | PictureFormat::WebpLossless => {
                let drawing = Drawing::default();
                let recipe = PictureRecipe { source: png, drawing: &drawing, format: self.format };
                rendered = SystemRender.picture(&recipe, &RenderProgress::default())?;
                &rendered
            }
        };
        // A full disk leaves the old file as it was. What is no file, such as a pipe, is written into.
        let written = if self.path.is_file() {
            write_beside(&self.path, bytes)
        } else {
            OpenOptions::new()
                .write(true)
                .open(&self.path)
                .and_then(|mut file| file.write_all(bytes))
        };
        written.with_context(|| format!("{} can't be written", self.path.display()))?;
        self.is_written = true;
        Ok(())
    }
}

impl Drop for OutFile {
    fn drop(&mut self) {
        if self.is_new && !self.is_written {
            // It is empty, and was not there before.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn format_of(path: &Path) -> anyhow::Result<PictureFormat> {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    match ending.as_deref() {
        Some("png") | None => Ok(PictureFormat::Png),
        Some("jpg" | "jpeg") => Ok(PictureFormat::Jpeg { quality: JPEG_QUALITY }),
        Some("webp") => Ok(PictureFormat::WebpLossless),
        Some(other) => {
            anyhow::bail!("There is no format '{other}' for pictures. Use .png, .jpg or .webp")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_never_overwritten_without_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        std::fs::write(&path, "a longer file than the picture").unwrap();
        assert!(OutFile::open(&path, false).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"a longer file than the picture");
        OutFile::open(&path, true).unwrap().write(b"png").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"png", "nothing of the larger file is left");
    }

    #[test]
    fn part_of_somebody_else_stays_and_the_picture_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a.png"), folder.path().join("a.png.part"));
        std::fs::write(&other, "theirs").unwrap();
        OutFile::open(&path, false).unwrap().write(b"png").unwrap();
        assert_eq!(std::fs::read(&other).unwrap(), b"theirs");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn file_is_not_left_behind_when_no_picture_was_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        drop(OutFile::open(&path, false).unwrap());
        assert!(!path.exists());
        OutFile::open(&path, false).unwrap().write(b"png").unwrap();
        drop(OutFile::open(&path, true).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"png", "what was there stays");
        assert!(OutFile::open(&folder.path().join("missing/a.png"), false).is_err());
    }

    #[test]
    fn format_is_that_of_the_ending() {
        let of = |name: &str| format_of(Path::new(name)).ok();
        assert_eq!(of("a.PNG"), Some(PictureFormat::Png));
        assert_eq!(of("a"), Some(PictureFormat::Png));
        assert_eq!(of("a.jpeg"), Some(PictureFormat::Jpeg { quality: JPEG_QUALITY }));
        assert_eq!(of("a.webp"), Some(PictureFormat::WebpLossless));
        assert_eq!(of("a.gif"), None);
    }
}
