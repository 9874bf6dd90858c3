//! The storage interface: objects by key, written as streams and read by ranges. The objects are
//! files below a folder, or lie in a bucket of any S3-compatible store (`s3`).
//!
//! `finish` returns when the object is durable: a file is written, synced and renamed, and its folder
//! is synced; a bucket has answered. An object is never changed under its key, so a part that comes
//! again gets a new key.

use std::ops::Range;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use crate::{file_stream, private};

/// The number of bytes of an object that are buffered while it is written, times `WRITES_IN_FLIGHT`.
const WRITE_BUFFER_BYTES: usize = 256 * 1024;
const WRITES_IN_FLIGHT: usize = 2;
/// Rate-limited reads pause after each chunk of this size.
const BREATH_BYTES: u64 = 256 * 1024;
/// S3 accepts no piece below 5 MiB. Parts are no larger than this, so each is sent in one request.
#[cfg(feature = "s3")]
const WHOLE_PART_BYTES: usize = snaplark_api::limits::PART_BYTES_MAX as usize + 1;

const PRODUCTS: &str = "products/";

/// An error of the storage.
#[derive(Debug, Error)]
pub enum StorageError {
    /// The store refused, or could not be reached.
    #[error("the storage did not take or give an object: {0}")]
    Store(#[from] object_store::Error),
    /// A file or folder could not be written.
    #[error("the storage did not take an object: {0}")]
    Write(#[from] std::io::Error),
    /// A file could not be read.
    #[error("the storage did not give an object: {0}")]
    Read(std::io::Error),
    /// The storage URL is invalid.
    #[error("{0}")]
    Address(String),
}

/// A store of objects: a folder or a bucket.
#[derive(Clone, Debug)]
pub struct Storage {
    store: Arc<dyn ObjectStore>,
    /// The objects' folder, if they are files.
    folder: Option<PathBuf>,
    write_buffer_bytes: usize,
    #[cfg(feature = "s3")]
    presigner: Option<crate::s3::Presigner>,
}

/// A range of one object, or bytes that are in no object.
#[derive(Clone, Debug)]
pub enum Extent {
    /// The bytes themselves.
    Bytes(Bytes),
    /// Bytes of an object.
    Object {
        /// The key of the object.
        key: String,
        /// Which of its bytes.
        range: Range<u64>,
    },
}

/// An object in a listing.
#[derive(Clone, Debug)]
pub struct StoredObject {
    /// The key under which it is read.
    pub key: String,
    /// When it was written.
    pub modified_ms: i64,
}

#[cfg(feature = "s3")]
impl From<crate::s3::BucketError> for StorageError {
    fn from(error: crate::s3::BucketError) -> Self {
        match error {
            crate::s3::BucketError::Address(why) => StorageError::Address(why),
            crate::s3::BucketError::Store(error) => StorageError::Store(error),
        }
    }
}

impl StorageError {
    /// Returns whether the object doesn't exist. Every other error may pass.
    pub fn is_missing(&self) -> bool {
        match self {
            StorageError::Store(object_store::Error::NotFound { .. }) => true,
            StorageError::Read(error) => error.kind() == std::io::ErrorKind::NotFound,
            StorageError::Store(_) | StorageError::Write(_) | StorageError::Address(_) => false,
        }
    }
}

impl Storage {
    /// Opens a storage of files below `folder`, which must exist.
    pub fn local(folder: &FsPath) -> Result<Self, StorageError> {
        let store =
            LocalFileSystem::new_with_prefix(folder)?.with_fsync(true).with_automatic_cleanup(true);
        Ok(Storage {
            store: Arc::new(store),
            folder: Some(folder.to_owned()),
            write_buffer_bytes: WRITE_BUFFER_BYTES,
            #[cfg(feature = "s3")]
            presigner: None,
        })
    }

    /// Opens a bucket: `s3://bucket/prefix?endpoint=…&region=…`.
    #[cfg(feature = "s3")]
    pub fn remote(url: &str, keys: Option<&(String, String)>) -> Result<Self, StorageError> {
        let crate::s3::OpenedBucket { store, presigner } = crate::s3::open(url, keys)?;
        let presigner = Some(presigner);
        Ok(Storage { store, folder: None, write_buffer_bytes: WHOLE_PART_BYTES, presigner })
    }

    /// Fails: this program has no S3.
    #[cfg(not(feature = "s3"))]
    pub fn remote(_: &str, _: Option<&(String, String)>) -> Result<Self, StorageError> {
        Err(StorageError::Address(
            "This program was built without S3: it has no feature \"s3\".".to_owned(),
        ))
    }

    /// Begins writing a product of an upload.
    pub fn product_writer(&self, session: Uuid, name: &str) -> ObjectWriter {
        self.writer_at(format!("{PRODUCTS}{session}/{}.{name}", Uuid::now_v7().simple()))
    }

    /// Begins writing an object under a new key. `part` names its upload and index, if they are known
    /// before its bytes arrive.
    pub fn writer(&self, part: Option<(Uuid, u32)>) -> ObjectWriter {
        self.writer_at(part.map_or_else(|| format!("incoming/{}.webm", Uuid::now_v7()), part_key))
    }

    /// Begins writing a picture, whose upload is made when its bytes are known.
    pub fn image_writer(&self) -> ObjectWriter {
        self.writer_at(format!("images/{}", Uuid::now_v7()))
    }

    fn writer_at(&self, key: String) -> ObjectWriter {
        let out = BufWriter::with_capacity(
            Arc::clone(&self.store),
            Path::from(key.as_str()),
            self.write_buffer_bytes,
        )
        .with_max_concurrency(WRITES_IN_FLIGHT);
        let folder = self.folder.clone();
        ObjectWriter { out, folder, key, size_bytes: 0, sha256: Sha256::new() }
    }

    /// Returns the key under which a client may upload a file directly, once.
    pub fn incoming_key(session: Uuid) -> String {
        format!("incoming/{session}")
    }

    /// Begins writing such a file if the client sends it through this server after all.
    pub fn incoming_writer(&self, session: Uuid) -> ObjectWriter {
        self.writer_at(Storage::incoming_key(session))
    }

    /// Moves an object whose part was not known at first to the key of its part.
    pub async fn rename(&self, key: &str, part: (Uuid, u32)) -> Result<String, StorageError> {
        let to = part_key(part);
        self.store.rename(&Path::from(key), &Path::from(to.as_str())).await?;
        if let Some(folder) = &self.folder {
            private::close_up_to(folder, &folder.join(&to))?;
        }
        Ok(to)
    }

    /// Returns a presigned URL of an object, for clients that send or fetch it directly. Returns
    /// `None` if the storage has no such URLs.
    #[cfg(feature = "s3")]
    pub async fn presigned(
        &self,
        method: http::Method,
        key: &str,
        age: Duration,
        answers: &[(&str, &str)],
    ) -> Result<Option<String>, StorageError> {
        match &self.presigner {
            Some(presigner) => Ok(Some(presigner.address(method, key, age, answers).await?)),
            None => Ok(None),
        }
    }

    /// Returns no address: this program has no S3.
    #[cfg(not(feature = "s3"))]
    pub async fn presigned(
        &self,
        _: http::Method,
        _: &str,
        _: Duration,
        _: &[(&str, &str)],
    ) -> Result<Option<String>, StorageError> {
        Ok(None)
    }

    /// Returns the size of an object, or `None` if it doesn't exist.
    pub async fn size(&self, key: &str) -> Result<Option<u64>, StorageError> {
        match self.store.head(&Path::from(key)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a whole object into memory.
    pub async fn read(&self, key: &str) -> Result<Bytes, StorageError> {
        Ok(self.store.get(&Path::from(key)).await?.bytes().await?)
    }

    /// Reads some bytes of an object into memory.
    pub async fn read_range(&self, key: &str, range: Range<u64>) -> Result<Bytes, StorageError> {
        Ok(self.store.get_range(&Path::from(key), range).await?)
    }

    /// Streams extents one after the other. Each object is opened when it is needed.
    pub fn stream_extents(
        &self,
        extents: impl Iterator<Item = Extent> + Send + 'static,
    ) -> BoxStream<'static, Result<Bytes, StorageError>> {
        if let Some(folder) = self.folder.clone() {
            return file_stream::stream(folder, extents).map_err(StorageError::Read).boxed();
        }
        let storage = self.clone();
        let opened = futures_util::stream::iter(extents).then(move |extent| {
            let storage = storage.clone();
            async move {
                match extent {
                    Extent::Bytes(bytes) => {
                        Ok(futures_util::stream::once(async { Ok(bytes) }).boxed())
                    }
                    Extent::Object { key, range } => storage.stream(&key, range).await,
                }
            }
        });
        opened.try_flatten().boxed()
    }

    /// Streams some bytes of an object. Fails if it doesn't exist.
    pub async fn stream(
        &self,
        key: &str,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, StorageError>>, StorageError> {
        if let Some(folder) = &self.folder {
            tokio::fs::metadata(folder.join(key)).await.map_err(StorageError::Read)?;
            let extent = Extent::Object { key: key.to_owned(), range };
            return Ok(self.stream_extents(std::iter::once(extent)));
        }
        let options = GetOptions { range: Some(range.into()), ..GetOptions::default() };
        let got = self.store.get_opts(&Path::from(key), options).await?;
        Ok(got.into_stream().map(|bytes| Ok(bytes?)).boxed())
    }

    /// Returns the digest of the object's current bytes, or `None` if it doesn't exist. Reads no
    /// faster than `bytes_per_second`.
    pub async fn sha256(
        &self,
        key: &str,
        bytes_per_second: Option<u64>,
    ) -> Result<Option<[u8; 32]>, StorageError> {
        let mut bytes = match self.store.get(&Path::from(key)).await {
            Ok(got) => got.into_stream(),
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let (mut hash, mut ahead_bytes) = (Sha256::new(), 0);
        while let Some(bytes) = bytes.next().await {
            let bytes = bytes?;
            hash.update(&bytes);
            ahead_bytes += bytes.len() as u64;
            if let Some(rate) = bytes_per_second
                && ahead_bytes >= BREATH_BYTES
            {
                tokio::time::sleep(Duration::from_secs_f64(ahead_bytes as f64 / rate as f64)).await;
                ahead_bytes = 0;
            }
        }
        Ok(Some(hash.finalize().into()))
    }

    /// Returns the same result as a writer, for an object that was written by someone else.
    pub async fn written(&self, key: String) -> Result<Written, StorageError> {
        let got = self.store.get(&Path::from(key.as_str())).await?;
        let mut bytes = got.into_stream();
        let (mut size_bytes, mut sha256) = (0, Sha256::new());
        while let Some(bytes) = bytes.next().await {
            let bytes = bytes?;
            size_bytes += bytes.len() as u64;
            sha256.update(&bytes);
        }
        Ok(Written { key, size_bytes, sha256: sha256.finalize().into() })
    }

    /// Deletes an object. It is no error if it no longer exists.
    pub async fn delete(&self, key: &str) -> Result<(), StorageError> {
        if let Some(folder) = self.folder.as_ref().filter(|_| is_staged(key)) {
            return match tokio::fs::remove_file(folder.join(key)).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                Ok(()) | Err(_) => Ok(()),
            };
        }
        match self.store.delete(&Path::from(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns up to `limit` objects after `after`, in a stable order. Includes unfinished files that
    /// a crashed process left behind.
    pub async fn page(&self, after: &str, limit: usize) -> Result<Vec<StoredObject>, StorageError> {
        if let Some(folder) = self.folder.clone() {
            let after = PathBuf::from(after);
            let walk = move || {
                let mut found = Vec::new();
                walk(&folder, FsPath::new(""), &after, limit, &mut found).map(|()| found)
            };
            let walked = tokio::task::spawn_blocking(walk).await.map_err(std::io::Error::other)?;
            return Ok(walked?);
        }
        let objects = self.store.list_with_offset(None, &Path::from(after)).take(limit);
        let stored = objects.map_ok(|meta| StoredObject {
            key: meta.location.to_string(),
            modified_ms: meta.last_modified.timestamp_millis(),
        });
        Ok(stored.try_collect().await?)
    }

    /// Checks that the storage can be reached, and that its folder is not read-only (`/readyz`).
    pub async fn probe(&self) -> Result<(), StorageError> {
        let Some(folder) = &self.folder else {
            return match self.store.head(&Path::from("probe")).await {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(error.into()),
            };
        };
        let folder = tokio::fs::metadata(folder).await?;
        if folder.permissions().readonly() {
            return Err(std::io::Error::from(std::io::ErrorKind::PermissionDenied).into());
        }
        Ok(())
    }
}

/// Collects the files below `at` that come after `after`, folder by folder in the order of their
/// names.
fn walk(
    root: &FsPath,
    at: &FsPath,
    after: &FsPath,
    limit: usize,
    found: &mut Vec<StoredObject>,
) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(root.join(at)) {
        Ok(entries) => entries,
        // The folder was emptied and removed meanwhile.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(at.join(entry?.file_name()));
    }
    names.sort_unstable();
    for path in names {
        if found.len() >= limit {
            return Ok(());
        }
        let is_behind = path.as_path() > after || after.starts_with(&path);
        let meta = root.join(&path).symlink_metadata();
        let Some(meta) = meta.ok().filter(|_| is_behind) else { continue };
        if meta.is_dir() {
            walk(root, &path, after, limit, found)?;
        } else if path.as_path() > after {
            let since = meta.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let names: Vec<_> = path.iter().map(|name| name.to_string_lossy()).collect();
            let modified_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
            found.push(StoredObject { key: names.join("/"), modified_ms });
        }
    }
    Ok(())
}

/// Returns a new key for a part: the file name of the specifications, made unique. A part that comes
/// again never overwrites one that is being read.
fn part_key((session, index): (Uuid, u32)) -> String {
    let unique = Uuid::now_v7().simple();
    format!("sessions/{session}/{session}_chunk_{index}.{unique}.webm")
}

/// Returns whether the object is a product and not a part.
pub fn is_product(key: &str) -> bool {
    key.starts_with(PRODUCTS)
}

/// Returns whether the file is unfinished: the local store first writes `name#N` and then renames it.
fn is_staged(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Writes one object. Nothing is stored under its key before `finish`.
#[derive(Debug)]
pub struct ObjectWriter {
    out: BufWriter,
    /// The objects' folder, if they are files.
    folder: Option<PathBuf>,
    key: String,
    size_bytes: u64,
    sha256: Sha256,
}

/// A durable object.
#[derive(Clone, Debug)]
pub struct Written {
    /// The key that its row will name.
    pub key: String,
    /// Its size.
    pub size_bytes: u64,
    /// The digest of its bytes.
    pub sha256: [u8; 32],
}

impl ObjectWriter {
    /// Adds bytes. They may still be in memory when it returns.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        self.size_bytes += bytes.len() as u64;
        self.sha256.update(&bytes);
        Ok(self.out.put(bytes).await?)
    }

    /// Returns how many bytes were added so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Returns when the object is durable.
    pub async fn finish(mut self) -> Result<Written, StorageError> {
        self.out.shutdown().await?;
        // The store sets no file modes. Until here the private folder of the objects protects the
        // file.
        if let Some(folder) = &self.folder {
            private::close_up_to(folder, &folder.join(&self.key))?;
        }
        Ok(Written {
            key: self.key,
            size_bytes: self.size_bytes,
            sha256: self.sha256.finalize().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pages_show_everything_once() {
        let folder = tempfile::tempdir().unwrap();
        // A folder whose name is a prefix of another's, and a file beside it.
        let keys = ["a", "a-b/c", "a.b", "b/c", "b/d/e", "b/d/e#1", "b/f", "b-/a", "z/z/z"];
        for key in keys {
            let file = folder.path().join(key);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "x").unwrap();
        }
        std::fs::create_dir(folder.path().join("empty")).unwrap();
        let storage = Storage::local(folder.path()).unwrap();
        for limit in 1..=keys.len() + 1 {
            let (mut seen, mut after) = (Vec::new(), String::new());
            loop {
                let page = storage.page(&after, limit).await.unwrap();
                assert!(page.len() <= limit);
                let Some(last) = page.last() else { break };
                after = last.key.clone();
                seen.extend(page.into_iter().map(|stored| stored.key));
            }
            seen.sort();
            let mut all = keys.to_vec();
            all.sort_unstable();
            assert_eq!(seen, all, "{limit} at once");
        }
    }

    #[tokio::test]
    async fn object_that_is_gone_is_deleted_without_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::local(folder.path()).unwrap();
        for key in ["a/b.webm", "a/b.webm#1"] {
            storage.delete(key).await.unwrap();
        }
    }

    #[test]
    fn only_names_of_the_stores_own_are_staged() {
        assert!(is_staged("a_chunk_1.x.webm#1"));
        for name in ["a.webm", "a.webm#", "a#b.webm", "a.webm#1x"] {
            assert!(!is_staged(name), "{name}");
        }
    }
}
