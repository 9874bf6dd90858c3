//! The wire contract: requests, responses, routes, limits and profiles, shared by the app and the cloud
//! so that they cannot drift apart. Contains only types, no decisions and no I/O.
//!
//! Two documents describe one API. A request that we *write* follows the account's [`Profile`]; one
//! that we *read* may have either form. A response that the cloud writes has the union of both
//! documents' fields; one that the app reads may lack either half.

#![warn(missing_docs, unreachable_pub)]

mod answers;
mod capabilities;
#[cfg(feature = "openapi")]
mod openapi;
mod pieces;
mod profile;
mod recording_id;
mod requests;

pub mod codes;
pub mod limits;
pub mod routes;
pub mod untrusted;

pub use answers::{
    ChunkAnswer, ErrorAnswer, FinalizeAnswer, InitAnswer, ScreenshotAnswer, VideoList, VideoState,
    VideoStatus,
};
pub use capabilities::{
    Capabilities, ScreenshotCapabilities, SignIn, VideoCapabilities, link_of_template,
};
pub use pieces::{
    KeptBytes, PieceRuns, PiecesAnswer, PiecesRequest, ShownStretch, VersionChapter, VersionPiece,
    bytes_of_hex, digest_of_hex, hex, run_digest,
};
pub use profile::{Framing, PartSize, Profile};
pub use recording_id::{RECORDING_SECRET_BYTES, is_claimed_by_secret, recording_id_of};
pub use requests::{
    Duration, FinalizeRequest, InitRequest, Media, Resolution, ScreenshotFields, Timestamp,
};

/// Returns the API's base address, from what a person types: a host, with or without `/api/v1`. `None`
/// if it is not an http(s) address.
pub fn base_url(server: &str) -> Option<String> {
    let server = server.trim().trim_end_matches('/');
    let host = server.strip_prefix("http://").or_else(|| server.strip_prefix("https://"))?;
    let authority = host.split(['/', '?', '#']).next().unwrap_or_default();
    if !is_authority(authority) || host.contains(char::is_whitespace) {
        return None;
    }
    if server.ends_with(routes::PREFIX) {
        Some(server.to_owned())
    } else {
        Some(format!("{server}{}", routes::PREFIX))
    }
}

/// Returns whether others on the network path can read and change what is sent to that address: `http`
/// to anything but this computer.
pub fn is_plain_http(address: &str) -> bool {
    let Some((scheme, rest)) = address.trim().split_once("://") else { return false };
    if !scheme.eq_ignore_ascii_case("http") {
        return false;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // A user name and password precede the host: `http://localhost:80@example.com`.
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_loopback = match host.parse::<std::net::IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        // Always resolves to this computer (RFC 6761).
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    };
    !is_loopback
}

/// Returns whether the text is a host with an optional port: `host`, `host:80`, `[::1]:80`.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, "")) => (address, None),
            Some((address, rest)) => match rest.strip_prefix(':') {
                Some(port) => (address, Some(port)),
                None => return false,
            },
            None => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_host = match text.starts_with('[') {
        true => host.parse::<std::net::Ipv6Addr>().is_ok(),
        false => !host.is_empty() && !host.contains(['[', ']', '@']),
    };
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

#[cfg(test)]
mod tests {
    use super::{base_url, is_plain_http};

    #[test]
    fn way_to_a_server_is_plain_when_it_is_http_and_leaves_this_computer() {
        for plain in [
            "http://videos.example",
            "http://192.168.1.2:8080/api/v1",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "http://[2001:db8::1]/x",
            "http://0.0.0.0:80",
            "HTTP://videos.example",
            "http://localhost:80@videos.example",
        ] {
            assert!(is_plain_http(plain), "{plain}");
        }
        for fine in [
            "https://videos.example",
            "http://127.0.0.1:8080/api/v1",
            "http://127.9.9.9",
            "http://localhost:8080",
            "http://[::1]:8080/x",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(!is_plain_http(fine), "{fine}");
        }
    }

    #[test]
    fn an_address_gets_the_prefix_once() {
        let want = Some("http://127.0.0.1:8080/api/v1".to_owned());
        assert_eq!(base_url("http://127.0.0.1:8080"), want);
        assert_eq!(base_url("http://127.0.0.1:8080/"), want);
        assert_eq!(base_url(" http://127.0.0.1:8080/api/v1/ "), want);
        assert_eq!(base_url("http://[::1]:80"), Some("http://[::1]:80/api/v1".to_owned()));
        assert_eq!(base_url("https://host/below"), Some("https://host/below/api/v1".to_owned()));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "host:80",
            "ftp://host",
            "http://",
            "https:///x",
            "http://a b",
            "http://[::1",
            "http://[::1]x",
            "http://host:",
            "http://host:0",
            "http://host:99999",
            "http://me:secret@host",
        ] {
            assert_eq!(base_url(text), None, "{text}");
        }
    }
}
