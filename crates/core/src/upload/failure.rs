//! Why a request of the upload machine failed, independent of how a destination says it. Each destination
//! translates its own statuses and error codes into these.

use snaplark_api::Capabilities;
use thiserror::Error;

/// The meaning of a destination's answer for the upload.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum Failure {
    /// Refused, reset, timed out, no such host.
    #[error("no answer: {detail}")]
    Unreachable { detail: String },
    /// The answer comes from something else: a captive portal, a proxy, another server.
    #[error("an answer that isn't the destination's: {detail}")]
    NotTheApi { detail: String },
    /// The token is missing, unknown or expired.
    #[error("the destination asks for a sign-in")]
    SignedOut,
    /// The session has expired, or belongs to another server.
    #[error("the destination doesn't know the session")]
    SessionUnknown,
    /// Another upload has the requested id, or ownership of it is not proven.
    #[error("the address is taken: {detail}")]
    AddressTaken { detail: String },
    /// Finalize lacks these parts.
    #[error("{} parts are missing", indices.len())]
    PartsMissing { indices: Vec<u32> },
    /// The destination or a proxy before it takes only smaller parts.
    #[error("the part is too large")]
    PartTooLarge,
    /// The destination wants fewer requests.
    #[error("too many requests")]
    RateLimited { retry_after_ms: u64 },
    /// A later attempt may succeed; the destination may say when.
    #[error("try again later: {detail}")]
    TryAgain { detail: String, retry_after_ms: Option<u64> },
    /// The destination has no room left. A later attempt may succeed.
    #[error("no space left")]
    StorageFull,
    /// The folder may not be written. A later attempt may succeed.
    #[error("no permission to write there")]
    AccessDenied,
    /// The destination understood the request and refused it.
    #[error("refused: {detail}")]
    Refused { detail: String },
    /// A greater version of the picture is behind the link, or this version with other bytes. `served` is the
    /// version that is there, if the destination says so.
    #[error("a newer version is there: {detail}")]
    NewerVersion { served: Option<u32>, detail: String },
    /// The destination refused the request because of the part itself.
    #[error("part refused: {detail}")]
    PartRefused { detail: String },
    /// Files of the recording itself.
    #[error("files can't be read: {detail}")]
    FilesMissing { detail: String },
    /// The file that a person brought in is another one than when it was brought in.
    #[error("the file has changed")]
    FileChanged,
    /// The files of these segments don't contain the bytes that were sealed.
    #[error("segments {segments:?} are damaged")]
    SegmentsDamaged { segments: Vec<u32> },
}

/// The finding of a probe about the connection to the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
#[expect(clippy::large_enum_variant, reason = "there is one of a server at a time")]
pub enum ProbeVerdict {
    /// The destination responds. Its capabilities are present if it reports any.
    Online { capabilities: Option<Capabilities> },
    /// The destination does not respond.
    Offline { detail: String },
}
