//! Adds chapters to the index of an MP4 file: the list that Nero's programs introduced (`moov/udta/chpl`), which
//! ffmpeg, mpv and VLC read.
//!
//! ```text
//! chpl   version 1, flags, reserved (4 bytes), count (1), then for each: start in 100 ns (8), length (1), title
//! ```
//!
//! The index comes before the media, so that a longer index moves the media: its positions (`stco`, `co64`) move by as
//! much. GStreamer's muxer writes no chapters, and no crate changes an index in place.

use super::box_header;
use crate::ChapterMark;

/// The list counts its chapters and the bytes of a title in one byte each.
const CHAPTERS_MAX: usize = 255;
const TITLE_BYTES_MAX: usize = 255;
const UNITS_PER_MS: u64 = 10_000;
/// The boxes on the way to the positions of the media.
const NESTED: [&[u8; 4]; 4] = [b"trak", b"mdia", b"minf", b"stbl"];

/// Returns an index (`moov`, the whole box) with chapters, of a file whose media come after it: the positions in it are
/// those after it has grown. Chapters beyond the 255th are left out, and long titles are cut. `None` if it is not such
/// an index.
pub fn index_with_chapters(moov: &[u8], chapters: &[ChapterMark]) -> Option<Vec<u8>> {
    let (kind, head, size) = box_header(moov, moov.len() as u64)?;
    if kind != *b"moov" || head != 8 || size != moov.len() as u64 {
        return None;
    }
    let list = boxed(b"chpl", &list(chapters));
    let children = children(moov, 8, moov.len())?;
    let user_data = children.iter().find(|child| child.kind == *b"udta");
    let mut index = moov.to_vec();
    match user_data {
        Some(user_data) => {
            index.splice(user_data.end..user_data.end, list.iter().copied());
            set_size(&mut index, user_data.start, user_data.end - user_data.start + list.len())?;
        }
        None => index.extend(boxed(b"udta", &list)),
    }
    let grown = index.len() - moov.len();
    let len = index.len();
    set_size(&mut index, 0, len)?;
    move_media(&mut index, grown as u64)?;
    Some(index)
}

struct Child {
    kind: [u8; 4],
    start: usize,
    content: usize,
    end: usize,
}

/// Returns the boxes of a range; `None` if they don't fill it.
fn children(bytes: &[u8], mut at: usize, end: usize) -> Option<Vec<Child>> {
    let mut children = Vec::new();
    while at < end {
        let rest = bytes.get(at..end)?;
        let (kind, head, size) = box_header(rest, rest.len() as u64)?;
        let (head, size) = (usize::try_from(head).ok()?, usize::try_from(size).ok()?);
        // Four zero bytes may end a box of user data.
        if size < head || size > rest.len() {
            return None;
        }
        children.push(Child { kind, start: at, content: at + head, end: at + size });
        at += size;
    }
    Some(children)
}

fn set_size(bytes: &mut [u8], at: usize, size: usize) -> Option<()> {
    // A size in eight bytes stands elsewhere; no muxer writes one for an index.
    let field = bytes.get_mut(at..at + 4).filter(|field| field[..] > [0, 0, 0, 1][..])?;
    field.copy_from_slice(&u32::try_from(size).ok()?.to_be_bytes());
    Some(())
}

/// Moves the positions of all media.
fn move_media(index: &mut [u8], by: u64) -> Option<()> {
    let mut ranges = vec![(8, index.len())];
    for kind in NESTED {
        let mut inner = Vec::new();
        for (start, end) in ranges {
            let found =
                children(index, start, end)?.into_iter().filter(|child| child.kind == *kind);
            inner.extend(found.map(|child| (child.content, child.end)));
        }
        ranges = inner;
    }
    for (start, end) in ranges {
        for table in children(index, start, end)? {
            match &table.kind {
                b"stco" => {
                    for entry in entries(index, &table, 4)? {
                        let value = u32::from_be_bytes(*entry.first_chunk()?);
                        let moved = u32::try_from(u64::from(value).checked_add(by)?).ok()?;
                        entry.copy_from_slice(&moved.to_be_bytes());
                    }
                }
                b"co64" => {
                    for entry in entries(index, &table, 8)? {
                        let value = u64::from_be_bytes(*entry.first_chunk()?);
                        entry.copy_from_slice(&value.checked_add(by)?.to_be_bytes());
                    }
                }
                _ => {}
            }
        }
    }
    Some(())
}

/// Returns the entries of a table: version and flags, their count, then so many.
fn entries<'a>(
    bytes: &'a mut [u8],
    table: &Child,
    width: usize,
) -> Option<std::slice::ChunksExactMut<'a, u8>> {
    let count =
        bytes.get(table.content + 4..)?.first_chunk().map(|four| u32::from_be_bytes(*four))?;
    let length = usize::try_from(count).ok()?.checked_mul(width)?;
    let content = bytes.get_mut(table.content + 8..table.end)?;
    Some(content.get_mut(..length)?.chunks_exact_mut(width))
}

fn list(chapters: &[ChapterMark]) -> Vec<u8> {
    let chapters = &chapters[..chapters.len().min(CHAPTERS_MAX)];
    let mut list = vec![1, 0, 0, 0, 0, 0, 0, 0, chapters.len() as u8];
    for ChapterMark { start_ms, end_ms: _, title } in chapters {
        list.extend(start_ms.saturating_mul(UNITS_PER_MS).to_be_bytes());
        let title = &title[..title.floor_char_boundary(TITLE_BYTES_MAX)];
        list.push(title.len() as u8);
        list.extend(title.bytes());
    }
    list
}

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moov(with_user_data: bool) -> Vec<u8> {
        let table = |kind: &[u8; 4], width: usize, values: &[u64]| {
            let mut content = vec![0; 4];
            content.extend((values.len() as u32).to_be_bytes());
            values.iter().for_each(|value| content.extend(&value.to_be_bytes()[8 - width..]));
            boxed(kind, &content)
        };
        let track = |table: Vec<u8>| {
            let inner = boxed(b"stbl", &[boxed(b"stsd", &[0; 8]), table].concat());
            boxed(b"trak", &boxed(b"mdia", &boxed(b"minf", &inner)))
        };
        let mut content = boxed(b"mvhd", &[0; 100]);
        content.extend(track(table(b"stco", 4, &[500, 600])));
        if with_user_data {
            content.extend(boxed(b"udta", &boxed(b"meta", &[7; 20])));
        }
        content.extend(track(table(b"co64", 8, &[1 << 33, 800])));
        boxed(b"moov", &content)
    }

    fn marks(count: usize, title: &str) -> Vec<ChapterMark> {
        let mark = |n: u64| ChapterMark { start_ms: n, end_ms: n + 1, title: title.to_owned() };
        (0..count as u64).map(mark).collect()
    }

    #[test]
    fn index_grows_by_its_chapters_and_moves_the_media_as_much() {
        for with_user_data in [false, true] {
            let before = moov(with_user_data);
            let after = index_with_chapters(&before, &marks(2, "One")).unwrap();
            let by = (after.len() - before.len()) as u64;
            let holds = |bytes: &[u8]| after.windows(bytes.len()).any(|window| window == bytes);
            for value in [500, 600] {
                assert!(holds(&(value as u32 + by as u32).to_be_bytes()), "{value}");
            }
            for value in [1 << 33, 800] {
                assert!(holds(&(value + by).to_be_bytes()), "{value}");
            }
            // It is whole, and has one box of user data.
            let top = children(&after, 8, after.len()).unwrap();
            assert_eq!(top.iter().filter(|child| child.kind == *b"udta").count(), 1);
            assert!(holds(b"\x01\x00\x00\x00\x00\x00\x00\x00\x02"));
            assert_eq!(u32::from_be_bytes(*after.first_chunk().unwrap()) as usize, after.len());
        }
    }

    #[test]
    fn list_holds_what_its_counts_can_say() {
        let list = list(&marks(300, &"ä".repeat(200)));
        assert_eq!(list[8], 255);
        assert_eq!(list[17], 254, "a letter is not torn");
        assert_eq!(list.len(), 9 + 255 * (9 + 254));
    }

    #[test]
    fn what_is_no_whole_index_is_refused() {
        let whole = moov(true);
        let chapters = marks(1, "a");
        for end in 0..whole.len() {
            assert_eq!(index_with_chapters(&whole[..end], &chapters), None, "{end}");
        }
        assert_eq!(index_with_chapters(&boxed(b"mdat", &[0; 9]), &chapters), None);
        // A table that says that it has more than there is, and a position that can't be moved.
        let at = |kind: &[u8]| whole.windows(4).position(|window| window == kind).unwrap();
        for place in [at(b"stco") + 8, at(b"stco") + 12] {
            let mut wild = whole.clone();
            wild[place..place + 4].fill(0xFF);
            assert_eq!(index_with_chapters(&wild, &chapters), None, "{place}");
        }
    }
}
