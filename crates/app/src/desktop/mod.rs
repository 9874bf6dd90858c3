//! The desktop program without a desktop. [`Controller`] takes actions and follows the engine; whatever has to
//! be seen, copied or opened it asks of a [`Shell`]. The desktop program implements that trait with Tauri, and
//! tests implement it with a recorder of what was asked for. So a shell decides nothing.
//!
//! ```text
//! shortcut, tray, windows ── Action ──► Controller ──► App
//!                                           │ ▲          │ changes, notices, settings
//!                             trait Shell ◄─┘ └──────────┘
//! ```

/// Says where the recorder bar is.
pub mod bar;
/// The recorded part of the screen, and what our windows must stay out of.
pub mod captured_area;
/// The meaning of a choice in the chooser.
pub mod chooser;
mod deep_link;
mod follow;
/// How large a pinned picture is.
pub mod pin;
/// Rectangles on displays.
pub mod place;
/// Where the quick menu is.
pub mod quick_menu;
/// How a screenshot is taken.
pub mod screenshot;
mod signing_in;
mod start;
/// Where the toasts are.
pub mod toast_stack;
/// The icon and the menu of the tray.
pub mod tray;
/// Where windows reopen.
pub mod window_state;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use snaplark_core::capture::Source;
use snaplark_core::still::{StillSource, Stills};
use snaplark_core::{
    Action, CarriedOutBy, DesktopAction, EngineAction, ItemId, LinkAt, RecordingId, Way,
};

use crate::view::{JobView, RecorderView, RecordingState, RecordingView, Snapshot};
use crate::{
    App, AppError, DesktopSettings, ErrorCode, ImportOptions, StartRequest, control, is_web_link,
};

use self::bar::Bar;
use self::chooser::{Choice, ChooserContent, ChooserKind, ChooserPurpose, ChosenDisplay};
use self::place::{CapturedPart, Display};
use self::screenshot::{Countdown, PreparedEditor};
use self::signing_in::SigningIn;
use self::toast_stack::ToastRequests;
use self::tray::{TrayState, last_link};

pub use self::signing_in::SignInView;
pub use self::start::HIDDEN_FLAG;

/// How long to wait until other programs have redrawn what lay below our windows. They can't be asked when
/// they are done.
pub const UNCOVERED: Duration = Duration::from_millis(150);

/// A window that a person opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DesktopWindow {
    /// The list of recordings.
    Library,
    /// The list of recordings, at one of them.
    LibraryAt(RecordingId),
    /// The settings.
    Settings,
    /// The settings, at the account.
    Account,
    /// The preview of the last minutes.
    Preview,
    /// The welcome of the first start.
    Welcome,
}

/// The work that would be lost or left waiting if the program ended now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfinished {
    /// There is none.
    Nothing,
    /// Something is not uploaded.
    Uploads,
    /// An export runs or waits, which would have to be begun again.
    Exports,
    /// A recording runs.
    Recording,
}

impl Unfinished {
    /// Returns what is unfinished.
    pub fn of(snapshot: &Snapshot) -> Self {
        let exports = snapshot.jobs.iter().any(JobView::is_lost_at_quit);
        match (&snapshot.recorder, exports, snapshot.has_unsent()) {
            (RecorderView::Idle, false, false) => Unfinished::Nothing,
            (RecorderView::Idle, false, true) => Unfinished::Uploads,
            (RecorderView::Idle, true, _) => Unfinished::Exports,
            _ => Unfinished::Recording,
        }
    }
}

/// A desktop as the controller uses it: windows, tray, clipboard, keys. Methods return when it is done, or log what can't be reported.
pub trait Shell: Send + Sync + 'static {
    /// Opens a window, or brings it to the front.
    fn open_window(&self, page: DesktopWindow)
    -> impl Future<Output = Result<(), AppError>> + Send;
    /// Opens the quick menu at the pointer, or closes it.
    fn toggle_quick_menu(&self) -> impl Future<Output = Result<(), AppError>> + Send;
    /// Returns whether the toasts' window is shown.
    fn are_toasts_shown(&self) -> bool;
    /// Returns whether the desktop is in do-not-disturb mode.
    fn is_quiet(&self) -> impl Future<Output = bool> + Send;
    /// Shows or hides the recorder bar.
    fn show_bar(&self, shown: bool) -> impl Future<Output = Result<(), AppError>> + Send;
    /// Gives access to the bar's state, which the shell keeps together with its window.
    fn with_bar<T>(&self, act: impl FnOnce(&mut Bar) -> T) -> T;
    /// Creates the bar's window if it is missing, and places it.
    fn draw_bar(&self);
    /// Returns the part of the screen that bar and toasts must stay out of.
    fn part_to_avoid(&self) -> Option<CapturedPart>;
    /// Returns all displays, the one that is best for the bar of such a recording first.
    fn displays_for(&self, source: &Source) -> impl Future<Output = Vec<Display>> + Send;
    /// Returns the keys that stop a recording, if they work.
    fn keys_to_stop(&self) -> Option<String>;

    /// Returns whether only the desktop can ask what to share, so that there is no chooser.
    fn desktop_asks(&self) -> bool;
    /// Returns what the open chooser shows; `None` if it is closed.
    fn chooser_content(&self) -> Option<Arc<ChooserContent>>;
    /// Opens the chooser.
    fn open_chooser(
        &self,
        content: ChooserContent,
    ) -> impl Future<Output = Result<(), AppError>> + Send;
    /// Closes the chooser.
    fn close_chooser(&self) -> impl Future<Output = ()> + Send;
    /// Returns the number of the display with the pointer; `None` for the first display.
    fn display_with_pointer(&self) -> impl Future<Output = Option<u32>> + Send;

    /// Hides the recorder bar and toasts before a screenshot. Returns whether any was visible.
    fn hide_for_still(&self) -> impl Future<Output = bool> + Send;
    /// Shows them again.
    fn show_after_still(&self);
    /// Shows the countdown to a screenshot in the bar, until this time; `None` ends it.
    fn show_countdown(&self, until_unix_ms: Option<i64>);
    /// Plays the sound of a camera's shutter.
    fn play_shutter(&self);

    /// Creates the editor's window of a screenshot that is being chosen, hidden. It opens at once then.
    fn prepare_editor(&self, item: ItemId) -> impl Future<Output = ()> + Send;
    /// Destroys a window that was prepared and is not needed.
    fn discard_editor(&self, item: ItemId) -> impl Future<Output = ()> + Send;
    /// Opens a picture in the editor.
    fn open_editor(&self, item: ItemId) -> impl Future<Output = Result<(), AppError>> + Send;
    /// Opens a recording in the editor of recordings.
    fn open_cutter(
        &self,
        recording: RecordingId,
    ) -> impl Future<Output = Result<(), AppError>> + Send;
    /// Puts a PNG on the clipboard, and returns when it was read back.
    fn copy_picture(&self, png: Vec<u8>) -> impl Future<Output = Result<(), AppError>> + Send;
    /// Puts text on the clipboard.
    fn copy(&self, text: String) -> Result<(), AppError>;
    /// Opens a web page with the person's browser.
    fn open_address(&self, address: String) -> impl Future<Output = Result<(), AppError>> + Send;
    /// Shows a file in the file manager.
    fn show_file(&self, file: PathBuf) -> impl Future<Output = Result<(), AppError>> + Send;
    /// Asks where to put a file, with the system's dialog. Returns `None` if the person cancelled.
    fn ask_where(&self, file: PathBuf) -> impl Future<Output = Option<PathBuf>> + Send;
    /// Asks for videos and pictures with the system's dialog. Returns none if the person cancelled.
    fn ask_files(&self) -> impl Future<Output = Vec<PathBuf>> + Send;
    /// Shows an error that no window waits for.
    fn warn(&self, error: AppError);

    /// Draws the tray's icon and menu.
    fn show_tray(&self, state: TrayState);
    /// Shows the length of the recording beside the tray icon.
    fn show_time(&self, time: Option<String>);
    /// Tells the windows that there is a newer snapshot, with this change number.
    fn announce_change(&self, change: u64);
    /// Tells the windows the state of the sign-in.
    fn show_sign_in(&self, view: SignInView);
    /// Is called with each change and its number, before the bar and the tray are drawn.
    fn recorder_changed(
        &self,
        recorder: &RecorderView,
        change: u64,
    ) -> impl Future<Output = ()> + Send;
    /// Activates the keys that have an effect while something is recorded, or while the last minutes are
    /// kept, and leaves the others to other programs.
    fn activate_keys(&self, records: bool, keeps: bool);
    /// Applies changed settings of the desktop.
    fn settings_changed(&self, before: DesktopSettings, now: DesktopSettings);
    /// Another program has signed out: names another destination for uploads.
    fn signed_out(&self) -> impl Future<Output = ()> + Send;
    /// Quits, after asking the person if something is unfinished.
    fn quit(&self);
}

/// Carries out what a person asks for. Clones are handles to the same controller.
pub struct Controller<S> {
    app: App,
    shell: Arc<S>,
    stills: Arc<dyn Stills>,
    countdown: Arc<Countdown>,
    prepared_editor: Arc<PreparedEditor>,
    signing_in: Arc<SigningIn>,
    toast_requests: Arc<ToastRequests>,
}

impl<S> Clone for Controller<S> {
    fn clone(&self) -> Self {
        Controller {
            app: self.app.clone(),
            shell: self.shell.clone(),
            stills: self.stills.clone(),
            countdown: self.countdown.clone(),
            prepared_editor: self.prepared_editor.clone(),
            signing_in: self.signing_in.clone(),
            toast_requests: self.toast_requests.clone(),
        }
    }
}

impl<S: Shell> Controller<S> {
    /// Returns the controller of an app, its shell and the way it takes screenshots.
    pub fn new(app: App, shell: S, stills: Arc<dyn Stills>) -> Self {
        Controller {
            app,
            shell: Arc::new(shell),
            stills,
            countdown: Arc::default(),
            prepared_editor: Arc::default(),
            signing_in: Arc::default(),
            toast_requests: Arc::default(),
        }
    }

    /// Returns the shell.
    pub fn shell(&self) -> &S {
        &self.shell
    }

    /// Carries out an action that came by that way, and returns when it is done. An action that may not
    /// come by that way is refused.
    pub async fn ask(&self, action: Action, way: Way) -> Result<(), AppError> {
        tracing::debug!(%action, ?way, "Action asked for");
        if !action.may_come_by(way) {
            return Err(AppError::NotOffered { action });
        }
        match action.carried_out_by() {
            CarriedOutBy::Engine(action) => control::act(&self.app, action).await.map(drop),
            CarriedOutBy::Desktop(action) => self.act(action, way).await,
        }
    }

    async fn act(&self, action: DesktopAction, way: Way) -> Result<(), AppError> {
        let (app, shell) = (&self.app, &self.shell);
        match action {
            DesktopAction::ChooseArea => self.choose_source(ChooserKind::Area, way).await,
            DesktopAction::ChooseWindow => self.choose_source(ChooserKind::Window, way).await,
            DesktopAction::ChooseDisplay => self.choose_source(ChooserKind::Display, way).await,
            DesktopAction::RecordHere => {
                let source = Source::Display(shell.display_with_pointer().await);
                tokio::time::sleep(UNCOVERED).await;
                control::record(app, source).await.map(drop)
            }
            DesktopAction::PreviewLast => match app.settings().await?.recording.share_at_once {
                true => control::act(app, EngineAction::ShareLast(None)).await.map(drop),
                false => {
                    app.preview_last().await?;
                    shell.open_window(DesktopWindow::Preview).await
                }
            },
            DesktopAction::ScreenshotArea => self.screenshot(ChooserKind::Area, way).await,
            DesktopAction::ScreenshotWindow => self.screenshot(ChooserKind::Window, way).await,
            DesktopAction::ScreenshotDisplay => {
                let number = shell.display_with_pointer().await;
                self.screenshot_of(StillSource::Display(number), way).await
            }
            DesktopAction::ScreenshotAll => self.screenshot_of(StillSource::All, way).await,
            DesktopAction::ScreenshotLastArea => self.screenshot_of_last_area(way).await,
            DesktopAction::ScreenshotDelayed(seconds) => self.screenshot_after(seconds).await,
            DesktopAction::CancelCountdown => {
                self.countdown.cancel();
                Ok(())
            }
            DesktopAction::QuickMenu => shell.toggle_quick_menu().await,
            DesktopAction::ShowBar => shell.show_bar(true).await,
            DesktopAction::HideBar => shell.show_bar(false).await,
            DesktopAction::OpenLibrary => shell.open_window(DesktopWindow::Library).await,
            DesktopAction::OpenSettings => shell.open_window(DesktopWindow::Settings).await,
            DesktopAction::OpenAccount => shell.open_window(DesktopWindow::Account).await,
            DesktopAction::UploadFile => {
                let uploaded = self.upload_files(shell.ask_files().await).await;
                match (uploaded, way) {
                    // No window waits for the answer.
                    (Err(error), Way::Tray | Way::SecondStart) => {
                        shell.warn(error);
                        Ok(())
                    }
                    (uploaded, _) => uploaded,
                }
            }
            DesktopAction::CopyLastLink => {
                let snapshot = app.snapshot().await?;
                let last = last_link(&snapshot).and_then(|(id, _)| id.parse().ok());
                match last {
                    Some(recording) => self.copy_link(LinkAt { recording, at_ms: None }).await,
                    None => Ok(()),
                }
            }
            DesktopAction::CopyLink(link) => self.copy_link(link).await,
            DesktopAction::OpenLink(id) => self.open_link(self.link_of(id).await?).await,
            DesktopAction::Edit(id) => match app.pictures().has(id.into()).await {
                true => shell.open_editor(id.into()).await,
                false => {
                    self.editable(id).await?;
                    shell.open_cutter(id).await
                }
            },
            DesktopAction::ShowFile(id) => {
                let file = self.recording(id).await?.file;
                self.show_file(file.ok_or_else(|| no_file(id.to_string()))?).await
            }
            DesktopAction::ShowJobFile(id) => {
                let jobs = app.snapshot().await?.jobs;
                let job = jobs.into_iter().find(|job| job.id == id);
                self.show_job_file(&job.ok_or_else(|| no_file(id.to_string()))?).await
            }
            DesktopAction::Quit => {
                shell.quit();
                Ok(())
            }
        }
    }

    /// Opens the chooser, or closes it if it is open. While something is recorded it does nothing. If only the
    /// desktop can ask what to share, its dialog is the chooser.
    async fn choose_source(&self, kind: ChooserKind, way: Way) -> Result<(), AppError> {
        if self.shell.desktop_asks() {
            let settings = self.app.settings().await?.recording;
            let request = settings.request_with_microphone_at_hand(kind.desktops_source());
            return self
                .app
                .start_recording(StartRequest { asks: true, ..request })
                .await
                .map(drop);
        }
        if self.shell.chooser_content().is_some() {
            self.close_chooser().await;
            return Ok(());
        }
        if !matches!(self.app.snapshot().await?.recorder, RecorderView::Idle) {
            return Ok(());
        }
        self.open_chooser(kind, ChooserPurpose::Record, way).await
    }

    /// Records what the person chose, and stores the chosen options as settings for the next recording.
    pub async fn choose(&self, choice: Choice, display: ChosenDisplay) -> Result<(), AppError> {
        if let Some(kept) = choice.area_to_remember() {
            self.app.remember(&chooser::remembered(&display.name), kept).await?;
        }
        let source = choice.source_on(&display);
        let before = self.app.settings().await?;
        self.app.change_settings(choice.change_of(&before)).await?;
        self.shell.close_chooser().await;
        // Waits so that the chooser is not in the first frames.
        tokio::time::sleep(UNCOVERED).await;
        control::record(&self.app, source).await.map(drop)
    }

    /// Opens a link in the browser. A file in a folder is shown in the file manager.
    pub(super) async fn open_link(&self, link: String) -> Result<(), AppError> {
        match Path::new(&link).is_absolute() {
            true => self.show_file(link).await,
            false => self.open_page(link).await,
        }
    }

    /// Opens a web page. The address may be a server's, so only web links are allowed, never a file or another
    /// program.
    pub async fn open_page(&self, address: String) -> Result<(), AppError> {
        match is_web_link(&address) {
            true => self.shell.open_address(address).await,
            false => Err(AppError::told(ErrorCode::NoLink, "it is no address of a web page")),
        }
    }

    /// Uploads files. One that can't be uploaded doesn't keep the others from it: the first error is returned, and
    /// the shell shows the others.
    pub async fn upload_files(&self, files: Vec<PathBuf>) -> Result<(), AppError> {
        let imports = self.app.imports();
        let mut first = Ok(());
        for file in files {
            match (imports.upload(file, ImportOptions::default()).await, &first) {
                (Ok(_), _) => {}
                (Err(error), Ok(())) => first = Err(error),
                (Err(error), Err(_)) => self.shell.warn(error),
            }
        }
        first
    }

    async fn show_file(&self, file: String) -> Result<(), AppError> {
        match PathBuf::from(&file).is_file() {
            true => self.shell.show_file(file.into()).await,
            false => Err(no_file(file)),
        }
    }

    /// Shows what a job has written in the file manager: a file, or a folder of pictures.
    pub async fn show_job_file(&self, job: &JobView) -> Result<(), AppError> {
        let file = job.target.clone().ok_or_else(|| no_file(job.id.to_string()))?;
        match PathBuf::from(&file).exists() {
            true => self.shell.show_file(file.into()).await,
            false => Err(no_file(file)),
        }
    }

    async fn copy_link(&self, LinkAt { recording, at_ms }: LinkAt) -> Result<(), AppError> {
        let link = self.link_of(recording).await?;
        let at = at_ms.filter(|_| is_web_link(&link)).map(|ms| format!("?t={}", ms / 1_000));
        let at = at.unwrap_or_default();
        self.shell.copy(link + &at)?;
        self.app.note_link_copied(recording).await
    }

    async fn link_of(&self, id: RecordingId) -> Result<String, AppError> {
        let snapshot = self.app.snapshot().await?;
        let name = id.to_string();
        let picture = snapshot.pictures.iter().find(|picture| picture.id == name);
        // The id may be that of an upload to a further place, which has a link of its own.
        let of_pictures = snapshot.pictures.iter().flat_map(|picture| &picture.uploads);
        let of_recordings = snapshot.recordings.iter().flat_map(|recording| &recording.uploads);
        let upload = of_recordings.chain(of_pictures).find(|upload| upload.id == name);
        let link = match (picture, upload) {
            (Some(picture), _) => picture.link.clone(),
            (None, Some(upload)) => upload.link.clone(),
            (None, None) => self.recording(id).await?.link,
        };
        link.ok_or_else(|| AppError::told(ErrorCode::NoLink, id.to_string()))
    }

    /// Fails for a recording that still runs, or whose video is only online.
    async fn editable(&self, id: RecordingId) -> Result<(), AppError> {
        let recording = self.recording(id).await?;
        match (recording.state, recording.here && !recording.is_imported) {
            (RecordingState::Recording, _) => Err(AppError::AlreadyRecording),
            (_, true) => Ok(()),
            (_, false) => Err(AppError::told(ErrorCode::NoMedia, id)),
        }
    }

    async fn recording(&self, id: RecordingId) -> Result<RecordingView, AppError> {
        let id = id.to_string();
        let recordings = self.app.snapshot().await?.recordings;
        let found = recordings.into_iter().find(|recording| recording.id == id);
        found.ok_or_else(|| AppError::told(ErrorCode::NoRecording, id))
    }
}

fn no_file(what: String) -> AppError {
    AppError::told(ErrorCode::NoFile, what)
}
