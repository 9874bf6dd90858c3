//! Splits a fragmented MP4, as ffmpeg writes it to a pipe, into its header and its fragments. Pure; never
//! panics.
//!
//! ```text
//! ftyp moov | moof mdat | moof mdat | … | mfra
//!   header     fragment    fragment       dropped
//! ```

use super::Mp4Error;

/// The bytes of a box's size and type.
const BOX_HEAD: usize = 8;

/// A whole piece of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SplitPiece {
    /// `ftyp` and `moov`, which a player needs before any fragment.
    Header(Vec<u8>),
    /// `moof` and `mdat`.
    Fragment(Vec<u8>),
}

/// Takes the stream's bytes in order, cut anywhere, and returns whole pieces. Holds one piece at most.
#[derive(Debug)]
pub struct FragmentSplitter {
    held: Vec<u8>,
    /// The boxes of the piece that is still arriving.
    piece: Vec<u8>,
    piece_bytes_max: usize,
}

impl FragmentSplitter {
    /// `piece_bytes_max` is the size of the largest piece that is accepted.
    pub fn new(piece_bytes_max: usize) -> Self {
        FragmentSplitter { held: Vec::new(), piece: Vec::new(), piece_bytes_max }
    }

    /// Adds the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Returns the next whole piece, if there is one.
    pub fn next_piece(&mut self) -> Result<Option<SplitPiece>, Mp4Error> {
        while let Some(head) = self.held.first_chunk::<BOX_HEAD>() {
            let [a, b, c, d, kind @ ..] = *head;
            let size = u32::from_be_bytes([a, b, c, d]) as usize;
            if size < BOX_HEAD || self.piece.len().saturating_add(size) > self.piece_bytes_max {
                return Err(Mp4Error::NotFragments);
            }
            if self.held.len() < size {
                return Ok(None);
            }
            let whole: Vec<u8> = self.held.drain(..size).collect();
            match &kind {
                b"ftyp" | b"moof" => self.piece = whole,
                b"moov" | b"mdat" => {
                    let mut piece = std::mem::take(&mut self.piece);
                    piece.extend(whole);
                    return Ok(Some(match &kind {
                        b"moov" => SplitPiece::Header(piece),
                        _ => SplitPiece::Fragment(piece),
                    }));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        let size = (BOX_HEAD + content.len()) as u32;
        [&size.to_be_bytes(), kind.as_slice(), content].concat()
    }

    #[test]
    fn stream_is_split_into_its_header_and_fragments_wherever_its_bytes_are_cut() {
        let header = [boxed(b"ftyp", b"iso5"), boxed(b"moov", &[1; 30])].concat();
        let first = [boxed(b"moof", &[2; 20]), boxed(b"mdat", &[3; 99])].concat();
        let second = [boxed(b"moof", &[4; 20]), boxed(b"mdat", b"")].concat();
        let stream =
            [header.clone(), first.clone(), second.clone(), boxed(b"mfra", &[0; 16])].concat();
        for cut in [1, 3, 8, 50, stream.len()] {
            let mut splitter = FragmentSplitter::new(1_000);
            let mut pieces = Vec::new();
            for bytes in stream.chunks(cut) {
                splitter.push(bytes);
                while let Some(piece) = splitter.next_piece().unwrap() {
                    pieces.push(piece);
                }
            }
            let expected = [
                SplitPiece::Header(header.clone()),
                SplitPiece::Fragment(first.clone()),
                SplitPiece::Fragment(second.clone()),
            ];
            assert_eq!(pieces, expected, "cut at each {cut} bytes");
        }
    }

    #[test]
    fn pieces_that_are_too_large_or_no_boxes_are_refused() {
        let mut splitter = FragmentSplitter::new(100);
        splitter.push(&boxed(b"moof", &[0; 60]));
        splitter.push(&boxed(b"mdat", &[0; 60]));
        assert!(splitter.next_piece().is_err(), "together they are too large");
        let mut splitter = FragmentSplitter::new(100);
        splitter.push(b"\0\0\0\x07junk");
        assert!(splitter.next_piece().is_err());
    }
}
