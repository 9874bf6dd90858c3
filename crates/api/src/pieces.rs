//! The pieces of a version of a video: which bytes of the version before it are kept, and which are new.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The request of `PUT /videos/{sessionId}/pieces`: what a version of a video consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PiecesRequest {
    /// The version to which `keep` refers. If the link shows another one, no piece is kept.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000))]
    pub from_version: u32,
    /// The pieces in playing order. Each is one part of the new version, or with `moreParts` several; the parts
    /// are counted from 0 on.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 10_000))]
    pub pieces: Vec<VersionPiece>,
    /// The list says where the times of the recording are shown in this version, in the order of `at_ms`. Absent means
    /// that they are not moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 1_000))]
    pub times: Vec<ShownStretch>,
    /// The chapters, by times of the recording. Those that were cut are dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 500))]
    pub chapters: Vec<VersionChapter>,
}

/// One part of a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VersionPiece {
    /// The bytes of the earlier version that are kept. Absent means that the part is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = KeptBytes))]
    pub keep: Option<KeptBytes>,
    /// Is added to the time of each of the part's clusters when it is served. The stored bytes don't
    /// change.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = false, minimum = -31_536_000_000_i64, maximum = 31_536_000_000_i64))]
    pub shift_ms: i64,
}

/// Bytes of a part that the server has: whole clusters, of which the first begins with a keyframe, or the
/// whole part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeptBytes {
    /// The index of the earlier version's part.
    #[cfg_attr(feature = "openapi", schema(maximum = 9_999))]
    pub chunk_index: u32,
    /// The offset of the first byte in that part.
    #[cfg_attr(feature = "openapi", schema(maximum = 1_099_511_627_776_u64))]
    pub start: u64,
    /// The offset behind the last byte.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_099_511_627_776_u64))]
    pub end: u64,
    /// SHA-256 of exactly these bytes, as hexadecimal digits.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-fA-F]{64}$"))]
    pub sha256: String,
    /// How many of the parts that follow are kept whole as well, each as a part of its own. Above 0, `start` is
    /// 0, `end` is the size of all of these parts together, and `sha256` is the digest of their digests (32
    /// bytes each) in their order. Only for servers whose capabilities have `pieceRuns`.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "openapi", schema(required = false, maximum = 9_999))]
    pub more_parts: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl VersionPiece {
    /// Returns how many parts it is.
    pub fn parts_count(&self) -> u32 {
        self.keep.as_ref().map_or(1, |keep| keep.more_parts.saturating_add(1))
    }
}

impl PiecesRequest {
    /// Returns how many parts the version has.
    pub fn parts_count(&self) -> u32 {
        self.pieces.iter().fold(0, |sum, piece| sum.saturating_add(piece.parts_count()))
    }

    /// Returns the part that is the first of each piece, with the piece.
    pub fn indexed(&self) -> impl Iterator<Item = (u32, &VersionPiece)> {
        let mut next = 0_u32;
        self.pieces.iter().map(move |piece| {
            let first = next;
            next = next.saturating_add(piece.parts_count());
            (first, piece)
        })
    }
}

/// Collects the pieces of a version. Kept parts that are whole and follow each other become one piece.
#[derive(Clone, Debug, Default)]
pub struct PieceRuns {
    pieces: Vec<VersionPiece>,
    /// The digests of the last piece's parts, if it can become longer.
    run: Vec<[u8; 32]>,
}

impl PieceRuns {
    /// Adds a piece of one part. `whole` is its digest if it keeps all of an earlier version's part.
    pub fn push(&mut self, piece: VersionPiece, whole: Option<[u8; 32]>) {
        let last = self.pieces.last_mut().filter(|last| last.shift_ms == piece.shift_ms);
        if let (Some(whole), Some(keep), false) = (whole, &piece.keep, self.run.is_empty())
            && let Some(VersionPiece { keep: Some(last), .. }) = last
            && last.chunk_index + last.more_parts + 1 == keep.chunk_index
        {
            last.more_parts += 1;
            last.end += keep.end;
            self.run.push(whole);
            return;
        }
        self.end_run();
        self.run.extend(whole.filter(|_| piece.keep.is_some()));
        self.pieces.push(piece);
    }

    /// Returns the pieces.
    pub fn finish(mut self) -> Vec<VersionPiece> {
        self.end_run();
        self.pieces
    }

    /// Gives the last piece the digest of its parts, if it has several.
    fn end_run(&mut self) {
        if let Some(VersionPiece { keep: Some(keep), .. }) = self.pieces.last_mut()
            && keep.more_parts > 0
        {
            keep.sha256 = hex(&run_digest(self.run.iter()));
        }
        self.run.clear();
    }
}

/// Returns the digest of a run of kept parts (`moreParts`), from the digests of the parts.
pub fn run_digest<'a>(digests: impl IntoIterator<Item = &'a [u8; 32]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    digests.into_iter().for_each(|digest| hash.update(digest));
    hash.finalize().into()
}

/// Writes bytes in small hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 0x0f)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// Returns the bytes that are written in hexadecimal digits. `None` for any other text.
pub fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|&[high, low]| Some((value(high)? << 4) | value(low)?));
    bytes.collect::<Option<Vec<u8>>>().filter(|_| rest.is_empty())
}

/// Returns the bytes of a digest that is written as hexadecimal digits.
pub fn digest_of_hex(text: &str) -> Option<[u8; 32]> {
    bytes_of_hex(text).filter(|_| text.len() == 64)?.try_into().ok()
}

/// A stretch of the recording that a version shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ShownStretch {
    /// The time of the recording at which the stretch begins.
    #[cfg_attr(feature = "openapi", schema(maximum = 31_536_000_000_u64))]
    pub from_ms: u64,
    /// The time of the recording at which it ends.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 31_536_000_000_u64))]
    pub to_ms: u64,
    /// The time of the version at which it begins.
    #[cfg_attr(feature = "openapi", schema(maximum = 31_536_000_000_u64))]
    pub at_ms: u64,
}

/// A chapter of a video.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VersionChapter {
    /// The time of the recording at which the chapter begins.
    #[cfg_attr(feature = "openapi", schema(maximum = 31_536_000_000_u64))]
    pub source_ms: u64,
    /// Its title.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200, pattern = "\\S"))]
    pub title: String,
}

/// The response of `PUT /videos/{sessionId}/pieces`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct PiecesAnswer {
    /// Always true.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub success: bool,
    /// The upload of this version.
    #[cfg_attr(feature = "openapi", schema(value_type = uuid::Uuid, required = true))]
    pub session_id: String,
    /// The version.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub version: u32,
    /// The parts that have to be sent: new ones, and kept ones that the server lacks. A kept one is sent as
    /// the bytes of its range.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub missing_chunks: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_read_from_its_digits() {
        assert_eq!(
            digest_of_hex(&"0aF0".repeat(16)),
            Some([[0x0a, 0xf0]; 16].concat().try_into().unwrap())
        );
        for wrong in ["", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"ü".repeat(32)] {
            assert_eq!(digest_of_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn hexadecimal_text_is_read_back() {
        for bytes in [&b""[..], b"/videos/a\nb.mp4", &[0, 255, 16]] {
            assert_eq!(bytes_of_hex(&hex(bytes)).as_deref(), Some(bytes));
        }
        for broken in ["0", "0g", "+1", "ü"] {
            assert_eq!(bytes_of_hex(broken), None, "{broken}");
        }
    }

    #[test]
    fn parts_of_a_run_count_each() {
        let keep = |more_parts| Some(KeptBytes { more_parts, ..KeptBytes::default() });
        let pieces =
            [None, keep(3), keep(0)].map(|keep| VersionPiece { keep, shift_ms: 0 }).to_vec();
        let request = PiecesRequest { pieces, ..PiecesRequest::default() };
        let firsts: Vec<u32> = request.indexed().map(|(first, _)| first).collect();
        assert_eq!((request.parts_count(), firsts), (6, vec![0, 1, 5]));
    }
}
