//! An S3 bucket as storage. Credentials come from the environment, as in other S3 clients
//! (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, a role of the machine), and never from the URL.
//! `storage` reads and writes it; nothing here knows of parts or products.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use thiserror::Error;
use url::Url;

/// object_store's default of 30 s is too short for a part on a slow connection.
const REQUEST_MAX: Duration = Duration::from_secs(120);
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// `SlowDown` and connection resets usually pass. If the failure persists, the client sends the part
/// again.
const RETRIES_MAX: usize = 6;
const RETRY_MAX: Duration = Duration::from_secs(60);

/// The reason why a bucket can't be opened.
#[derive(Debug, Error)]
pub(crate) enum BucketError {
    /// The URL is invalid.
    #[error("{0}")]
    Address(String),
    #[error(transparent)]
    Store(#[from] object_store::Error),
}

/// An open bucket, or a prefix in it.
pub(crate) struct OpenedBucket {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) presigner: Presigner,
}

/// Creates presigned URLs of the bucket, for clients that send or fetch directly.
#[derive(Clone, Debug)]
pub(crate) struct Presigner {
    store: Arc<AmazonS3>,
    prefix: String,
}

impl Presigner {
    /// Returns a presigned URL. `answers` are the headers that the bucket must answer with.
    pub(crate) async fn address(
        &self,
        method: Method,
        key: &str,
        age: Duration,
        answers: &[(&str, &str)],
    ) -> Result<String, object_store::Error> {
        let path = Path::from(format!("{}/{key}", self.prefix));
        let options = SignedUrlOptions::default().with_query(answers.iter().copied());
        let url = self.store.signed_url_opts(method, &path, age, &options).await?;
        Ok(url.to_string())
    }
}

/// Opens `s3://bucket/prefix?endpoint=…&region=…`. The keys count only where the environment has none.
pub(crate) fn open(
    address: &str,
    keys: Option<&(String, String)>,
) -> Result<OpenedBucket, BucketError> {
    let wrong = |why: &str| {
        BucketError::Address(format!(
            "'{address}' is no storage address: {why}. For example s3://bucket?endpoint=https://s3.example.com&region=eu-1"
        ))
    };
    let url = Url::parse(address).map_err(|error| wrong(&error.to_string()))?;
    let bucket = url.host_str().filter(|_| url.scheme() == "s3");
    let bucket = bucket.ok_or_else(|| wrong("it begins with s3:// and a bucket"))?;
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        // The store verifies what it received.
        .with_checksum_algorithm(Checksum::SHA256)
        .with_retry(RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: RETRIES_MAX,
            retry_timeout: RETRY_MAX,
        });
    let mut client =
        ClientOptions::new().with_timeout(REQUEST_MAX).with_connect_timeout(CONNECT_MAX);
    for (name, value) in url.query_pairs() {
        builder = match name.as_ref() {
            "endpoint" => {
                client = client.with_allow_http(value.starts_with("http://"));
                builder.with_endpoint(value)
            }
            "region" => builder.with_region(value),
            other => return Err(wrong(&format!("it knows endpoint and region, not {other}"))),
        };
    }
    if let Some((id, secret)) = keys {
        builder = builder.with_access_key_id(id).with_secret_access_key(secret);
    }
    let bucket = Arc::new(builder.with_client_options(client).build()?);
    let prefix = url.path().trim_matches('/').to_owned();
    let store: Arc<dyn ObjectStore> = if prefix.is_empty() {
        bucket.clone()
    } else {
        Arc::new(PrefixStore::new(Arc::clone(&bucket), prefix.as_str()))
    };
    Ok(OpenedBucket { store, presigner: Presigner { store: bucket, prefix } })
}
