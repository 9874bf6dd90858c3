//! The stored form of the parts of versions. A recording of hours has thousands of parts, of which nearly all hold one
//! segment each; such parts that follow each other are one entry. So the row of a version is as small for hours as for a
//! minute.
//!
//! ```text
//! {"segments": [0, 1], "sizeBytes": 100}                     one part, as in rows of earlier programs
//! {"segments": [7, 3], "asRecorded": true}                   three parts of one segment each, whose sizes and digests
//!                                                            are those of the segments
//! {"segments": [7, 3], "sizes": [100, 101, 102]}             the same, as earlier programs wrote it
//! ```

use serde::{Deserialize, Serialize};
use snaplark_api::{PiecesRequest, digest_of_hex, hex};

use super::{EditedVersion, PartContent, ServedPart, VersionPart};

/// The number of hexadecimal digits of a digest.
const DIGITS: usize = 64;

/// The size of a segment and the digest of its bytes, as they were sealed.
pub type SegmentBytes = (u64, [u8; 32]);

/// The parts of a version that a link shows, in their stored form. Parts that hold one segment each, as it was recorded,
/// are not listed one by one.
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

/// A version of an edited recording in its stored form.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredEditedVersion {
    request: PiecesRequest,
    parts: Vec<StoredVersionParts>,
    duration_ms: u64,
}

impl StoredEditedVersion {
    /// Returns the stored form. `segments` are those of the recording, in their order.
    pub fn new(version: &EditedVersion, segments: &[SegmentBytes]) -> Self {
        let mut parts: Vec<StoredVersionParts> = Vec::new();
        for VersionPart { content, size_bytes } in &version.parts {
            let size_bytes = *size_bytes;
            let one = StoredVersionParts { size_bytes, ..StoredVersionParts::default() };
            match content {
                PartContent::Segments(segment, 1)
                    if segments.get(*segment as usize).is_some_and(|it| it.0 == size_bytes) =>
                {
                    match parts.last_mut() {
                        Some(StoredVersionParts {
                            segments: Some((first, count)),
                            as_recorded: true,
                            ..
                        }) if *first + *count == *segment => *count += 1,
                        _ => parts.push(StoredVersionParts {
                            segments: Some((*segment, 1)),
                            as_recorded: true,
                            ..StoredVersionParts::default()
                        }),
                    }
                }
                PartContent::Segments(first, count) => {
                    parts.push(StoredVersionParts { segments: Some((*first, *count)), ..one });
                }
                PartContent::File(name, sha256) => {
                    let file = Some((name.clone(), sha256.clone()));
                    parts.push(StoredVersionParts { file, ..one });
                }
            }
        }
        let (request, duration_ms) = (version.request.clone(), version.duration_ms);
        StoredEditedVersion { request, parts, duration_ms }
    }

    /// Returns the rendered files that it names.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| part.file.as_ref().map(|(name, _)| name.as_str()))
    }

    /// Returns the version. `None` if a segment that it names is not there, or if a part is not described.
    pub fn version(self, segments: &[SegmentBytes]) -> Option<EditedVersion> {
        let mut parts = Vec::new();
        for StoredVersionParts { segments: of, file, as_recorded, size_bytes, sizes } in self.parts
        {
            let single = |(segment, size_bytes)| {
                let content = PartContent::Segments(segment, 1);
                VersionPart { content, size_bytes }
            };
            match (of, file) {
                (Some((first, count)), None) if as_recorded => {
                    let recorded =
                        segments.get(first as usize..first.checked_add(count)? as usize)?;
                    parts.extend((first..).zip(recorded.iter().map(|it| it.0)).map(single));
                }
                (Some((first, count)), None) if sizes.is_empty() => {
                    let content = PartContent::Segments(first, count);
                    parts.push(VersionPart { content, size_bytes });
                }
                (Some((first, count)), None) if sizes.len() == count as usize => {
                    parts.extend((first..).zip(sizes).map(single));
                }
                (None, Some((name, sha256))) => {
                    let content = PartContent::File(name, sha256);
                    parts.push(VersionPart { content, size_bytes });
                }
                (Some(_) | None, Some(_) | None) => return None,
            }
        }
        let StoredEditedVersion { request, duration_ms, .. } = self;
        Some(EditedVersion { request, parts, duration_ms })
    }
}

/// Parts of a version as their row has them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StoredVersionParts {
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<(u32, u32)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<(String, String)>,
    /// Each of the segments is a part, with the bytes that were recorded.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    as_recorded: bool,
    size_bytes: u64,
    #[serde(skip_serializing)]
    sizes: Vec<u64>,
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
