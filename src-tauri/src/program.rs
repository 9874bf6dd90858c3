//! Opens the program behind the windows: the account that the person has chosen, or the cloud in
//! this computer, and the app with the real capture.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use snaplark_app::{Account, App, AppOptions, Home, Notice, Token};
use snaplark_capture::SystemCapture;
use snaplark_cloud::Cloud;
use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Wry};
use tokio::sync::mpsc;

pub struct Program {
    pub app: App,
    /// What it uploads to, where that is this computer.
    cloud: Mutex<Option<Cloud>>,
}

impl Program {
    pub async fn open(notices: mpsc::UnboundedSender<Notice>) -> anyhow::Result<Self> {
        let home = Home::from_env()?;
        std::fs::create_dir_all(&home.root).with_context(|| {
            format!(
                "Snaplark's folder {} can't be made. Set SNAPLARK_HOME to one that can",
                home.root.display()
            )
        })?;
        let (account, cloud) = match Account::configured(&home).await? {
            Some(account) => (account, None),
            None => {
                let embedded = snaplark_cloud::start_embedded(&home.cloud_data()).await?;
                let token = Token::new(embedded.token);
                let account = Account::this_computer(embedded.cloud.address(), token);
                (account, Some(embedded.cloud))
            }
        };
        let app = App::open(AppOptions {
            home,
            account: Some(account),
            capture: Arc::new(SystemCapture::new()),
            // Nobody hears it any more when the shell is closing.
            notices: Box::new(move |notice| drop(notices.send(notice))),
        })
        .await?;
        Ok(Program { app, cloud: Mutex::new(cloud) })
    }

    /// Closes a running recording properly, then the cloud. A second call changes nothing.
    pub async fn close(&self) {
        self.app.shutdown().await;
        let cloud = self.cloud.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(cloud) = cloud
            && let Err(error) = cloud.shutdown().await
        {
            tracing::warn!(%error, "the cloud in this computer did not close as it should");
        }
    }
}

/// One program for each home: a second start opens the first one's library and ends.
pub fn single_instance(opens: impl Fn(&AppHandle) + Send + Sync + 'static) -> TauriPlugin<Wry> {
    let builder = tauri_plugin_single_instance::Builder::new()
        .callback(move |app, _arguments, _folder| opens(app));
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
