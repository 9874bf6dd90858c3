//! The address of a bucket, as a person writes it in the settings or on the command line:
//!
//! ```text
//! s3+https://s3.eu-central-1.amazonaws.com/my-bucket/recordings?region=eu-central-1
//! s3+https://ID.r2.cloudflarestorage.com/my-bucket?public=https://videos.example.com/{key}
//! s3+http://nas.local:9000/my-bucket?style=path
//! ```
//!
//! No key is in it: keys are in the keyring, as `ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN]`.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;
use snaplark_api::untrusted::is_web_link;
use thiserror::Error;

use super::sign::encoded;

/// The part of a public address that an object's key takes the place of.
const KEY: &str = "{key}";
/// The region of stores that have none.
const REGION_DEFAULT: &str = "us-east-1";

/// Where a bucket is, and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketAddress {
    /// `https://host[:port]`, or `http://` in the person's own network.
    endpoint: String,
    bucket: String,
    /// Precedes each key; empty, or ends with `/`.
    prefix: String,
    region: String,
    style: AddressStyle,
    public: Option<String>,
    storage_class: Option<String>,
}

/// How a bucket is named in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AddressStyle {
    /// `https://host/bucket/key`
    Path,
    /// `https://bucket.host/key`
    Virtual,
}

/// Why a text isn't the address of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BucketAddressError {
    /// It begins with another scheme, or isn't an address at all.
    #[error("it begins with s3+https:// and a host, as in s3+https://s3.example.com/my-bucket")]
    Scheme,
    /// It names no bucket.
    #[error("the bucket is missing: s3+https://s3.example.com/my-bucket")]
    Bucket,
    /// It contains keys.
    #[error("access keys belong in the keyring, not in the address")]
    Keys,
    /// An option has a value that it can't have.
    #[error("'{name}' can't be '{value}'")]
    Value {
        /// The option.
        name: String,
        /// The value that was given.
        value: String,
    },
    /// There is no such option.
    #[error("there is no option '{0}'; the options are region, style, public and class")]
    Option(String),
}

impl BucketAddress {
    /// The beginnings of such addresses.
    const SCHEMES: [&str; 2] = ["s3+https://", "s3+http://"];

    /// Returns whether a text is meant as the address of a bucket.
    pub fn is_one(text: &str) -> bool {
        BucketAddress::SCHEMES.iter().any(|scheme| text.trim().starts_with(scheme))
    }

    /// Returns whether others on the network can read what is sent.
    pub fn is_plain_http(&self) -> bool {
        snaplark_api::is_plain_http(&self.endpoint)
    }

    /// Returns host and port.
    pub fn host(&self) -> &str {
        self.endpoint.split_once("://").map_or(&self.endpoint, |(_, host)| host)
    }

    /// Returns the bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Returns the address under which everybody finds objects, if the person has named one. Without it, the link is
    /// the object's own address where everybody can read that, and else one that works for seven days.
    pub fn public(&self) -> Option<&str> {
        self.public.as_deref()
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn region(&self) -> &str {
        &self.region
    }

    pub(super) fn storage_class(&self) -> Option<&str> {
        self.storage_class.as_deref()
    }

    /// Returns the URL of the bucket.
    pub(super) fn bucket_url(&self) -> String {
        match self.style {
            AddressStyle::Path => format!("{}/{}", self.endpoint, encoded(&self.bucket, false)),
            AddressStyle::Virtual => match self.endpoint.split_once("://") {
                Some((scheme, host)) => format!("{scheme}://{}.{host}/", self.bucket),
                None => self.endpoint.clone(),
            },
        }
    }

    /// Returns the URL of an object.
    pub(super) fn object_url(&self, key: &str) -> String {
        let bucket = self.bucket_url();
        format!("{}/{}", bucket.trim_end_matches('/'), encoded(key, true))
    }

    /// Returns the public URL of an object, if there is one.
    pub(super) fn public_url(&self, key: &str) -> Option<String> {
        Some(self.public.as_ref()?.replace(KEY, &encoded(key, true)))
    }
}

impl FromStr for BucketAddress {
    type Err = BucketAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        use BucketAddressError as Wrong;
        let text = text.trim();
        let url = text.strip_prefix("s3+").filter(|_| BucketAddress::is_one(text));
        let url = url.and_then(|url| Url::parse(url).ok()).ok_or(Wrong::Scheme)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(Wrong::Scheme)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Wrong::Keys);
        }
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let endpoint = format!("{}://{host}{port}", url.scheme());
        let path = url.path().trim_matches('/');
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if bucket.is_empty() || !bucket.chars().all(plain) {
            return Err(Wrong::Bucket);
        }
        let value =
            |name: &str, value: &str| Wrong::Value { name: name.into(), value: value.into() };
        let decoded = percent_decoded(prefix).ok_or_else(|| value("prefix", prefix))?;
        if decoded.chars().any(char::is_control) {
            return Err(value("prefix", prefix));
        }
        let is_aws = host.ends_with(".amazonaws.com") || host == "s3.amazonaws.com";
        let mut address = BucketAddress {
            endpoint,
            bucket: bucket.to_owned(),
            prefix: if decoded.is_empty() { decoded } else { format!("{decoded}/") },
            region: region_of(host).unwrap_or(REGION_DEFAULT).to_owned(),
            style: if is_aws { AddressStyle::Virtual } else { AddressStyle::Path },
            public: None,
            storage_class: None,
        };
        for (name, given) in url.query_pairs() {
            let wrong = || value(&name, &given);
            match name.as_ref() {
                "region" if given.chars().all(plain) && !given.is_empty() => {
                    address.region = given.into_owned();
                }
                "style" => {
                    address.style = match given.as_ref() {
                        "path" => AddressStyle::Path,
                        "virtual" => AddressStyle::Virtual,
                        _ => return Err(wrong()),
                    };
                }
                "public" => {
                    let template = match given.contains(KEY) {
                        true => given.to_string(),
                        false => format!("{}/{KEY}", given.trim_end_matches('/')),
                    };
                    if !is_web_link(&template.replace(KEY, "key")) {
                        return Err(wrong());
                    }
                    address.public = Some(template);
                }
                "class" if given.chars().all(plain) && !given.is_empty() => {
                    address.storage_class = Some(given.into_owned());
                }
                "region" | "class" => return Err(wrong()),
                "key" | "secret" | "token" => return Err(Wrong::Keys),
                other => return Err(Wrong::Option(other.to_owned())),
            }
        }
        Ok(address)
    }
}

/// Writes the address in one form, whatever the person wrote, by which uploads know their bucket.
impl fmt::Display for BucketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = encoded(self.prefix.trim_end_matches('/'), true);
        write!(f, "s3+{}/{}", self.endpoint, self.bucket)?;
        if !prefix.is_empty() {
            write!(f, "/{prefix}")?;
        }
        let style = match self.style {
            AddressStyle::Path => "path",
            AddressStyle::Virtual => "virtual",
        };
        write!(f, "?region={}&style={style}", self.region)?;
        if let Some(public) = &self.public {
            write!(f, "&public={}", encoded(public, true))?;
        }
        if let Some(class) = &self.storage_class {
            write!(f, "&class={class}")?;
        }
        Ok(())
    }
}

/// Returns the region that an endpoint's name contains, as at Amazon, Backblaze and Hetzner.
fn region_of(host: &str) -> Option<&str> {
    let (before, _) = ["amazonaws.com", "backblazeb2.com"]
        .into_iter()
        .find_map(|domain| Some((host.strip_suffix(domain)?.strip_suffix('.')?, domain)))?;
    let region =
        before.strip_prefix("s3.").or_else(|| before.rsplit_once(".s3.").map(|it| it.1))?;
    Some(region.strip_prefix("dualstack.").unwrap_or(region)).filter(|it| !it.is_empty())
}

pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> BucketAddress {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn address_says_where_the_bucket_is_and_how_it_is_spoken_to() {
        let own = address("s3+http://nas.local:9000/videos/team/mine/?region=home");
        assert_eq!(own.object_url("a/b c.webm"), "http://nas.local:9000/videos/a/b%20c.webm");
        assert_eq!((own.prefix(), own.region()), ("team/mine/", "home"));
        assert!(own.is_plain_http() && own.host() == "nas.local:9000" && own.bucket() == "videos");
        let amazon = address("s3+https://s3.eu-central-1.amazonaws.com/videos?class=STANDARD_IA");
        assert_eq!(amazon.region(), "eu-central-1", "its host says so");
        assert_eq!(amazon.object_url("k"), "https://videos.s3.eu-central-1.amazonaws.com/k");
        assert_eq!(amazon.storage_class(), Some("STANDARD_IA"));
        assert!(!amazon.is_plain_http());
        let path = address("s3+https://s3.amazonaws.com/videos?style=path");
        assert_eq!(
            (path.bucket_url().as_str(), path.region()),
            ("https://s3.amazonaws.com/videos", "us-east-1")
        );
        let public = address("s3+https://a.example/b?public=https://v.example/x/{key}?raw=1");
        assert_eq!(
            public.public_url("p/k k").as_deref(),
            Some("https://v.example/x/p/k%20k?raw=1")
        );
        let folder = address("s3+https://a.example/b?public=https://v.example/");
        assert_eq!(folder.public(), Some("https://v.example/{key}"), "the key comes last");
    }

    #[test]
    fn address_has_one_form_however_it_was_written() {
        for text in [
            "s3+https://s3.example.com/videos",
            " s3+https://S3.example.com:443/videos/?style=path&region=us-east-1",
            "s3+https://s3.example.com/videos?region=us-east-1&style=path",
        ] {
            let written = address(text).to_string();
            assert_eq!(written, "s3+https://s3.example.com/videos?region=us-east-1&style=path");
            assert_eq!(address(&written), address(text));
        }
        let all = "s3+https://a.example/b/%C3%BC%20%26?region=r&style=virtual&public=https%3A%2F%2Fv.example%2F%7Bkey%7D%3Fa%3D1%26b&class=COLD";
        assert_eq!(address(&address(all).to_string()), address(all));
        assert_eq!(address(all).prefix(), "ü &/");
        assert_eq!(address(all).public(), Some("https://v.example/{key}?a=1&b"));
    }

    #[test]
    fn wrong_address_is_told_by_what_is_wrong() {
        use BucketAddressError as Wrong;
        for (text, wrong) in [
            ("https://s3.example.com/videos", Wrong::Scheme),
            ("s3://videos", Wrong::Scheme),
            ("s3+https://", Wrong::Scheme),
            ("s3+https://s3.example.com", Wrong::Bucket),
            ("s3+https://s3.example.com/a%2Fb", Wrong::Bucket),
            ("s3+https://id:secret@s3.example.com/videos", Wrong::Keys),
            ("s3+https://s3.example.com/videos?secret=x", Wrong::Keys),
            ("s3+https://s3.example.com/videos?acl=public", Wrong::Option("acl".into())),
            (
                "s3+https://s3.example.com/videos?style=folder",
                Wrong::Value { name: "style".into(), value: "folder".into() },
            ),
            (
                "s3+https://s3.example.com/videos?public=javascript:{key}",
                Wrong::Value { name: "public".into(), value: "javascript:{key}".into() },
            ),
            (
                "s3+https://s3.example.com/videos?region=",
                Wrong::Value { name: "region".into(), value: String::new() },
            ),
        ] {
            assert_eq!(text.parse::<BucketAddress>(), Err(wrong), "{text}");
        }
    }
}
