//! What a VP9 frame's first bytes say: enough to know that a track goes on as its init began. Pure.

/// A frame of profile 0: eight bits, 4:2:0. Others would need an init of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The size of a keyframe's picture.
    pub keyframe: Option<(u32, u32)>,
}

/// `None`: it is no such frame.
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
    // Shown, resilient.
    bits.take(2)?;
    const SYNC: u32 = 0x49_83_42;
    const RGB: u32 = 7;
    if bits.take(24)? != SYNC || bits.take(3)? == RGB {
        return None;
    }
    // The range of its colours.
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
        // As libvpx begins a picture of 1280x720: colours of BT.709, for videos.
        let keyframe = [0x82, 0x49, 0x83, 0x42, 0x40, 0x4f, 0xf0, 0x2c, 0xf0];
        assert_eq!(head(&keyframe), Some(Head { keyframe: Some((1_280, 720)) }));
        assert_eq!(head(&[0x86, 0]), Some(Head { keyframe: None }));
        for none in [&keyframe[..8], &[0xff; 9], &[0x92; 9], &[0x82; 9], &[]] {
            assert_eq!(head(none), None, "{none:x?}");
        }
    }
}
