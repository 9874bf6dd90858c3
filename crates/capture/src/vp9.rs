//! Parses the first bytes of a VP9 frame: enough to check that a track continues as its init began. Pure.

/// The header of a frame of profile 0: eight bits, 4:2:0. Other profiles would need another init.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    /// The picture's size, if it is a keyframe.
    pub keyframe: Option<(u32, u32)>,
}

/// Returns `None` if it is not a VP9 frame of profile 0.
pub(crate) fn read_header(frame: &[u8]) -> Option<FrameHeader> {
    let mut bits = BitReader { bytes: frame, at: 0 };
    let (marker, profile) = (bits.take(2)?, bits.take(2)?);
    if (marker, profile) != (0b10, 0) {
        return None;
    }
    let shows_known = bits.take(1)? == 1;
    if shows_known || bits.take(1)? == 1 {
        return Some(FrameHeader { keyframe: None });
    }
    // The flags show_frame and error_resilient_mode.
    bits.take(2)?;
    const SYNC: u32 = 0x49_83_42;
    const RGB: u32 = 7;
    if bits.take(24)? != SYNC || bits.take(3)? == RGB {
        return None;
    }
    // The color range.
    bits.take(1)?;
    Some(FrameHeader { keyframe: Some((bits.take(16)? + 1, bits.take(16)? + 1)) })
}

struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl BitReader<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        (0..count).try_fold(0, |value, _| {
            let byte = *self.bytes.get(self.at / 8)?;
            let bit = byte >> (7 - self.at % 8) & 1;
            self.at += 1;
            Some(value << 1 | u32::from(bit))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_header_refuses_bytes_that_are_no_frame() {
        // The beginning of a picture of 1280x720 as libvpx writes it: BT.709, video range.
        let keyframe = [0x82, 0x49, 0x83, 0x42, 0x40, 0x4f, 0xf0, 0x2c, 0xf0];
        assert_eq!(read_header(&keyframe), Some(FrameHeader { keyframe: Some((1_280, 720)) }));
        assert_eq!(read_header(&[0x86, 0]), Some(FrameHeader { keyframe: None }));
        for none in [&keyframe[..8], &[0xff; 9], &[0x92; 9], &[0x82; 9], &[]] {
            assert_eq!(read_header(none), None, "{none:x?}");
        }
    }
}
