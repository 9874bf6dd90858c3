//! Opens the program behind the windows: the account that the person has chosen, or the embedded cloud, and
//! the app with the real capture.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context as _;
use snaplark_app::{
    Account, App, AppError, AppOptions, Home, Keeps, LocalNetwork, LocalNetworkView, Notice, Token,
    private_folder,
};
use snaplark_capture::SystemCapture;
use snaplark_cloud_web::{CloudError, Embedded, LocalNetworkSharing, LocalNetworkState};
use snaplark_core::devices::Devices;
use snaplark_core::still::Stills;
use snaplark_render::SystemRender;
use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Wry};
use tokio::sync::mpsc;

use crate::captured_area::Uncovering;

/// How often starting the cloud is retried. The cause seldom goes away sooner.
const START_AGAIN: Duration = Duration::from_secs(60);
/// How soon links have a changed address of the local network.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// The store's folder for the ring buffer.
const RING: &str = "ring";

pub struct DesktopProgram {
    pub app: App,
    pub home: Home,
    cloud: Arc<ThisComputer>,
}

/// The embedded cloud. It is started when uploads first go there and then runs until the end, for the links
/// that lead to it.
struct ThisComputer {
    home: Home,
    running: tokio::sync::Mutex<Option<Embedded>>,
}

impl DesktopProgram {
    pub async fn open(
        handle: &AppHandle,
        notices: mpsc::UnboundedSender<Notice>,
    ) -> anyhow::Result<Self> {
        let home = Home::from_env()?;
        private_folder(&home.root).with_context(|| {
            format!(
                "Snaplark's folder {} can't be made. Set SNAPLARK_HOME to one that can",
                home.root.display()
            )
        })?;
        let cloud = ThisComputer { home: home.clone(), running: tokio::sync::Mutex::default() };
        // The embedded cloud may fail to start (a port, a full disk, broken data). Recordings don't need
        // it, and the person is told why there are no links.
        let (account, here, problem) = match Account::configured(&home).await? {
            Some(account) => (Some(account), cloud.keep_links().await, None),
            None => match cloud.account().await {
                Ok(account) => (Some(account), None, None),
                Err(error) => (None, None, Some(problem(&error))),
            },
        };
        let app = App::open(AppOptions {
            home: home.clone(),
            account,
            capture: Arc::new(Uncovering::new(
                Arc::new(SystemCapture::new().with_trial_cache_in(&home.root)),
                handle.clone(),
                home.root.join(RING),
            )),
            render: Arc::new(SystemRender),
            // Sending fails when the shell is closing and nobody listens any more.
            keeps: Keeps::AsSet,
            notices: Box::new(move |notice| drop(notices.send(notice))),
        })
        .await?;
        // Uploads that were begun for this computer before the sign-in go on here.
        if let Some(here) = here {
            app.continue_uploads_to(here).await?;
        }
        if problem.is_some() {
            app.set_cloud_problem(problem).await?;
        }
        let cloud = Arc::new(cloud);
        tokio::spawn(share_as_wanted(app.clone(), Arc::downgrade(&cloud)));
        tokio::spawn(start_later(app.clone(), Arc::downgrade(&cloud)));
        Ok(DesktopProgram { app, home, cloud })
    }

    /// Retries starting the embedded cloud if links are missing without it.
    pub async fn start_cloud(&self) -> Result<(), AppError> {
        self.cloud.start_missing(&self.app).await
    }

    /// Signs out, so that uploads go to the embedded cloud again.
    pub async fn sign_out(&self) -> Result<(), AppError> {
        let next = match self.cloud.account().await {
            Ok(account) => Some(account),
            Err(error) => {
                self.app.set_cloud_problem(Some(problem(&error))).await?;
                None
            }
        };
        self.app.sign_out(next).await
    }

    /// Sends uploads to the embedded cloud if there is no account, because another program has signed out.
    pub async fn upload_here(&self) {
        let account = match self.cloud.account().await {
            Ok(account) => account,
            Err(error) => {
                tracing::error!(%error, "the cloud in this computer does not start: nothing goes up");
                return;
            }
        };
        if let Err(error) = self.app.upload_to(account).await {
            tracing::warn!(%error, "uploads go nowhere");
        }
    }

    /// Closes a running recording properly, then the cloud. A second call does nothing.
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
    /// Starts the cloud for links from before a sign-in elsewhere, so that they still work, and returns its
    /// account.
    async fn keep_links(&self) -> Option<Account> {
        if !self.home.has_own_links() {
            return None;
        }
        let started = self.account().await;
        let failed = |error: &anyhow::Error| {
            tracing::warn!(%error, "earlier links to this computer don't work now");
        };
        started.inspect_err(failed).ok()
    }

    /// Starts the cloud for recordings without a destination; they are uploaded as soon as it runs.
    async fn start_missing(&self, app: &App) -> Result<(), AppError> {
        if app.account().await?.is_some() {
            return app.set_cloud_problem(None).await;
        }
        match self.account().await {
            Ok(account) => {
                app.use_account(Some(account)).await?;
                app.set_cloud_problem(None).await
            }
            Err(error) => app.set_cloud_problem(Some(problem(&error))).await,
        }
    }

    async fn local_network(&self) -> Option<LocalNetworkSharing> {
        let running = self.running.lock().await;
        running.as_ref().map(|embedded| embedded.local_network.clone())
    }

    /// Returns the embedded cloud's account. Starts the cloud if it isn't running.
    async fn account(&self) -> anyhow::Result<Account> {
        let mut running = self.running.lock().await;
        let embedded = match running.take() {
            Some(embedded) => embedded,
            None => snaplark_cloud_web::start_embedded(&self.home.cloud_data()).await?,
        };
        let embedded = running.insert(embedded);
        let token = Token::new(embedded.token.clone());
        Ok(Account::this_computer(embedded.cloud.address(), token))
    }
}

/// Returns the devices of this computer.
pub fn devices() -> Arc<dyn Devices> {
    Arc::new(SystemCapture::new())
}

/// Returns what takes pictures of this session's screen.
pub fn stills() -> Arc<dyn Stills> {
    Arc::new(SystemCapture::new())
}

/// Returns in one sentence why there are no links.
fn problem(error: &anyhow::Error) -> String {
    tracing::error!(%error, "The cloud in this computer does not start");
    error.downcast_ref().map_or_else(|| error.to_string(), CloudError::without_options)
}

/// Shares on the local network while the person wants it, and reports the state to the app. Runs until the
/// program ends.
async fn share_as_wanted(app: App, cloud: Weak<ThisComputer>) {
    let mut changes = app.changes();
    let mut told = LocalNetworkState::Off;
    loop {
        let Ok(settings) = app.settings().await else { return };
        let Some(this_computer) = cloud.upgrade() else { return };
        if let Some(sharing) = this_computer.local_network().await {
            let wanted = settings.upload.share_on_local_network;
            if wanted == (*sharing.state().borrow() == LocalNetworkState::Off) {
                sharing.set_open(wanted).await;
            }
            let state = sharing.state().borrow().clone();
            if told != state {
                if app.set_local_network(shown(&state, sharing)).await.is_err() {
                    return;
                }
                told = state;
            }
        }
        drop(this_computer);
        let is_off = told == LocalNetworkState::Off;
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LOOK_AGAIN), if !is_off => {}
        }
    }
}

fn shown(state: &LocalNetworkState, sharing: LocalNetworkSharing) -> LocalNetwork {
    let view = match state {
        LocalNetworkState::Off => LocalNetworkView::Off,
        LocalNetworkState::Open { base_url, addresses, firewall } => LocalNetworkView::On {
            base_url: base_url.clone(),
            port: addresses.first().map_or(0, std::net::SocketAddr::port),
            firewall: firewall.map(|firewall| firewall.name().to_owned()),
        },
        LocalNetworkState::NoNetwork => LocalNetworkView::NoNetwork,
        LocalNetworkState::Failed { reason } => LocalNetworkView::Failed { detail: reason.clone() },
    };
    LocalNetwork { view, links: Some(Arc::new(move |link| sharing.link(link))) }
}

/// Retries starting the cloud until it runs, if uploads should go to it.
async fn start_later(app: App, cloud: Weak<ThisComputer>) {
    loop {
        tokio::time::sleep(START_AGAIN).await;
        let Some(this_computer) = cloud.upgrade() else { return };
        let started = match app.snapshot().await {
            Ok(snapshot) if snapshot.cloud_problem.is_some() => {
                this_computer.start_missing(&app).await
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        // The app has ended.
        if started.is_err() {
            return;
        }
    }
}

/// The name under which the program of this home can be found. There is one program for each home.
pub fn instance_id() -> String {
    match std::env::var_os("SNAPLARK_HOME").filter(|home| !home.is_empty()) {
        None => "com.snaplark.desktop".to_owned(),
        Some(home) => {
            let mut hasher = DefaultHasher::new();
            home.hash(&mut hasher);
            // Each component of a bus name must begin with a letter.
            format!("com.snaplark.desktop.home{:x}", hasher.finish())
        }
    }
}

/// Allows one program for each home: a second start passes its arguments to the first and ends.
pub fn single_instance(
    hears: impl Fn(&AppHandle, &[String]) + Send + Sync + 'static,
) -> TauriPlugin<Wry> {
    tauri_plugin_single_instance::Builder::new()
        .callback(move |app, arguments, _folder| hears(app, &arguments))
        .dbus_id(instance_id())
        .build()
}
