//! Reads the orientation from EXIF, and writes EXIF that holds nothing else.
//!
//! This is not done by a library (`kamadak-exif`): of all that EXIF holds, one number is read, from the
//! first of its directories.

/// From this orientation on, width and height are swapped.
pub(super) const FIRST_TURNED: u16 = 5;
/// The orientations that turn or mirror the picture.
const CHANGES: std::ops::RangeInclusive<u16> = 2..=8;
const TAG: u16 = 0x0112;
const SHORT: u16 = 3;
/// More entries than any camera writes. Further ones are not read.
const ENTRIES_MAX: u16 = 512;
const ENTRY_BYTES: usize = 12;

/// Returns the orientation, if it changes how the picture is shown. `tiff` begins with the byte order.
pub(super) fn orientation(tiff: &[u8]) -> Option<u16> {
    let is_little = match tiff.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let u16_at = |at: usize| -> Option<u16> {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let u32_at = |at: usize| -> Option<u32> {
        let bytes = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    if u16_at(2)? != 42 {
        return None;
    }
    let directory = usize::try_from(u32_at(4)?).ok()?;
    let entries = u16_at(directory)?.min(ENTRIES_MAX);
    for entry in 0..usize::from(entries) {
        let at = directory.checked_add(2)?.checked_add(entry * ENTRY_BYTES)?;
        if u16_at(at)? == TAG {
            let is_one_short = u16_at(at + 2)? == SHORT && u32_at(at + 4)? == 1;
            return u16_at(at + 8).filter(|it| is_one_short && CHANGES.contains(it));
        }
    }
    None
}

/// Returns EXIF with the orientation alone.
pub(super) fn of_orientation(orientation: u16) -> Vec<u8> {
    let mut tiff = b"MM\0\x2A\0\0\0\x08\0\x01".to_vec();
    tiff.extend(TAG.to_be_bytes());
    tiff.extend(SHORT.to_be_bytes());
    tiff.extend(1_u32.to_be_bytes());
    tiff.extend(orientation.to_be_bytes());
    // The rest of the value's four bytes, and no further directory.
    tiff.extend([0; 2 + 4]);
    tiff
}
