//! Writes Opus in Ogg (RFC 3533, RFC 7845).
//!
//! ```text
//! page   OggS, flags, granule position, serial number, page number, CRC, lengths of the segments
//! file   a page with OpusHead, a page with OpusTags, pages with packets
//! ```

/// The most that a page holds: 255 segments of 255 bytes; a packet takes one more than its length divided by 255.
const SEGMENTS_MAX: usize = 255;
/// About a second of packets, so that players find a position quickly.
const PAGE_PACKETS_MAX: usize = 50;
const VENDOR: &str = concat!("Snaplark ", env!("CARGO_PKG_VERSION"));
/// Samples in a millisecond of Opus.
const RATE_MS: u64 = 48;

/// Writes an Ogg file page by page.
#[derive(Debug)]
pub struct OpusWriter {
    page: u32,
    /// The samples of all packets so far.
    samples: u64,
    packets: Vec<Vec<u8>>,
}

impl OpusWriter {
    /// Begins a file. Returns the writer and the bytes before the first packet. `head` is the track's OpusHead.
    pub fn begin(head: &[u8]) -> (Self, Vec<u8>) {
        let mut writer = OpusWriter { page: 0, samples: 0, packets: Vec::new() };
        let mut tags = Vec::from(*b"OpusTags");
        tags.extend((VENDOR.len() as u32).to_le_bytes());
        tags.extend(VENDOR.as_bytes());
        tags.extend(0_u32.to_le_bytes());
        let mut bytes = writer.write_page(&[head.to_vec()], 0, FIRST);
        bytes.extend(writer.write_page(&[tags], 0, 0));
        (writer, bytes)
    }

    /// Adds a packet. Returns bytes if a page is full.
    pub fn packet(&mut self, packet: Vec<u8>) -> Vec<u8> {
        let lacing: usize = self.packets.iter().map(|one| one.len() / 255 + 1).sum();
        let is_full = self.packets.len() == PAGE_PACKETS_MAX
            || lacing + packet.len() / 255 + 1 > SEGMENTS_MAX;
        let page = if is_full { self.flush(0, self.samples) } else { Vec::new() };
        self.samples += packet_samples(&packet);
        self.packets.push(packet);
        page
    }

    /// Returns how many milliseconds the packets so far last.
    pub fn duration_ms(&self) -> u64 {
        self.samples / RATE_MS
    }

    /// Ends the file. Players stop after `duration_ms`, and skip `pre_skip` samples at its beginning.
    pub fn end(mut self, duration_ms: u64, pre_skip: u64) -> Vec<u8> {
        let end = (duration_ms * RATE_MS + pre_skip).min(self.samples);
        self.flush(LAST, end)
    }

    fn flush(&mut self, flags: u8, granule: u64) -> Vec<u8> {
        let packets = std::mem::take(&mut self.packets);
        self.write_page(&packets, granule, flags)
    }

    fn write_page(&mut self, packets: &[Vec<u8>], granule: u64, flags: u8) -> Vec<u8> {
        let mut lacing = Vec::new();
        for packet in packets {
            lacing.extend(std::iter::repeat_n(255, packet.len() / 255));
            lacing.push((packet.len() % 255) as u8);
        }
        let mut page = Vec::from(*b"OggS\0");
        page.push(flags);
        page.extend(granule.to_le_bytes());
        // One stream, so any number does.
        page.extend(1_u32.to_le_bytes());
        page.extend(self.page.to_le_bytes());
        page.extend([0; 4]);
        page.push(lacing.len() as u8);
        page.extend(lacing);
        packets.iter().for_each(|packet| page.extend_from_slice(packet));
        let crc = crc(&page);
        page[22..26].copy_from_slice(&crc.to_le_bytes());
        self.page += 1;
        page
    }
}

const FIRST: u8 = 2;
const LAST: u8 = 4;

/// Returns the CRC of Ogg: the polynomial 0x04C11DB7, neither reflected nor inverted.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000_0000 == 0 { shifted } else { shifted ^ 0x04C1_1DB7 }
        })
    })
}

/// Returns how many samples at 48 kHz an Opus packet lasts (RFC 6716, 3.1); 0 for an empty one.
pub fn packet_samples(packet: &[u8]) -> u64 {
    let Some(toc) = packet.first() else { return 0 };
    let frame = match toc >> 3 {
        config @ 0..=11 => [480, 960, 1_920, 2_880][usize::from(config % 4)],
        config @ 12..=15 => [480, 960][usize::from(config % 2)],
        config => [120, 240, 480, 960][usize::from(config % 4)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(packet.get(1).map_or(0, |count| count & 0x3F)),
    };
    frame * frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packet_samples_are_those_of_the_first_byte() {
        assert_eq!(packet_samples(&[0xF8, 0xFF, 0xFE]), 960);
        assert_eq!(packet_samples(&[0xFC]), 960);
        assert_eq!(packet_samples(&[3 << 3]), 2_880);
        assert_eq!(packet_samples(&[0xE0 | 3, 5]), 600);
        assert_eq!(packet_samples(&[]), 0);
    }

    #[test]
    fn pages_hold_all_packets_and_state_their_time() {
        let (mut writer, mut bytes) = OpusWriter::begin(b"OpusHead");
        for number in 0..120_u8 {
            bytes.extend(writer.packet([&[0xF8][..], &vec![number; 600]].concat()));
        }
        assert_eq!(writer.duration_ms(), 2_400);
        bytes.extend(writer.end(2_390, 312));
        let pages: Vec<usize> =
            (0..bytes.len() - 4).filter(|at| &bytes[*at..*at + 4] == b"OggS").collect();
        // Each packet takes three segments, so 85 fit into a page; a page ends after 50.
        assert_eq!(pages.len(), 2 + 3);
        let granule =
            |page: usize| u64::from_le_bytes(*bytes[pages[page] + 6..].first_chunk::<8>().unwrap());
        assert_eq!((granule(2), granule(4)), (50 * 960, 2_390 * 48 + 312));
        assert_eq!(bytes[pages[4] + 5], LAST);
    }
}
