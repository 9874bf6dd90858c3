//! Paths below the account's address. `PREFIX` is part of that address.

pub const PREFIX: &str = "/api/v1";
pub const INIT: &str = "/videos/init";
pub const CHUNK: &str = "/videos/chunk";
pub const FINALIZE: &str = "/videos/finalize";
pub const VIDEOS: &str = "/videos";
pub const SCREENSHOTS: &str = "/screenshots/upload";
pub const CAPABILITIES: &str = "/capabilities";
pub const USAGE: &str = "/usage";

/// Returns the address of a video's share page, below the cloud's public address.
pub fn share_page(public_url: &str, video_id: &str) -> String {
    format!("{}/videos/{video_id}", public_url.trim_end_matches('/'))
}
