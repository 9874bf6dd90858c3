//! The ports through which the server program plugs in what the cloud inside the app doesn't have:
//! mail, and the metrics of requests.

use std::fmt::Debug;
use std::time::Duration;

use futures_util::future::BoxFuture;
use snaplark_cloud::metrics::NoMetrics;

/// Sends mail.
pub trait Mailer: Debug + Send + Sync {
    /// Sends a link that resets a password. The error is the mail server's message.
    fn send_reset_link<'a>(
        &'a self,
        to: &'a str,
        link: &'a str,
    ) -> BoxFuture<'a, Result<(), String>>;
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
