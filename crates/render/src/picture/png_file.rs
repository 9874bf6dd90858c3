//! Pixels -> PNG, on all cores.
//!
//! The `png` crate writes header, palette and checksums. Filtering and compressing is done here, because it does
//! both on one core and knows no palette: `picture-cost` measures it. The rows are divided into blocks
//! of a fixed size, which are compressed apart and joined to one stream. So the same pixels give the same file
//! on every computer.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::{Compress, Compression, FlushCompress, Status};
use png::{BitDepth, ColorType, Encoder, EncodingError};
use resvg::tiny_skia::Pixmap;

/// How many bytes of rows are compressed as one block. Each block forgets what came before it, which costs about
/// one percent of the file at this size; smaller ones would cost more, and larger ones leave cores idle.
const BLOCK_BYTES: usize = 1024 * 1024;
/// zlib's effort for windows and text: a screen of 4K gets a tenth smaller than with the usual 6, for 0.15 s.
const EFFORT: u32 = 9;
/// zlib's effort for photos, whose files hardly get smaller with more.
const PHOTO_EFFORT: u32 = 3;
/// A block that zlib makes no smaller than this share of it shows a photo. Windows and text take a twentieth.
const PHOTO_SHARE: usize = 8;
/// zlib's effort for the choice between two ways: enough to tell which is smaller.
const TRIAL_EFFORT: u32 = 1;
/// The choice between two ways looks at one row of so many, in the middle of a block.
const TRIAL_SHARE: usize = 8;
/// zlib's effort for pictures with a palette, which have a third of the bytes.
const PALETTE_EFFORT: u32 = 7;
/// The threads that compress. More would find no block to work on in ordinary pictures.
const THREADS_MAX: usize = 8;
/// A palette has one byte for each pixel.
const COLORS_MAX: usize = 256;
/// The modulus of Adler-32.
const ADLER_MODULUS: u64 = 65_521;
/// The header of a zlib stream: deflate, a window of 32 KiB.
const ZLIB_HEADER: [u8; 2] = [0x78, 0x9c];

/// Pixels in one of PNG's forms.
struct PngPixels {
    color: ColorType,
    /// Red, green and blue of each color.
    palette: Option<Vec<u8>>,
    pixel_bytes: usize,
    row_bytes: usize,
    bytes: Vec<u8>,
}

/// Encodes a picture: with a palette if it has few colors, and without alpha if it is opaque.
pub(super) fn encode(picture: Pixmap, is_opaque: bool) -> Result<Vec<u8>, EncodingError> {
    let (width, height) = (picture.width(), picture.height());
    let raw = PngPixels::of(picture, is_opaque);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(raw.color);
    encoder.set_depth(BitDepth::Eight);
    if let Some(palette) = &raw.palette {
        encoder.set_palette(palette.clone());
    }
    let mut writer = encoder.write_header()?;
    writer.write_chunk(png::chunk::IDAT, &raw.compressed()?)?;
    // `finish` would miss the picture, which it didn't write itself. The end is written here, too.
    drop(writer);
    Ok(file)
}

impl PngPixels {
    fn of(picture: Pixmap, is_opaque: bool) -> Self {
        let width = picture.width() as usize;
        if !is_opaque {
            let bytes = picture.take_demultiplied();
            let row_bytes = width * 4;
            return PngPixels {
                color: ColorType::Rgba,
                palette: None,
                pixel_bytes: 4,
                row_bytes,
                bytes,
            };
        }
        if let Some((palette, bytes)) = indexed(picture.data()) {
            let palette = Some(palette);
            return PngPixels {
                color: ColorType::Indexed,
                palette,
                pixel_bytes: 1,
                row_bytes: width,
                bytes,
            };
        }
        let mut bytes = vec![0; picture.data().len() / 4 * 3];
        for (to, from) in bytes.chunks_exact_mut(3).zip(picture.data().chunks_exact(4)) {
            to.copy_from_slice(&from[..3]);
        }
        let row_bytes = width * 3;
        PngPixels { color: ColorType::Rgb, palette: None, pixel_bytes: 3, row_bytes, bytes }
    }

    /// Returns the zlib stream of all rows.
    fn compressed(&self) -> Result<Vec<u8>, EncodingError> {
        let rows_per_block = (BLOCK_BYTES / (self.row_bytes + 1)).max(1);
        let rows = self.bytes.len() / self.row_bytes;
        let blocks = rows.div_ceil(rows_per_block);
        let next = AtomicUsize::new(0);
        let done = Mutex::new((0..blocks).map(|_| None).collect::<Vec<Option<DeflatedRows>>>());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = cores.min(THREADS_MAX).min(blocks);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= blocks {
                            break;
                        }
                        let first = index * rows_per_block;
                        let last = (first + rows_per_block).min(rows);
                        let block = self.block(first..last, index + 1 == blocks);
                        done.lock().expect("no thread panics with it")[index] = block;
                    }
                });
            }
        });
        let mut stream = ZLIB_HEADER.to_vec();
        let mut sum = Adler { low: 1, high: 0 };
        for block in done.into_inner().expect("no thread panicked") {
            let block = block.ok_or_else(|| std::io::Error::other("zlib failed"))?;
            stream.extend_from_slice(&block.deflated);
            sum = sum.followed_by(&block.sum, block.bytes);
        }
        stream.extend_from_slice(&(((sum.high << 16) | sum.low) as u32).to_be_bytes());
        Ok(stream)
    }

    /// Filters and compresses some rows. `None` if zlib fails, which it does for no input.
    fn block(&self, rows: std::ops::Range<usize>, is_last: bool) -> Option<DeflatedRows> {
        let (filtered, effort) = match &self.palette {
            // Palettes aren't filtered: neighbouring numbers in them aren't similar colors.
            Some(_) => (self.unfiltered(rows), PALETTE_EFFORT),
            None => {
                let tried_rows = rows.len().div_ceil(TRIAL_SHARE);
                let first = (rows.len() - tried_rows) / 2;
                let tried =
                    (self.row_bytes + 1) * first..(self.row_bytes + 1) * (first + tried_rows);
                let plain = self.unfiltered(rows.clone());
                let filtered = self.filtered(rows);
                let plain_bytes = deflate(&plain[tried.clone()], TRIAL_EFFORT, false)?.len();
                let filtered_bytes = deflate(&filtered[tried.clone()], TRIAL_EFFORT, false)?.len();
                let smaller = plain_bytes.min(filtered_bytes);
                let is_photo = smaller > tried.len() / PHOTO_SHARE;
                let effort = if is_photo { PHOTO_EFFORT } else { EFFORT };
                (if plain_bytes <= filtered_bytes { plain } else { filtered }, effort)
            }
        };
        let deflated = deflate(&filtered, effort, is_last)?;
        Some(DeflatedRows { deflated, bytes: filtered.len() as u64, sum: Adler::of(&filtered) })
    }

    /// Returns rows as PNG stores them: a filter's number before each, here that of none.
    fn unfiltered(&self, rows: std::ops::Range<usize>) -> Vec<u8> {
        let mut out = Vec::with_capacity(rows.len() * (self.row_bytes + 1));
        for row in self.bytes[rows.start * self.row_bytes..rows.end * self.row_bytes]
            .chunks(self.row_bytes)
        {
            out.push(0);
            out.extend_from_slice(row);
        }
        out
    }

    /// Returns rows with differences instead of values. For each row the filter with the fewest different pairs of
    /// bytes is taken: what repeats is what zlib finds.
    fn filtered(&self, rows: std::ops::Range<usize>) -> Vec<u8> {
        let nothing = vec![0; self.row_bytes];
        let mut out = Vec::with_capacity(rows.len() * (self.row_bytes + 1));
        let mut tries: [Vec<u8>; 5] = std::array::from_fn(|_| vec![0; self.row_bytes]);
        let mut seen = vec![0; PAIRS_WORDS];
        for y in rows {
            let row = &self.bytes[y * self.row_bytes..(y + 1) * self.row_bytes];
            let above = match y {
                0 => &nothing[..],
                _ => &self.bytes[(y - 1) * self.row_bytes..y * self.row_bytes],
            };
            filter_all(row, above, self.pixel_bytes, &mut tries);
            let best = (0..tries.len()).min_by_key(|filter| pairs_of(&tries[*filter], &mut seen));
            let best = best.unwrap_or(0);
            out.push(best as u8);
            out.extend_from_slice(&tries[best]);
        }
        out
    }
}

/// Compresses bytes into a piece of a deflate stream. `None` if zlib fails, which it does for no input.
fn deflate(bytes: &[u8], effort: u32, is_last: bool) -> Option<Vec<u8>> {
    let mut zlib = Compress::new(Compression::new(effort), false);
    let mut deflated = Vec::with_capacity(bytes.len() / 4 + 1024);
    let flush = if is_last { FlushCompress::Finish } else { FlushCompress::Sync };
    loop {
        let read = zlib.total_in() as usize;
        deflated.reserve(bytes.len() / 8 + 1024);
        let status = zlib.compress_vec(&bytes[read..], &mut deflated, flush).ok()?;
        let has_room = deflated.len() < deflated.capacity();
        let is_read = zlib.total_in() as usize == bytes.len();
        match status {
            Status::StreamEnd => break,
            // A sync flush is complete when it leaves room in the output.
            Status::Ok | Status::BufError if !is_last && is_read && has_room => break,
            Status::Ok | Status::BufError => {}
        }
    }
    Some(deflated)
}

/// Returns the palette and the number of each pixel's color in it; `None` if there are too many colors.
fn indexed(pixels: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut numbers: HashMap<[u8; 3], u8> = HashMap::new();
    let mut palette = Vec::new();
    let mut indices = Vec::with_capacity(pixels.len() / 4);
    let mut last: Option<([u8; 3], u8)> = None;
    for pixel in pixels.chunks_exact(4) {
        let color = [pixel[0], pixel[1], pixel[2]];
        if let Some((_, number)) = last.filter(|(last, _)| *last == color) {
            indices.push(number);
            continue;
        }
        let number = match numbers.get(&color) {
            Some(number) => *number,
            None => {
                if numbers.len() == COLORS_MAX {
                    return None;
                }
                let number = numbers.len() as u8;
                numbers.insert(color, number);
                palette.extend_from_slice(&color);
                number
            }
        };
        last = Some((color, number));
        indices.push(number);
    }
    Some((palette, indices))
}

/// Applies PNG's five filters to a row: none, sub, up, average, Paeth.
fn filter_all(row: &[u8], above: &[u8], pixel_bytes: usize, tries: &mut [Vec<u8>; 5]) {
    let [none, sub, up, average, paeth] = tries;
    none.copy_from_slice(row);
    for (out, (value, over)) in up.iter_mut().zip(row.iter().zip(above)) {
        *out = value.wrapping_sub(*over);
    }
    for at in 0..pixel_bytes.min(row.len()) {
        sub[at] = row[at];
        average[at] = row[at].wrapping_sub(above[at] / 2);
        paeth[at] = row[at].wrapping_sub(above[at]);
    }
    let (values, over) = (&row[pixel_bytes..], &above[pixel_bytes..]);
    for (out, (value, left)) in sub[pixel_bytes..].iter_mut().zip(values.iter().zip(row)) {
        *out = value.wrapping_sub(*left);
    }
    let beside = values.iter().zip(over).zip(row);
    for (out, ((value, over), left)) in average[pixel_bytes..].iter_mut().zip(beside) {
        let mean = (u16::from(*left) + u16::from(*over)) / 2;
        *out = value.wrapping_sub(mean as u8);
    }
    let beside = values.iter().zip(over).zip(row.iter().zip(above));
    for (out, ((value, over), (left, corner))) in paeth[pixel_bytes..].iter_mut().zip(beside) {
        *out = value.wrapping_sub(nearest(*left, *over, *corner));
    }
}

/// Paeth's predictor.
fn nearest(left: u8, over: u8, corner: u8) -> u8 {
    let (l, o, c) = (i16::from(left), i16::from(over), i16::from(corner));
    let (to_left, to_over, to_corner) = ((o - c).abs(), (l - c).abs(), (l + o - 2 * c).abs());
    if to_left <= to_over && to_left <= to_corner {
        left
    } else if to_over <= to_corner {
        over
    } else {
        corner
    }
}

/// One bit for each pair of bytes.
const PAIRS_WORDS: usize = 65_536 / 64;

/// Of so many bytes in a row, the first quarter is looked at: enough to tell which filter is best.
const SAMPLE_BYTES: usize = 512;

/// Returns how many different pairs of neighbouring bytes a sample of a row has.
fn pairs_of(row: &[u8], seen: &mut [u64]) -> u32 {
    seen.fill(0);
    let mut count = 0;
    let samples = row.chunks(SAMPLE_BYTES).map(|part| &part[..part.len().min(SAMPLE_BYTES / 4)]);
    for pair in samples.flat_map(|sample| sample.windows(2)) {
        let number = usize::from(pair[0]) << 8 | usize::from(pair[1]);
        let (word, bit) = (&mut seen[number / 64], 1 << (number % 64));
        count += u32::from(*word & bit == 0);
        *word |= bit;
    }
    count
}

struct DeflatedRows {
    deflated: Vec<u8>,
    /// How many bytes were compressed.
    bytes: u64,
    sum: Adler,
}

/// The two halves of an Adler-32 checksum.
#[derive(Clone, Copy)]
struct Adler {
    low: u64,
    high: u64,
}

impl Adler {
    fn of(bytes: &[u8]) -> Self {
        let (mut low, mut high) = (1_u64, 0_u64);
        // No sum overflows within a part of this size.
        for part in bytes.chunks(1 << 20) {
            for byte in part {
                low += u64::from(*byte);
                high += low;
            }
            low %= ADLER_MODULUS;
            high %= ADLER_MODULUS;
        }
        Adler { low, high }
    }

    /// Returns the checksum of what `self` was made of and then `bytes` bytes with the checksum `next`.
    fn followed_by(self, next: &Self, bytes: u64) -> Self {
        let before = (self.low + ADLER_MODULUS - 1) % ADLER_MODULUS;
        let low = (before + next.low) % ADLER_MODULUS;
        let high = (self.high + next.high + bytes % ADLER_MODULUS * before) % ADLER_MODULUS;
        Adler { low, high }
    }
}
