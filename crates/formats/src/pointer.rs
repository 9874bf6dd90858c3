//! Positions and clicks of the pointer during a segment, as they are kept beside it.
//!
//! ```text
//! file    "SNPT", version (1 byte: 1), records
//! record  head, milliseconds since the record before (or the segment's start), and for a position its distance
//!         from the position before
//! head    1 byte: 0 moved, 1 pressed, 2 released, 3 left the picture; of 1 and 2 the button is in the upper
//!         four bits: 1 left, 2 middle, 3 right
//! ```
//! Numbers are LEB128; distances are zigzag-encoded, x before y. Positions are pixels of the recording, from its
//! upper left corner. A click is where the pointer was in the record before it. A pointer that moves takes four
//! to six bytes for each picture.

const MAGIC: &[u8; 4] = b"SNPT";
const VERSION: u8 = 1;
const HEAD_BYTES: usize = MAGIC.len() + 1;
/// The longest number: 64 bits of seven each.
const NUMBER_BYTES_MAX: usize = 10;

/// An action of the pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerAction {
    /// It is at this pixel now.
    MovedTo(i32, i32),
    /// A button was pressed.
    Pressed(PointerButton),
    /// A button was released.
    Released(PointerButton),
    /// It is outside of the picture, or hidden.
    Left,
}

/// A button of the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointerButton {
    /// The left one, or the main one of a left-handed mouse.
    Left,
    /// The middle one.
    Middle,
    /// The right one.
    Right,
}

/// An action of the pointer with its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointerRecord {
    /// The time since the segment's start.
    pub at_ms: u64,
    /// The action.
    pub action: PointerAction,
}

/// Returns the file of these records, which are in the order of their times.
pub fn encode(records: &[PointerRecord]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.push(VERSION);
    let (mut last_ms, mut last) = (0, (0, 0));
    for record in records {
        let (head, to) = match record.action {
            PointerAction::MovedTo(x, y) => (0, Some((x, y))),
            PointerAction::Pressed(button) => (1 | number(button) << 4, None),
            PointerAction::Released(button) => (2 | number(button) << 4, None),
            PointerAction::Left => (3, None),
        };
        bytes.push(head);
        put(&mut bytes, record.at_ms.saturating_sub(last_ms));
        last_ms = last_ms.max(record.at_ms);
        if let Some((x, y)) = to {
            put(&mut bytes, zigzag(i64::from(x) - i64::from(last.0)));
            put(&mut bytes, zigzag(i64::from(y) - i64::from(last.1)));
            last = (x, y);
        }
    }
    bytes
}

/// Returns the records of a file; `None` if it is none of this version. Records after one that is cut off or
/// unknown are left out.
pub fn decode(bytes: &[u8]) -> Option<Vec<PointerRecord>> {
    let mut rest = bytes.strip_prefix(MAGIC)?.strip_prefix(&[VERSION])?;
    let (mut at_ms, mut at) = (0_u64, (0_i32, 0_i32));
    let mut records = Vec::new();
    while let Some((head, after)) = rest.split_first() {
        rest = after;
        let Some(read) = read_record(*head, &mut rest, &mut at_ms, &mut at) else { break };
        records.push(read);
    }
    Some(records)
}

/// Returns the file without the records from that time on; `None` if it is none of this version.
pub fn truncate(bytes: &[u8], end_ms: u64) -> Option<Vec<u8>> {
    let mut records = decode(bytes)?;
    records.retain(|record| record.at_ms < end_ms);
    Some(encode(&records))
}

/// Returns whether a file holds no record.
pub fn is_empty(bytes: &[u8]) -> bool {
    bytes.len() <= HEAD_BYTES
}

fn read_record(
    head: u8,
    rest: &mut &[u8],
    at_ms: &mut u64,
    at: &mut (i32, i32),
) -> Option<PointerRecord> {
    *at_ms = at_ms.checked_add(take(rest)?)?;
    let action = match head & 0xF {
        0 => {
            let (x, y) = (unzigzag(take(rest)?), unzigzag(take(rest)?));
            let moved = |from: i32, by: i64| i32::try_from(i64::from(from).checked_add(by)?).ok();
            *at = (moved(at.0, x)?, moved(at.1, y)?);
            PointerAction::MovedTo(at.0, at.1)
        }
        1 => PointerAction::Pressed(button(head >> 4)?),
        2 => PointerAction::Released(button(head >> 4)?),
        3 => PointerAction::Left,
        _ => return None,
    };
    Some(PointerRecord { at_ms: *at_ms, action })
}

fn number(button: PointerButton) -> u8 {
    match button {
        PointerButton::Left => 1,
        PointerButton::Middle => 2,
        PointerButton::Right => 3,
    }
}

fn button(number: u8) -> Option<PointerButton> {
    match number {
        1 => Some(PointerButton::Left),
        2 => Some(PointerButton::Middle),
        3 => Some(PointerButton::Right),
        _ => None,
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

fn put(bytes: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = (value & 0x7F) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for place in 0..NUMBER_BYTES_MAX {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7F).checked_shl(7 * place as u32)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use PointerAction::{Left, MovedTo, Pressed, Released};

    fn records() -> Vec<PointerRecord> {
        [
            (0, MovedTo(640, 360)),
            (33, MovedTo(630, 371)),
            (40, Pressed(PointerButton::Left)),
            (120, Released(PointerButton::Left)),
            (1_999, Left),
            (2_000, MovedTo(-3, 5_000)),
            (31_000, Pressed(PointerButton::Right)),
        ]
        .map(|(at_ms, action)| PointerRecord { at_ms, action })
        .to_vec()
    }

    #[test]
    fn records_read_back_as_they_were_and_take_few_bytes() {
        let bytes = encode(&records());
        assert_eq!(decode(&bytes), Some(records()));
        let moves: Vec<PointerRecord> = (0..60)
            .map(|n| PointerRecord { at_ms: n * 33, action: MovedTo(300 + n as i32 * 9, 200) })
            .collect();
        assert!(encode(&moves).len() < 60 * 5);
        assert!(is_empty(&encode(&[])) && !is_empty(&encode(&moves[..1])));
    }

    #[test]
    fn truncate_leaves_out_what_comes_later() {
        let bytes = encode(&records());
        for (end_ms, count) in [(0, 0), (1, 1), (40, 2), (41, 3), (2_000, 5), (99_000, 7)] {
            let kept = truncate(&bytes, end_ms).unwrap();
            assert_eq!(decode(&kept).unwrap(), records()[..count]);
        }
        assert_eq!(truncate(b"another file", 5), None);
    }

    #[test]
    fn bytes_that_are_cut_off_or_foreign_bring_nothing_down() {
        let bytes = encode(&records());
        for end in 0..bytes.len() {
            let read = decode(&bytes[..end]);
            assert_eq!(read.is_some(), end >= HEAD_BYTES);
            assert!(records().starts_with(&read.unwrap_or_default()));
        }
        for foreign in [&b"SNPT\x02"[..], b"SNPT", b"", b"SNPT\x01\x0f\x00"] {
            assert!(decode(foreign).unwrap_or_default().is_empty());
        }
        let endless = [b"SNPT\x01\x00".as_slice(), &[0xFF; 40]].concat();
        assert_eq!(decode(&endless), Some(Vec::new()));
    }
}
