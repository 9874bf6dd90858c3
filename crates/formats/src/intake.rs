//! The read buffer of scanners whose stream arrives in pieces that are cut anywhere. It holds only the bytes
//! that a scanner asked for, and passes over the rest without buffering it.

/// A stream's position, the bytes that are buffered there, and how many of the following bytes don't matter.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    /// The position of the first buffered byte, or of the next byte to come.
    at: u64,
    held: Vec<u8>,
    skip: u64,
}

impl Intake {
    /// Returns the stream position of the first byte that was not passed over.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Returns the buffered bytes from that position on.
    pub(crate) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Returns whether bytes that are still to come will be passed over.
    pub(crate) fn is_skipping(&self) -> bool {
        self.skip > 0
    }

    /// Takes the first of these bytes and returns the rest. While skipping it drops bytes. Otherwise it
    /// buffers up to `wanted` bytes in total, and at least one more.
    pub(crate) fn take<'a>(&mut self, bytes: &'a [u8], wanted: usize) -> &'a [u8] {
        let count = if self.is_skipping() {
            let count = bytes.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
            self.skip -= count as u64;
            self.at += count as u64;
            count
        } else {
            let count = wanted.saturating_sub(self.held.len()).max(1).min(bytes.len());
            self.held.extend_from_slice(&bytes[..count]);
            count
        };
        &bytes[count..]
    }

    /// Buffers all of these bytes.
    pub(crate) fn take_all(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Passes over that many bytes, buffered ones first.
    pub(crate) fn pass(&mut self, len: u64) {
        let held = self.held.len().min(usize::try_from(len).unwrap_or(usize::MAX));
        self.held.drain(..held);
        self.at += held as u64;
        self.skip = len - held as u64;
    }

    /// Returns the buffered bytes and holds none of them any more. They have to be taken again.
    pub(crate) fn release(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intake_holds_what_is_wanted_and_passes_over_the_rest() {
        let stream: Vec<u8> = (0..40).collect();
        for piece in 1..=stream.len() {
            let mut intake = Intake::default();
            let mut heads = Vec::new();
            for mut bytes in stream.chunks(piece) {
                while !bytes.is_empty() {
                    bytes = intake.take(bytes, 3);
                    assert!(intake.held().len() <= 3);
                    if intake.held().len() == 3 {
                        heads.push((intake.at(), intake.held().to_vec()));
                        intake.pass(10);
                    }
                }
            }
            let want: Vec<(u64, Vec<u8>)> =
                [0_u8, 10, 20, 30].map(|at| (at.into(), vec![at, at + 1, at + 2])).into();
            assert_eq!(heads, want, "in pieces of {piece}");
            assert_eq!((intake.at(), intake.is_skipping()), (40, false));
        }
    }
}
