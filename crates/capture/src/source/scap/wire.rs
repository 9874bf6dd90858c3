//! The messages from the helper to the recording: pictures, then why there are no more. Pure.

use std::io::{Error, ErrorKind, Read, Result, Write};

use crate::policy::SIDE_PX_MAX;
use crate::source::picture::BYTES_PER_PIXEL;

/// Precedes each message, since scap itself writes to the standard output when a window is closed.
const MARK: &[u8; 4] = b"SNAP";
const PICTURE: u32 = 0;
const WORDS_MAX: u32 = 4_096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HelperMessage {
    /// A picture. Its pixels are in the buffer that it was read into: BGRx, rows without padding.
    Picture { width: u32, height: u32 },
    /// The last message. Its text is in the buffer as well.
    End(StreamEnd),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// The person declined.
    Declined,
    /// The requested source does not exist.
    Missing,
    /// The question was not answered.
    Silent,
    /// Any other error.
    Broken,
}

const ENDS: [StreamEnd; 4] =
    [StreamEnd::Declined, StreamEnd::Missing, StreamEnd::Silent, StreamEnd::Broken];

pub(super) fn write_picture(out: &mut impl Write, size: (u32, u32), pixels: &[u8]) -> Result<()> {
    write(out, [PICTURE, size.0, size.1], pixels)
}

pub(super) fn write_end(out: &mut impl Write, end: StreamEnd, words: &str) -> Result<()> {
    let kind = ENDS.iter().position(|known| *known == end).map_or(0, |place| place as u32 + 1);
    let words = &words.as_bytes()[..words.len().min(WORDS_MAX as usize)];
    write(out, [kind, words.len() as u32, 0], words)
}

fn write(out: &mut impl Write, head: [u32; 3], content: &[u8]) -> Result<()> {
    out.write_all(MARK)?;
    for number in head {
        out.write_all(&number.to_le_bytes())?;
    }
    out.write_all(content)?;
    out.flush()
}

/// Reads the next message, with its content in `content`. Returns an error for anything that our helper
/// does not send.
pub(super) fn read(from: &mut impl Read, content: &mut Vec<u8>) -> Result<HelperMessage> {
    let mut head = [[0; 4]; 4];
    from.read_exact(head.as_flattened_mut())?;
    let [mark, numbers @ ..] = head;
    let [kind, a, b] = numbers.map(u32::from_le_bytes);
    if mark != *MARK {
        return Err(Error::from(ErrorKind::InvalidData));
    }
    let ending = (kind as usize).checked_sub(1).map(|place| ENDS.get(place));
    let (message, bytes) = match ending {
        None if a.max(b) <= SIDE_PX_MAX => (
            HelperMessage::Picture { width: a, height: b },
            a as usize * b as usize * BYTES_PER_PIXEL,
        ),
        Some(Some(end)) if a <= WORDS_MAX => (HelperMessage::End(*end), a as usize),
        _ => return Err(Error::from(ErrorKind::InvalidData)),
    };
    content.resize(bytes, 0);
    from.read_exact(content)?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helper_messages_are_read_as_they_were_written() {
        let mut said = Vec::new();
        write_picture(&mut said, (2, 1), &[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        write_end(&mut said, StreamEnd::Silent, "nobody answered").unwrap();
        let (mut heard, mut content) = (said.as_slice(), Vec::new());
        let message = read(&mut heard, &mut content).unwrap();
        assert_eq!(message, HelperMessage::Picture { width: 2, height: 1 });
        assert_eq!(content, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(read(&mut heard, &mut content).unwrap(), HelperMessage::End(StreamEnd::Silent));
        assert_eq!(content, b"nobody answered");
        assert_eq!(read(&mut heard, &mut content).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn helper_messages_are_refused_when_malformed() {
        let mut content = Vec::new();
        for (head, numbers) in [
            (b"Clos", [0, 2, 2]),
            (MARK, [0, SIDE_PX_MAX + 1, 1]),
            (MARK, [ENDS.len() as u32 + 1, 1, 0]),
            (MARK, [1, WORDS_MAX + 1, 0]),
        ] {
            let mut bytes = head.to_vec();
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            bytes.resize(1 << 16, 0);
            let error = read(&mut bytes.as_slice(), &mut content).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{numbers:?}");
        }
    }
}
