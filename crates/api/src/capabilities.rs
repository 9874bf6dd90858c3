//! `GET /capabilities`: what a server supports beyond the documents. A 404 there means that it supports
//! nothing more.

use serde::{Deserialize, Serialize};

use crate::Framing;
use crate::untrusted::is_web_link;

/// The features of a server beyond the documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Always [`Capabilities::SERVER`], which distinguishes it from a captive portal's JSON.
    pub server: String,
    /// The server's version, for people.
    pub version: String,
    /// The framings of parts that the server takes.
    pub framings: Vec<Framing>,
    /// The largest part that the server takes.
    pub part_bytes_max: u64,
    /// How many parts of an upload the server takes at the same time.
    pub parts_in_flight_max: u32,
    /// True if parts of a stream may be cut anywhere, also inside a cluster.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub parts_cut_anywhere: bool,
    /// The share page's address with `{recordingId}` in it, from which the link is known before init.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = true))]
    pub link_template: Option<String>,
    /// Holds the addresses where a person signs in with a browser, and where the app then gets its token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = SignIn))]
    pub sign_in: Option<SignIn>,
    /// States what the server supports for screenshots. Without it, each version of a screenshot is a
    /// plain upload with a link of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = ScreenshotCapabilities, required = true))]
    pub screenshots: Option<ScreenshotCapabilities>,
    /// States what the server supports for versions of a video. Without it, each edit of a video is a
    /// plain upload with a link of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = VideoCapabilities, required = true))]
    pub videos: Option<VideoCapabilities>,
}

/// States which optional fields of `POST /screenshots/upload` the server observes ([`crate::ScreenshotFields`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ScreenshotCapabilities {
    /// True if `recordingId` and `recordingSecret` determine the link.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub claims: bool,
    /// True if a greater `version` replaces the picture behind the same link.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub versions: bool,
    /// The largest file that the server accepts.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub bytes_max: u64,
    /// The page's address with `{recordingId}` in it, from which the link is known before the upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = true))]
    pub link_template: Option<String>,
}

/// States what the server supports for versions of a video ([`crate::PiecesRequest`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct VideoCapabilities {
    /// True if a greater `version` replaces the video behind the same link, and may keep pieces of the
    /// version before it.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub versions: bool,
    /// The most pieces that a version may have.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub pieces_max: u32,
    /// The most chapters that a version may have.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub chapters_max: u32,
    /// True if one piece may keep several parts ([`crate::KeptBytes::more_parts`]).
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub piece_runs: bool,
}

/// The endpoints of OAuth 2.0's authorization code flow with PKCE (S256), for a public client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignIn {
    /// The address where a person approves the app.
    pub authorize: String,
    /// The address where the app exchanges its code for a token.
    pub token: String,
    /// Holds the address where the app revokes its token (RFC 7009).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub revoke: Option<String>,
}

impl Capabilities {
    /// The value of `server` in every response of ours.
    pub const SERVER: &'static str = "snaplark";

    /// Returns a recording's link, if the template gives an http(s) address.
    pub fn link(&self, recording_id: &str) -> Option<String> {
        link_of_template(self.link_template.as_deref()?, recording_id)
    }

    /// Returns a screenshot's link, if the server observes claimed ids and its template gives an
    /// http(s) address.
    pub fn screenshot_link(&self, recording_id: &str) -> Option<String> {
        let screenshots = self.screenshots.as_ref().filter(|screenshots| screenshots.claims)?;
        link_of_template(screenshots.link_template.as_deref()?, recording_id)
    }

    /// Returns whether an edited video can be put behind the link that it has.
    pub fn has_video_versions(&self) -> bool {
        self.videos.as_ref().is_some_and(|videos| videos.versions)
    }

    /// Returns whether one piece of a version may keep several parts.
    pub fn has_piece_runs(&self) -> bool {
        self.videos.as_ref().is_some_and(|videos| videos.piece_runs)
    }
}

/// Returns the link that a server makes by this template, if it is an http(s) address.
pub fn link_of_template(template: &str, recording_id: &str) -> Option<String> {
    let link = template.replace("{recordingId}", recording_id);
    is_web_link(&link).then_some(link)
}
