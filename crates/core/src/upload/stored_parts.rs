//! The stored form of the parts of versions. A recording of hours has thousands of parts, of which nearly all hold one
//! segment each; such parts that follow each other are one entry, with a list of sizes.
//!
//! ```text
//! {"segments": [0, 1], "sizeBytes": 100}                     one part, as in rows of earlier programs
//! {"segments": [7, 3], "sizes": [100, 101, 102]}             three parts of one segment each
//! ```

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{PartContent, ServedPart, VersionPart};

/// The number of hexadecimal digits of a digest.
const DIGITS: usize = 64;

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
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StoredServedParts {
    segments: Option<(u32, u32)>,
    init_bytes: u64,
    size_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sizes: Vec<u64>,
    /// The digests of the parts, one behind the other.
    #[serde(skip_serializing_if = "String::is_empty")]
    digests: String,
}

/// Writes and reads the parts that a server has.
pub(super) mod of_server {
    use super::{DIGITS, Deserialize, Deserializer, Serialize, Serializer};
    use super::{ServedPart, StoredServedParts};

    pub(crate) fn serialize<S: Serializer>(parts: &[ServedPart], to: S) -> Result<S::Ok, S::Error> {
        let mut stored: Vec<StoredServedParts> = Vec::new();
        for part in parts {
            let digest = part.sha256.as_ref().filter(|it| it.len() == DIGITS && it.is_ascii());
            let (Some((segment, 1)), 0, Some(digest)) = (part.segments, part.init_bytes, digest)
            else {
                let ServedPart { segments, init_bytes, size_bytes, sha256 } = part.clone();
                let one = StoredServedParts::default();
                stored.push(StoredServedParts { segments, init_bytes, size_bytes, sha256, ..one });
                continue;
            };
            match stored.last_mut() {
                Some(StoredServedParts {
                    segments: Some((first, count)), sizes, digests, ..
                }) if !sizes.is_empty() && *first + *count == segment => {
                    *count += 1;
                    sizes.push(part.size_bytes);
                    digests.push_str(digest);
                }
                _ => stored.push(StoredServedParts {
                    segments: Some((segment, 1)),
                    sizes: vec![part.size_bytes],
                    digests: digest.clone(),
                    ..StoredServedParts::default()
                }),
            }
        }
        stored.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<ServedPart>, D::Error> {
        use serde::de::Error as _;
        let mut parts = Vec::new();
        for stored in Vec::<StoredServedParts>::deserialize(from)? {
            let StoredServedParts { segments, init_bytes, size_bytes, sha256, sizes, digests } =
                stored;
            if sizes.is_empty() {
                parts.push(ServedPart { segments, init_bytes, size_bytes, sha256 });
                continue;
            }
            let is_whole = digests.is_ascii() && digests.len() == sizes.len() * DIGITS;
            let Some((first, _)) = segments.filter(|_| is_whole) else {
                return Err(D::Error::custom("the parts of a server are not described"));
            };
            parts.extend((0..).zip(sizes).map(|(at, size_bytes)| ServedPart {
                segments: Some((first + at, 1)),
                init_bytes: 0,
                size_bytes,
                sha256: Some(digests[at as usize * DIGITS..][..DIGITS].to_owned()),
            }));
        }
        Ok(parts)
    }
}
