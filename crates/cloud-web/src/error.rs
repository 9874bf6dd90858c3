//! The reasons why the server can't start, or stopped.

use std::net::SocketAddr;

use snaplark_cloud::OperatorError;
use snaplark_cloud_data::place::DataError;
use thiserror::Error;

/// An error of the server.
#[derive(Debug, Error)]
pub enum CloudError {
    /// The data can't be opened.
    #[error(transparent)]
    Data(#[from] DataError),
    /// An account or a token could not be made.
    #[error(transparent)]
    Command(#[from] OperatorError),
    /// Another program listens there.
    #[error(
        "Another program already listens on {0}. Stop it, or choose another address with --listen or --metrics-listen."
    )]
    AddressInUse(SocketAddr),
    /// The system refuses the address or the port.
    #[error("The server can't listen on {address}: {reason}.")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// The system's reason.
        reason: String,
    },
    /// Its task ended without being asked to.
    #[error("The server stopped unexpectedly: {0}.")]
    Stopped(String),
}

impl CloudError {
    /// Returns the reason without a full stop, worded for a program that doesn't have the server's
    /// options.
    pub fn without_options(&self) -> String {
        match self {
            CloudError::Data(DataError::DataFolder { path, reason }) => {
                format!("its folder {} can't be used: {reason}", path.display())
            }
            other => other.to_string().trim_end_matches('.').to_owned(),
        }
    }
}
