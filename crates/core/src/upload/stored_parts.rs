//! The stored form of the parts of versions. A recording of hours has thousands of parts, of which nearly all hold one
//! segment each; such parts that follow each other are one entry, with a list of sizes.
//!
//! ```text
//! {"segments": [0, 1], "sizeBytes": 100}                     one part, as in rows of earlier programs
//! {"segments": [7, 3], "sizes": [100, 101, 102]}             three parts of one segment each
//! {"segments": [7, 3], "asRecorded": true}                   the same: sizes and digests are those of the segments
//! ```

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use snaplark_api::{digest_of_hex, hex};

use super::{PartContent, ServedPart, VersionPart};

/// The number of hexadecimal digits of a digest.
const DIGITS: usize = 64;

/// The size of a segment and the digest of its bytes, as they were sealed.
pub type SegmentBytes = (u64, [u8; 32]);

/// The parts of a version that a link shows, in their stored form. Parts that hold one segment each, as it was recorded,
/// are not listed one by one, so the row of a version of hours is as small as that of a minute.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServedParts(Vec<StoredServedParts>);

impl ServedParts {
    /// Returns the stored form. `segments` are those of the recording, in their order.
    pub fn new(parts: &[ServedPart], segments: &[SegmentBytes]) -> Self {
        let mut stored: Vec<StoredServedParts> = Vec::new();
        for part in parts {
            let as_recorded = part.segments.filter(|(segment, count)| {
                let recorded = segments.get(*segment as usize).filter(|_| *count == 1);
                let digest = part.sha256.as_deref().and_then(digest_of_hex);
                part.init_bytes == 0
                    && recorded
                        .zip(digest)
                        .is_some_and(|(recorded, digest)| *recorded == (part.size_bytes, digest))
            });
            let Some((segment, _)) = as_recorded else {
                let ServedPart { segments, init_bytes, size_bytes, sha256 } = part.clone();
                let one = StoredServedParts::default();
                stored.push(StoredServedParts { segments, init_bytes, size_bytes, sha256, ..one });
                continue;
            };
            match stored.last_mut() {
                Some(StoredServedParts {
                    segments: Some((first, count)),
                    as_recorded: true,
                    ..
                }) if *first + *count == segment => *count += 1,
                _ => stored.push(StoredServedParts {
                    segments: Some((segment, 1)),
                    as_recorded: true,
                    ..StoredServedParts::default()
                }),
            }
        }
        ServedParts(stored)
    }

    /// Returns the parts. `None` if a segment that they name is not there, or if they are not described.
    pub fn parts(self, segments: &[SegmentBytes]) -> Option<Vec<ServedPart>> {
        let mut parts = Vec::new();
        for stored in self.0 {
            let StoredServedParts { segments: of, as_recorded, sizes, digests, .. } = stored;
            if as_recorded {
                let (first, count) = of?;
                let end = first.checked_add(count)?;
                let recorded = segments.get(first as usize..end as usize)?;
                parts.extend((first..).zip(recorded).map(|(segment, (size_bytes, digest))| {
                    let (size_bytes, sha256) = (*size_bytes, Some(hex(digest)));
                    ServedPart { segments: Some((segment, 1)), init_bytes: 0, size_bytes, sha256 }
                }));
                continue;
            }
            if sizes.is_empty() {
                let StoredServedParts { init_bytes, size_bytes, sha256, .. } = stored;
                parts.push(ServedPart { segments: of, init_bytes, size_bytes, sha256 });
                continue;
            }
            // Programs of before listed them one by one.
            let is_whole = digests.is_ascii() && digests.len() == sizes.len() * DIGITS;
            let (first, _) = of.filter(|_| is_whole)?;
            parts.extend((0..).zip(sizes).map(|(at, size_bytes)| ServedPart {
                segments: Some((first + at, 1)),
                init_bytes: 0,
                size_bytes,
                sha256: Some(digests[at as usize * DIGITS..][..DIGITS].to_owned()),
            }));
        }
        Some(parts)
    }
}

/// Parts of a version as their row has them.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StoredVersionParts {
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<(u32, u32)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<(String, String)>,
    size_bytes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sizes: Vec<u64>,
}

/// Writes and reads the parts of a version.
pub(super) mod of_version {
    use super::{Deserialize, Deserializer, PartContent, Serialize, Serializer};
    use super::{StoredVersionParts, VersionPart};

    pub(crate) fn serialize<S: Serializer>(
        parts: &[VersionPart],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let mut stored: Vec<StoredVersionParts> = Vec::new();
        for VersionPart { content, size_bytes } in parts {
            let size_bytes = *size_bytes;
            match content {
                PartContent::Segments(segment, 1) => match stored.last_mut() {
                    Some(StoredVersionParts { segments: Some((first, count)), sizes, .. })
                        if !sizes.is_empty() && *first + *count == *segment =>
                    {
                        *count += 1;
                        sizes.push(size_bytes);
                    }
                    _ => stored.push(StoredVersionParts {
                        segments: Some((*segment, 1)),
                        sizes: vec![size_bytes],
                        ..StoredVersionParts::default()
                    }),
                },
                PartContent::Segments(first, count) => stored.push(StoredVersionParts {
                    segments: Some((*first, *count)),
                    size_bytes,
                    ..StoredVersionParts::default()
                }),
                PartContent::File(name, sha256) => stored.push(StoredVersionParts {
                    file: Some((name.clone(), sha256.clone())),
                    size_bytes,
                    ..StoredVersionParts::default()
                }),
            }
        }
        stored.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<VersionPart>, D::Error> {
        use serde::de::Error as _;
        let mut parts = Vec::new();
        for StoredVersionParts { segments, file, size_bytes, sizes } in Vec::deserialize(from)? {
            match (segments, file) {
                (Some((first, count)), None) if sizes.is_empty() => {
                    let content = PartContent::Segments(first, count);
                    parts.push(VersionPart { content, size_bytes });
                }
                (Some((first, count)), None) if sizes.len() == count as usize => {
                    parts.extend((first..).zip(sizes).map(|(segment, size_bytes)| {
                        let content = PartContent::Segments(segment, 1);
                        VersionPart { content, size_bytes }
                    }));
                }
                (None, Some((name, sha256))) => {
                    let content = PartContent::File(name, sha256);
                    parts.push(VersionPart { content, size_bytes });
                }
                _ => return Err(D::Error::custom("a part of a version is not described")),
            }
        }
        Ok(parts)
    }
}

/// Parts that a server has, as their row has them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StoredServedParts {
    segments: Option<(u32, u32)>,
    /// Each of the segments is a part, with the bytes that were recorded.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    as_recorded: bool,
    init_bytes: u64,
    size_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing)]
    sizes: Vec<u64>,
    /// The digests of the parts, one behind the other.
    #[serde(skip_serializing)]
    digests: String,
}
