//! Opens the program behind the windows: the account that the person has chosen, or the cloud in
//! this computer, and the app with the real capture.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use anyhow::Context as _;
use snaplark_app::{Account, App, AppError, AppOptions, Home, Keeps, Notice, Token};
use snaplark_capture::SystemCapture;
use snaplark_cloud::Embedded;
use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Wry};
use tokio::sync::mpsc;

use crate::recorded::Uncovering;

/// The store's folder for the last minutes.
const RING: &str = "ring";

pub struct Program {
    pub app: App,
    pub home: Home,
    cloud: ThisComputer,
}

/// The cloud in this computer: started when uploads first go there, then on until the end, for the
/// links that lead to it.
struct ThisComputer {
    home: Home,
    running: tokio::sync::Mutex<Option<Embedded>>,
}

impl Program {
    pub async fn open(
        handle: &AppHandle,
        notices: mpsc::UnboundedSender<Notice>,
    ) -> anyhow::Result<Self> {
        let home = Home::from_env()?;
        std::fs::create_dir_all(&home.root).with_context(|| {
            format!(
                "Snaplark's folder {} can't be made. Set SNAPLARK_HOME to one that can",
                home.root.display()
            )
        })?;
        let cloud = ThisComputer { home: home.clone(), running: tokio::sync::Mutex::default() };
        let account = match Account::configured(&home).await? {
            Some(account) => {
                cloud.keep_links().await;
                account
            }
            None => cloud.account().await?,
        };
        let app = App::open(AppOptions {
            home: home.clone(),
            account: Some(account),
            capture: Arc::new(Uncovering::new(
                SystemCapture::new().remembering_in(&home.root),
                handle.clone(),
                home.root.join(RING),
            )),
            // Nobody hears it any more when the shell is closing.
            keeps: Keeps::AsSet,
            notices: Box::new(move |notice| drop(notices.send(notice))),
        })
        .await?;
        Ok(Program { app, home, cloud })
    }

    /// Uploads go to this computer again.
    pub async fn sign_out(&self) -> Result<(), AppError> {
        let next = match self.cloud.account().await {
            Ok(account) => Some(account),
            Err(error) => {
                tracing::error!(%error, "the cloud in this computer does not start: nothing goes up");
                None
            }
        };
        self.app.sign_out(next).await
    }

    /// Closes a running recording properly, then the cloud. A second call changes nothing.
    pub async fn close(&self) {
        self.app.shutdown().await;
        let running = self.cloud.running.lock().await.take();
        if let Some(embedded) = running
            && let Err(error) = embedded.cloud.shutdown().await
        {
            tracing::warn!(%error, "the cloud in this computer did not close as it should");
        }
    }
}

impl ThisComputer {
    /// Whoever has a link to this computer from before a sign-in elsewhere still gets the video.
    async fn keep_links(&self) {
        if self.home.has_own_links()
            && let Err(error) = self.account().await
        {
            tracing::warn!(%error, "earlier links to this computer don't work now");
        }
    }

    /// Starts the cloud where it doesn't run yet.
    async fn account(&self) -> anyhow::Result<Account> {
        let mut running = self.running.lock().await;
        let embedded = match running.take() {
            Some(embedded) => embedded,
            None => snaplark_cloud::start_embedded(&self.home.cloud_data()).await?,
        };
        let embedded = running.insert(embedded);
        let token = Token::new(embedded.token.clone());
        Ok(Account::this_computer(embedded.cloud.address(), token))
    }
}

/// One program for each home: a second start hands its arguments to the first, and ends.
pub fn single_instance(
    hears: impl Fn(&AppHandle, &[String]) + Send + Sync + 'static,
) -> TauriPlugin<Wry> {
    let builder = tauri_plugin_single_instance::Builder::new()
        .callback(move |app, arguments, _folder| hears(app, &arguments));
    match std::env::var_os("SNAPLARK_HOME").filter(|home| !home.is_empty()) {
        None => builder.build(),
        Some(home) => {
            let mut hasher = DefaultHasher::new();
            home.hash(&mut hasher);
            // A bus name's steps begin with a letter.
            builder.dbus_id(format!("com.snaplark.desktop.home{:x}", hasher.finish())).build()
        }
    }
}
