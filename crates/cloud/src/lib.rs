//! The cloud's domain: uploads, videos, shares, accounts, quotas and background jobs, without HTTP.
//!
//! ```text
//! uploads ──> snaplark_cloud_data::db       rows
//!    │  └───> snaplark_cloud_data::storage  objects: parts, as they came
//!    └─ parts, media_map: what a part holds, where a video's bytes stand (pure)
//! ```
//! Invariants: a part is acknowledged only when its blob and its row are durable. A row never names a
//! blob that does not exist. Memory holds nothing that another node or the next start would need,
//! except the levels of the rate limiter. Nothing here touches process-wide state: this crate
//! installs no logger and no panic hook.

#![warn(missing_docs, unreachable_pub)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod accounts;
pub mod audit;
mod clock;
pub mod commands;
pub mod credentials;
pub mod edit;
mod error;
pub mod guesses;
pub mod jobs;
pub mod media_map;
pub mod metrics;
pub mod parts;
mod pieces;
mod policy;
pub mod products;
mod public_url;
pub mod rate;
mod sandbox;
pub mod scrub;
pub mod secrets;
pub mod shares;
pub mod signing;
pub mod sizes;
pub mod staging;
mod stream_index;
pub mod sweep;
mod turns;
pub mod uploads;
pub mod watching;

pub use clock::Clock;
pub use commands::{
    SetPassword, TokenLine, audit_entries, delete_user, issue_token, limit_user, list_tokens,
    reset_link, revoke_token, scrub, set_disabled, set_password,
};
pub use error::OperatorError;
pub use pieces::stream_pieces;
pub use products::ffmpeg_report;
pub use public_url::checked_url;
pub use scrub::{Damage, DamageKind, Scrubbed};
pub use sizes::{parse as parse_size, words as size_words};
pub use snaplark_cloud_data::backup::{BackedUp, backup};
pub use snaplark_cloud_data::db::AuditRecord;
pub use snaplark_cloud_data::place::{DataError, DataLocation};
pub use snaplark_cloud_data::quotas::{Limits, OwnLimits, Usage};
