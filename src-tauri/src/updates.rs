//! Updates of the program, from the distributor's feed. The feed's address and the public half of its key
//! are fixed when the program is built (docs/updates.md). Without them nothing is ever requested, and the
//! settings say that updates come the way the program came.
//!
//! - Nothing is installed unless the key signed it for the version that the feed announced, and unless it
//!   is newer.
//! - Nothing is installed while something is recorded. Unfinished uploads are in files and resume after the
//!   restart.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use snaplark_app::view::RecorderView;
use snaplark_app::{App, ErrorCode};
use snaplark_command_macro::command;
use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Manager, State, Wry, async_runtime};
use tauri_plugin_updater::{Error, Update, UpdaterExt as _};
use ts_rs::TS;

use crate::commands::{Answer, CommandError};
use crate::events::UiEvent;
use crate::quit;

/// Once a day is soon enough for an update and rare enough for the feed.
const LOOK_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
const ANSWER_MAX: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Default, Serialize, TS)]
#[serde(tag = "phase", rename_all = "kebab-case")]
#[ts(export)]
pub enum UpdateView {
    /// This build has no feed.
    #[default]
    Off,
    Idle,
    Looking,
    /// There is no newer version.
    Newest,
    Found {
        version: String,
        notes: String,
    },
    Fetching {
        version: String,
        percentage: u8,
    },
    /// The update is downloaded and its signature is valid.
    Ready {
        version: String,
    },
    Installing {
        version: String,
    },
    Failed {
        #[serde(flatten)]
        problem: CommandError,
    },
}

#[derive(Default)]
pub struct Updates(Mutex<UpdateState>);

#[derive(Default)]
struct UpdateState {
    view: UpdateView,
    found: Option<Update>,
    package: Option<Vec<u8>>,
}

/// The feed and the public key that it is signed with.
struct UpdateFeed {
    feed: String,
    key: String,
}

impl UpdateFeed {
    /// Returns the source that is fixed by the build. A debug build also reads the environment, for tests.
    fn known() -> Option<Self> {
        let of = |built: Option<&str>, name: &str| {
            let given = cfg!(debug_assertions).then(|| std::env::var(name).ok()).flatten();
            given.or_else(|| built.map(str::to_owned)).filter(|text| !text.is_empty())
        };
        Some(UpdateFeed {
            feed: of(option_env!("SNAPLARK_UPDATE_FEED"), "SNAPLARK_UPDATE_FEED")?,
            key: of(option_env!("SNAPLARK_UPDATE_KEY"), "SNAPLARK_UPDATE_KEY")?,
        })
    }
}

impl Updates {
    fn now(&self) -> MutexGuard<'_, UpdateState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub fn plugin() -> TauriPlugin<Wry, tauri_plugin_updater::Config> {
    let builder = tauri_plugin_updater::Builder::new();
    match UpdateFeed::known() {
        Some(source) => builder.pubkey(source.key).build(),
        None => builder.build(),
    }
}

/// Looks for updates once a day unless the person has switched that off. Runs until the program ends.
pub async fn watch(handle: AppHandle, app: App) {
    if UpdateFeed::known().is_none() {
        return;
    }
    tell(&handle, UpdateView::Idle);
    loop {
        if app.settings().await.is_ok_and(|settings| settings.desktop.looks_for_updates) {
            look(&handle).await;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[command]
pub fn update_state(updates: State<'_, Updates>) -> UpdateView {
    updates.now().view.clone()
}

#[command]
pub async fn look_for_update(handle: AppHandle) -> Answer {
    look(&handle).await;
    Ok(())
}

/// Downloads the update that was found, and verifies its signature.
#[command]
pub async fn fetch_update(handle: AppHandle) -> Answer {
    let Some(update) = handle.state::<Updates>().now().found.clone() else { return Ok(()) };
    let version = update.version.clone();
    let (mut got, mut shown) = (0, None);
    let fetched = update.download(
        |bytes, whole| {
            got += bytes as u64;
            let percentage = whole.filter(|whole| *whole > 0).map_or(0, |whole| got * 100 / whole);
            let percentage = percentage.min(100) as u8;
            if shown != Some(percentage) {
                shown = Some(percentage);
                tell(&handle, UpdateView::Fetching { version: version.clone(), percentage });
            }
        },
        || {},
    );
    match fetched.await {
        Ok(package) => {
            handle.state::<Updates>().now().package = Some(package);
            tell(&handle, UpdateView::Ready { version: update.version.clone() });
        }
        Err(error) => fail(&handle, &error),
    }
    Ok(())
}

/// Installs the update, then restarts Snaplark. Refused while something is recorded. The system may ask for
/// a password.
#[command]
pub async fn install_update(handle: AppHandle, app: State<'_, App>) -> Answer {
    if app.snapshot().await?.recorder != RecorderView::Idle {
        return Err(CommandError::new(ErrorCode::RecordingRuns, ""));
    }
    let (update, package) = {
        let now = handle.state::<Updates>();
        let now = now.now();
        (now.found.clone(), now.package.clone())
    };
    let (Some(update), Some(package)) = (update, package) else { return Ok(()) };
    tell(&handle, UpdateView::Installing { version: update.version.clone() });
    let installed = async_runtime::spawn_blocking(move || update.install(package)).await;
    match installed {
        Ok(Ok(())) => quit::restart(&handle),
        Ok(Err(error)) => fail(&handle, &error),
        Err(_) => fail(&handle, &Error::PackageInstallFailed),
    }
    Ok(())
}

async fn look(handle: &AppHandle) {
    let Some(source) = UpdateFeed::known() else { return };
    if matches!(
        handle.state::<Updates>().now().view,
        UpdateView::Looking | UpdateView::Fetching { .. } | UpdateView::Installing { .. }
    ) {
        return;
    }
    tell(handle, UpdateView::Looking);
    match ask(handle, &source).await {
        Ok(Some(update)) => {
            let (version, notes) =
                (update.version.clone(), update.body.clone().unwrap_or_default());
            {
                let now = handle.state::<Updates>();
                let mut now = now.now();
                (now.found, now.package) = (Some(update), None);
            }
            tell(handle, UpdateView::Found { version, notes });
        }
        Ok(None) => tell(handle, UpdateView::Newest),
        Err(error) => fail(handle, &error),
    }
}

async fn ask(handle: &AppHandle, source: &UpdateFeed) -> Result<Option<Update>, Error> {
    let updater = handle.updater_builder().endpoints(vec![source.feed.parse()?])?;
    updater.timeout(ANSWER_MAX).build()?.check().await
}

fn fail(handle: &AppHandle, error: &Error) {
    let code = match error {
        Error::Minisign(_)
        | Error::Base64(_)
        | Error::SignatureUtf8(_)
        | Error::SignedVersionMismatch { .. }
        | Error::MissingSignedVersion => ErrorCode::UpdateNotSigned,
        Error::AuthenticationFailed
        | Error::DebInstallFailed
        | Error::PackageInstallFailed
        | Error::InvalidUpdaterFormat
        | Error::TempDirNotFound => ErrorCode::UpdateNotInstalled,
        Error::Serialization(_)
        | Error::Semver(_)
        | Error::TargetNotFound(_)
        | Error::TargetsNotFound(_) => ErrorCode::UpdateFeedOdd,
        _ => ErrorCode::UpdateFeedAway,
    };
    tracing::warn!(%error, %code, "an update could not be had");
    tell(handle, UpdateView::Failed { problem: CommandError::new(code, error) });
}

fn tell(handle: &AppHandle, view: UpdateView) {
    handle.state::<Updates>().now().view = view.clone();
    if let Err(error) = UiEvent::Updates(view).send(handle) {
        tracing::warn!(%error, "windows can't be told of an update");
    }
}
