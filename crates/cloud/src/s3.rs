//! A bucket as a storage. Credentials come from the environment, as every S3 client has them
//! (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, a role of the machine), never from the address.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, Checksum};
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use url::Url;

use crate::storage::StorageError;

/// object_store's 30 s end a part on a slow line.
const REQUEST_MAX: Duration = Duration::from_secs(120);
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// `SlowDown` and resets pass; what doesn't is the client's to send again.
const RETRIES_MAX: usize = 6;
const RETRY_MAX: Duration = Duration::from_secs(60);

pub fn open(
    address: &str,
    keys: Option<&(String, String)>,
) -> Result<Arc<dyn ObjectStore>, StorageError> {
    let wrong = |why: &str| {
        StorageError::Address(format!(
            "'{address}' is no storage address: {why}. For example s3://bucket?endpoint=https://s3.example.com&region=eu-1"
        ))
    };
    let url = Url::parse(address).map_err(|error| wrong(&error.to_string()))?;
    let bucket = url.host_str().filter(|_| url.scheme() == "s3");
    let bucket = bucket.ok_or_else(|| wrong("it begins with s3:// and a bucket"))?;
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        // The store checks what it got.
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
    let store = builder.with_client_options(client).build()?;
    let prefix = url.path().trim_matches('/');
    Ok(if prefix.is_empty() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, prefix)) })
}
