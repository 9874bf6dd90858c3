//! Signature Version 4, with which S3 knows who sends a request.
//!
//! `object_store`, with which the cloud speaks to its bucket, is not used here: it neither lists the parts of an upload
//! nor lets its clock be set by the server's, and it retries by itself, which is the upload machine's to decide. Its
//! signing can't be used alone with another time.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Url;
use sha2::{Digest as _, Sha256};
use snaplark_api::hex;

use crate::Token;

/// The digest that stands for a body whose signature doesn't cover it.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The keys of an account at a store. Never shown or logged.
#[derive(Clone)]
pub struct BucketKeys {
    id: String,
    secret: String,
    session_token: Option<String>,
}

impl BucketKeys {
    /// Reads `ACCESS_KEY_ID:SECRET_ACCESS_KEY`, with `:SESSION_TOKEN` behind it for keys that expire. `None` if it is
    /// something else.
    pub fn parse(token: &Token) -> Option<Self> {
        let mut fields = token.reveal().trim().splitn(3, ':').map(str::to_owned);
        let (id, secret, session_token) = (fields.next()?, fields.next()?, fields.next());
        let is_plain =
            |text: &String| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        let are_plain = [&id, &secret].into_iter().chain(&session_token).all(is_plain);
        are_plain.then_some(BucketKeys { id, secret, session_token })
    }

    pub(super) fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }
}

impl fmt::Debug for BucketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BucketKeys(hidden)")
    }
}

/// Signs requests to one region's store at one moment.
pub(super) struct Signer<'a> {
    keys: &'a BucketKeys,
    region: &'a str,
    /// `20130524T000000Z`
    time: String,
}

impl<'a> Signer<'a> {
    pub(super) fn new(keys: &'a BucketKeys, region: &'a str, now: SystemTime) -> Self {
        Signer { keys, region, time: basic_time(now) }
    }

    /// Returns the headers with which a request is signed. `headers` are those that it has already, with names in
    /// lower case; `digest` is the SHA-256 of its body.
    pub(super) fn headers(
        &self,
        method: &str,
        url: &Url,
        headers: &[(&'static str, String)],
        digest: &[u8],
    ) -> Vec<(&'static str, String)> {
        let digest = hex(digest);
        let mut added =
            vec![("x-amz-content-sha256", digest.clone()), ("x-amz-date", self.time.clone())];
        if let Some(token) = self.keys.session_token() {
            added.push(("x-amz-security-token", token.to_owned()));
        }
        let host = ("host", host_of(url));
        let mut signed: Vec<_> = headers.iter().chain(&added).chain([&host]).collect();
        signed.sort();
        let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let lines: String =
            signed.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
        let signature = self.signature(method, url, &lines, &names, &digest);
        let (id, scope) = (&self.keys.id, self.scope());
        let authorization = format!(
            "{ALGORITHM} Credential={id}/{scope},SignedHeaders={names},Signature={signature}"
        );
        added.push(("authorization", authorization));
        added
    }

    /// Returns the URL with which everybody can read an object for so long.
    pub(super) fn presigned(&self, mut url: Url, seconds: u64) -> Url {
        let credential = format!("{}/{}", self.keys.id, self.scope());
        let mut query = vec![
            ("X-Amz-Algorithm", ALGORITHM.to_owned()),
            ("X-Amz-Credential", credential),
            ("X-Amz-Date", self.time.clone()),
            ("X-Amz-Expires", seconds.to_string()),
            ("X-Amz-SignedHeaders", "host".to_owned()),
        ];
        query.extend(self.keys.session_token().map(|it| ("X-Amz-Security-Token", it.to_owned())));
        url.set_query(Some(&query_of(&query)));
        let host = format!("host:{}\n", host_of(&url));
        let signature = self.signature("GET", &url, &host, "host", UNSIGNED);
        let query = format!("{}&X-Amz-Signature={signature}", url.query().unwrap_or_default());
        url.set_query(Some(&query));
        url
    }

    fn signature(&self, method: &str, url: &Url, lines: &str, names: &str, digest: &str) -> String {
        let mut query: Vec<&str> =
            url.query().unwrap_or_default().split('&').filter(|it| !it.is_empty()).collect();
        query.sort_unstable();
        let (path, query) = (url.path(), query.join("&"));
        let request = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{digest}");
        let request = hex(&Sha256::digest(request));
        let text = format!("{ALGORITHM}\n{}\n{}\n{request}", self.time, self.scope());
        let secret = format!("AWS4{}", self.keys.secret);
        let key = [&self.time[..8], self.region, "s3", "aws4_request"]
            .into_iter()
            .fold(secret.into_bytes(), |key, text| hmac(&key, text));
        hex(&hmac(&key, &text))
    }

    fn scope(&self) -> String {
        format!("{}/{}/s3/aws4_request", &self.time[..8], self.region)
    }
}

/// Returns a query with its names and values encoded as they are signed.
pub(super) fn query_of(pairs: &[(&str, String)]) -> String {
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name, false), encoded(value, false)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Encodes text as S3 signs it: everything but letters, digits and `-._~`, and `/` in paths.
pub(super) fn encoded(text: &str, is_path: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(byte.into());
            }
            b'/' if is_path => encoded.push('/'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Returns host and port as reqwest sends them.
fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is taken");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Returns the time as `20130524T000000Z`.
fn basic_time(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Days to a date of the Gregorian calendar, with years that begin in March.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The keys and the moment of the examples in S3's documentation.
    fn keys() -> BucketKeys {
        let text = concat!("AKIA", "IOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        BucketKeys::parse(&Token::new(text)).unwrap()
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    const MOMENT: u64 = 1_369_353_600;

    fn signature(
        method: &str,
        url: &str,
        headers: &[(&'static str, String)],
        body: &str,
    ) -> String {
        let keys = keys();
        let signer = Signer::new(&keys, "us-east-1", at(MOMENT));
        let url = Url::parse(url).unwrap();
        let added = signer.headers(method, &url, headers, &Sha256::digest(body));
        let (_, authorization) = added.last().unwrap();
        authorization.rsplit_once("Signature=").unwrap().1.to_owned()
    }

    #[test]
    fn signatures_are_those_of_the_documentation() {
        let range = [("range", "bytes=0-9".to_owned())];
        assert_eq!(
            signature("GET", "https://examplebucket.s3.amazonaws.com/test.txt", &range, ""),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let put = [
            ("date", "Fri, 24 May 2013 00:00:00 GMT".to_owned()),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY".to_owned()),
        ];
        assert_eq!(
            signature(
                "PUT",
                "https://examplebucket.s3.amazonaws.com/test%24file.text",
                &put,
                "Welcome to Amazon S3."
            ),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
        for (query, expected) in [
            ("lifecycle=", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
            (
                "prefix=J&max-keys=2",
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        ] {
            let url = format!("https://examplebucket.s3.amazonaws.com/?{query}");
            assert_eq!(signature("GET", &url, &[], ""), expected, "{query}");
        }
    }

    #[test]
    fn presigned_url_is_that_of_the_documentation() {
        let keys = keys();
        let url = Url::parse("https://examplebucket.s3.amazonaws.com/test.txt").unwrap();
        let url = Signer::new(&keys, "us-east-1", at(MOMENT)).presigned(url, 86_400);
        let signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
        assert!(url.as_str().ends_with(&format!("&X-Amz-Signature={signature}")), "{url}");
    }

    #[test]
    fn time_is_a_date_of_the_calendar() {
        for (seconds, time) in [
            (0, "19700101T000000Z"),
            (MOMENT, "20130524T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (1_735_689_599, "20241231T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(basic_time(at(seconds)), time);
        }
    }

    #[test]
    fn keys_are_two_or_three_words_that_are_never_shown() {
        let parse = |text: &str| BucketKeys::parse(&Token::new(text));
        assert_eq!(parse(" id:secret\n").unwrap().session_token(), None);
        assert_eq!(parse("id:secret:a:b=").unwrap().session_token(), Some("a:b="));
        for bad in ["", "id", "id:", ":secret", "id:sec ret", "id:secret:"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
        assert!(!format!("{:?}", keys()).contains("wJal"));
    }
}
