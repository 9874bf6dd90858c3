//! The ports through which the server program plugs in what the cloud inside the app doesn't have:
//! mail, and the metrics of requests.

use std::fmt::Debug;
use std::time::Duration;

use futures_util::future::BoxFuture;
use snaplark_cloud::metrics::NoMetrics;

/// A mail in the reader's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The address of the reader.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its plain text.
    pub text: String,
}

/// Sends mail.
pub trait Mailer: Debug + Send + Sync {
    /// Sends a mail. The error is the mail server's message.
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), String>>;
}

/// A counter of requests. Each method does nothing unless it is implemented.
pub trait RequestMetrics: Debug + Send + Sync {
    /// Counts a request whose answer has not begun.
    fn began(&self) {}

    /// Ends the count of `began`, whether the request was answered or not.
    fn ended(&self) {}

    /// Counts an answer by its route, and records how long it took to begin.
    fn answered(&self, _method: &str, _route: &str, _status: u16, _took: Duration) {}
}

impl RequestMetrics for NoMetrics {}
