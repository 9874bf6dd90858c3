//! Reads the duration and the picture size of an MP4 or QuickTime file, and adds chapters to an index. Only the boxes on the way to
//! them are read, a few bytes of each. Pure: the caller reads the requested ranges of the file.
//!
//! This is not done by a library: the known crates read the whole index with its tables of samples into
//! memory, which a foreign file makes as large as it likes, and read it from `Read + Seek`. Here the bytes
//! are in an object store, and each of a dozen reads is 160 bytes.

mod chapters;
mod fragments;
mod split;

use thiserror::Error;

pub use chapters::index_with_chapters;
pub use fragments::{Fragments, Head};
pub use split::{FragmentSplitter, SplitPiece};

/// The limit on boxes that are visited, each with one read: those before the index, and the tracks in
/// it. Normal files have a dozen.
const BOXES_MAX: usize = 256;
/// The length is enough for the header of any box, and for the whole of the two boxes that are read.
const READ_BYTES: u64 = 160;

/// The properties of a file's video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mp4Properties {
    /// The duration in milliseconds; 0 if it is unknown.
    pub duration_ms: u64,
    /// The width of the picture as it is shown, in pixels.
    pub width: u32,
    /// The height of the picture as it is shown, in pixels.
    pub height: u32,
}

/// An error of reading a file's properties.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Mp4Error {
    /// The file has no index, or none within the limit of boxes.
    #[error("its index (moov) is missing")]
    NoIndex,
    /// A box ends beyond the file.
    #[error("a part of it ends beyond the file")]
    Truncated,
    /// No track has a picture.
    #[error("there is no picture in it")]
    NoPicture,
    /// A stream doesn't consist of fragments of a sensible size.
    #[error("it is not a sequence of fragments")]
    NotFragments,
}

/// The state of the search. Begin with `Walk::new`, and pass the bytes at `wants()` to `step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    len: u64,
    at: u64,
    boxes: usize,
    inside: Inside,
    duration_ms: Option<u64>,
    picture: Option<(u32, u32)>,
}

/// The level that is searched, with the end of its box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    File,
    Index { end: u64 },
    Track { end: u64, index_end: u64 },
}

/// The result of one step of a [`Walk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mp4Step {
    /// Continue with the bytes at `wants()`.
    On,
    /// The search has ended.
    Done(Mp4Properties),
}

impl Walk {
    /// Creates a search in a file of `len` bytes.
    pub fn new(len: u64) -> Self {
        let (at, boxes, inside) = (0, 0, Inside::File);
        Walk { len, at, boxes, inside, duration_ms: None, picture: None }
    }

    /// Returns the range to be read for the next step. It is short, however large the index is.
    pub fn wants(&self) -> std::ops::Range<u64> {
        self.at..self.at.saturating_add(READ_BYTES).min(self.len)
    }

    /// Takes the bytes at `wants()`, or fewer at the end of the file.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Mp4Step, Mp4Error> {
        self.boxes += 1;
        if self.boxes > BOXES_MAX {
            return Err(Mp4Error::NoIndex);
        }
        match self.inside {
            Inside::File => {
                let found = box_header(bytes, self.len - self.at).ok_or(Mp4Error::NoIndex)?;
                let (kind, head, size) = found;
                let end = self.at.checked_add(size).filter(|end| *end <= self.len);
                if kind == *b"moov" {
                    self.inside = Inside::Index { end: end.ok_or(Mp4Error::Truncated)? };
                    self.at += head;
                } else {
                    self.at = end.filter(|end| *end < self.len).ok_or(Mp4Error::NoIndex)?;
                }
            }
            Inside::Index { end } => match child(bytes, self.at, end) {
                // Unreadable content ends the search, as the end of the index does.
                None => return self.done(),
                Some((kind, content, next)) => match &kind {
                    b"trak" => {
                        self.inside = Inside::Track { end: next, index_end: end };
                        self.at += content as u64;
                    }
                    b"mvhd" => {
                        let duration_ms = duration_ms(bytes.get(content..).unwrap_or_default());
                        self.duration_ms = Some(duration_ms.ok_or(Mp4Error::Truncated)?);
                        self.at = next;
                    }
                    _ => self.at = next,
                },
            },
            Inside::Track { end, index_end } => match child(bytes, self.at, end) {
                Some((kind, _, next)) if kind != *b"tkhd" => self.at = next,
                found => {
                    // The size of an audio track is 0 by 0.
                    let header = found.and_then(|(_, content, _)| bytes.get(content..));
                    self.picture = self.picture.or(header.and_then(picture));
                    (self.at, self.inside) = (end, Inside::Index { end: index_end });
                }
            },
        }
        match (self.duration_ms, self.picture) {
            (Some(_), Some(_)) => self.done(),
            _ => Ok(Mp4Step::On),
        }
    }

    fn done(&self) -> Result<Mp4Step, Mp4Error> {
        let (width, height) = self.picture.ok_or(Mp4Error::NoPicture)?;
        Ok(Mp4Step::Done(Mp4Properties {
            duration_ms: self.duration_ms.unwrap_or(0),
            width,
            height,
        }))
    }
}

/// Returns the type, the offset of its content in `bytes`, and the offset of its end in the file.
/// Returns `None` if no complete box lies before `end`.
fn child(bytes: &[u8], at: u64, end: u64) -> Option<([u8; 4], usize, u64)> {
    let left = end.checked_sub(at)?;
    let (kind, head, size) = box_header(bytes, left).filter(|(_, _, size)| *size <= left)?;
    Some((kind, usize::try_from(head).ok()?, at + size))
}

/// Returns the type, the length of the header, and the total length. `left` is the length of a box
/// that extends to the end.
fn box_header(bytes: &[u8], left: u64) -> Option<([u8; 4], u64, u64)> {
    let [a, b, c, d, kind @ ..] = *bytes.first_chunk::<8>()?;
    let (head, size) = match u32::from_be_bytes([a, b, c, d]) {
        0 => (8, left),
        1 => (16, u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?)),
        size => (8, u64::from(size)),
    };
    (size >= head).then_some((kind, head, size))
}

fn duration_ms(mvhd: &[u8]) -> Option<u64> {
    let (scale, duration) = match mvhd.first()? {
        1 => (u32_at(mvhd, 20)?, u64::from_be_bytes(*mvhd.get(24..)?.first_chunk()?)),
        _ => (u32_at(mvhd, 12)?, u64::from(u32_at(mvhd, 16)?)),
    };
    // All ones mean an unknown duration.
    let known = duration != u64::MAX && duration != u64::from(u32::MAX) && scale > 0;
    Some(if known { (u128::from(duration) * 1000 / u128::from(scale)) as u64 } else { 0 })
}

/// Reads the size, which is in fixed-point numbers. The matrix swaps width and height if a phone was
/// held upright.
fn picture(tkhd: &[u8]) -> Option<(u32, u32)> {
    let matrix = if tkhd.first()? == &1 { 52 } else { 40 };
    let (width, height) = (u32_at(tkhd, matrix + 36)? >> 16, u32_at(tkhd, matrix + 40)? >> 16);
    let turned = u32_at(tkhd, matrix)? == 0 && u32_at(tkhd, matrix + 4)? != 0;
    let size = if turned { (height, width) } else { (width, height) };
    (width > 0 && height > 0).then_some(size)
}

/// Returns the big-endian number at that place, if the bytes reach so far.
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
    }

    fn moov() -> Vec<u8> {
        let mut mvhd = vec![0; 20];
        mvhd[12..16].copy_from_slice(&600_u32.to_be_bytes());
        mvhd[16..20].copy_from_slice(&3_900_u32.to_be_bytes());
        let mut tkhd = vec![0; 84];
        tkhd[40..44].copy_from_slice(&(1_u32 << 16).to_be_bytes());
        tkhd[76..80].copy_from_slice(&(1280_u32 << 16).to_be_bytes());
        tkhd[80..84].copy_from_slice(&(720_u32 << 16).to_be_bytes());
        let sound = boxed(b"trak", &boxed(b"tkhd", &[0; 84]));
        let picture = boxed(b"trak", &boxed(b"tkhd", &tkhd));
        boxed(b"moov", &[boxed(b"mvhd", &mvhd), sound, picture].concat())
    }

    fn read(file: &[u8]) -> Result<Mp4Properties, Mp4Error> {
        let mut walk = Walk::new(file.len() as u64);
        loop {
            let wants = walk.wants();
            match walk.step(&file[wants.start as usize..wants.end as usize])? {
                Mp4Step::On => {}
                Mp4Step::Done(told) => return Ok(told),
            }
        }
    }

    #[test]
    fn the_index_is_found_wherever_it_stands() {
        let told = Mp4Properties { duration_ms: 6_500, width: 1280, height: 720 };
        let (ftyp, mdat) = (boxed(b"ftyp", b"isom"), boxed(b"mdat", &[7; 99]));
        assert_eq!(read(&[ftyp.clone(), moov(), mdat.clone()].concat()), Ok(told));
        assert_eq!(read(&[ftyp.clone(), mdat.clone(), moov()].concat()), Ok(told));
        assert_eq!(read(&[ftyp.clone(), mdat].concat()), Err(Mp4Error::NoIndex));
        let whole = [ftyp, moov()].concat();
        for cut in 0..whole.len() {
            assert!(read(&whole[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn index_of_any_size_is_read_in_a_few_small_reads() {
        let moov = moov();
        let (mvhd, traks) = moov[8..].split_at(28);
        let samples = boxed(b"udta", &vec![0; 40_000_000]);
        let file = boxed(b"moov", &[&samples, mvhd, &samples, traks].concat());
        let (mut walk, mut read_bytes, mut reads) = (Walk::new(file.len() as u64), 0, 0);
        let told = loop {
            let wants = walk.wants();
            (read_bytes, reads) = (read_bytes + (wants.end - wants.start), reads + 1);
            match walk.step(&file[wants.start as usize..wants.end as usize]).unwrap() {
                Mp4Step::On => {}
                Mp4Step::Done(told) => break told,
            }
        };
        assert_eq!((told.width, told.height, told.duration_ms), (1280, 720, 6_500));
        assert!(reads < 12 && read_bytes < 2_000, "{reads} reads of {read_bytes} bytes");
    }

    #[test]
    fn file_of_nothing_but_small_boxes_is_given_up_soon() {
        let file = boxed(b"free", b"").repeat(20_000);
        let (mut walk, mut reads) = (Walk::new(file.len() as u64), 0);
        let error = loop {
            let wants = walk.wants();
            reads += 1;
            match walk.step(&file[wants.start as usize..wants.end as usize]) {
                Ok(step) => assert_eq!(step, Mp4Step::On),
                Err(error) => break error,
            }
        };
        assert_eq!(error, Mp4Error::NoIndex);
        assert!(reads <= BOXES_MAX + 1, "{reads}");
    }

    #[test]
    fn wild_sizes_end_the_walk() {
        for size in [[0_u8, 0, 0, 1], [0, 0, 0, 7], [0xFF; 4]] {
            let file = [&size[..], b"free", &[0xFF; 8]].concat();
            assert!(read(&file).is_err());
        }
    }
}
