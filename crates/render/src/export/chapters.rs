//! The chapters of an export, and their way into an MP4 file that is written already.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use snaplark_core::cut::CutPlan;
use snaplark_core::edit::Edit;
use snaplark_core::render::RenderError;
use snaplark_formats::{ChapterMark, mp4};

use super::Export;
use crate::codec::failed;

/// How much of the media is moved at once.
const CHUNK_BYTES: u64 = 1024 * 1024;
/// The longest index that is read into memory: that of a day at 60 pictures a second has a third of it.
const INDEX_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Returns the chapters of the output.
pub(super) fn of(plan: &CutPlan, edit: Option<&Edit>) -> Vec<ChapterMark> {
    let chapters = match edit {
        Some(Edit::Cuts { chapters, .. }) => plan.chapters(chapters),
        Some(Edit::Annotations { .. }) | None => Vec::new(),
    };
    let ends: Vec<u64> = chapters.iter().skip(1).map(|next| next.start_ms).collect();
    let ends = ends.into_iter().chain([plan.duration_ms()]);
    let mark = |(chapter, end_ms): (snaplark_core::edit::Chapter, u64)| ChapterMark {
        start_ms: chapter.start_ms,
        end_ms,
        title: chapter.title,
    };
    chapters.into_iter().zip(ends).map(mark).collect()
}

/// Adds the chapters to an MP4 file whose index comes first. The index grows, so the media are moved back, in place:
/// no second copy needs space.
pub(super) fn add_to_mp4(export: &Export<'_>, file: &Path) -> Result<(), RenderError> {
    if export.chapters.is_empty() {
        return Ok(());
    }
    let mut file = OpenOptions::new().read(true).write(true).open(file).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let (start, end) = index_at(&mut file, length).map_err(failed)?;
    if end - start > INDEX_BYTES_MAX {
        return Err(failed("its index is too large"));
    }
    let mut index = vec![0; (end - start) as usize];
    read_at(&mut file, start, &mut index).map_err(failed)?;
    let longer = mp4::index_with_chapters(&index, &export.chapters);
    let longer = longer.ok_or_else(|| failed("its index can't be changed"))?;
    let by = (longer.len() - index.len()) as u64;
    // From the end, so that nothing is written over before it was read.
    let (mut to, mut chunk) = (length, Vec::new());
    while to > end {
        export.check()?;
        let from = to.saturating_sub(CHUNK_BYTES).max(end);
        chunk.resize((to - from) as usize, 0);
        read_at(&mut file, from, &mut chunk).map_err(failed)?;
        write_at(&mut file, from + by, &chunk).map_err(failed)?;
        to = from;
    }
    write_at(&mut file, start, &longer).map_err(failed)
}

/// Returns where the index begins and ends.
fn index_at(file: &mut File, length: u64) -> io::Result<(u64, u64)> {
    let mut at = 0;
    while at + 8 <= length {
        let mut head = [0; 16];
        let read = head.len().min((length - at) as usize);
        read_at(file, at, &mut head[..read])?;
        let [a, b, c, d, kind @ .., _, _, _, _, _, _, _, _] = head;
        let size = match u32::from_be_bytes([a, b, c, d]) {
            0 => length - at,
            1 => head.last_chunk().map_or(0, |size| u64::from_be_bytes(*size)),
            size => u64::from(size),
        };
        let end = at.checked_add(size).filter(|end| size >= 8 && *end <= length);
        let end = end.ok_or(io::ErrorKind::InvalidData)?;
        match &kind {
            b"moov" => return Ok((at, end)),
            // Media before the index would not have to be moved.
            b"mdat" => return Err(io::ErrorKind::InvalidData.into()),
            _ => at = end,
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

fn read_at(file: &mut File, at: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(bytes)
}

fn write_at(file: &mut File, at: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}
