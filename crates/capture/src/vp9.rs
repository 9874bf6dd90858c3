//! Parses the first bytes of a VP9 frame: enough to check that a track continues as its init began. Pure.

/// The header of a frame of profile 0: eight bits, 4:2:0. Other profiles would need another init.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The picture's size, if it is a keyframe.
    pub keyframe: Option<(u32, u32)>,
}

/// Returns `None` if it is not a VP9 frame of profile 0.
pub fn head(frame: &[u8]) -> Option<Head> {
    let mut bits = Bits { bytes: frame, at: 0 };
    let (marker, profile) = (bits.take(2)?, bits.take(2)?);
    if (marker, profile) != (0b10, 0) {
        return None;
    }
    let shows_known = bits.take(1)? == 1;
    if shows_known || bits.take(1)? == 1 {
        return Some(Head { keyframe: None });
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
    Some(Head { keyframe: Some((bits.take(16)? + 1, bits.take(16)? + 1)) })
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
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
    fn frames_are_told_from_what_is_none() {
        // The beginning of a picture of 1280x720 as libvpx writes it: BT.709, video range.
        let keyframe = [0x82, 0x49, 0x83, 0x42, 0x40, 0x4f, 0xf0, 0x2c, 0xf0];
        assert_eq!(head(&keyframe), Some(Head { keyframe: Some((1_280, 720)) }));
        assert_eq!(head(&[0x86, 0]), Some(Head { keyframe: None }));
        for none in [&keyframe[..8], &[0xff; 9], &[0x92; 9], &[0x82; 9], &[]] {
            assert_eq!(head(none), None, "{none:x?}");
        }
    }
}
