//! Keeps the last minute of sound in memory, as it went to the encoder, so that the sound before a strike can be
//! joined to what follows it. Pure.

use std::collections::VecDeque;

use super::BLOCK_FRAMES;
use crate::policy::{STRIKE_FADE_FRAMES, STRIKE_PRIMING_BLOCKS, STRIKE_SOUND_BLOCKS};

/// The frames of one packet.
pub(super) type MixedBlock = [[i16; 2]; BLOCK_FRAMES];

const SILENCE: MixedBlock = [[0; 2]; BLOCK_FRAMES];

/// The last blocks, each with its number.
#[derive(Debug, Default)]
pub(super) struct RecentSound {
    blocks: VecDeque<(u64, Box<MixedBlock>)>,
}

impl RecentSound {
    pub(super) fn push(&mut self, number: u64, block: MixedBlock) {
        if self.blocks.len() >= STRIKE_SOUND_BLOCKS {
            self.blocks.pop_front();
        }
        self.blocks.push_back((number, Box::new(block)));
    }

    /// Forgets the blocks from `from` on, and returns the last ones before it, faded out at the end. Blocks that
    /// there are not are silence.
    pub(super) fn strike(&mut self, from: u64, until: u64) -> Vec<MixedBlock> {
        self.blocks.retain(|(number, _)| *number < from || *number >= until);
        let block = |number: u64| {
            let found = self.blocks.iter().rev().find(|(own, _)| *own == number);
            found.map_or(SILENCE, |(_, block)| **block)
        };
        let before = (1..=STRIKE_PRIMING_BLOCKS).rev();
        let mut blocks: Vec<MixedBlock> =
            before.map(|n| from.checked_sub(n).map_or(SILENCE, block)).collect();
        if let Some(last) = blocks.last_mut() {
            fade(last.iter_mut().rev());
        }
        blocks
    }
}

/// Fades the begin of a block in.
pub(super) fn fade_in(block: &mut MixedBlock) {
    fade(block.iter_mut());
}

fn fade<'a>(frames: impl Iterator<Item = &'a mut [i16; 2]>) {
    for (n, frame) in frames.take(STRIKE_FADE_FRAMES).enumerate() {
        let faded = |value: i16| (i32::from(value) * n as i32 / STRIKE_FADE_FRAMES as i32) as i16;
        *frame = frame.map(faded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_before_a_strike_fades_out_and_what_was_struck_is_forgotten() {
        let mut recent = RecentSound::default();
        for number in 0..10 {
            recent.push(number, [[number as i16 * 1_000; 2]; BLOCK_FRAMES]);
        }
        let before = recent.strike(6, 10);
        let levels: Vec<i16> = before.iter().map(|block| block[0][0]).collect();
        assert_eq!(levels, [3_000, 4_000, 5_000]);
        let last = before.last().unwrap();
        assert_eq!(
            (last[BLOCK_FRAMES - STRIKE_FADE_FRAMES - 1][0], last[BLOCK_FRAMES - 1][0]),
            (5_000, 0)
        );
        assert_eq!(recent.blocks.len(), 6);
        // A strike at the very beginning, and one before which blocks were struck, follow silence.
        assert_eq!(recent.strike(0, 6).iter().flatten().flatten().max(), Some(&0));
        assert_eq!(recent.strike(9, 10)[0][0], [0, 0]);
        let mut after = [[1_000; 2]; BLOCK_FRAMES];
        fade_in(&mut after);
        assert_eq!((after[0][0], after[120][0], after[240][0]), (0, 500, 1_000));
    }

    #[test]
    fn recent_sound_is_a_minute_at_most() {
        let mut recent = RecentSound::default();
        for number in 0..STRIKE_SOUND_BLOCKS as u64 + 7 {
            recent.push(number, SILENCE);
        }
        assert_eq!(recent.blocks.len(), STRIKE_SOUND_BLOCKS);
    }
}
