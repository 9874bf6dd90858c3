//! Opens the program: the account that the environment names, or the cloud in this computer.

use std::process::ExitCode;
use std::sync::Arc;

use snaplark_app::{Account, App, AppOptions, Home, Keeps, LocalNetwork, LocalNetworkView, Token};
use snaplark_cloud::{Cloud, LocalNetworkState};

use crate::say;

pub struct Program {
    pub app: App,
    /// What it uploads to, where that is this computer.
    cloud: Option<Cloud>,
}

impl Program {
    pub async fn open(home: Home) -> anyhow::Result<Self> {
        Program::open_to_keep(home, Keeps::Nothing).await
    }

    pub async fn open_to_keep(home: Home, keeps: Keeps) -> anyhow::Result<Self> {
        let (account, cloud, sharing) = match Account::configured(&home).await? {
            Some(account) => (account, None, None),
            None => {
                let embedded = snaplark_cloud::start_embedded(&home.cloud_data()).await?;
                let token = Token::new(embedded.token);
                let account = Account::this_computer(embedded.cloud.address(), token);
                (account, Some(embedded.cloud), Some(embedded.local_network))
            }
        };
        let capture = snaplark_capture::SystemCapture::new().remembering_in(&home.root);
        let app = App::open(AppOptions {
            home,
            account: Some(account),
            capture: Arc::new(capture),
            keeps,
            // A terminal has no clipboard of its own: the link is printed.
            notices: Box::new(|_| {}),
        })
        .await?;
        let wanted = app.settings().await?.upload.share_on_local_network;
        if let Some(sharing) = sharing.filter(|_| wanted) {
            sharing.set_open(true).await;
            match &*sharing.state().borrow() {
                LocalNetworkState::Open { base_url, .. } => {
                    say::line(&format!(
                        "Shared on the local network: links begin with {base_url}."
                    ));
                }
                LocalNetworkState::NoNetwork => {
                    say::line("This computer is in no local network now: links open only here.");
                }
                LocalNetworkState::Failed { reason } => {
                    say::line(&format!("Not shared on the local network: {reason}."));
                }
                LocalNetworkState::Off => {}
            }
            let links = move |link: &str| sharing.link(link);
            let view = LocalNetworkView::Off;
            app.set_local_network(LocalNetwork { view, links: Some(Arc::new(links)) }).await?;
        }
        Ok(Program { app, cloud })
    }

    pub fn is_this_computer(&self) -> bool {
        self.cloud.is_some()
    }

    pub async fn close(self) -> anyhow::Result<()> {
        self.app.shutdown().await;
        if let Some(cloud) = self.cloud {
            cloud.shutdown().await?;
        }
        Ok(())
    }
}

/// Also sends what is unsent.
pub async fn serve(home: &Home) -> anyhow::Result<ExitCode> {
    let mut program = Program::open(home.clone()).await?;
    if program.cloud.is_none() && home.has_own_links() {
        // Uploads go elsewhere, but earlier links lead here.
        program.cloud = Some(snaplark_cloud::start_embedded(&home.cloud_data()).await?.cloud);
    }
    match &program.cloud {
        Some(cloud) => println!("serving {}", cloud.public_url()),
        None => say::line("The account of the environment goes up from here; Ctrl-C ends it."),
    }
    asked_to_end().await?;
    program.close().await?;
    Ok(ExitCode::SUCCESS)
}

/// Ctrl-C, or the system's polite way.
pub async fn asked_to_end() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        tokio::select! {
            ended = tokio::signal::ctrl_c() => ended?,
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}
