//! A video as a map over its parts: it says which object holds which bytes of the video. Pure.
//!
//! ```text
//! finished   head | part 0's clusters | part 1's clusters | … | Cues
//! growing    init | part 0's clusters | … as far as there is no gap   (only ever gets longer)
//! original   part 0 | part 1 | …
//! ```

use std::ops::Range;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use snaplark_formats::webm::{Cluster, WebmError, moved_cluster_head};

use snaplark_api::hex;
use snaplark_cloud_data::db::StoredPart;
use snaplark_cloud_data::layout::{InitAt, Layout};
use snaplark_cloud_data::storage;

/// A range of one object, or bytes that are in no object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where the bytes are.
    pub source: PieceSource,
    /// How many they are.
    pub len_bytes: u64,
}

/// The place of the bytes of a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PieceSource {
    /// The bytes themselves: heads and indexes, which are made here.
    Bytes(Bytes),
    /// Bytes of an object, from this offset on.
    Object {
        /// The key of the object.
        key: String,
        /// The offset of the first byte.
        offset: u64,
    },
}

/// Holds each object's key once, and 24 bytes for each stretch. The map of the largest accepted video
/// stays below 5 MB, and all readers share it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaMap {
    objects: Vec<String>,
    /// All bytes that are in no object, concatenated.
    inline: Vec<u8>,
    stretches: Vec<Stretch>,
    len_bytes: u64,
}

/// A stretch of the video. It ends where the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    /// Its offset in the video.
    start: u64,
    /// Its offset in the object, or in `inline`.
    offset: u64,
    /// The index in `objects`, or `INLINE`.
    object: u32,
}

const INLINE: u32 = u32::MAX;
/// Inline bytes are copied for each reader, in pieces of this size.
const INLINE_PIECE_BYTES: u64 = 64 * 1024;
/// The version of the stored form. Changing it makes stored maps unreadable, so that they are built
/// again.
const STORED_VERSION: u8 = 1;

/// The stored form of a map, as JSON in the database.
#[derive(Serialize, Deserialize)]
struct StoredMap {
    version: u8,
    /// The common prefix of all keys.
    prefix: String,
    objects: Vec<String>,
    /// Base64.
    inline: String,
    /// Length, offset, object.
    stretches: Vec<(u64, u64, u32)>,
}

impl MediaMap {
    /// Returns the size of the video.
    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// Returns about how much memory it takes.
    pub fn held_bytes(&self) -> usize {
        let keys: usize = self.objects.iter().map(|key| key.capacity() + size_of::<String>()).sum();
        keys + self.inline.capacity() + self.stretches.capacity() * size_of::<Stretch>()
    }

    /// Appends bytes that are in no object.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        let offset = self.inline.len() as u64;
        self.inline.extend_from_slice(bytes);
        self.push(INLINE, offset, bytes.len() as u64);
    }

    /// Appends a range of an object. A range that continues the last stretch extends that one.
    pub fn push_object(&mut self, key: &str, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        if self.objects.last().is_none_or(|last| last != key) {
            self.objects.push(key.to_owned());
        }
        let object = u32::try_from(self.objects.len() - 1).unwrap_or(INLINE - 1);
        self.push(object, range.start, range.end - range.start);
    }

    /// Appends a whole part as it came.
    pub fn push_part(&mut self, part: &StoredPart) {
        self.push_object(&part.object_key, 0..part.size_bytes);
    }

    /// Appends a part's clusters at the times at which they are shown (`StoredPart::shift_ms`), without its
    /// init. The heads of clusters that are moved are made here; the stored bytes stay as they are.
    fn push_served(&mut self, part: &StoredPart) -> Result<(), WebmError> {
        for ServedCluster { head, rest, .. } in served(part)? {
            self.push_bytes(&head);
            self.push_object(&part.object_key, rest);
        }
        Ok(())
    }

    /// Appends a part's clusters as they came, without its init, or the whole part if its structure is
    /// unknown.
    pub fn push_media(&mut self, part: &StoredPart) {
        match &part.layout {
            Layout::Clusters { clusters, .. } => {
                for cluster in clusters.iter().map(|c| c.cluster()) {
                    let end = cluster.offset + cluster.size;
                    self.push_object(&part.object_key, cluster.offset..end);
                }
            }
            Layout::Opaque => self.push_part(part),
        }
    }

    /// Returns the object that the map consists of, if it is one object from beginning to end.
    pub fn only_object(&self) -> Option<&str> {
        match self.stretches.as_slice() {
            [Stretch { object, offset: 0, .. }] => {
                self.objects.get(*object as usize).map(String::as_str)
            }
            _ => None,
        }
    }

    /// Returns a hash of the bytes that are in no part, and of the key of a file that replaces the
    /// parts.
    pub fn inline_fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for (index, stretch) in self.stretches.iter().enumerate() {
            match self.objects.get(stretch.object as usize) {
                Some(key) if storage::is_product(key) => hash.update(key),
                Some(_) => {}
                None => {
                    let from = stretch.offset as usize;
                    let len = (self.end_of(index) - stretch.start) as usize;
                    hash.update(&self.inline[from..from + len]);
                }
            }
        }
        hex(&hash.finalize()[..4])
    }

    fn push(&mut self, object: u32, offset: u64, len_bytes: u64) {
        if len_bytes == 0 {
            return;
        }
        let goes_on = self.stretches.last().is_some_and(|last| {
            last.object == object && last.offset + (self.len_bytes - last.start) == offset
        });
        if !goes_on {
            self.stretches.push(Stretch { start: self.len_bytes, offset, object });
        }
        self.len_bytes += len_bytes;
    }

    fn end_of(&self, index: usize) -> u64 {
        self.stretches.get(index + 1).map_or(self.len_bytes, |next| next.start)
    }

    /// Returns the pieces of a range of the video, the outer ones cut. They are made one by one, so
    /// that a reader of the whole video holds no list of them.
    pub fn pieces(self: &Arc<Self>, range: Range<u64>) -> Pieces {
        let (at, end) = (range.start, range.end.min(self.len_bytes));
        let behind = self.stretches.partition_point(|stretch| stretch.start <= at);
        Pieces { map: Arc::clone(self), index: behind.saturating_sub(1), at, end }
    }

    /// Returns the stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let prefix = common_prefix(&self.objects);
        let stored = StoredMap {
            version: STORED_VERSION,
            prefix: prefix.to_owned(),
            objects: self.objects.iter().map(|key| key[prefix.len()..].to_owned()).collect(),
            inline: STANDARD.encode(&self.inline),
            stretches: (0..self.stretches.len())
                .map(|index| {
                    let Stretch { start, offset, object } = self.stretches[index];
                    (self.end_of(index) - start, offset, object)
                })
                .collect(),
        };
        serde_json::to_vec(&stored).unwrap_or_default()
    }

    /// Parses a stored map. Returns `None` if this program doesn't understand it.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let stored: StoredMap = serde_json::from_slice(bytes).ok()?;
        if stored.version != STORED_VERSION {
            return None;
        }
        let mut map = MediaMap {
            objects: stored.objects.iter().map(|key| format!("{}{key}", stored.prefix)).collect(),
            inline: STANDARD.decode(&stored.inline).ok()?,
            stretches: Vec::with_capacity(stored.stretches.len()),
            len_bytes: 0,
        };
        for (len_bytes, offset, object) in stored.stretches {
            let end = offset.checked_add(len_bytes)?;
            let is_there = match object {
                INLINE => end <= map.inline.len() as u64,
                object => (object as usize) < map.objects.len(),
            };
            if !is_there {
                return None;
            }
            map.stretches.push(Stretch { start: map.len_bytes, offset, object });
            map.len_bytes = map.len_bytes.checked_add(len_bytes)?;
        }
        Some(map)
    }
}

fn common_prefix(keys: &[String]) -> &str {
    let Some((first, others)) = keys.split_first() else { return "" };
    let mut len = first.len();
    for key in others {
        len = first.bytes().zip(key.bytes()).take(len).take_while(|(a, b)| a == b).count();
    }
    // Keys are ASCII. A key that isn't gets no prefix, because that could be cut in the middle of a
    // character.
    first.get(..len).filter(|_| first.is_ascii()).unwrap_or("")
}

/// Iterates over the pieces of a range. See `MediaMap::pieces`.
#[derive(Debug)]
pub struct Pieces {
    map: Arc<MediaMap>,
    index: usize,
    at: u64,
    end: u64,
}

impl Iterator for Pieces {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if self.at >= self.end {
            return None;
        }
        let stretch = *self.map.stretches.get(self.index)?;
        let stretch_end = self.map.end_of(self.index);
        let mut to = self.end.min(stretch_end);
        let offset = stretch.offset + (self.at - stretch.start);
        let source = match self.map.objects.get(stretch.object as usize) {
            Some(key) => PieceSource::Object { key: key.clone(), offset },
            None => {
                to = to.min(self.at + INLINE_PIECE_BYTES);
                let range = offset as usize..(offset + (to - self.at)) as usize;
                PieceSource::Bytes(Bytes::copy_from_slice(&self.map.inline[range]))
            }
        };
        let len_bytes = to - self.at;
        self.at = to;
        if to == stretch_end {
            self.index += 1;
        }
        Some(Piece { source, len_bytes })
    }
}

/// Returns the first part's header, if all parts that have a header agree about the tracks.
pub fn common_init(parts: &[StoredPart]) -> Option<&InitAt> {
    let mut inits = inits(parts);
    let first = inits.next()?;
    let begins = matches!(&parts.first()?.layout, Layout::Clusters { init: Some(_), .. });
    (begins && inits.all(|init| init.tracks == first.tracks)).then_some(first)
}

/// Returns the headers of the parts that have one.
pub fn inits(parts: &[StoredPart]) -> impl Iterator<Item = &InitAt> {
    parts.iter().filter_map(|part| match &part.layout {
        Layout::Clusters { init, .. } => init.as_ref(),
        Layout::Opaque => None,
    })
}

/// A cluster as visitors get it.
struct ServedCluster {
    cluster: Cluster,
    /// Replaces the cluster's own head, if the cluster is moved.
    head: Vec<u8>,
    /// The bytes of the part that follow.
    rest: Range<u64>,
}

/// Returns a part's clusters as they are served. Returns an error if one of them can't be moved there.
fn served(part: &StoredPart) -> Result<Vec<ServedCluster>, WebmError> {
    let Layout::Clusters { clusters, .. } = &part.layout else { return Ok(Vec::new()) };
    let served = clusters.iter().map(|at| {
        let mut cluster = at.shifted(part.shift_ms).cluster();
        if part.shift_ms == 0 {
            return Ok(ServedCluster { cluster, head: Vec::new(), rest: at.range() });
        }
        let refused = |reason| WebmError::Malformed { offset: cluster.offset, reason };
        let start_ms = at.start_ms().checked_add_signed(part.shift_ms);
        let start_ms = start_ms.ok_or(refused("a time before the beginning"))?;
        let head_bytes = at.head_bytes().filter(|head_bytes| *head_bytes <= cluster.size);
        let head_bytes = head_bytes.ok_or(refused("a cluster that can't be moved"))?;
        let rest = at.range().start + head_bytes..at.range().end;
        let head = moved_cluster_head(head_bytes, rest.end - rest.start, start_ms);
        cluster.size = head.len() as u64 + (rest.end - rest.start);
        Ok(ServedCluster { cluster, head, rest })
    });
    served.collect()
}

/// Builds the seekable video. Returns its map and its duration. `init` is the header of its tracks.
pub fn finished(init: &[u8], parts: &[StoredPart]) -> Result<(MediaMap, u64), WebmError> {
    let mut clusters = Vec::with_capacity(parts.len());
    for part in parts {
        clusters.extend(served(part)?.into_iter().map(|served| served.cluster));
    }
    if clusters.is_empty() {
        return Err(WebmError::Missing("cluster"));
    }
    let finished = snaplark_formats::webm::finish(init, &clusters)?;
    let mut map = MediaMap::default();
    map.push_bytes(&finished.head);
    for part in parts {
        map.push_served(part)?;
    }
    map.push_bytes(&finished.cues);
    Ok((map, finished.duration_ms))
}

/// Returns a hash that is equal only for the same bytes in the same parts.
pub fn fingerprint(parts: &[StoredPart]) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part.sha256));
    hex(&hash.finalize()[..16])
}

/// Returns the parts as received, one after the other.
pub fn original(parts: &[StoredPart]) -> MediaMap {
    let mut map = MediaMap::default();
    parts.iter().for_each(|part| map.push_part(part));
    map
}

/// Returns what can be played of parts 0, 1, 2, … while more arrive. Each later map begins with the
/// earlier one.
pub fn growing(parts: &[StoredPart]) -> MediaMap {
    let mut map = MediaMap::default();
    let Some(first) = parts.first() else { return map };
    if let Layout::Clusters { init: Some(init), .. } = &first.layout {
        map.push_object(&first.object_key, 0..init.len_bytes);
    }
    parts.iter().for_each(|part| map.push_media(part));
    map
}

/// Returns the parts from 0 on up to the first gap.
pub fn contiguous(mut parts: Vec<StoredPart>) -> Vec<StoredPart> {
    let whole = parts.iter().zip(0_u32..).take_while(|(part, index)| part.index == *index).count();
    parts.truncate(whole);
    parts
}

/// Returns start and end of parts `first`, `first + 1`, … up to the first gap.
pub fn times(parts: &[StoredPart], first: u32) -> Vec<(u64, u64)> {
    let in_a_row = parts.iter().zip(first..).take_while(|(part, index)| part.index == *index);
    in_a_row
        .map(|(part, _)| {
            let start = part.clusters().next().map_or(0, |cluster| cluster.start_ms());
            (start, part.clusters().map(|cluster| cluster.end_ms()).max().unwrap_or(start))
        })
        .collect()
}

/// Returns the times at which placeholders stand for what was damaged before the upload. Adjacent
/// placeholders are merged.
pub fn holes(parts: &[StoredPart]) -> Vec<(u64, u64)> {
    let mut holes: Vec<(u64, u64)> = Vec::new();
    let clusters = parts.iter().flat_map(|part| part.clusters());
    for cluster in clusters.filter(|cluster| cluster.is_placeholder()) {
        match holes.last_mut() {
            Some((_, end_ms)) if *end_ms >= cluster.start_ms() => *end_ms = cluster.end_ms(),
            _ => holes.push((cluster.start_ms(), cluster.end_ms())),
        }
    }
    holes
}

/// Returns the time at which the last of these parts ends.
pub fn end_ms(parts: &[StoredPart]) -> u64 {
    let clusters = parts.iter().flat_map(|part| part.clusters());
    clusters.map(|cluster| cluster.end_ms()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use snaplark_cloud_data::layout::{ClusterAt, InitAt};

    fn part(index: u32, init: Option<u64>, clusters: &[(u64, u64)]) -> StoredPart {
        StoredPart {
            index,
            object_key: format!("p{index}"),
            size_bytes: clusters.iter().map(|(offset, size)| offset + size).max().unwrap_or(7),
            sha256: [0; 32],
            layout: Layout::Clusters {
                init: init.map(|len_bytes| InitAt {
                    len_bytes,
                    tracks: String::new(),
                    codecs: String::new(),
                }),
                clusters: clusters
                    .iter()
                    .map(|(offset, size)| ClusterAt(*offset, *size, 0, 2000, 1))
                    .collect(),
            },
            row_bytes: 0,
            is_damaged: false,
            shift_ms: 0,
        }
    }

    /// Lists the bytes of the map, each with its object's name and its offset in the object.
    fn bytes(map: &Arc<MediaMap>, range: Range<u64>) -> Vec<(String, u64)> {
        let mut out = Vec::new();
        for piece in map.pieces(range) {
            let (name, start) = match piece.source {
                PieceSource::Bytes(bytes) => (String::from_utf8(bytes.to_vec()).unwrap(), 0),
                PieceSource::Object { key, offset } => (key, offset),
            };
            out.extend((0..piece.len_bytes).map(|at| (name.clone(), start + at)));
        }
        out
    }

    #[test]
    fn every_range_is_the_same_range_of_the_whole() {
        let mut map = growing(&[
            part(0, Some(5), &[(5, 4), (9, 3)]),
            part(1, None, &[(0, 6)]),
            part(2, Some(5), &[(5, 2)]),
        ]);
        map.push_bytes(b"c");
        let map = Arc::new(map);
        let whole = bytes(&map, 0..map.len_bytes());
        assert_eq!(whole.len() as u64, map.len_bytes());
        for start in 0..=map.len_bytes() {
            for end in start..=map.len_bytes() {
                let is = bytes(&map, start..end);
                // An inline piece is named by the bytes that are left of it, so only its position
                // counts.
                assert_eq!(is.len() as u64, end - start);
                assert_eq!(is, whole[start as usize..end as usize], "{start}..{end}");
            }
        }
    }

    #[test]
    fn neighbours_in_one_object_are_one_piece() {
        let map = growing(&[part(0, Some(5), &[(5, 4), (9, 3)])]);
        assert_eq!(map.stretches.len(), 1);
        // A Void element between two clusters is left out.
        let map = growing(&[part(0, Some(5), &[(5, 4), (11, 3)])]);
        assert_eq!(map.stretches.len(), 2);
    }

    #[test]
    fn moved_clusters_get_another_head_and_keep_their_bytes() {
        let mut at = [ClusterAt(5, 40, 6_000, 8_000, 1), ClusterAt(45, 30, 8_000, 9_000, 1)];
        at.iter_mut().for_each(|cluster| cluster.set_head_bytes(15));
        let mut moved = part(0, Some(5), &[]);
        moved.shift_ms = -6_000;
        moved.layout = Layout::Clusters { init: None, clusters: at.to_vec() };
        let served = super::served(&moved).unwrap();
        assert_eq!(served[0].rest, 20..45);
        assert_eq!((served[1].cluster.start_ms, served[1].cluster.end_ms), (2_000, 3_000));
        assert!(served.iter().all(|served| served.head.len() == 15));
        assert_eq!(times(std::slice::from_ref(&moved), 0), [(0, 3_000)]);
        // Further than to the beginning, or where it isn't known where the time stands.
        moved.shift_ms = -6_001;
        assert!(super::served(&moved).is_err());
        let mut unknown = part(0, None, &[(0, 9)]);
        assert!(super::served(&unknown).is_ok());
        unknown.shift_ms = 1;
        assert!(super::served(&unknown).is_err());
    }

    #[test]
    fn stored_map_is_read_back_as_it_was_and_a_foreign_one_is_not() {
        let mut map = growing(&[part(0, Some(5), &[(5, 4), (11, 3)]), part(1, None, &[(0, 6)])]);
        map.push_bytes(b"cues");
        let stored = map.to_bytes();
        assert_eq!(MediaMap::read(&stored), Some(map));
        let text = String::from_utf8(stored).unwrap();
        for (from, to) in
            [("\"version\":1", "\"version\":2"), ("[6,0,1]", "[6,0,2]"), ("[4,0,", "[5,0,")]
        {
            assert!(text.contains(from), "{text}");
            assert_eq!(MediaMap::read(text.replace(from, to).as_bytes()), None, "{to}");
        }
        assert_eq!(MediaMap::read(b"{"), None);
        assert_eq!(MediaMap::read(&MediaMap::default().to_bytes()), Some(MediaMap::default()));
    }

    #[test]
    fn inline_bytes_are_handed_out_in_bounded_pieces() {
        let mut map = MediaMap::default();
        map.push_bytes(&vec![7; 3 * INLINE_PIECE_BYTES as usize + 1]);
        let map = Arc::new(map);
        let lens: Vec<u64> = map.pieces(1..map.len_bytes()).map(|piece| piece.len_bytes).collect();
        assert_eq!(lens, [INLINE_PIECE_BYTES; 3]);
    }

    #[test]
    fn a_gap_ends_what_can_be_played() {
        let parts = vec![part(0, None, &[]), part(1, None, &[]), part(3, None, &[])];
        assert_eq!(contiguous(parts).len(), 2);
        assert!(contiguous(vec![part(1, None, &[])]).is_empty());
    }
}
