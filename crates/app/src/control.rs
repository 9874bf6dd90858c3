//! The control socket, through which other programs command the running one: `snaplark toggle`, for
//! example, bound to a key on desktops without global shortcuts for programs. It also serves what only the
//! program that holds the store can do, such as changing a setting.
//!
//! Only the home's owner can open the socket (`local_socket`; a named pipe on Windows). A request is one line of JSON, and so is the
//! answer. The program that holds the store's lock listens, so each home has at most one listener, and a
//! socket left by a killed program can be removed safely.

mod local_socket;
mod socket;
mod uploads;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use snaplark_core::capture::{Source, Subject};
use snaplark_core::policy::{STRIKE_SECONDS, STRIKE_SECONDS_MAX};
use snaplark_core::{Action, CarriedOutBy, EngineAction, ItemId, RecordingId, SendTarget, Way};
use snaplark_store::StoreError;

use crate::cuts::view::{CutEdit, PublishView};
use crate::desktop::screenshot;
use crate::pictures::view::PictureSummary;
use crate::view::{MicrophoneView, RecorderView, RecordingView, Snapshot, StruckView};
use crate::{
    App, AppError, ErrorCode, ImportOptions, Microphone, SettingsChange, StartRequest, WebcamState,
};

pub use socket::{
    add_screenshot_elsewhere, ask_for, change_setting, copy_edit, delete, listen,
    picture_elsewhere, pictures, publish, published_elsewhere, recordings, rename, save_edit,
    send_to, sign_out, sign_out_at, upload_elsewhere, uploaded_elsewhere,
};
pub use uploads::{UploadedItem, uploaded};

const TURN_MAX: Duration = Duration::from_secs(5);

/// A request of another program: an [`Action`] or something else.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Request {
    Act(Action),
    /// Lists the recordings as the program itself shows them, including what their uploads wait for.
    Recordings,
    /// Changes one setting by its name; the others keep their values.
    ChangeSetting {
        name: String,
        value: String,
    },
    SignOut,
    /// Signs out of the server with this address.
    SignOutAt {
        server: String,
    },
    Delete {
        id: RecordingId,
    },
    Rename {
        id: RecordingId,
        title: String,
    },
    /// Sends an item to a place that is named by its address or its name.
    SendTo {
        id: RecordingId,
        to: String,
    },
    /// Adds a screenshot that another program has taken.
    AddScreenshot {
        /// A PNG, which is removed when it was added.
        file: PathBuf,
        subject: Option<(String, String)>,
        upload: bool,
    },
    /// Returns what the program shows of a picture.
    Picture {
        id: ItemId,
    },
    /// Lists the pictures as the program itself shows them.
    Pictures,
    /// Brings in a file and uploads it. Returns its id.
    Upload {
        file: PathBuf,
        said: ImportOptions,
    },
    /// Returns how far the uploads of these items are.
    Uploaded {
        ids: Vec<ItemId>,
    },
    /// Saves the edit of a recording in place of the one before.
    SaveEdit {
        id: RecordingId,
        edit: CutEdit,
    },
    /// Publishes a recording as it is edited behind its link.
    Publish {
        id: RecordingId,
    },
    /// Makes a recording of its own out of a recording's edit.
    CopyEdit {
        id: RecordingId,
    },
    /// Returns where a recording's edit is on its way to the link.
    Published {
        id: RecordingId,
    },
}

/// A recording and how far its edit is on the way to its link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedEdit {
    /// The recording.
    pub recording: RecordingView,
    /// The facts about its versions and what can be published.
    pub publish: PublishView,
}

/// The state after an action was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Performed {
    /// The state of the recorder.
    pub state: RecorderStatus,
    /// True while the microphone is recorded as silence.
    #[serde(default)]
    pub muted: bool,
    /// The recording that the action was about, or that runs.
    pub id: Option<String>,
    /// Its link.
    pub link: Option<String>,
    /// Its title; empty if it has none.
    #[serde(default)]
    pub title: String,
    /// The state of the webcam.
    pub webcam: WebcamState,
    /// The seconds that the action has struck, if it was a strike.
    #[serde(default)]
    pub struck: Option<StruckView>,
}

/// The state of the recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecorderStatus {
    /// A recording runs.
    Recording,
    /// The recording is paused.
    Paused,
    /// Nothing is recorded.
    Idle,
}

/// Why a request was refused: a code, and a sentence for people.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Refused {
    code: String,
    text: String,
}

type Answer<T> = Result<T, Refused>;

/// Handles one request and returns the answer as JSON.
async fn answer(app: &App, request: Request) -> serde_json::Result<Vec<u8>> {
    match request {
        Request::Act(action) => line(perform(app, action, Way::CommandLine).await),
        Request::Recordings => line(app.snapshot().await.map(|snapshot| snapshot.recordings)),
        Request::ChangeSetting { name, value } => line(app.change_setting(name, value).await),
        Request::SignOut => line(app.sign_out_elsewhere().await),
        Request::SignOutAt { server } => line(app.sign_out_at(&server).await),
        Request::Delete { id } => line(app.delete(id).await),
        Request::Rename { id, title } => line(app.rename(id, title).await),
        Request::SendTo { id, to } => line(app.send_to(id, &to).await),
        Request::AddScreenshot { file, subject, upload } => {
            line(add_screenshot(app, file, subject, upload).await)
        }
        Request::Picture { id } => line(picture(app, id).await),
        Request::Pictures => line(app.snapshot().await.map(|snapshot| snapshot.pictures)),
        Request::Upload { file, said } => line(app.imports().upload(file, said).await),
        Request::Uploaded { ids } => line(uploaded(app, &ids).await),
        Request::SaveEdit { id, edit } => line(app.cuts().save(id, edit, None).await),
        Request::Publish { id } => line(app.cuts().publish(id).await),
        Request::CopyEdit { id } => line(app.cuts().copy(id).await),
        Request::Published { id } => line(published(app, id).await),
    }
}

/// Returns where a recording's edit is on its way to its link.
pub async fn published(app: &App, id: RecordingId) -> Result<PublishedEdit, AppError> {
    let publish = app.cuts().published(id).await?;
    let text = id.to_string();
    let recordings = app.snapshot().await?.recordings;
    let found = recordings.into_iter().find(|recording| recording.id == text);
    let missing = || AppError::Store(StoreError::NoSuchRecording(id));
    Ok(PublishedEdit { recording: found.ok_or_else(missing)?, publish })
}

async fn add_screenshot(
    app: &App,
    file: PathBuf,
    subject: Option<(String, String)>,
    upload: bool,
) -> Result<PictureSummary, AppError> {
    let png = crate::pictures::read(file.clone()).await?;
    let subject = subject.map(|(app, window)| Subject { app, window });
    let id = screenshot::add_screenshot(app, png, subject.as_ref()).await?;
    // It is in the library now.
    if let Err(error) = tokio::fs::remove_file(&file).await {
        tracing::debug!(%error, "A file that was brought in could not be removed");
    }
    if upload {
        app.pictures().publish(id).await?;
    }
    picture(app, id).await
}

/// Returns what windows show of a picture.
pub async fn picture(app: &App, id: ItemId) -> Result<PictureSummary, AppError> {
    let id = id.to_string();
    let pictures = app.snapshot().await?.pictures;
    let found = pictures.into_iter().find(|picture| picture.id == id);
    found.ok_or_else(|| AppError::told(ErrorCode::NoPicture, id))
}

fn line<T: Serialize>(answer: Result<T, AppError>) -> serde_json::Result<Vec<u8>> {
    let refused =
        |error: AppError| Refused { code: error.code().to_string(), text: error.to_string() };
    let answer: Answer<T> = answer.map_err(refused);
    serde_json::to_vec(&answer)
}

/// Carries out an action that came from outside, if it may come by that way. An action that needs a desktop
/// is refused.
pub async fn perform(app: &App, action: Action, way: Way) -> Result<Performed, AppError> {
    match action.carried_out_by() {
        CarriedOutBy::Engine(does) if action.may_come_by(way) => act(app, does).await,
        CarriedOutBy::Engine(_) | CarriedOutBy::Desktop(_) => Err(AppError::NotOffered { action }),
    }
}

/// Carries out an action and returns when it is done.
pub async fn act(app: &App, action: EngineAction) -> Result<Performed, AppError> {
    let wanted = async || {
        Ok::<_, AppError>(
            app.settings().await?.recording.request_with_microphone_at_hand(Source::Display(None)),
        )
    };
    let touched = match action {
        EngineAction::Toggle => Some(app.toggle_recording(wanted().await?).await?),
        EngineAction::Start => Some(app.start_recording(wanted().await?).await?),
        EngineAction::RecordOn(id) => {
            let request = StartRequest { append_to: Some(id), ..wanted().await? };
            Some(app.start_recording(request).await?)
        }
        EngineAction::StartAgo(seconds) => {
            let past = Some(Duration::from_secs(seconds));
            let request = StartRequest { past, ..wanted().await? };
            Some(app.start_recording(request).await?)
        }
        EngineAction::ShareLast(seconds) => {
            Some(app.share_last(seconds.map(Duration::from_secs)).await?)
        }
        EngineAction::Stop => Some(app.stop_recording().await?),
        EngineAction::Cancel => {
            app.cancel_recording().await?;
            None
        }
        EngineAction::Restart => Some(app.restart_recording().await?),
        EngineAction::Mute => mute(app).await?,
        EngineAction::SwitchMicrophone => match app.recorded().await? {
            Some(_) => mute(app).await?,
            None => {
                let kind = match app.settings().await?.recording.microphone {
                    Microphone::Off => "default",
                    Microphone::Default | Microphone::Named(_) => "off",
                };
                let change =
                    SettingsChange::of(&["recording", "microphone"], json!({ "kind": kind }));
                app.change_settings(change).await?;
                None
            }
        },
        EngineAction::Strike(seconds) => {
            let seconds = seconds.unwrap_or(STRIKE_SECONDS).clamp(1, STRIKE_SECONDS_MAX);
            let struck = app.strike(Duration::from_secs(seconds)).await?;
            let performed = Performed::now(&app.snapshot().await?, None);
            return Ok(Performed { struck: Some(struck), ..performed });
        }
        EngineAction::Webcam => {
            app.toggle_webcam().await?;
            None
        }
        EngineAction::Pause | EngineAction::Resume => {
            let pauses = action == EngineAction::Pause && !is_paused(&app.snapshot().await?);
            match pauses {
                true => app.pause_recording().await?,
                false => app.resume_recording().await?,
            }
            let turned = until(app, |now| is_paused(now) == pauses);
            // The state changes with the next frame, which never comes if the screen has stopped sending
            // any.
            tokio::time::timeout(TURN_MAX, turned).await.unwrap_or(Ok(()))?;
            None
        }
        EngineAction::Retry(id) => {
            app.retry(id).await?;
            Some(id)
        }
        EngineAction::SendTo(SendTarget { recording, account }) => {
            app.send_to(recording, &account.to_string()).await?;
            Some(recording)
        }
        EngineAction::RemoveUpload(upload) => {
            app.remove_upload(upload).await?;
            None
        }
        EngineAction::CancelJob(job) => {
            app.cancel_job(job).await?;
            None
        }
        EngineAction::DismissJob(job) => {
            app.dismiss_job(job).await?;
            None
        }
    };
    Ok(Performed::now(&app.snapshot().await?, touched))
}

async fn mute(app: &App) -> Result<Option<RecordingId>, AppError> {
    let muted = is_muted(&app.snapshot().await?);
    app.set_muted(!muted).await?;
    Ok(None)
}

/// Starts a recording like [`Action::Start`], of a source that the person chose.
pub async fn record(app: &App, source: Source) -> Result<Performed, AppError> {
    let request = app.settings().await?.recording.request_with_microphone_at_hand(source);
    let touched = app.start_recording(request).await?;
    Ok(Performed::now(&app.snapshot().await?, Some(touched)))
}

fn is_paused(snapshot: &Snapshot) -> bool {
    matches!(snapshot.recorder, RecorderView::Paused { .. })
}

fn is_muted(snapshot: &Snapshot) -> bool {
    match snapshot.recorder {
        RecorderView::Recording { microphone, .. } | RecorderView::Paused { microphone, .. } => {
            microphone == MicrophoneView::Muted
        }
        RecorderView::Idle
        | RecorderView::Counting { .. }
        | RecorderView::Starting
        | RecorderView::Stopping { .. } => false,
    }
}

async fn until(app: &App, is_so: impl Fn(&Snapshot) -> bool) -> Result<(), AppError> {
    let mut changes = app.changes();
    while !is_so(&app.snapshot().await?) {
        changes.changed().await.map_err(|_| AppError::Closing)?;
    }
    Ok(())
}

impl Performed {
    fn now(snapshot: &Snapshot, touched: Option<RecordingId>) -> Self {
        let (state, runs) = match &snapshot.recorder {
            RecorderView::Idle | RecorderView::Counting { .. } | RecorderView::Starting => {
                (RecorderStatus::Idle, None)
            }
            RecorderView::Recording { id, .. } => (RecorderStatus::Recording, Some(id.clone())),
            RecorderView::Paused { id, .. } => (RecorderStatus::Paused, Some(id.clone())),
            RecorderView::Stopping { id } => (RecorderStatus::Idle, Some(id.clone())),
        };
        let id = touched.map(|id| id.to_string()).or(runs);
        let recording =
            snapshot.recordings.iter().find(|recording| Some(&recording.id) == id.as_ref());
        let link = recording.and_then(|recording| recording.link.clone());
        let title = recording.map(|recording| recording.title.clone()).unwrap_or_default();
        let (muted, webcam) = (is_muted(snapshot), snapshot.webcam);
        Performed { state, muted, id, link, title, webcam, struck: None }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Generates text from pieces of requests mixed with invalid JSON.
    fn fragments() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("{".to_owned()),
            Just("}".to_owned()),
            Just("[".to_owned()),
            Just(":".to_owned()),
            Just(",".to_owned()),
            "\"(act|rename|delete|change-setting|sign-out|sign-out-at|toggle|start-ago:[0-9]{1,20}|share-last|id|title|Ok|Err)\"",
            "\"\\PC{0,12}\"",
            "-?[0-9]{1,25}(\\.[0-9]{1,5})?(e[0-9]{1,4})?",
            "null|true|false",
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_line_at_the_socket_brings_anything_down(bytes: Vec<u8>, text in fragments()) {
            drop(serde_json::from_slice::<Request>(&bytes));
            drop(serde_json::from_str::<Answer<Performed>>(&text));
            if let Ok(request) = serde_json::from_str::<Request>(&text) {
                // A request means the same when it is written and read again.
                let again = serde_json::to_string(&request).unwrap();
                let again: Request = serde_json::from_str(&again).unwrap();
                prop_assert_eq!(format!("{request:?}"), format!("{again:?}"));
            }
        }

        #[test]
        fn seconds_of_any_start_are_a_duration(seconds: u64) {
            let request = serde_json::json!({ "act": format!("start-ago:{seconds}") });
            let request: Request = serde_json::from_value(request).unwrap();
            prop_assert!(matches!(request, Request::Act(Action::StartAgo(ago)) if ago == seconds));
        }
    }
}
