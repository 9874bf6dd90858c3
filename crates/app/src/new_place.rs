//! The form that a person fills in to send items to another place, and the account that it makes.

use std::path::{Path, PathBuf};

use reqwest::Url;
use serde::Deserialize;
use snaplark_api::Profile;
use snaplark_destinations::{FolderAddress, Token};
use ts_rs::TS;

use crate::AppError;
use crate::account::{Account, BUCKET};

/// A place as a person describes it in a form or on the command line. Texts that were left empty count as missing.
#[derive(Clone, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[ts(export)]
pub enum NewPlace {
    /// A bucket that speaks the S3 protocol.
    Bucket {
        /// The address of the endpoint, without the bucket.
        endpoint: String,
        /// The bucket, which may be followed by `/` and a prefix.
        bucket: String,
        /// The region; the service's default without it.
        region: String,
        /// How the bucket is named: in the path, or in the host name.
        style: BucketStyle,
        /// The address under which objects can be read, with `{key}` in it. Without it links are signed or plain.
        public: String,
        /// The storage class.
        class: String,
        /// The id of the access key.
        key_id: String,
        /// The secret of the access key.
        secret: String,
    },
    /// A folder on this computer, or one that is mounted or synced.
    Folder {
        /// The folder's whole path.
        path: String,
        /// The address under which the folder is served, with `{name}` in it.
        public: String,
    },
    /// A server whose token the person has.
    Server {
        /// The server's address.
        address: String,
        /// The document that the server implements.
        #[ts(type = "\"spec\" | \"spec-standalone\" | \"snaplark\" | \"poster\" | \"storage\"")]
        profile: Profile,
        /// The token.
        token: String,
    },
}

/// How requests name a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum BucketStyle {
    /// `https://endpoint/bucket/key`.
    Path,
    /// `https://bucket.endpoint/key`.
    Virtual,
}

impl NewPlace {
    /// Returns what a person typed as the address.
    pub fn typed(&self) -> &str {
        match self {
            NewPlace::Bucket { endpoint, .. } => endpoint,
            NewPlace::Folder { path, .. } => path,
            NewPlace::Server { address, .. } => address,
        }
    }

    /// Returns the account with its token. Nothing is written or sent yet.
    pub fn account(self) -> Result<Account, AppError> {
        match self {
            NewPlace::Bucket { endpoint, bucket, region, style, public, class, key_id, secret } => {
                let bad = || AppError::BadServer { server: endpoint.clone() };
                let typed = endpoint.trim().trim_end_matches('/');
                let typed = match typed.contains("://") {
                    true => typed.to_owned(),
                    false => format!("https://{typed}"),
                };
                let bucket = bucket.trim().trim_matches('/');
                if bucket.is_empty() {
                    return Err(bad());
                }
                let style = match style {
                    BucketStyle::Path => "path",
                    BucketStyle::Virtual => "virtual",
                };
                let parameters = [
                    ("region", region.as_str()),
                    ("style", style),
                    ("public", &public),
                    ("class", &class),
                ];
                let address = with_parameters(&format!("{typed}/{bucket}"), &parameters);
                let address = address.ok_or_else(bad)?;
                let account = Account::at(&format!("{BUCKET}{address}"), Some(Profile::S3))?;
                let (key_id, secret) = (key_id.trim(), secret.trim());
                Ok(match key_id.is_empty() || secret.is_empty() {
                    true => account,
                    false => account.with_token(Token::new(format!("{key_id}:{secret}"))),
                })
            }
            NewPlace::Folder { path, public } => {
                let folder = FolderAddress::new(Path::new(path.trim()), Some(&public));
                let folder = folder.map_err(|_| AppError::BadServer { server: path })?;
                Account::at(&folder.to_string(), Some(Profile::Folder))
            }
            NewPlace::Server { address, profile, token } => {
                let typed = address.trim();
                let server = match typed.contains("://") {
                    true => typed.to_owned(),
                    false => format!("https://{typed}"),
                };
                let account = Account::at(&server, Some(profile))?;
                Ok(match token.trim() {
                    "" => account,
                    token => account.with_token(Token::new(token)),
                })
            }
        }
    }

    /// Returns the account of a text on the command line: an address, or the path of a folder, with what options add.
    pub fn of_text(
        text: &str,
        profile: Option<Profile>,
        options: &PlaceOptions,
    ) -> Result<Account, AppError> {
        let is_path = !text.contains("://") && !FolderAddress::is_meant(text);
        if is_path && let Some(path) = absolute(text) {
            let public = options.public.clone().unwrap_or_default();
            let path = path.to_string_lossy().into_owned();
            return NewPlace::Folder { path, public }.account();
        }
        let parameters = [
            ("region", options.region.as_deref()),
            ("style", options.style.as_deref()),
            ("public", options.public.as_deref()),
            ("class", options.class.as_deref()),
        ];
        let parameters: Vec<(&str, &str)> =
            parameters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        if parameters.is_empty() {
            return Account::at(text, profile);
        }
        let bad = || AppError::BadServer { server: text.to_owned() };
        match text.strip_prefix(BUCKET) {
            Some(rest) => {
                let address = with_parameters(rest, &parameters).ok_or_else(bad)?;
                Account::at(&format!("{BUCKET}{address}"), profile)
            }
            None if FolderAddress::is_meant(text) => {
                let folder = FolderAddress::parse(text).map_err(|_| bad())?;
                let public = options.public.clone().unwrap_or_default();
                NewPlace::Folder { path: folder.path().to_string_lossy().into_owned(), public }
                    .account()
            }
            None => Err(bad()),
        }
    }
}

/// The options of `snaplark login` for buckets and folders.
#[derive(Clone, Debug, Default)]
pub struct PlaceOptions {
    /// The region of a bucket.
    pub region: Option<String>,
    /// How requests name a bucket: `path` or `virtual`.
    pub style: Option<String>,
    /// The template of links.
    pub public: Option<String>,
    /// The storage class of a bucket.
    pub class: Option<String>,
}

/// Returns an address with these parameters, without those that are empty.
fn with_parameters(address: &str, parameters: &[(&str, &str)]) -> Option<String> {
    let mut url = Url::parse(address).ok()?;
    for (name, value) in parameters {
        let value = value.trim();
        if !value.is_empty() {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    Some(url.to_string())
}

/// Returns the folder that a path means, if it is one.
fn absolute(text: &str) -> Option<PathBuf> {
    let path = std::path::absolute(text).ok()?;
    path.is_dir().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_is_its_address_and_its_keys() {
        let bucket = NewPlace::Bucket {
            endpoint: "s3.eu-central-1.example.com/".into(),
            bucket: "videos/me".into(),
            region: "eu-central-1".into(),
            style: BucketStyle::Virtual,
            public: "https://cdn.example/{key}".into(),
            class: String::new(),
            key_id: " AKIA ".into(),
            secret: "s/e+c".into(),
        };
        let account = bucket.account().unwrap();
        assert_eq!(
            account.base_url,
            "s3+https://s3.eu-central-1.example.com/videos/me?region=eu-central-1&style=virtual\
             &public=https%3A//cdn.example/%7Bkey%7D"
        );
        assert_eq!(account.token.as_ref().map(Token::reveal), Some("AKIA:s/e+c"));
        assert_eq!(account.links_reach(), crate::LinkReach::Internet);
    }

    #[cfg(unix)]
    #[test]
    fn command_line_takes_addresses_and_paths_of_folders() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let options = PlaceOptions::default();
        let account = NewPlace::of_text(path, None, &options).unwrap();
        assert_eq!(account.server_name(), path);
        let served = PlaceOptions { public: Some("https://f.example".into()), ..options.clone() };
        for text in [path.to_owned(), format!("folder:{path}")] {
            let account = NewPlace::of_text(&text, None, &served).unwrap();
            assert_eq!(
                account.base_url,
                format!("folder:{path}?public=https://f.example/{{name}}")
            );
        }
        let server =
            NewPlace::of_text("https://v.example", Some(Profile::Poster), &options).unwrap();
        assert_eq!(server.profile, Profile::Poster);
        assert!(
            NewPlace::of_text("https://v.example", None, &served).is_err(),
            "no such option there"
        );
        assert!(NewPlace::of_text("/no/such/folder", None, &options).is_err());
    }
}
