//! Repairs at the next start what a crashed program left behind.
//!
//! Folders without a row are adopted (`rebuild`). For each recording that was running: complete
//! segments without a row are adopted, also complete `.part` files (only their rename was missing);
//! torn ones are set aside as `.torn`; gaps between segments get placeholders; segments that were
//! written elsewhere are moved into the folder (`elsewhere`); an upload whose row is lost is restored
//! from the sidecar; then the recording is ended. What was begun to be appended is appended first. For every recording: segments whose file is missing
//! or has another size are reported. Their hashes are checked only when they are read, since reading
//! everything at each start would take minutes. Screenshots and imports are checked the same way, and files
//! of their versions that nothing names are removed. Jobs that ran wait again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use snaplark_core::capture::FrameCounts;
use snaplark_core::{
    DAMAGED_SUFFIX, EndReason, INIT_FILE, ItemId, ItemKind, RecordingId, segment_file,
    segment_index,
};

use crate::{Format, Judged, Recording, Result, Segment, Store};
use snaplark_files as files;

/// The suffix of a file that is not a complete segment, and of a folder that contains nothing but a
/// damaged sealed segment. Neither is ever read or deleted.
const TORN_SUFFIX: &str = ".torn";

/// The result of a recovery, for the log and the person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Recordings that were interrupted and are complete again.
    pub recovered: Vec<RecordingId>,
    /// Recordings that were interrupted before their first segment, so that nothing was there to keep.
    pub empty: Vec<RecordingId>,
    /// Segments that had no row.
    pub segments_adopted: u32,
    /// Torn segments, by their new names.
    pub files_set_aside: Vec<PathBuf>,
    /// Recordings that had no row, only a folder.
    pub adopted: Vec<RecordingId>,
    /// Segments whose files are missing or have another size, by recording.
    pub damaged: BTreeMap<RecordingId, Vec<u32>>,
    /// Lost segments between others, which have placeholders now.
    pub replaced: BTreeMap<RecordingId, Vec<u32>>,
    /// Recordings of which a strike was begun and not completed; it is now.
    pub struck: Vec<RecordingId>,
    /// Screenshots and imports whose file is missing or has another size.
    pub damaged_items: Vec<ItemId>,
}

impl Store {
    /// Makes rows and files agree after a start: closes interrupted recordings, adopts what has no row, and
    /// sets torn segments aside.
    pub fn recover(&mut self, format: &dyn Format) -> Result<Recovery> {
        let mut recovery =
            Recovery { adopted: self.adopt_folders(format, None)?, ..Recovery::default() };
        // Missing files are determined again: this version may repair what an older one could not.
        self.connection.execute("UPDATE recordings SET missing_detail = NULL", [])?;
        // First, because it deletes the recordings that were appended.
        for recording in self.recordings()? {
            if self.folder(recording.id).is_dir() {
                self.recover_append(recording.id)?;
            }
        }
        for recording in self.recordings()? {
            if self.folder(recording.id).is_dir() {
                self.recover_strike(recording.id, &mut recovery)?;
            }
            // It ended without a segment, and the program died before it deleted the row.
            let is_empty = recording.segments == 0 && !recording.cleared;
            if recording.running || is_empty {
                self.restore_upload(recording.id)?;
                self.recover_start(&recording, format)?;
                self.recover_one(&recording, format, &mut recovery)?;
            }
            if recovery.empty.contains(&recording.id) {
                continue;
            }
            if recording.cleared {
                self.clear_segments(recording.id)?;
            } else {
                self.check_files(recording.id, &mut recovery)?;
            }
        }
        self.sweep_elsewhere()?;
        self.recover_jobs()?;
        for item in self.items(ItemKind::Recording)? {
            self.sweep_version_files(item.id)?;
            self.sweep_rendered_files(item.id)?;
        }
        for kind in [ItemKind::Screenshot, ItemKind::Import] {
            for item in self.items(kind)? {
                self.restore_upload(item.id.into())?;
                self.sweep_version_files(item.id)?;
                self.sweep_further_files(item.id)?;
                self.sweep_rendered_files(item.id)?;
            }
        }
        recovery.damaged_items = self.damaged_items()?;
        Ok(recovery)
    }

    /// Completes the start of a recording whose program may have died between the first frame and its
    /// row.
    fn recover_start(&self, recording: &Recording, format: &dyn Format) -> Result<()> {
        let init = self.folder(recording.id).join(INIT_FILE);
        for there in self.elsewhere(recording.id)? {
            if there.folder.join(INIT_FILE).is_file() {
                self.bring_init(recording.id, &there.segment(0))?;
            }
        }
        if recording.init_bytes == 0 && init.is_file() {
            let (width, height) = format.size(&std::fs::read(&init)?).unwrap_or_default();
            self.note_started(recording.id, width, height)?;
        }
        Ok(())
    }

    fn recover_one(
        &mut self,
        recording: &Recording,
        format: &dyn Format,
        recovery: &mut Recovery,
    ) -> Result<()> {
        let folder = self.folder(recording.id);
        let mut next = self.segments(recording.id)?.len() as u32;
        let mut has_damaged = false;
        for (index, path) in orphans(&folder, next)? {
            let bytes = std::fs::read(&path)?;
            let judged = format.judge(&bytes);
            if let Some(judged) = &judged {
                self.bridge(recording.id, next..index, judged.start_ms, format, recovery)?;
                next = self.segments(recording.id)?.len() as u32;
            }
            // A segment after a gap that can't be bridged has no place in the order of parts.
            match judged.filter(|_| index == next) {
                Some(judged) => {
                    let whole = folder.join(segment_file(index));
                    if path != whole {
                        files::rename_durably(&path, &whole)?;
                    }
                    self.commit_judged(recording.id, index, bytes.len() as u64, &judged)?;
                    next += 1;
                    recovery.segments_adopted += 1;
                }
                None => {
                    has_damaged |= !path.to_string_lossy().ends_with(files::PART_SUFFIX);
                    let aside = folder.join(segment_file(index) + TORN_SUFFIX);
                    files::rename_durably(&path, &aside)?;
                    recovery.files_set_aside.push(aside);
                }
            }
        }
        self.bring_rest(recording.id, &mut next, format, recovery)?;
        if next == 0 {
            if has_damaged {
                let aside = folder.with_file_name(format!("{}{TORN_SUFFIX}", recording.id));
                files::rename_durably(&folder, &aside)?;
                for file in &mut recovery.files_set_aside {
                    if let Ok(name) = file.strip_prefix(&folder) {
                        *file = aside.join(name);
                    }
                }
            }
            self.delete(recording.id)?;
            recovery.empty.push(recording.id);
        } else {
            // An adopted recording most likely ended long ago.
            let was_adopted = recovery.adopted.contains(&recording.id);
            let reason = (!was_adopted).then_some(EndReason::Interrupted);
            self.close(recording.id, FrameCounts::default(), reason.as_ref())?;
            recovery.recovered.push(recording.id);
        }
        Ok(())
    }

    fn check_files(&self, recording: RecordingId, recovery: &mut Recovery) -> Result<()> {
        let folder = self.folder(recording);
        self.check_init(recording, &folder, recovery)?;
        let differs = |segment: &Segment| {
            let file = std::fs::metadata(folder.join(segment_file(segment.index)));
            !file.is_ok_and(|file| file.is_file() && file.len() == segment.size_bytes)
        };
        let segments = self.segments(recording)?;
        let damaged: Vec<u32> =
            segments.iter().filter(|segment| differs(segment)).map(|s| s.index).collect();
        if !damaged.is_empty() {
            recovery.damaged.insert(recording, damaged);
        }
        Ok(())
    }

    /// Writes an init again that is missing or differs; the old file is set aside.
    fn check_init(
        &self,
        recording: RecordingId,
        folder: &Path,
        recovery: &mut Recovery,
    ) -> Result<()> {
        let path = folder.join(INIT_FILE);
        // A missing folder is not created again: it may be on a disk that is not connected.
        if self.recording(recording)?.init_bytes == 0 || !folder.is_dir() {
            return Ok(());
        }
        let Ok(init) = self.init(recording) else { return Ok(()) };
        if std::fs::read(&path).is_ok_and(|found| found == init) {
            return Ok(());
        }
        recovery.files_set_aside.extend(files::set_aside(&path, DAMAGED_SUFFIX)?);
        Ok(files::write_durably(&path, &init)?)
    }

    /// Puts placeholders where segments between others are lost, as far as possible.
    fn bridge(
        &mut self,
        recording: RecordingId,
        lost: Range<u32>,
        until_ms: u64,
        format: &dyn Format,
        recovery: &mut Recovery,
    ) -> Result<()> {
        let folder = self.folder(recording);
        let from_ms = self.recording(recording)?.duration_ms;
        let count = u64::from(lost.end.saturating_sub(lost.start));
        let Some(lost_ms) = until_ms.checked_sub(from_ms).filter(|ms| count > 0 && *ms > 0) else {
            return Ok(());
        };
        let Ok(init) = std::fs::read(folder.join(INIT_FILE)) else { return Ok(()) };
        for (nth, index) in (0..count).zip(lost) {
            let start_ms = from_ms + lost_ms * nth / count;
            let duration_ms = from_ms + lost_ms * (nth + 1) / count - start_ms;
            let made = format.placeholder(&init, start_ms, duration_ms, 0);
            let Some((bytes, judged)) = made.and_then(|b| format.judge(&b).map(|j| (b, j))) else {
                return Ok(());
            };
            files::write_durably(&folder.join(segment_file(index)), &bytes)?;
            let size_bytes = bytes.len() as u64;
            self.commit_judged(recording, index, size_bytes, &judged)?;
            let segment = Segment::judged(index, size_bytes, &judged);
            self.note_replaced(recording, &[segment])?;
            recovery.replaced.entry(recording).or_default().push(index);
        }
        Ok(())
    }

    pub(crate) fn commit_judged(
        &self,
        recording: RecordingId,
        index: u32,
        size_bytes: u64,
        judged: &Judged,
    ) -> Result<()> {
        self.commit_segment(recording, &Segment::judged(index, size_bytes, judged))
    }
}

/// Returns the segment files from index `next` on, complete or not. A final name takes precedence over
/// its `.part`.
fn orphans(folder: &Path, next: u32) -> Result<BTreeMap<u32, PathBuf>> {
    let mut found = BTreeMap::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let whole = segment_index(name);
        let part = name.strip_suffix(files::PART_SUFFIX).and_then(segment_index);
        match (whole, part) {
            (Some(index), _) if index >= next => {
                found.insert(index, path);
            }
            (None, Some(index)) if index >= next => {
                found.entry(index).or_insert(path);
            }
            _ => {}
        }
    }
    Ok(found)
}
