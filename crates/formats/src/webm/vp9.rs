//! Makes a VP9 key frame of plain gray, for any picture size, in a few hundred bytes.
//!
//! It is written by hand because the picture replaces a damaged segment, and such segments are found by
//! programs and on computers without an encoder (the command line, a server, a home folder that is
//! opened for repair). Nothing is encoded: every block is predicted from its neighbors (DC prediction,
//! which gives mid-gray if there are none) and has no residual. Section numbers are those of the "VP9
//! Bitstream & Decoding Process Specification", version 0.6.

/// Returns a gray key frame, which hides everything before it.
pub(crate) fn grey_key_frame(width: u32, height: u32) -> Vec<u8> {
    let compressed = compressed_header();
    let mut frame = uncompressed_header(width, height, compressed.len() as u16);
    frame.extend(compressed);
    frame.extend(tiles(width, height));
    frame
}

/// Returns a length in units of 8 pixels, and of 64.
fn blocks(pixels: u32) -> (u32, u32) {
    let mode_info = pixels.div_ceil(8);
    (mode_info, mode_info.div_ceil(8))
}

/// Returns the smallest number of tile columns that the width allows, as a power of two, and whether a
/// larger one would be allowed too (6.2.10).
fn tile_columns_log2(width: u32) -> (u32, bool) {
    let (_, superblocks) = blocks(width);
    let mut min = 0;
    while (64 << min) < superblocks {
        min += 1;
    }
    let mut max = 1;
    while (superblocks >> max) >= 4 {
        max += 1;
    }
    (min, min < max - 1)
}

/// Returns the uncompressed header (6.2).
fn uncompressed_header(width: u32, height: u32, compressed_bytes: u16) -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.put(2, 2); // frame_marker
    bits.put(0, 2); // profile 0
    bits.put(0, 1); // show_existing_frame
    bits.put(0, 1); // frame_type: a key frame
    bits.put(1, 1); // show_frame
    bits.put(1, 1); // error_resilient_mode: the default probabilities, which stay as they are
    bits.put(0x49_8342, 24); // frame_sync_code
    bits.put(0, 3); // color_space: not stated
    bits.put(0, 1); // color_range
    bits.put(width - 1, 16);
    bits.put(height - 1, 16);
    bits.put(0, 1); // render_and_frame_size_different
    bits.put(0, 2); // frame_context_idx
    bits.put(0, 6); // loop_filter_level
    bits.put(0, 3); // loop_filter_sharpness
    bits.put(0, 1); // loop_filter_delta_enabled
    bits.put(100, 8); // base_q_idx: any but 0, which means lossless
    bits.put(0, 3); // no delta of it
    bits.put(0, 1); // segmentation_enabled
    if tile_columns_log2(width).1 {
        bits.put(0, 1); // increment_tile_cols_log2
    }
    bits.put(0, 1); // tile_rows_log2
    bits.put(u32::from(compressed_bytes), 16);
    bits.bytes
}

/// Returns the compressed header, which changes no probability (6.3).
fn compressed_header() -> Vec<u8> {
    let mut coder = BoolEncoder::new();
    coder.put(false, 128); // tx_mode: ONLY_4X4, two bits
    coder.put(false, 128);
    coder.put(false, 128); // update_probs of the coefficients
    for _ in 0..3 {
        coder.put(false, 252); // update_prob of skip
    }
    coder.finish()
}

fn tiles(width: u32, height: u32) -> Vec<u8> {
    let ((columns, superblocks), (rows, _)) = (blocks(width), blocks(height));
    let (log2, _) = tile_columns_log2(width);
    let start = |tile: u32| (((tile * superblocks) >> log2) * 8).min(columns);
    let mut bytes = Vec::new();
    for tile in 0..1 << log2 {
        let data = Tile::new(start(tile)..start(tile + 1), rows, columns).encode();
        // Each tile but the last is preceded by its length (6.4).
        if tile + 1 < 1 << log2 {
            bytes.extend_from_slice(&(data.len() as u32).to_be_bytes());
        }
        bytes.extend(data);
    }
    bytes
}

/// The table `default_kf_partition_probs`, by a block's size (8, 16, 32, 64 pixels) and by whether the
/// blocks above (1) and to the left (2) are smaller.
const PARTITION: [[u8; 3]; 16] = [
    [158, 97, 94],
    [93, 24, 99],
    [85, 119, 44],
    [62, 59, 67],
    [149, 53, 53],
    [94, 20, 48],
    [83, 53, 24],
    [52, 18, 18],
    [150, 40, 39],
    [78, 12, 26],
    [67, 33, 11],
    [24, 7, 5],
    [174, 35, 49],
    [68, 11, 27],
    [57, 15, 9],
    [12, 3, 3],
];
/// The skip probabilities, by how many of the neighbors above and to the left are skipped.
const SKIP: [u8; 3] = [192, 128, 64];
/// The probability of DC_PRED if both neighbors have it.
const LUMA_IS_DC: u8 = 137;
const CHROMA_IS_DC: u8 = 144;

/// A tile that is split into the largest possible blocks (6.4.2).
struct Tile {
    coder: BoolEncoder,
    columns: std::ops::Range<u32>,
    rows: u32,
    columns_of_frame: u32,
    /// The partition contexts of the row above, by column, and of the column to the left.
    above: Vec<u8>,
    left: [u8; 8],
}

impl Tile {
    fn new(columns: std::ops::Range<u32>, rows: u32, columns_of_frame: u32) -> Self {
        let above = vec![0; columns_of_frame.next_multiple_of(8) as usize];
        Tile { coder: BoolEncoder::new(), columns, rows, columns_of_frame, above, left: [0; 8] }
    }

    fn encode(mut self) -> Vec<u8> {
        for row in (0..self.rows).step_by(8) {
            self.left = [0; 8];
            for column in self.columns.clone().step_by(8) {
                self.partition(row, column, 3);
            }
        }
        self.coder.finish()
    }

    /// Writes the partition of a block. `size` is log2 of its side in units of 8 pixels.
    fn partition(&mut self, row: u32, column: u32, size: u32) {
        if row >= self.rows || column >= self.columns_of_frame {
            return;
        }
        let (side, half) = (1 << size, (1 << size) >> 1);
        let has_rows = row + half < self.rows;
        let has_columns = column + half < self.columns_of_frame;
        let probabilities = PARTITION[self.partition_context(row, column, size)];
        let (wide, high) = match (has_rows, has_columns) {
            (true, true) => {
                self.coder.put(false, probabilities[0]); // PARTITION_NONE
                (size, size)
            }
            (false, true) => {
                self.coder.put(false, probabilities[1]); // PARTITION_HORZ
                (size, size - 1)
            }
            (true, false) => {
                self.coder.put(false, probabilities[2]); // PARTITION_VERT
                (size - 1, size)
            }
            (false, false) => {
                // Only PARTITION_SPLIT is possible.
                for (down, right) in [(0, 0), (0, half), (half, 0), (half, half)] {
                    self.partition(row + down, column + right, size - 1);
                }
                return;
            }
        };
        self.block(row, column);
        let context = |log2: u32| 15_u8 >> (log2 + 1);
        self.above[column as usize..(column + side) as usize].fill(context(wide));
        self.left[(row % 8) as usize..(row % 8 + side) as usize].fill(context(high));
    }

    fn partition_context(&self, row: u32, column: u32, size: u32) -> usize {
        let side = 1 << size;
        let bit = 1 << (3 - size);
        let any = |contexts: &[u8]| contexts.iter().any(|context| context & bit > 0);
        let above = any(&self.above[column as usize..(column + side) as usize]);
        let left = any(&self.left[(row % 8) as usize..(row % 8 + side) as usize]);
        size as usize * 4 + usize::from(left) * 2 + usize::from(above)
    }

    /// Writes a block that is skipped and uses DC_PRED in luma and chroma, like all its neighbors.
    fn block(&mut self, row: u32, column: u32) {
        let neighbours = usize::from(row > 0) + usize::from(column > self.columns.start);
        self.coder.put(true, SKIP[neighbours]);
        self.coder.put(false, LUMA_IS_DC);
        self.coder.put(false, CHROMA_IS_DC);
    }
}

/// A bit writer, most significant bit first.
#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    used: u32,
}

impl BitWriter {
    fn put(&mut self, value: u32, count: u32) {
        for shift in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = (value >> shift & 1) as u8;
            if let Some(last) = self.bytes.last_mut() {
                *last |= bit << (7 - self.used % 8);
            }
            self.used += 1;
        }
    }
}

/// The arithmetic encoder for the decoder of section 9.2.
struct BoolEncoder {
    bytes: Vec<u8>,
    low: u64,
    range: u32,
    /// How many bits of `low` are not written yet.
    pending: u32,
}

impl BoolEncoder {
    fn new() -> Self {
        let mut coder = BoolEncoder { bytes: Vec::new(), low: 0, range: 255, pending: 0 };
        coder.put(false, 128); // the marker bit
        coder
    }

    /// Writes a bit. `probability`, of 256, is that of false.
    fn put(&mut self, value: bool, probability: u8) {
        let split = 1 + (((self.range - 1) * u32::from(probability)) >> 8);
        if value {
            self.low += u64::from(split);
            self.range -= split;
        } else {
            self.range = split;
        }
        while self.range < 128 {
            self.shift();
        }
    }

    fn shift(&mut self) {
        self.range <<= 1;
        self.low <<= 1;
        self.pending += 1;
        if self.pending == 8 {
            self.flush_byte();
        }
    }

    /// Writes a byte. `low` has 8 bits of the range below the pending ones, and a carry above them.
    fn flush_byte(&mut self) {
        let top = self.low >> 8;
        if top > 0xFF {
            for byte in self.bytes.iter_mut().rev() {
                *byte = byte.wrapping_add(1);
                if *byte != 0 {
                    break;
                }
            }
        }
        self.bytes.push(top as u8);
        self.low &= 0xFF;
        self.pending = 0;
    }

    fn finish(mut self) -> Vec<u8> {
        for _ in 0..32 {
            self.low <<= 1;
            self.pending += 1;
            if self.pending == 8 {
                self.flush_byte();
            }
        }
        // Such an end would be read as the index of a superframe (Annex B).
        if self.bytes.last().is_some_and(|last| last & 0xE0 == 0xC0) {
            self.bytes.push(0);
        }
        self.bytes
    }
}
