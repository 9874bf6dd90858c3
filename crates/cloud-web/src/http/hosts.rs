//! Checks the host name that a request is addressed to (`Host`). A page of another site can point its
//! own host name at this server's address (DNS rebinding), and the browser then takes this server for
//! that site. Such a request carries the other site's name.
//!
//! Numeric addresses are accepted: no name was looked up for them, and probes and proxies use them.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::errors::ApiError;

pub(crate) fn is_ours(app: &App, request: &Request) -> bool {
    if !app.is_named {
        return true;
    }
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    // Requests in absolute form, as sent to proxies, name the host in the request line.
    let named = named.or_else(|| request.uri().authority().map(|it| it.as_str()));
    named.is_none_or(|host| is_known(host_of(&app.public_url), host))
}

pub(crate) fn refused() -> Response {
    ApiError::new(
        StatusCode::MISDIRECTED_REQUEST,
        "Unknown host",
        "This server doesn't answer to this host name. The person who runs it sets the name with --public-url.",
    )
    .into_response()
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

fn is_known(ours: &str, host: &str) -> bool {
    let (ours, host) = (without_port(ours), without_port(host));
    let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    is_address || host.eq_ignore_ascii_case("localhost") || host.eq_ignore_ascii_case(ours)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_not_ours() {
        let ours = host_of("https://videos.example.com:8443/below");
        for host in [
            "videos.example.com",
            "VIDEOS.example.com:8443",
            "127.0.0.1:47475",
            "[::1]:80",
            "[::1]",
            "localhost:1",
            "10.0.0.7",
        ] {
            assert!(is_known(ours, host), "{host}");
        }
        for host in ["evil.example", "videos.example.com.evil.example", "127.0.0.1.evil", "", "a:b"]
        {
            assert!(!is_known(ours, host), "{host}");
        }
    }
}
