//! The wire contract: requests, answers, routes, limits and profiles, shared by the app and the
//! cloud so that they cannot drift apart. Shapes only: no decision, no I/O.
//!
//! Two documents describe one API. A request that we *write* follows the account's [`Profile`];
//! one that we *read* may have either form. An answer that the cloud writes carries the union of
//! both documents' fields; one that the app reads may lack either half.

mod answers;
mod capabilities;
mod profile;
mod recording_id;
mod requests;

pub mod limits;
pub mod routes;

pub use answers::{
    ChunkAnswer, ErrorAnswer, FinalizeAnswer, InitAnswer, ScreenshotAnswer, VideoList, VideoState,
    VideoStatus,
};
pub use capabilities::{Capabilities, SignIn};
pub use profile::{Framing, PartSize, Profile};
pub use recording_id::{RECORDING_SECRET_BYTES, is_claimed_by_secret, recording_id_of};
pub use requests::{Duration, FinalizeRequest, InitRequest, Media, Resolution, Timestamp};

/// The address under which the API stands, from what a person types: a host, with or without
/// `/api/v1`. `None` where it is no http(s) address.
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

/// Whether it is a host, and a port where there is one: `host`, `host:80`, `[::1]:80`.
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
    use super::base_url;

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
