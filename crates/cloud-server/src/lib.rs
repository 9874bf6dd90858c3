//! The program `snaplark-cloud`: the cloud as a server for others. It adds to `snaplark_cloud_web`
//! what only such a server has: TLS, mail, and metrics for Prometheus on an address of their own.
//! The command line is in `main.rs` and `args.rs`.

#![warn(missing_docs, unreachable_pub)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod mail;
mod metrics;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use snaplark_cloud::{DataError, DataLocation, OperatorError};
use snaplark_cloud_web::{Cloud, CloudError, CloudOptions, bind, prompt, reachable, start_on};
use thiserror::Error;

use crate::mail::SmtpMailer;
use crate::metrics::Prometheus;
use crate::tls::TlsListener;

pub use mail::MailOptions;
pub use tls::TlsFiles;

/// The settings of [`start`].
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The settings of the cloud itself.
    pub cloud: CloudOptions,
    /// The settings for mailing password reset links. Without them, only the operator can create
    /// them.
    pub mail: Option<MailOptions>,
    /// The address that serves `/metrics`. No other address serves it.
    pub metrics_listen: Option<SocketAddr>,
    /// The TLS certificate and key, for encryption without a proxy.
    pub tls: Option<TlsFiles>,
}

impl ServerOptions {
    /// Returns the default settings for a place and an address.
    pub fn new(place: impl Into<DataLocation>, listen: SocketAddr) -> Self {
        let cloud = CloudOptions::new(place, listen);
        ServerOptions { cloud, mail: None, metrics_listen: None, tls: None }
    }
}

/// An error of the server or of a command.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The cloud does not start, or stopped.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// A command failed.
    #[error(transparent)]
    Command(#[from] OperatorError),
    /// The data can't be opened.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Certificate and key do not load.
    #[error("Connections can't be encrypted: {0}.")]
    Tls(String),
    /// The settings of the mail server make no sense.
    #[error("Mail can't be sent: {0}.")]
    Mail(String),
}

/// A running server. Dropping it stops it too, but does not wait for anything.
#[derive(Debug)]
pub struct Server {
    /// The cloud that the server serves.
    pub cloud: Cloud,
    /// The address of the metrics, with the actual port.
    pub metrics_address: Option<SocketAddr>,
}

/// Starts the server. Returns as soon as it answers requests.
pub async fn start(options: ServerOptions) -> Result<Server, ServerError> {
    let ServerOptions { mut cloud, mail, metrics_listen, tls } = options;
    if let Some(mail) = mail {
        let here = format!("http://{}", reachable(cloud.listen));
        let named = cloud.public_url.as_deref().unwrap_or(&here);
        let mailer = SmtpMailer::new(&mail, named).map_err(ServerError::Mail)?;
        cloud.mailer = Some(Arc::new(mailer));
    }
    let metrics_listener = match metrics_listen {
        Some(address) => Some(bind(address, false).await?),
        None => None,
    };
    let metrics = Arc::new(Prometheus::new());
    if metrics_listener.is_some() {
        cloud.metrics = metrics.clone();
        cloud.request_metrics = metrics.clone();
    }
    let cloud = match tls {
        Some(files) => {
            let encrypted =
                |listener| TlsListener::start(listener, files).map_err(ServerError::Tls);
            start_on(cloud, "https", encrypted).await?
        }
        None => start_on(cloud, "http", |listener| Ok::<_, ServerError>(prompt(listener))).await?,
    };
    let metrics_address = metrics_listener.map(|(listener, address)| {
        let router = metrics::router(metrics, Arc::clone(cloud.uploads()));
        let server = axum::serve(listener, router);
        let server = server.with_graceful_shutdown(cloud.stopping().cancelled_owned());
        tokio::spawn(server.into_future());
        address
    });
    Ok(Server { cloud, metrics_address })
}
