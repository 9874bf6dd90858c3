//! Paths below the account's address. `PREFIX` is part of that address.

/// The path of the API itself, with which an account's address ends.
pub const PREFIX: &str = "/api/v1";
/// Begins an upload.
pub const INIT: &str = "/videos/init";
/// Takes a part.
pub const CHUNK: &str = "/videos/chunk";
/// Completes an upload.
pub const FINALIZE: &str = "/videos/finalize";
/// Lists the account's videos. With `/{sessionId}` it reports on one, and renames or deletes it.
pub const VIDEOS: &str = "/videos";
/// Takes a screenshot.
pub const SCREENSHOTS: &str = "/screenshots/upload";
/// Says what the server supports beyond the documents.
pub const CAPABILITIES: &str = "/capabilities";
/// Says how much space the account uses.
pub const USAGE: &str = "/usage";

/// Returns the path that renames or removes a screenshot.
pub fn screenshot(id: impl std::fmt::Display) -> String {
    format!("/screenshots/{id}")
}

/// Returns the path that takes the list of pieces of a version of a video.
pub fn pieces(session_id: &str) -> String {
    format!("{VIDEOS}/{session_id}/pieces")
}

/// Returns the address of a video's share page, below the cloud's public address.
pub fn share_page(public_url: &str, video_id: &str) -> String {
    format!("{}/videos/{video_id}", public_url.trim_end_matches('/'))
}

/// Returns the address of a screenshot's page, below the cloud's public address.
pub fn screenshot_page(public_url: &str, id: &str) -> String {
    format!("{}/screenshots/{id}", public_url.trim_end_matches('/'))
}
