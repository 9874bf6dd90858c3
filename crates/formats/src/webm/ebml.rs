//! Reads and writes EBML elements: an id, a size, then that many bytes. Ids are given as they are in
//! the file, with their length marker.

use crate::webm::WebmError;

pub(crate) mod id {
    pub(crate) const EBML: u32 = 0x1A45_DFA3;
    pub(crate) const EBML_VERSION: u32 = 0x4286;
    pub(crate) const EBML_READ_VERSION: u32 = 0x42F7;
    pub(crate) const EBML_MAX_ID_LENGTH: u32 = 0x42F2;
    pub(crate) const EBML_MAX_SIZE_LENGTH: u32 = 0x42F3;
    pub(crate) const DOC_TYPE: u32 = 0x4282;
    pub(crate) const DOC_TYPE_VERSION: u32 = 0x4287;
    pub(crate) const DOC_TYPE_READ_VERSION: u32 = 0x4285;
    pub(crate) const VOID: u32 = 0xEC;
    pub(crate) const SEGMENT: u32 = 0x1853_8067;
    pub(crate) const SEEK_HEAD: u32 = 0x114D_9B74;
    pub(crate) const SEEK: u32 = 0x4DBB;
    pub(crate) const SEEK_ID: u32 = 0x53AB;
    pub(crate) const SEEK_POSITION: u32 = 0x53AC;
    pub(crate) const INFO: u32 = 0x1549_A966;
    pub(crate) const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
    pub(crate) const DURATION: u32 = 0x4489;
    pub(crate) const MUXING_APP: u32 = 0x4D80;
    pub(crate) const WRITING_APP: u32 = 0x5741;
    pub(crate) const TRACKS: u32 = 0x1654_AE6B;
    pub(crate) const TRACK_ENTRY: u32 = 0xAE;
    pub(crate) const TRACK_NUMBER: u32 = 0xD7;
    pub(crate) const TRACK_UID: u32 = 0x73C5;
    pub(crate) const TRACK_TYPE: u32 = 0x83;
    pub(crate) const FLAG_LACING: u32 = 0x9C;
    pub(crate) const DEFAULT_DURATION: u32 = 0x23_E383;
    pub(crate) const LANGUAGE: u32 = 0x22_B59C;
    pub(crate) const CODEC_ID: u32 = 0x86;
    pub(crate) const CODEC_PRIVATE: u32 = 0x63A2;
    pub(crate) const CODEC_DELAY: u32 = 0x56AA;
    pub(crate) const SEEK_PRE_ROLL: u32 = 0x56BB;
    pub(crate) const VIDEO: u32 = 0xE0;
    pub(crate) const PIXEL_WIDTH: u32 = 0xB0;
    pub(crate) const PIXEL_HEIGHT: u32 = 0xBA;
    pub(crate) const AUDIO: u32 = 0xE1;
    pub(crate) const SAMPLING_FREQUENCY: u32 = 0xB5;
    pub(crate) const CHANNELS: u32 = 0x9F;
    pub(crate) const CLUSTER: u32 = 0x1F43_B675;
    pub(crate) const TIMESTAMP: u32 = 0xE7;
    pub(crate) const SIMPLE_BLOCK: u32 = 0xA3;
    pub(crate) const BLOCK_GROUP: u32 = 0xA0;
    pub(crate) const BLOCK: u32 = 0xA1;
    pub(crate) const BLOCK_DURATION: u32 = 0x9B;
    pub(crate) const REFERENCE_BLOCK: u32 = 0xFB;
    pub(crate) const TAGS: u32 = 0x1254_C367;
    pub(crate) const CHAPTERS: u32 = 0x1043_A770;
    pub(crate) const EDITION_ENTRY: u32 = 0x45B9;
    pub(crate) const CHAPTER_ATOM: u32 = 0xB6;
    pub(crate) const CHAPTER_UID: u32 = 0x73C4;
    pub(crate) const CHAPTER_TIME_START: u32 = 0x91;
    pub(crate) const CHAPTER_TIME_END: u32 = 0x92;
    pub(crate) const CHAPTER_DISPLAY: u32 = 0x80;
    pub(crate) const CHAP_STRING: u32 = 0x85;
    pub(crate) const CHAP_LANGUAGE: u32 = 0x437C;
    pub(crate) const ATTACHMENTS: u32 = 0x1941_A469;
    pub(crate) const CUES: u32 = 0x1C53_BB6B;
    pub(crate) const CUE_POINT: u32 = 0xBB;
    pub(crate) const CUE_TIME: u32 = 0xB3;
    pub(crate) const CUE_TRACK_POSITIONS: u32 = 0xB7;
    pub(crate) const CUE_TRACK: u32 = 0xF7;
    pub(crate) const CUE_CLUSTER_POSITION: u32 = 0xF1;
}

/// The largest size that eight bytes can hold; the next value means "unknown".
const SIZE_MAX: u64 = (1 << 56) - 2;

/// Appends elements to a buffer.
#[derive(Default)]
pub(crate) struct EbmlWriter(pub Vec<u8>);

impl EbmlWriter {
    pub(crate) fn id(&mut self, id: u32) {
        let bytes = id.to_be_bytes();
        let skip = bytes.iter().take_while(|b| **b == 0).count();
        self.0.extend_from_slice(&bytes[skip..]);
    }

    /// Writes a size in the fewest bytes.
    pub(crate) fn size(&mut self, size: u64) {
        let width = (1..8).find(|w| size < (1 << (7 * w)) - 1).unwrap_or(8);
        let bytes = (size | 1 << (7 * width)).to_be_bytes();
        self.0.extend_from_slice(&bytes[8 - width..]);
    }

    /// Writes a size in eight bytes, so that it can replace the unknown size.
    pub(crate) fn size_wide(&mut self, size: Option<u64>) {
        let size = size.map_or(SIZE_MAX + 1, |size| size.min(SIZE_MAX));
        self.0.extend_from_slice(&(size | 1 << 56).to_be_bytes());
    }

    pub(crate) fn bytes(&mut self, id: u32, bytes: &[u8]) {
        self.id(id);
        self.size(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn uint(&mut self, id: u32, value: u64) {
        let bytes = value.to_be_bytes();
        let skip = bytes.iter().take_while(|b| **b == 0).count().min(7);
        self.bytes(id, &bytes[skip..]);
    }

    /// Writes a number in eight bytes, so that the element's length does not depend on the value.
    pub(crate) fn uint_wide(&mut self, id: u32, value: u64) {
        self.bytes(id, &value.to_be_bytes());
    }

    pub(crate) fn float(&mut self, id: u32, value: f64) {
        self.bytes(id, &value.to_be_bytes());
    }

    pub(crate) fn text(&mut self, id: u32, text: &str) {
        self.bytes(id, text.as_bytes());
    }

    pub(crate) fn master(&mut self, id: u32, fill: impl FnOnce(&mut EbmlWriter)) {
        let mut inner = EbmlWriter::default();
        fill(&mut inner);
        self.bytes(id, &inner.0);
    }

    /// Writes a Void element of `len` bytes in total, from 2 to 128.
    pub(crate) fn void(&mut self, len: usize) {
        debug_assert!((2..=128).contains(&len));
        self.bytes(id::VOID, &vec![0; len - 2]);
    }
}

/// One element of a `EbmlReader`'s bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub id: u32,
    /// The position of its first byte, in the bytes that the outermost reader was made from.
    pub offset: usize,
    /// False if its size is unknown; then `data` is everything that follows.
    pub sized: bool,
    pub data: &'a [u8],
    /// The position of `data`, counted like `offset`.
    pub data_offset: usize,
}

impl<'a> Element<'a> {
    pub(crate) fn children(&self) -> EbmlReader<'a> {
        EbmlReader { bytes: self.data, position: 0, base: self.data_offset }
    }

    pub(crate) fn end(&self) -> usize {
        self.data_offset + self.data.len()
    }

    pub(crate) fn malformed(&self, reason: &'static str) -> WebmError {
        WebmError::Malformed { offset: self.offset as u64, reason }
    }

    pub(crate) fn uint(&self) -> Result<u64, WebmError> {
        if self.data.len() > 8 {
            return Err(self.malformed("a number of more than eight bytes"));
        }
        Ok(self.data.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    pub(crate) fn float(&self) -> Result<f64, WebmError> {
        match *self.data {
            [] => Ok(0.0),
            [a, b, c, d] => Ok(f64::from(f32::from_be_bytes([a, b, c, d]))),
            [a, b, c, d, e, f, g, h] => Ok(f64::from_be_bytes([a, b, c, d, e, f, g, h])),
            _ => Err(self.malformed("a float of neither four nor eight bytes")),
        }
    }

    pub(crate) fn text(&self) -> String {
        let end = self.data.iter().position(|b| *b == 0).unwrap_or(self.data.len());
        String::from_utf8_lossy(&self.data[..end]).into_owned()
    }
}

/// Iterates over the elements of one level. Every element that it returns is complete.
pub(crate) struct EbmlReader<'a> {
    bytes: &'a [u8],
    position: usize,
    base: usize,
}

impl<'a> EbmlReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        EbmlReader { bytes, position: 0, base: 0 }
    }

    /// Starts at a position, which must not be beyond the end.
    pub(crate) fn starting_at(bytes: &'a [u8], start: usize) -> Self {
        EbmlReader { bytes, position: start, base: 0 }
    }

    pub(crate) fn offset(&self) -> usize {
        self.base + self.position
    }

    /// Returns the next element; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Element<'a>>, WebmError> {
        if self.position == self.bytes.len() {
            return Ok(None);
        }
        let offset = self.offset();
        let truncated = WebmError::Truncated { offset: offset as u64 };
        let rest = &self.bytes[self.position..];
        let malformed = |reason| WebmError::Malformed { offset: offset as u64, reason };

        let id_len = rest[0].leading_zeros() as usize + 1;
        if id_len > 4 {
            return Err(malformed("an id of more than four bytes"));
        }
        let id_bytes = rest.get(..id_len).ok_or_else(|| truncated.clone())?;
        let id = id_bytes.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));

        let (size, size_len) =
            varint(&rest[id_len..]).map_err(|e| e.map_or_else(|| truncated.clone(), malformed))?;
        let header_len = id_len + size_len;
        let after = &rest[header_len..];
        let data = match size {
            None => after,
            // A size beyond the available bytes, however large, fails in the comparison.
            Some(size) => {
                usize::try_from(size).ok().and_then(|size| after.get(..size)).ok_or(truncated)?
            }
        };
        self.position += header_len + data.len();
        Ok(Some(Element {
            id,
            offset,
            sized: size.is_some(),
            data,
            data_offset: offset + header_len,
        }))
    }
}

/// Reads a number with its length marker. Returns the number (`None` for the unknown size) and its
/// length. An error without a reason means that the bytes end too early.
pub(crate) fn varint(bytes: &[u8]) -> Result<(Option<u64>, usize), Option<&'static str>> {
    let first = *bytes.first().ok_or(None)?;
    let len = first.leading_zeros() as usize + 1;
    if len > 8 {
        return Err(Some("a size of more than eight bytes"));
    }
    let bytes = bytes.get(..len).ok_or(None)?;
    let value = bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let mask = (1_u64 << (7 * len)) - 1;
    let value = value & mask;
    Ok(((value != mask).then_some(value), len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ebml_sizes_are_read_as_they_were_written() {
        for size in [0, 1, 126, 127, 128, 16_382, 16_383, 2_097_150, 2_097_151, 1 << 40, SIZE_MAX] {
            let mut writer = EbmlWriter::default();
            writer.size(size);
            assert_eq!(varint(&writer.0), Ok((Some(size), writer.0.len())), "{size}");
            let mut wide = EbmlWriter::default();
            wide.size_wide(Some(size));
            assert_eq!(varint(&wide.0), Ok((Some(size), 8)), "{size}");
        }
        let mut unknown = EbmlWriter::default();
        unknown.size_wide(None);
        assert_eq!(varint(&unknown.0), Ok((None, 8)));
        assert_eq!(varint(&[0xFF]), Ok((None, 1)));
        assert_eq!(varint(&[0x40]), Err(None));
        assert!(matches!(varint(&[0, 1]), Err(Some(_))));
    }
}
