//! What an MP4 or a QuickTime file says of itself: how long it is, and how large its picture. Only
//! boxes on the way to that are read. Pure: the file's bytes are asked for in ranges.

use thiserror::Error;

/// A `moov` of hours of video has a few megabytes.
const MOOV_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Boxes on the outermost level of a file that is in its right mind; fragmented ones have many.
const BOXES_MAX: usize = 10_000;
/// The longest header of a box.
pub const HEADER_BYTES: u64 = 16;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub duration_ms: u64,
    pub width: u32,
    pub height: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Mp4Error {
    #[error("its index (moov) is missing")]
    NoIndex,
    #[error("its index is larger than {MOOV_BYTES_MAX} bytes")]
    IndexTooLarge,
    #[error("a part of it ends beyond the file")]
    Truncated,
    #[error("there is no picture in it")]
    NoPicture,
}

/// Where to look next. Begin with `Walk::new`, give it what stands at `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    len: u64,
    at: u64,
    boxes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Look at `at()` again.
    On,
    /// The index's content.
    Index(std::ops::Range<u64>),
}

impl Walk {
    /// `len`: of the whole file.
    pub fn new(len: u64) -> Self {
        Walk { len, at: 0, boxes: 0 }
    }

    /// So many bytes from here have to be read for the next step.
    pub fn wants(&self) -> std::ops::Range<u64> {
        self.at..self.at.saturating_add(HEADER_BYTES).min(self.len)
    }

    pub fn step(&mut self, header: &[u8]) -> Result<Step, Mp4Error> {
        self.boxes += 1;
        if self.boxes > BOXES_MAX {
            return Err(Mp4Error::NoIndex);
        }
        let Some((kind, head, size)) = box_header(header, self.len - self.at) else {
            return Err(Mp4Error::NoIndex);
        };
        let end = self.at.checked_add(size).filter(|end| *end <= self.len);
        if kind == *b"moov" {
            let end = end.ok_or(Mp4Error::Truncated)?;
            if size > MOOV_BYTES_MAX {
                return Err(Mp4Error::IndexTooLarge);
            }
            return Ok(Step::Index(self.at + head..end));
        }
        self.at = end.filter(|end| *end < self.len).ok_or(Mp4Error::NoIndex)?;
        Ok(Step::On)
    }
}

/// Kind, length of the header, length of all of it. `left`: what a box without an end has.
fn box_header(bytes: &[u8], left: u64) -> Option<([u8; 4], u64, u64)> {
    let [a, b, c, d, kind @ ..] = *bytes.first_chunk::<8>()?;
    let (head, size) = match u32::from_be_bytes([a, b, c, d]) {
        0 => (8, left),
        1 => (16, u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?)),
        size => (8, u64::from(size)),
    };
    (size >= head).then_some((kind, head, size))
}

/// Of `moov`'s content.
pub fn read_index(moov: &[u8]) -> Result<Told, Mp4Error> {
    let mut told = Told::default();
    for (kind, content) in Boxes(moov) {
        match &kind {
            b"mvhd" => told.duration_ms = duration_ms(content).ok_or(Mp4Error::Truncated)?,
            b"trak" => {
                let header = Boxes(content).find(|(kind, _)| kind == b"tkhd");
                // A sound's is 0 by 0.
                if let Some((width, height)) = header.and_then(|(_, header)| picture(header))
                    && told.width == 0
                {
                    (told.width, told.height) = (width, height);
                }
            }
            _ => {}
        }
    }
    if told.width == 0 || told.height == 0 { Err(Mp4Error::NoPicture) } else { Ok(told) }
}

struct Boxes<'a>(&'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, head, size) = box_header(self.0, self.0.len() as u64)?;
        let whole = self.0.get(..usize::try_from(size).ok()?)?;
        self.0 = &self.0[whole.len()..];
        Some((kind, &whole[head as usize..]))
    }
}

fn duration_ms(mvhd: &[u8]) -> Option<u64> {
    let (scale, duration) = match mvhd.first()? {
        1 => (u32_at(mvhd, 20)?, u64::from_be_bytes(*mvhd.get(24..)?.first_chunk()?)),
        _ => (u32_at(mvhd, 12)?, u64::from(u32_at(mvhd, 16)?)),
    };
    // All ones mean that nobody knows.
    let known = duration != u64::MAX && duration != u64::from(u32::MAX) && scale > 0;
    Some(if known { (u128::from(duration) * 1000 / u128::from(scale)) as u64 } else { 0 })
}

/// Fixed-point numbers, turned by the matrix where a telephone was held upright.
fn picture(tkhd: &[u8]) -> Option<(u32, u32)> {
    let matrix = if tkhd.first()? == &1 { 52 } else { 40 };
    let (width, height) = (u32_at(tkhd, matrix + 36)? >> 16, u32_at(tkhd, matrix + 40)? >> 16);
    let turned = u32_at(tkhd, matrix)? == 0 && u32_at(tkhd, matrix + 4)? != 0;
    let size = if turned { (height, width) } else { (width, height) };
    (width > 0 && height > 0).then_some(size)
}

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

    fn read(file: &[u8]) -> Result<Told, Mp4Error> {
        let mut walk = Walk::new(file.len() as u64);
        loop {
            let wants = walk.wants();
            match walk.step(&file[wants.start as usize..wants.end as usize])? {
                Step::On => {}
                Step::Index(range) => {
                    return read_index(&file[range.start as usize..range.end as usize]);
                }
            }
        }
    }

    #[test]
    fn the_index_is_found_wherever_it_stands() {
        let told = Told { duration_ms: 6_500, width: 1280, height: 720 };
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
    fn wild_sizes_end_the_walk() {
        for size in [[0_u8, 0, 0, 1], [0, 0, 0, 7], [0xFF; 4]] {
            let file = [&size[..], b"free", &[0xFF; 8]].concat();
            assert!(read(&file).is_err());
        }
    }
}
