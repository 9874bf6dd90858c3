//! The public URL of a server, as its operator gives it. Pure.

use crate::error::OperatorError;

/// Returns the URL without a slash at its end, if links can begin with it.
pub fn checked_url(url: &str) -> Result<String, OperatorError> {
    let plain = url.trim().trim_end_matches('/');
    let host = plain.strip_prefix("http://").or_else(|| plain.strip_prefix("https://"));
    let fits = host.is_some_and(|host| {
        !host.is_empty()
            && !host.starts_with('/')
            && !host
                .contains(|c: char| c.is_whitespace() || c.is_control() || "\"'<>?#".contains(c))
    });
    if fits { Ok(plain.to_owned()) } else { Err(OperatorError::PublicUrl(url.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_checked() {
        assert_eq!(checked_url("https://snaplark.com/").unwrap(), "https://snaplark.com");
        for url in ["snaplark.com", "http://", "ftp://a", "https://a b", "https://a?x"] {
            assert!(checked_url(url).is_err(), "{url}");
        }
    }
}
