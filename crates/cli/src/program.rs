//! Opens the program with the account that the environment names, or with the embedded cloud.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use snaplark_app::{
    Account, App, AppError, AppOptions, Home, Keeps, LocalNetwork, LocalNetworkView, Token, control,
};
use snaplark_cloud_web::{Cloud, LocalNetworkSharing, LocalNetworkState};
use snaplark_terminal::output;
use snaplark_terminal::signals::Polite;

use crate::say;

/// An address at which nothing listens. If the embedded cloud can't start, uploads to it wait, as for any
/// server that can't be reached, and resume when it is back.
const NOWHERE: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 9);
/// Closing is usually faster if nothing has to be written; after this time the person is told what it waits
/// for.
const CLOSING_SAID_AFTER: Duration = Duration::from_secs(3);

pub struct Program {
    pub app: App,
    /// The embedded cloud, if uploads go to it.
    cloud: Option<Cloud>,
    /// New uploads go to the embedded cloud.
    is_this_computer: bool,
    /// Why the embedded cloud isn't running, if uploads should go to it.
    pub no_cloud: Option<String>,
}

/// The program that holds the library.
pub enum LibraryHolder<'a> {
    Here(&'a Program),
    /// A running Snaplark, which is asked at its control socket.
    Elsewhere(&'a Home),
}

impl LibraryHolder<'_> {
    /// Runs `work` with the program that holds the library. If none does, opens it here.
    pub async fn with<T>(
        home: Home,
        work: impl AsyncFnOnce(LibraryHolder<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        match control::recordings(&home).await {
            Ok(_) => work(LibraryHolder::Elsewhere(&home)).await,
            Err(AppError::NotRunning | AppError::Closing) => {
                Program::with(home, async |program| work(LibraryHolder::Here(program)).await).await
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Program {
    /// Opens the program, runs `work` and closes the program, even if `work` fails.
    pub async fn with<T>(
        home: Home,
        work: impl AsyncFnOnce(&Program) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let program = Program::open(home).await?;
        let outcome = work(&program).await;
        program.close().await;
        outcome
    }

    pub async fn open(home: Home) -> anyhow::Result<Self> {
        Program::open_to_keep(home, Keeps::Nothing).await
    }

    pub async fn open_to_keep(home: Home, keeps: Keeps) -> anyhow::Result<Self> {
        let (account, cloud, sharing) = match Account::configured(&home).await? {
            Some(account) => {
                let cloud = cloud_of_uploads(&home, &account).await?;
                (account, Ok(cloud), None)
            }
            None => match snaplark_cloud_web::start_embedded(&home.cloud_data()).await {
                Ok(embedded) => {
                    let account = account_of(&embedded.cloud, embedded.token);
                    (account, Ok(Some((embedded.cloud, None))), Some(embedded.local_network))
                }
                // A recording depends on nothing but the disk, so it works without a cloud.
                Err(error) => {
                    let nowhere = SocketAddr::from(NOWHERE);
                    (
                        Account::this_computer(nowhere, Token::new("")),
                        Err(error.without_options()),
                        None,
                    )
                }
            },
        };
        let capture = snaplark_capture::SystemCapture::new().with_trial_cache_in(&home.root);
        let app = App::open(AppOptions {
            home,
            account: Some(account),
            capture: Arc::new(capture),
            render: Arc::new(snaplark_render::SystemRender),
            keeps,
            // A terminal has no clipboard of its own; the link is printed.
            notices: Box::new(|_| {}),
        })
        .await?;
        let (cloud, is_this_computer, no_cloud) = match cloud {
            Ok(Some((cloud, also))) => {
                let is_current = also.is_none();
                if let Some(account) = also {
                    app.continue_uploads_to(account).await?;
                }
                (Some(cloud), is_current, None)
            }
            Ok(None) => (None, false, None),
            Err(reason) => (None, false, Some(reason)),
        };
        let wanted = app.settings().await?.upload.share_on_local_network;
        if let Some(sharing) = sharing.filter(|_| wanted) {
            share(&app, sharing).await?;
        }
        Ok(Program { app, cloud, is_this_computer, no_cloud })
    }

    pub fn is_this_computer(&self) -> bool {
        self.is_this_computer
    }

    /// Closes a running recording properly, then the cloud.
    pub async fn close(self) {
        let closing = async {
            self.app.shutdown().await;
            if let Some(cloud) = self.cloud
                && let Err(error) = cloud.shutdown().await
            {
                say::line(&format!(
                    "This computer's built-in cloud did not close properly: {error}."
                ));
            }
        };
        tokio::pin!(closing);
        if tokio::time::timeout(CLOSING_SAID_AFTER, &mut closing).await.is_err() {
            say::line("Saving. Press Ctrl-C again to end immediately.");
            closing.await;
        }
    }
}

/// Starts the embedded cloud with its account if uploads that were begun for it wait, although new ones go
/// elsewhere. They wait longer if it can't start.
async fn cloud_of_uploads(
    home: &Home,
    current: &Account,
) -> anyhow::Result<Option<(Cloud, Option<Account>)>> {
    if !current.has_uploads_here(home)? {
        return Ok(None);
    }
    match snaplark_cloud_web::start_embedded(&home.cloud_data()).await {
        Ok(embedded) => {
            let account = account_of(&embedded.cloud, embedded.token);
            Ok(Some((embedded.cloud, Some(account))))
        }
        Err(error) => {
            say::line(&format!("Uploads to this computer's built-in cloud wait: {error}."));
            Ok(None)
        }
    }
}

fn account_of(cloud: &Cloud, token: String) -> Account {
    Account::this_computer(cloud.address(), Token::new(token))
}

/// Shares links on the local network, and prints how they begin.
async fn share(app: &App, sharing: LocalNetworkSharing) -> anyhow::Result<()> {
    sharing.set_open(true).await;
    match &*sharing.state().borrow() {
        LocalNetworkState::Open { base_url, .. } => {
            say::line(&format!("Links are shared on the local network and begin with {base_url}."));
        }
        LocalNetworkState::NoNetwork => {
            say::line("This computer is not connected to a local network: links open only here.");
        }
        LocalNetworkState::Failed { reason } => {
            say::line(&format!("Links can't be shared on the local network: {reason}."));
        }
        LocalNetworkState::Off => {}
    }
    let links = move |link: &str| sharing.link(link);
    let view = LocalNetworkView::Off;
    app.set_local_network(LocalNetwork { view, links: Some(Arc::new(links)) }).await?;
    Ok(())
}

/// Serves the embedded cloud's links until Ctrl-C. Also sends what is not uploaded yet.
pub async fn serve(home: &Home) -> anyhow::Result<ExitCode> {
    let mut polite = Polite::new();
    let mut program = Program::open(home.clone()).await?;
    let problem = program.no_cloud.clone();
    let problem = match (&program.cloud, problem) {
        (None, None) if home.has_own_links() => {
            // Uploads go elsewhere, but earlier links lead here.
            match snaplark_cloud_web::start_embedded(&home.cloud_data()).await {
                Ok(embedded) => {
                    program.cloud = Some(embedded.cloud);
                    None
                }
                Err(error) => Some(error.without_options()),
            }
        }
        (_, problem) => problem,
    };
    if let Some(problem) = problem {
        program.close().await;
        anyhow::bail!("This computer's built-in cloud can't start: {problem}");
    }
    let url = program.cloud.as_ref().map(|cloud| cloud.public_url().to_owned());
    match &url {
        _ if say::is_json() => say::json(&serde_json::json!({ "serving": url }))?,
        Some(url) => output::answer(&format!("serving {url}")),
        None => say::line("Uploading to the server of SNAPLARK_SERVER. Press Ctrl-C to stop."),
    }
    polite.asked().await;
    program.close().await;
    Ok(ExitCode::SUCCESS)
}
