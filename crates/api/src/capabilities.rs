//! `GET /capabilities`: what a server supports beyond the documents. A 404 there means that it supports
//! nothing more.

use serde::{Deserialize, Serialize};

use crate::Framing;
use crate::untrusted::is_web_link;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Always [`Capabilities::SERVER`], which distinguishes it from a captive portal's JSON.
    pub server: String,
    pub version: String,
    pub framings: Vec<Framing>,
    pub part_bytes_max: u64,
    pub parts_in_flight_max: u32,
    /// The share page's address with `{recordingId}` in it, from which the link is known before init.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_template: Option<String>,
    /// Holds the addresses where a person signs in with a browser, and where the app then gets its token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignIn>,
}

/// The endpoints of OAuth 2.0's authorization code flow with PKCE (S256), for a public client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    pub authorize: String,
    pub token: String,
    /// Holds the address where the app revokes its token (RFC 7009).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoke: Option<String>,
}

impl Capabilities {
    pub const SERVER: &'static str = "snaplark";

    /// Returns a recording's link, if the template gives an http(s) address.
    pub fn link(&self, recording_id: &str) -> Option<String> {
        let link = self.link_template.as_deref()?.replace("{recordingId}", recording_id);
        is_web_link(&link).then_some(link)
    }
}
