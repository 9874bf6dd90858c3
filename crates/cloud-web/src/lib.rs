//! The cloud's HTTP side: the documented API, the older dialects, and the pages that links open. It
//! runs in the program `snaplark-cloud`, and inside the desktop app and the command line, where it is
//! called "this computer" (`embedded`).
//!
//! Handlers only translate between HTTP and `snaplark_cloud`. Nothing here touches process-wide
//! state: this crate installs no logger and no panic hook.

#![warn(missing_docs, unreachable_pub)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod assets;
mod embedded;
mod error;
mod http;
mod local_network;
mod outlets;
mod pages;
mod serve;
mod server;
mod words;

pub use embedded::{Embedded, start_embedded};
pub use error::CloudError;
pub use local_network::{Firewall, LocalNetworkSharing, LocalNetworkState};
pub use outlets::{Mail, Mailer, RequestMetrics};
pub use serve::{Connection, prompt};
pub use server::{Cloud, CloudOptions, SCRUB_EVERY, STOP_MAX, bind, reachable, start, start_on};
pub use snaplark_cloud::ffmpeg_report;
