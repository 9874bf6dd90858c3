//! What a program that died left behind, made whole at the next start.
//!
//! For each recording that was running: whole segments without a row are adopted, whole `.part`
//! files too (only their rename was missing), torn ones are set aside as `.torn`; what was written
//! elsewhere is brought home (`elsewhere`); then the recording is ended. For each recording: rows whose file is gone or has another size are said.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use snaplark_core::capture::FrameCounts;
use snaplark_core::{INIT_FILE, PART_SUFFIX, RecordingId, segment_file, segment_index};

use crate::{Recording, Result, Retime, Segment, Store};

/// What a file is called that is no whole segment; nothing reads it, nothing deletes it.
const TORN_SUFFIX: &str = ".torn";

/// What a segment's file is found to be by one who can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    pub start_ms: u64,
    pub duration_ms: u64,
    pub sha256: [u8; 32],
}

/// Reads a picture's width and height from an init.
pub type ReadSize<'a> = dyn Fn(&[u8]) -> Option<(u32, u32)> + 'a;

/// What was found, for the log and the person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Interrupted, and whole again.
    pub recovered: Vec<RecordingId>,
    /// Interrupted before its first segment: nothing of it was there to keep.
    pub empty: Vec<RecordingId>,
    pub segments_adopted: u32,
    pub files_set_aside: Vec<PathBuf>,
    pub recordings_with_missing_files: Vec<RecordingId>,
}

impl Store {
    /// `judge` reads a segment's bytes; `None` where they are no whole segment.
    pub fn recover(
        &self,
        judge: &dyn Fn(&[u8]) -> Option<Judged>,
        size: &ReadSize<'_>,
        retime: &Retime<'_>,
    ) -> Result<Recovery> {
        let mut recovery = Recovery::default();
        for recording in self.recordings()? {
            if recording.running {
                self.recover_start(&recording, size)?;
                self.recover_one(&recording, judge, retime, &mut recovery)?;
            }
            if recording.cleared {
                self.clear_segments(recording.id)?;
            } else {
                self.check_files(recording.id, &mut recovery)?;
            }
        }
        self.sweep_elsewhere()?;
        Ok(recovery)
    }

    /// It may have died between its first frame and the row that tells of it.
    fn recover_start(&self, recording: &Recording, size: &ReadSize<'_>) -> Result<()> {
        let init = self.folder(recording.id).join(INIT_FILE);
        for there in self.elsewhere(recording.id)? {
            if there.folder.join(INIT_FILE).is_file() {
                self.bring_init(recording.id, &there.segment(0))?;
            }
        }
        if recording.init_bytes == 0 && init.is_file() {
            let (width, height) = size(&std::fs::read(&init)?).unwrap_or_default();
            self.note_started(recording.id, width, height)?;
        }
        Ok(())
    }

    fn recover_one(
        &self,
        recording: &Recording,
        judge: &dyn Fn(&[u8]) -> Option<Judged>,
        retime: &Retime<'_>,
        recovery: &mut Recovery,
    ) -> Result<()> {
        let folder = self.folder(recording.id);
        let mut next = self.segments(recording.id)?.len() as u32;
        for (index, path) in orphans(&folder, next)? {
            let bytes = std::fs::read(&path)?;
            // A gap can't be bridged: what lies behind it has no place in the order of parts.
            match judge(&bytes).filter(|_| index == next) {
                Some(judged) => {
                    let whole = folder.join(segment_file(index));
                    if path != whole {
                        rename_durably(&path, &whole)?;
                    }
                    self.commit_segment(
                        recording.id,
                        &Segment {
                            index,
                            size_bytes: bytes.len() as u64,
                            start_ms: judged.start_ms,
                            duration_ms: judged.duration_ms,
                            sha256: judged.sha256,
                        },
                    )?;
                    next += 1;
                    recovery.segments_adopted += 1;
                }
                None => {
                    let aside = folder.join(segment_file(index) + TORN_SUFFIX);
                    rename_durably(&path, &aside)?;
                    recovery.files_set_aside.push(aside);
                }
            }
        }
        self.bring_rest(recording.id, &mut next, judge, retime, recovery)?;
        if next == 0 {
            self.delete(recording.id)?;
            recovery.empty.push(recording.id);
        } else {
            let detail = "Snaplark ended while it was recording";
            self.close(recording.id, FrameCounts::default(), Some(detail))?;
            recovery.recovered.push(recording.id);
        }
        Ok(())
    }

    fn check_files(&self, recording: RecordingId, recovery: &mut Recovery) -> Result<()> {
        let folder = self.folder(recording);
        let differs = |segment: &Segment| {
            let file = std::fs::metadata(folder.join(segment_file(segment.index)));
            !file.is_ok_and(|file| file.is_file() && file.len() == segment.size_bytes)
        };
        let missing: Vec<String> = self
            .segments(recording)?
            .iter()
            .filter(|segment| differs(segment))
            .map(|segment| segment_file(segment.index))
            .collect();
        if !missing.is_empty() {
            self.change(recording, "missing_detail", &missing.join(", "))?;
            recovery.recordings_with_missing_files.push(recording);
        }
        Ok(())
    }
}

/// Segment files from `next` on, whole or not, by index; a whole name goes before its `.part`.
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
        let part = name.strip_suffix(PART_SUFFIX).and_then(segment_index);
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

fn rename_durably(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to)?;
    if let Some(folder) = to.parent() {
        sync_folder(folder)?;
    }
    Ok(())
}

/// A name in a folder is durable when the folder is. Windows has no such call, and needs none.
pub fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    std::fs::File::open(folder)?.sync_all()
}
