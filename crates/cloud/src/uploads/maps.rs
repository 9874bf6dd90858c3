//! The maps that videos are served by. A map is built at finalize and stored in the database, but for versions that
//! keep parts of another one (`versions`): theirs is stored by the first request that finds none in memory. Each
//! process caches the maps in use in memory, up to `CACHE_BYTES_MAX`.
//!
//! A map belongs to one revision of its upload. Everything that changes the bytes of a video (a part,
//! damage and its repair, a new index) increments the revision in the same transaction, so an old map
//! is never requested again and the cache needs no invalidation. Building a map is CPU work over all
//! parts: it runs on the blocking pool, at most `BUILDS_MAX` at once, and a request that waited for
//! its turn checks the cache again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use snaplark_formats::sniff::MediaKind;
use tokio::sync::Semaphore;

use super::{UploadError, Uploads};
use crate::media_map::{self, MediaMap};
use crate::parts;
use crate::products::{INDEX, ProductKind, REMUX};
use crate::stream_index::StreamIndex;
use snaplark_cloud_data::db::{Assembly, NewMap, Product, SessionId, StoredPart, Upload};
use snaplark_cloud_data::layout::InitAt;

/// Room for about 30 maps of two hours each, or for 6 of the largest possible video.
const CACHE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The memory that a cached map takes in addition to its own bytes.
const ENTRY_BYTES: usize = 512;
/// The number of maps that are built at once. For the largest possible video a build takes tens of
/// megabytes.
const BUILDS_MAX: usize = 2;

/// A video as it can be watched now.
#[derive(Clone, Debug)]
pub struct Watchable {
    /// Where its bytes are.
    pub map: Arc<MediaMap>,
    /// Set once the content will not change any more.
    pub etag: Option<String>,
    /// The kind of file that it is.
    pub media: MediaKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum View {
    /// The parts that are here, up to the first gap.
    Growing,
    Finished,
    /// The parts as received, before or after finalize.
    Original {
        is_finished: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    session: SessionId,
    revision: i64,
    view: View,
}

/// The cache of maps. See the file's header.
#[derive(Debug)]
pub(super) struct Maps {
    kept: Mutex<MapCache>,
    building: Semaphore,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct MapCache {
    maps: HashMap<Key, CachedMap>,
    held_bytes: usize,
    /// Counts the look-ups, to find the least recently used map.
    turn: u64,
}

#[derive(Debug)]
struct CachedMap {
    watchable: Watchable,
    bytes: usize,
    used: u64,
}

impl Maps {
    pub(super) fn new() -> Self {
        Maps::holding(CACHE_BYTES_MAX)
    }

    fn holding(bytes_max: usize) -> Self {
        Maps { kept: Mutex::default(), building: Semaphore::new(BUILDS_MAX), bytes_max }
    }

    fn get(&self, key: &Key) -> Option<Watchable> {
        let mut kept = self.kept();
        kept.turn += 1;
        let turn = kept.turn;
        let entry = kept.maps.get_mut(key)?;
        entry.used = turn;
        Some(entry.watchable.clone())
    }

    /// Caches the map. Removes older revisions of the same view, and the least recently used maps
    /// until it fits.
    fn put(&self, key: Key, watchable: Watchable) {
        let bytes = watchable.map.held_bytes() + ENTRY_BYTES;
        let mut kept = self.kept();
        kept.retain(|old| old.session != key.session || old.view != key.view);
        while kept.held_bytes + bytes > self.bytes_max {
            let oldest = kept.maps.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| *key);
            let Some(oldest) = oldest else { return };
            kept.retain(|key| *key != oldest);
        }
        kept.turn += 1;
        let used = kept.turn;
        kept.held_bytes += bytes;
        kept.maps.insert(key, CachedMap { watchable, bytes, used });
    }

    fn kept(&self) -> MutexGuard<'_, MapCache> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MapCache {
    fn retain(&mut self, stays: impl Fn(&Key) -> bool) {
        let mut freed = 0;
        self.maps.retain(|key, entry| {
            let stays = stays(key);
            freed += if stays { 0 } else { entry.bytes };
            stays
        });
        self.held_bytes -= freed;
    }
}

impl Uploads {
    /// Returns the video as visitors get it: finished, or as far as it has come.
    pub async fn video(&self, upload: &Upload) -> Result<Watchable, UploadError> {
        let is_finished = upload.finished.is_some();
        self.view(upload, if is_finished { View::Finished } else { View::Growing }).await
    }

    /// Returns the parts as received, one after the other, up to the first gap. The parts of an edited
    /// version make a video only with the times at which they are shown, so it is served as visitors get it.
    pub async fn original(&self, upload: &Upload) -> Result<Watchable, UploadError> {
        if upload.is_edited && upload.finished.is_some() {
            return self.video(upload).await;
        }
        self.view(upload, View::Original { is_finished: upload.finished.is_some() }).await
    }

    async fn view(&self, upload: &Upload, view: View) -> Result<Watchable, UploadError> {
        let key = Key { session: upload.session_id, revision: upload.revision, view };
        if let Some(known) = self.maps.get(&key) {
            return Ok(known);
        }
        let _turn = self.maps.building.acquire().await.expect("the semaphore is never closed");
        if let Some(known) = self.maps.get(&key) {
            return Ok(known);
        }
        let built = match view {
            View::Growing => self.growing(upload).await?,
            View::Finished => self.finished(upload).await?,
            View::Original { .. } => self.as_it_came(upload).await?,
        };
        self.maps.put(key, built.clone());
        Ok(built)
    }

    /// Holds the map of a version that is finished now, which its first reader stores.
    pub(super) fn hold_map(&self, upload: &Upload, built: BuiltMap) {
        let key =
            Key { session: upload.session_id, revision: upload.revision, view: View::Finished };
        let BuiltMap { map, etag } = built;
        self.maps.put(key, Watchable { map, etag: Some(etag), media: upload.media });
    }

    async fn growing(&self, upload: &Upload) -> Result<Watchable, UploadError> {
        let parts = self.db.parts_from(upload.session_id, 0).await?;
        let map = blocking(move || media_map::growing(&media_map::contiguous(parts))).await;
        Ok(Watchable { map: Arc::new(map), etag: None, media: upload.media })
    }

    /// Returns the stored map. For a video that was finalized before maps were stored, builds and
    /// stores one.
    async fn finished(&self, upload: &Upload) -> Result<Watchable, UploadError> {
        let (session, revision, media) = (upload.session_id, upload.revision, upload.media);
        if let Some((etag, map)) = self.db.map(session, revision).await?
            && let Some(map) = blocking(move || MediaMap::read(&map)).await
        {
            return Ok(Watchable { map: Arc::new(map), etag: Some(etag), media });
        }
        let (map, etag) = self.build(upload).await?;
        let built = BuiltMap { map: Arc::new(map), etag };
        self.db.put_map(session, revision, &built.clone().stored().await).await?;
        let BuiltMap { map, etag } = built;
        Ok(Watchable { map, etag: Some(etag), media })
    }

    async fn build(&self, upload: &Upload) -> Result<(MediaMap, String), UploadError> {
        let Some(finished) = &upload.finished else { return Err(UploadError::NotFound) };
        let mut parts = self.db.parts_from(upload.session_id, 0).await?;
        parts.retain(|part| part.index < finished.parts_total);
        // A greater version is shown since `upload` was read, and the sweeper was here.
        if parts.len() != finished.parts_total as usize {
            return Err(UploadError::NotFound);
        }
        let is_damaged = parts.iter().any(|part| part.is_damaged);
        parts.retain(|part| !part.is_damaged);
        match finished.assembly {
            // The rest plays without the damaged parts, if there is still a header.
            Assembly::Mapped => match self.mapped(parts, self.kept_init(upload).await?).await {
                Err(UploadError::Unplayable(_)) if is_damaged => Err(UploadError::Damaged),
                mapped => {
                    let Mapped { map, parts, .. } = mapped?;
                    let etag = etag(&parts, &map);
                    Ok((map, etag))
                }
            },
            Assembly::Joined if is_damaged => Err(UploadError::Damaged),
            Assembly::Joined => {
                let index = self.seekable(upload).await?;
                let build = move || {
                    let map = match index {
                        Seekable::Index(bytes) => StreamIndex::read(&bytes)
                            .and_then(|index| index.map(&parts))
                            .unwrap_or_else(|| media_map::original(&parts)),
                        Seekable::Remux(map) => map,
                        Seekable::No => media_map::original(&parts),
                    };
                    let etag = etag(&parts, &map);
                    (map, etag)
                };
                Ok(blocking(build).await)
            }
        }
    }

    /// Builds the map of parts that consist of whole clusters. `kept_init` is the header that a version has
    /// kept of the one before it; otherwise the first part has it.
    pub(super) async fn mapped(
        &self,
        parts: Vec<StoredPart>,
        kept_init: Option<Vec<u8>>,
    ) -> Result<Mapped, UploadError> {
        let unplayable = |reason: &str| UploadError::Unplayable(reason.to_owned());
        let first = parts.first().ok_or_else(|| unplayable("there is no part"))?;
        let init = header(&parts, kept_init.as_deref())
            .ok_or_else(|| unplayable("the parts are not of one recording"))?;
        let init = match kept_init {
            Some(init) => bytes::Bytes::from(init),
            None => self.storage.read_range(&first.object_key, 0..init.len_bytes).await?,
        };
        blocking(move || {
            let (map, duration_ms) = media_map::finished(&init, &parts)
                .map_err(|error| UploadError::Unplayable(error.to_string()))?;
            Ok(Mapped { map, duration_ms, parts })
        })
        .await
    }

    /// Returns what a job made of parts that are cut at arbitrary positions.
    async fn seekable(&self, upload: &Upload) -> Result<Seekable, UploadError> {
        if let Some(index) = self.made(upload, &INDEX).await? {
            return Ok(Seekable::Index(self.storage.read(&index.object_key).await?));
        }
        if let Some(remux) = self.made(upload, &REMUX).await? {
            let mut map = MediaMap::default();
            map.push_object(&remux.object_key, 0..remux.size_bytes);
            return Ok(Seekable::Remux(map));
        }
        Ok(Seekable::No)
    }

    /// Returns a product of the video. Asks the database only if the upload's row names it.
    async fn made(
        &self,
        upload: &Upload,
        kind: &ProductKind,
    ) -> Result<Option<Product>, UploadError> {
        if !upload.has(&kind.name) {
            return Ok(None);
        }
        self.product(upload.session_id, kind).await
    }

    async fn as_it_came(&self, upload: &Upload) -> Result<Watchable, UploadError> {
        let mut parts = media_map::contiguous(self.db.parts_from(upload.session_id, 0).await?);
        let total = upload.finished.as_ref().map(|finished| finished.parts_total);
        parts.retain(|part| total.is_none_or(|total| part.index < total));
        if parts.iter().any(|part| part.is_damaged) {
            return Err(UploadError::Damaged);
        }
        let etag = upload.finished.as_ref().map(|finished| format!("\"{}\"", finished.etag));
        let map = blocking(move || media_map::original(&parts)).await;
        Ok(Watchable { map: Arc::new(map), etag, media: upload.media })
    }
}

/// Returns the header of all parts: the one that was kept, or else the first part's. Returns `None` if there
/// is none, or a part has another one.
pub(super) fn header(parts: &[StoredPart], kept_init: Option<&[u8]>) -> Option<InitAt> {
    let Some(kept) = kept_init else { return media_map::common_init(parts).cloned() };
    let kept = parts::init_at(&snaplark_formats::webm::read_init(kept).ok()?);
    media_map::inits(parts).all(|init| init.tracks == kept.tracks).then_some(kept)
}

enum Seekable {
    Index(bytes::Bytes),
    Remux(MediaMap),
    No,
}

/// The map of a finished video, with its ETag.
#[derive(Clone)]
pub(super) struct BuiltMap {
    map: Arc<MediaMap>,
    etag: String,
}

impl BuiltMap {
    /// Adds the ETag to the map of these parts.
    pub(super) async fn new(parts: Vec<StoredPart>, map: MediaMap) -> Self {
        blocking(move || BuiltMap { etag: etag(&parts, &map), map: Arc::new(map) }).await
    }

    /// Returns the form in which it is stored.
    pub(super) async fn stored(self) -> NewMap {
        let BuiltMap { map, etag } = self;
        blocking(move || NewMap { etag, map: map.to_bytes() }).await
    }
}

pub(super) struct Mapped {
    pub map: MediaMap,
    pub duration_ms: u64,
    pub parts: Vec<StoredPart>,
}

/// Returns the ETag. It differs if damaged parts are left out, and also if a newer version of the
/// program writes another head.
fn etag(parts: &[StoredPart], map: &MediaMap) -> String {
    format!("\"{}-{}\"", media_map::fingerprint(parts), map.inline_fingerprint())
}

/// Runs CPU work on the blocking pool, so that it holds up no other request.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn key(session: u128, revision: i64) -> Key {
        let session = SessionId(Uuid::from_u128(session));
        Key { session, revision, view: View::Finished }
    }

    fn watchable(bytes: usize) -> Watchable {
        let mut map = MediaMap::default();
        map.push_bytes(&vec![0; bytes]);
        Watchable { map: Arc::new(map), etag: None, media: MediaKind::Webm }
    }

    #[test]
    fn cache_drops_what_was_not_used_for_longest_and_stays_below_its_bound() {
        let maps = Maps::holding(10_000);
        for session in 0..3 {
            maps.put(key(session, 1), watchable(2_000));
        }
        assert!(maps.get(&key(0, 1)).is_some());
        maps.put(key(3, 1), watchable(3_000));
        assert!(maps.get(&key(1, 1)).is_none(), "it was used before the others");
        assert!([0, 2, 3].iter().all(|session| maps.get(&key(*session, 1)).is_some()));
        assert!(maps.kept().held_bytes <= 10_000);
        maps.put(key(9, 1), watchable(20_000));
        assert!(maps.get(&key(9, 1)).is_none(), "one that is too large is not kept");
        assert_eq!(maps.kept().held_bytes, 0);
    }

    #[test]
    fn cache_keeps_one_revision_of_a_video() {
        let maps = Maps::holding(100_000);
        for revision in 0..50 {
            maps.put(key(1, revision), watchable(1_000));
        }
        assert_eq!(maps.kept().maps.len(), 1);
        assert!(maps.get(&key(1, 49)).is_some() && maps.get(&key(1, 48)).is_none());
    }
}
