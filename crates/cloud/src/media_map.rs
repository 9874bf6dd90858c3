//! A video as a map over the parts it came in: which bytes stand where. Pure.
//!
//! ```text
//! finished   head | part 0's clusters | part 1's clusters | … | Cues
//! growing    init | part 0's clusters | … as far as there is no gap   (only ever gets longer)
//! original   part 0 | part 1 | …
//! ```

use std::ops::Range;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use snaplark_webm::WebmError;

use crate::db::Part;
use crate::parts::{InitAt, Layout};
use crate::storage;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub source: Source,
    pub len_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Bytes(Bytes),
    Object { key: String, offset: u64 },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaMap {
    pieces: Vec<Piece>,
    len_bytes: u64,
}

impl MediaMap {
    pub fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    pub fn push_bytes(&mut self, bytes: Vec<u8>) {
        self.push(Piece { len_bytes: bytes.len() as u64, source: Source::Bytes(bytes.into()) });
    }

    /// A range of an object; one that goes on where the last piece ended makes that longer.
    pub fn push_object(&mut self, key: &str, range: Range<u64>) {
        let len_bytes = range.end.saturating_sub(range.start);
        if let Some(Piece { source: Source::Object { key: last, offset }, len_bytes: last_len }) =
            self.pieces.last_mut()
            && last == key
            && *offset + *last_len == range.start
        {
            *last_len += len_bytes;
            self.len_bytes += len_bytes;
            return;
        }
        let source = Source::Object { key: key.to_owned(), offset: range.start };
        self.push(Piece { source, len_bytes });
    }

    pub fn push_part(&mut self, part: &Part) {
        self.push_object(&part.object_key, 0..part.size_bytes);
    }

    /// The clusters of a part without its init; all of it where it can't be taken apart.
    pub fn push_media(&mut self, part: &Part) {
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

    /// The object that this is, where it is one from its beginning to its end.
    pub fn only_object(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece { source: Source::Object { key, offset: 0 }, .. }] => Some(key),
            _ => None,
        }
    }

    /// Of the bytes that are in no part, and of a file that was made instead of the parts.
    pub fn inline_fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for piece in &self.pieces {
            match &piece.source {
                Source::Bytes(bytes) => hash.update(bytes),
                Source::Object { key, .. } if storage::is_product(key) => hash.update(key),
                Source::Object { .. } => {}
            }
        }
        hex(&hash.finalize()[..4])
    }

    fn push(&mut self, piece: Piece) {
        if piece.len_bytes > 0 {
            self.len_bytes += piece.len_bytes;
            self.pieces.push(piece);
        }
    }

    /// The pieces of these bytes of the whole, the outer ones cut.
    pub fn slice(&self, range: Range<u64>) -> Vec<Piece> {
        let mut start = 0;
        let mut pieces = Vec::new();
        for piece in &self.pieces {
            let end = start + piece.len_bytes;
            let from = range.start.max(start);
            let to = range.end.min(end);
            if from < to {
                pieces.push(piece.cut(from - start..to - start));
            }
            start = end;
        }
        pieces
    }
}

impl Piece {
    fn cut(&self, range: Range<u64>) -> Piece {
        let source = match &self.source {
            Source::Bytes(bytes) => {
                Source::Bytes(bytes.slice(range.start as usize..range.end as usize))
            }
            Source::Object { key, offset } => {
                Source::Object { key: key.clone(), offset: offset + range.start }
            }
        };
        Piece { source, len_bytes: range.end - range.start }
    }
}

/// The header that stands for all of them: the first part's, unless another one says otherwise.
pub fn common_init(parts: &[Part]) -> Option<&InitAt> {
    let mut inits = parts.iter().filter_map(|part| match &part.layout {
        Layout::Clusters { init, .. } => init.as_ref(),
        Layout::Opaque => None,
    });
    let first = inits.next()?;
    let begins = matches!(&parts.first()?.layout, Layout::Clusters { init: Some(_), .. });
    (begins && inits.all(|init| init.tracks == first.tracks)).then_some(first)
}

/// The seekable video and its duration. `init` is the first part's.
pub fn finished(init: &[u8], parts: &[Part]) -> Result<(MediaMap, u64), WebmError> {
    let mut clusters = Vec::with_capacity(parts.len());
    for part in parts {
        if let Layout::Clusters { clusters: of_part, .. } = &part.layout {
            clusters.extend(of_part.iter().map(|cluster| cluster.cluster()));
        }
    }
    if clusters.is_empty() {
        return Err(WebmError::Missing("cluster"));
    }
    let finished = snaplark_webm::finish(init, &clusters)?;
    let mut map = MediaMap::default();
    map.push_bytes(finished.head);
    parts.iter().for_each(|part| map.push_media(part));
    map.push_bytes(finished.cues);
    Ok((map, finished.duration_ms))
}

/// Equal only for the same bytes in the same parts.
pub fn fingerprint(parts: &[Part]) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part.sha256));
    hex(&hash.finalize()[..16])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The whole of the parts as they came.
pub fn original(parts: &[Part]) -> MediaMap {
    let mut map = MediaMap::default();
    parts.iter().for_each(|part| map.push_part(part));
    map
}

/// What can be played of parts 0, 1, 2, … while more come: each answer begins with the one before.
pub fn growing(parts: &[Part]) -> MediaMap {
    let mut map = MediaMap::default();
    let Some(first) = parts.first() else { return map };
    if let Layout::Clusters { init: Some(init), .. } = &first.layout {
        map.push_object(&first.object_key, 0..init.len_bytes);
    }
    parts.iter().for_each(|part| map.push_media(part));
    map
}

/// The head of the row of parts that begins at 0 and has no gap.
pub fn contiguous(mut parts: Vec<Part>) -> Vec<Part> {
    let whole = parts.iter().zip(0_u32..).take_while(|(part, index)| part.index == *index).count();
    parts.truncate(whole);
    parts
}

/// Start and end of parts `first`, `first + 1`, … as far as there is no gap.
pub fn times(parts: &[Part], first: u32) -> Vec<(u64, u64)> {
    let in_a_row = parts.iter().zip(first..).take_while(|(part, index)| part.index == *index);
    in_a_row
        .map(|(part, _)| match &part.layout {
            Layout::Clusters { clusters, .. } => {
                let start = clusters.first().map_or(0, |cluster| cluster.start_ms());
                (start, clusters.iter().map(|cluster| cluster.end_ms()).max().unwrap_or(start))
            }
            Layout::Opaque => (0, 0),
        })
        .collect()
}

/// Where placeholders stand for what was damaged before it came; neighbours are one.
pub fn holes(parts: &[Part]) -> Vec<(u64, u64)> {
    let mut holes: Vec<(u64, u64)> = Vec::new();
    for part in parts {
        let Layout::Clusters { clusters, .. } = &part.layout else { continue };
        for cluster in clusters.iter().filter(|cluster| cluster.is_placeholder()) {
            match holes.last_mut() {
                Some((_, end_ms)) if *end_ms >= cluster.start_ms() => *end_ms = cluster.end_ms(),
                _ => holes.push((cluster.start_ms(), cluster.end_ms())),
            }
        }
    }
    holes
}

/// When the last of these parts is over.
pub fn end_ms(parts: &[Part]) -> u64 {
    let ends = parts.iter().flat_map(|part| match &part.layout {
        Layout::Clusters { clusters, .. } => clusters.as_slice(),
        Layout::Opaque => &[],
    });
    ends.map(|cluster| cluster.end_ms()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::{ClusterAt, InitAt};

    fn part(index: u32, init: Option<u64>, clusters: &[(u64, u64)]) -> Part {
        Part {
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
            is_damaged: false,
        }
    }

    /// The map's bytes, each object's byte being its place in the object.
    fn bytes(map: &MediaMap, range: Range<u64>) -> Vec<(String, u64)> {
        let mut out = Vec::new();
        for piece in map.slice(range) {
            let (name, start) = match piece.source {
                Source::Bytes(bytes) => (String::from_utf8(bytes.to_vec()).unwrap(), 0),
                Source::Object { key, offset } => (key, offset),
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
        map.push_bytes(b"c".to_vec());
        let whole = bytes(&map, 0..map.len_bytes());
        assert_eq!(whole.len() as u64, map.len_bytes());
        for start in 0..=map.len_bytes() {
            for end in start..=map.len_bytes() {
                let is = bytes(&map, start..end);
                // An inline piece names itself by what is left of it; its place is all that counts.
                assert_eq!(is.len() as u64, end - start);
                assert_eq!(is, whole[start as usize..end as usize], "{start}..{end}");
            }
        }
    }

    #[test]
    fn neighbours_in_one_object_are_one_piece() {
        let map = growing(&[part(0, Some(5), &[(5, 4), (9, 3)])]);
        assert_eq!(map.pieces.len(), 1);
        // A Void between two clusters is left out.
        let map = growing(&[part(0, Some(5), &[(5, 4), (11, 3)])]);
        assert_eq!(map.pieces.len(), 2);
    }

    #[test]
    fn a_gap_ends_what_can_be_played() {
        let parts = vec![part(0, None, &[]), part(1, None, &[]), part(3, None, &[])];
        assert_eq!(contiguous(parts).len(), 2);
        assert!(contiguous(vec![part(1, None, &[])]).is_empty());
    }
}
