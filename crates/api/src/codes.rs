//! The codes of error answers ([`crate::ErrorAnswer::code`]), for cases in which the status alone doesn't
//! say what to do.

/// 422 from init and from an upload of a screenshot: an id of version 8 came without its secret.
pub const RECORDING_SECRET_NEEDED: &str = "recording_secret_needed";
/// 422: the secret is not the one from which the id was made.
pub const RECORDING_SECRET_WRONG: &str = "recording_secret_wrong";
/// 409 from an upload of a screenshot, and from init, pieces and finalize of a video: a greater version is
/// behind the link already.
pub const NEWER_VERSION: &str = "newerVersion";
/// 409 from an upload of a screenshot: this version is behind the link already, with other bytes. From
/// pieces of a video: this version has other pieces. In both cases a greater version is free.
pub const VERSION_TAKEN: &str = "versionTaken";
