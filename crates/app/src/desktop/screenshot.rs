//! Screenshots: takes the picture first, so that the screen is frozen at the key press, then lets the person
//! choose on it, and does with the picture what the settings say.
//!
//! If the desktop itself asks, its dialog is the chooser, or one frame of a sharing that was permitted before.

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use snaplark_core::capture::{Source, Subject};
use snaplark_core::still::{
    PixelRect, StillError, StillPicture, StillRequest, StillSource, Stills,
};
use snaplark_core::{ItemId, Way};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::chooser::{ChooserContent, ChooserKind, ChooserPurpose, ChosenDisplay, ChosenSource};
use super::place::Rect;
use super::{Controller, Shell, UNCOVERED};
use crate::pictures::view::PictureSaid;
use crate::pictures::{AnnouncedPicture, NewPicture, Pictures};
use crate::settings::{AfterScreenshot, COUNTDOWN_SECONDS_MAX};
use crate::{App, AppError, titles};

/// The key under which the area of the last screenshot is stored.
pub const LAST_AREA: &str = "screenshot-area";

/// The countdown that runs now, if any.
#[derive(Debug, Default)]
pub(super) struct Countdown(Mutex<Option<oneshot::Sender<()>>>);

impl Countdown {
    /// Ends the countdown; the screenshot is not taken.
    pub(super) fn cancel(&self) {
        self.lock().take();
    }

    /// Returns whether a countdown runs.
    fn runs(&self) -> bool {
        self.lock().is_some()
    }

    /// Begins a countdown in place of one that runs. The receiver ends when it is cancelled.
    fn begin(&self) -> oneshot::Receiver<()> {
        let (running, cancelled) = oneshot::channel();
        *self.lock() = Some(running);
        cancelled
    }

    fn lock(&self) -> MutexGuard<'_, Option<oneshot::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The screenshot that is being chosen, if the editor's window waits for it.
#[derive(Debug, Default)]
pub(super) struct PreparedEditor(Mutex<Option<ItemId>>);

impl PreparedEditor {
    /// Returns the id of the next screenshot if no window waits for it yet.
    fn begin(&self) -> Option<ItemId> {
        let mut waits = self.lock();
        match *waits {
            Some(_) => None,
            None => {
                *waits = Some(Pictures::new_id());
                *waits
            }
        }
    }

    fn take(&self) -> Option<ItemId> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<ItemId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Shell> Controller<S> {
    /// Freezes the screen and opens the chooser on it, or closes the chooser if it is open.
    pub(super) async fn screenshot(&self, kind: ChooserKind, way: Way) -> Result<(), AppError> {
        if self.shell.desktop_asks() {
            let source = match kind {
                ChooserKind::Area | ChooserKind::Display => StillSource::All,
                ChooserKind::Window => StillSource::Window(0),
            };
            let done = self.take_and_keep(source, true).await;
            return self.told(done);
        }
        if self.shell.chooser_content().is_some() {
            self.close_chooser().await;
            return Ok(());
        }
        let done = self.open_chooser(kind, ChooserPurpose::Screenshot, way).await;
        self.told(done)
    }

    /// Takes the source as it is now.
    pub(super) async fn screenshot_of(
        &self,
        source: StillSource,
        way: Way,
    ) -> Result<(), AppError> {
        uncover(way).await;
        let done = self.take_and_keep(source, false).await;
        self.told(done)
    }

    /// Takes the area of the last screenshot. If there was none, the person chooses one.
    pub(super) async fn screenshot_of_last_area(&self, way: Way) -> Result<(), AppError> {
        let last = self.app.recall(LAST_AREA).await?;
        match last.and_then(|text| serde_json::from_str(&text).ok()) {
            Some(Rect { x, y, width, height }) => {
                let area = PixelRect { x, y, width, height };
                self.screenshot_of(StillSource::Area(area), way).await
            }
            None => self.screenshot(ChooserKind::Area, way).await,
        }
    }

    /// Counts down, then freezes the screen. The countdown can be cancelled meanwhile.
    pub(super) async fn screenshot_after(&self, seconds: u64) -> Result<(), AppError> {
        let wait = Duration::from_secs(seconds.min(COUNTDOWN_SECONDS_MAX.into()));
        let mut cancelled = self.countdown.begin();
        let source = Source::Display(self.shell.display_with_pointer().await);
        let displays = self.shell.displays_for(&source).await;
        self.shell.with_bar(|bar| bar.count_down(displays));
        let until = SystemTime::now() + wait;
        let until = until.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.shell.show_countdown(i64::try_from(until).ok());
        self.shell.draw_bar();
        let is_cancelled = tokio::time::timeout(wait, &mut cancelled).await.is_ok();
        if is_cancelled && self.countdown.runs() {
            // Another one runs in its place, and is shown.
            return Ok(());
        }
        self.shell.with_bar(super::bar::Bar::end_countdown);
        self.shell.show_countdown(None);
        self.shell.draw_bar();
        if is_cancelled {
            return Ok(());
        }
        self.countdown.cancel();
        // The bar has to leave the picture, like a menu.
        self.screenshot(ChooserKind::Area, Way::Tray).await
    }

    /// Takes a picture of all displays and opens the chooser with it.
    pub(super) async fn open_chooser(
        &self,
        kind: ChooserKind,
        purpose: ChooserPurpose,
        way: Way,
    ) -> Result<(), AppError> {
        uncover(way).await;
        let pointer = match purpose {
            ChooserPurpose::Record => false,
            ChooserPurpose::Screenshot => self.app.settings().await?.screenshots.pointer,
        };
        let request = StillRequest { pointer, ..StillRequest::default() };
        // What is recorded is chosen on that picture and not taken from it.
        let is_kept = purpose == ChooserPurpose::Screenshot;
        let stills = self.stills.clone();
        let (picture, sources) = self
            .without_ours(is_kept, move || {
                // Both are of the moment of the key press.
                std::thread::scope(|scope| {
                    let sources = scope.spawn(|| stills.list());
                    let picture = stills.take(&request)?;
                    let sources = sources.join().unwrap_or_else(|_| {
                        Err(StillError::Failed {
                            reason: "listing the windows panicked".to_owned(),
                        })
                    });
                    Ok::<_, StillError>((picture, sources?))
                })
            })
            .await??;
        self.shell.open_chooser(ChooserContent { kind, purpose, picture, sources }).await
    }

    /// Is called when the chooser is visible. If the editor follows, its window is made now, while the person chooses:
    /// a web process takes longer to start than a screenshot takes to keep.
    pub async fn chooser_shown(&self) -> Result<(), AppError> {
        let purpose = self.shell.chooser_content().map(|content| content.purpose);
        let after = self.app.settings().await?.screenshots.after;
        if (purpose, after) == (Some(ChooserPurpose::Screenshot), AfterScreenshot::Editor)
            && let Some(item) = self.prepared_editor.begin()
        {
            self.shell.prepare_editor(item).await;
            // The person may have left the chooser meanwhile.
            if self.shell.chooser_content().is_none() {
                self.discard_editor().await;
            }
        }
        Ok(())
    }

    /// Closes the chooser. Nothing is kept.
    pub async fn close_chooser(&self) {
        self.shell.close_chooser().await;
        self.discard_editor().await;
    }

    async fn discard_editor(&self) {
        if let Some(item) = self.prepared_editor.take() {
            self.shell.discard_editor(item).await;
        }
    }

    /// Keeps the part of the frozen screen that the person chose in the chooser. `after` is what happens to
    /// it; without it the settings say so.
    pub async fn keep_chosen(
        &self,
        source: ChosenSource,
        display: ChosenDisplay,
        after: Option<AfterScreenshot>,
    ) -> Result<(), AppError> {
        let Some(content) = self.shell.chooser_content() else { return Ok(()) };
        let waits = self.prepared_editor.take();
        self.shell.close_chooser().await;
        let remembered = async {
            match &source {
                ChosenSource::Area { at } => {
                    let kept = serde_json::to_string(at).unwrap_or_default();
                    self.app.remember(LAST_AREA, kept).await
                }
                ChosenSource::Display | ChosenSource::Window { .. } => Ok(()),
            }
        };
        let kept = async {
            let chosen = content.chosen(&source, &display);
            let picture = chosen.ok_or_else(|| StillError::SourceMissing {
                reason: "it is not in the picture".to_owned(),
            })?;
            self.keep(picture, after, waits).await
        };
        let (remembered, kept) = tokio::join!(remembered, kept);
        if let (Err(_), Some(item)) = (&kept, waits) {
            self.shell.discard_editor(item).await;
        }
        self.told(kept)?;
        remembered
    }

    async fn take_and_keep(&self, source: StillSource, interactive: bool) -> Result<(), AppError> {
        let recorded = match source {
            StillSource::Display(number) => Some(Source::Display(number)),
            StillSource::Area(_) | StillSource::All => Some(Source::Display(None)),
            // A window is chosen in the desktop's dialog, each time.
            StillSource::Window(_) => None,
        };
        let recorded = recorded.filter(|_| self.shell.desktop_asks());
        let permission = match &recorded {
            Some(recorded) => self.app.permission(recorded, None).await?,
            None => None,
        };
        let pointer = self.app.settings().await?.screenshots.pointer;
        let request =
            StillRequest { source, pointer, interactive, permission, ..StillRequest::default() };
        // A dialog of the desktop's may stay open for minutes.
        let is_now = !self.shell.desktop_asks();
        let stills = self.stills.clone();
        let picture = self.without_ours(is_now, move || stills.take(&request)).await??;
        if let (Some(recorded), Some(given)) = (recorded, picture.permission.clone()) {
            self.app.permission(&recorded, Some(given)).await?;
        }
        self.keep(picture, None, None).await
    }

    /// Looks at the screen on a blocking thread. Unless the settings want them in pictures, the recorder bar and toasts
    /// are hidden meanwhile if `hides`.
    async fn without_ours<T: Send + 'static>(
        &self,
        hides: bool,
        look: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AppError> {
        let hides = hides && !self.app.settings().await?.desktop.bar_in_recordings;
        if hides && self.shell.hide_for_still().await {
            tokio::time::sleep(UNCOVERED).await;
        }
        let seen = tokio::task::spawn_blocking(look).await;
        if hides {
            self.shell.show_after_still();
        }
        seen.map_err(|_| AppError::Closing)
    }

    /// Adds the picture to the library, and does with it what the settings say, or `after`. `waits` is the id for which
    /// the editor's window was prepared: that appears at once, with a glance of the picture.
    async fn keep(
        &self,
        picture: StillPicture,
        after: Option<AfterScreenshot>,
        waits: Option<ItemId>,
    ) -> Result<(), AppError> {
        let settings = self.app.settings().await?.screenshots;
        let after = after.unwrap_or(settings.after);
        let subject = picture.subject.clone();
        let item = waits.unwrap_or_else(Pictures::new_id);
        let opens_now = waits.is_some() && after == AfterScreenshot::Editor;
        let picture = Arc::new(picture);
        // It is smaller and waited for first.
        let glance = opens_now.then(|| self.encoded(&picture, |stills, it| stills.glance(it)));
        let png = self.encoded(&picture, |stills, it| stills.png(it));
        let arrival = match glance {
            Some(glance) => {
                let title = title_of(&self.app, subject.as_ref()).await?;
                let new = AnnouncedPicture { title, width: picture.width, height: picture.height };
                let glance = async move { glance.await.ok().and_then(Result::ok) };
                let arrival = self.app.pictures().announce(item, new, glance).await?;
                self.shell.open_editor(item).await?;
                Some(arrival)
            }
            None => {
                if waits.is_some() {
                    self.shell.discard_editor(item).await;
                }
                None
            }
        };
        if settings.sound {
            self.shell.play_shutter();
        }
        let png = png.await.map_err(|_| AppError::Closing)??;
        add_as(&self.app, item, png.clone(), subject.as_ref()).await?;
        drop(arrival);
        let pictures = self.app.pictures();
        match after {
            AfterScreenshot::Editor if opens_now => Ok(()),
            AfterScreenshot::Editor => self.shell.open_editor(item).await,
            AfterScreenshot::Copy => {
                self.shell.copy_picture(png).await?;
                pictures.say(item, PictureSaid::Copied).await
            }
            // Its link is put on the clipboard when it is known, as for recordings.
            AfterScreenshot::Upload => pictures.publish(item).await.map(drop),
            AfterScreenshot::Save => {
                pictures.save(item, None).await?;
                pictures.say(item, PictureSaid::Saved).await
            }
            AfterScreenshot::Nothing => pictures.say(item, PictureSaid::Taken).await,
        }
    }

    /// Starts encoding a picture on a blocking thread.
    fn encoded(
        &self,
        picture: &Arc<StillPicture>,
        encode: fn(&dyn Stills, &StillPicture) -> Result<Vec<u8>, StillError>,
    ) -> JoinHandle<Result<Vec<u8>, StillError>> {
        let (stills, picture) = (self.stills.clone(), picture.clone());
        tokio::task::spawn_blocking(move || encode(&*stills, &picture))
    }

    /// Shows an error to the person, since no window waits for it. A dialog that the person closed is no error.
    fn told(&self, done: Result<(), AppError>) -> Result<(), AppError> {
        match done {
            Err(AppError::Still(StillError::Declined)) => Ok(()),
            Err(error) => {
                tracing::warn!(code = %error.code(), "Screenshot failed");
                self.shell.warn(error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

/// Adds a PNG of the screen to the library, named after what it shows if the settings allow that.
pub async fn add_screenshot(
    app: &App,
    png: Vec<u8>,
    subject: Option<&Subject>,
) -> Result<ItemId, AppError> {
    add_as(app, Pictures::new_id(), png, subject).await
}

async fn add_as(
    app: &App,
    item: ItemId,
    png: Vec<u8>,
    subject: Option<&Subject>,
) -> Result<ItemId, AppError> {
    let title = title_of(app, subject).await?;
    app.pictures().add_as(item, NewPicture { bytes: png, title }).await
}

/// Returns the title that a screenshot has by what it shows, if the settings allow that.
async fn title_of(app: &App, subject: Option<&Subject>) -> Result<Option<String>, AppError> {
    let is_named = app.settings().await?.recording.names_in_titles;
    Ok(subject.filter(|_| is_named).and_then(titles::of_subject))
}

/// A menu of ours was shown until now and must not be in the picture.
async fn uncover(way: Way) {
    if matches!(way, Way::Tray | Way::Quick) {
        tokio::time::sleep(UNCOVERED).await;
    }
}
