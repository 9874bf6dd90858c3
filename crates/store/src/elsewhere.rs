//! Segments that were written outside of their recording's folder: into the ring from which it began,
//! or into a spare folder after its own had disappeared.
//!
//! Rows follow files here too: a segment is first moved into the recording's folder, complete and
//! durable, and then gets its row. After a crash the next program finds the rest through the row for
//! that other folder, which is committed before anything is in the folder. Moving a segment can be
//! repeated at any point.

use std::fs::{File, Metadata};
use std::io::{Error, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::params;
use snaplark_core::{INIT_FILE, RecordingId, pointer_file, segment_file, segment_index};
use tracing::warn;

use crate::recover::Recovery;
use crate::rows::recording_id;
use crate::{Format, Judged, RECORDINGS, Result, Retime, Segment, Store, StoreError};
use snaplark_files as files;

/// The folder of the ring buffers, and of what becomes a recording, below the home. Folders in it that no recording
/// expects are deleted at the next start.
pub const RING: &str = "ring";
/// A cluster's time is within these first bytes.
const HEAD_BYTES: usize = 4_096;

/// The place of segments that are outside of their recording's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The folder they are in.
    pub folder: PathBuf,
    /// The index that the recording's first segment has there.
    pub first_index: u32,
}

impl Elsewhere {
    /// Returns the file of the recording's segment with this index.
    pub fn segment(&self, index: u32) -> PathBuf {
        self.folder.join(segment_file(self.first_index + index))
    }

    /// Returns the file of the pointer's positions in that segment.
    pub fn pointer(&self, index: u32) -> PathBuf {
        self.folder.join(pointer_file(self.first_index + index))
    }
}

impl Store {
    /// Returns the folder of a ring, or of something that is made from one. It is deleted at the next
    /// start unless [`Store::expect_elsewhere`] names it.
    pub fn ring_folder(&self, name: &str) -> PathBuf {
        self.root.join(RING).join(name)
    }

    /// Creates an empty folder for a ring.
    pub fn make_ring(&self, name: &str) -> Result<PathBuf> {
        let folder = self.ring_folder(name);
        files::make_folder(&folder)
            .map_err(|source| StoreError::Folder { path: folder.clone(), source })?;
        Ok(folder)
    }

    /// Deletes one segment of a ring. It may be gone already.
    pub fn drop_kept(&self, name: &str, index: u32) -> Result<()> {
        for file in [segment_file(index), pointer_file(index)] {
            match std::fs::remove_file(self.ring_folder(name).join(file)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Deletes a ring's folder.
    pub fn sweep_ring(&self, name: &str) -> Result<()> {
        remove_folder(&self.ring_folder(name))
    }

    /// Links these segments of a ring and its init into another folder, in their order and under its
    /// names. Files are copied only if the file system has no hard links.
    pub fn link_kept(
        &self,
        ring: &str,
        indices: impl Iterator<Item = u32>,
        there: &Elsewhere,
    ) -> Result<()> {
        let kept = self.ring_folder(ring);
        files::make_folder(&there.folder)?;
        link(&kept.join(INIT_FILE), &there.folder.join(INIT_FILE))?;
        for (index, from) in (0..).zip(indices) {
            link(&kept.join(segment_file(from)), &there.segment(index))?;
            let pointer = kept.join(pointer_file(from));
            if pointer.exists() {
                link(&pointer, &there.pointer(index))?;
            }
        }
        Ok(())
    }

    /// Deletes the folders that belong to no recording, except those for whose names `stays` returns
    /// true. Must be called after [`Store::recover`].
    pub fn sweep_rings(&self, stays: impl Fn(&str) -> bool) -> Result<()> {
        let names = self.ring_folders();
        if !names.iter().any(|name| stays(name)) {
            return remove_folder(&self.root.join(RING));
        }
        names.iter().filter(|name| !stays(name)).try_for_each(|name| self.sweep_ring(name))
    }

    /// Returns the names of the folders inside the ring's folder.
    pub fn ring_folders(&self) -> Vec<String> {
        let folders = std::fs::read_dir(self.root.join(RING)).into_iter().flatten().flatten();
        let folders = folders.filter(|folder| folder.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.filter_map(|folder| folder.file_name().into_string().ok()).collect()
    }

    /// Records a folder outside of the recording's. Must be called before any file of the recording can
    /// be in it.
    pub fn expect_elsewhere(&self, recording: RecordingId, there: &Elsewhere) -> Result<()> {
        self.connection.execute(
            "INSERT INTO elsewhere (folder, recording, first_idx) VALUES (?1, ?2, ?3)",
            params![there.folder.to_string_lossy(), recording.to_string(), there.first_index],
        )?;
        self.write_sidecar_alone(recording);
        Ok(())
    }

    /// Records a new folder of this name beside those of the ring, and creates it durably.
    pub fn begin_elsewhere(
        &self,
        recording: RecordingId,
        name: &str,
        first_index: u32,
    ) -> Result<Elsewhere> {
        let there = Elsewhere { folder: self.ring_folder(name), first_index };
        self.expect_elsewhere(recording, &there)?;
        self.make_ring(name)?;
        files::sync_folder(&self.root.join(RING))?;
        files::sync_folder(&self.root)?;
        Ok(there)
    }

    /// Returns these folders in the order in which they were recorded.
    pub fn elsewhere(&self, recording: RecordingId) -> Result<Vec<Elsewhere>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT folder, first_idx FROM elsewhere WHERE recording = ?1 ORDER BY id",
        )?;
        let rows = statement.query_map([recording.to_string()], |row| {
            let folder = PathBuf::from(row.get::<_, String>(0)?);
            Ok(Elsewhere { folder, first_index: row.get(1)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns whether the folder of all recordings is missing, as on a stick that was pulled, or an
    /// unreachable share.
    pub fn is_away(&self) -> bool {
        !self.root.join(RECORDINGS).is_dir()
    }

    /// Moves a segment's file into the recording's folder, under its name there and with its time
    /// there. Fails if the recordings' folder is missing, and may succeed later.
    pub fn bring_home(
        &self,
        recording: RecordingId,
        segment: &Segment,
        from: &Path,
        retime: &Retime<'_>,
    ) -> Result<Segment> {
        self.bring_init(recording, from)?;
        let home = self.folder(recording);
        let to = home.join(segment_file(segment.index));
        let (mut bytes, is_home) = match std::fs::read(from) {
            Err(error) if error.kind() == ErrorKind::NotFound => (std::fs::read(&to)?, true),
            bytes => (bytes?, false),
        };
        // Its times count from the segment's start. It is of no use without the segment, so it goes first.
        if let Some(positions) = pointer_beside(from) {
            move_file(&positions, &home.join(pointer_file(segment.index)))?;
        }
        let damaged = || Error::new(ErrorKind::InvalidData, format!("{} is torn", from.display()));
        let judged = retime(&mut bytes, segment.start_ms).ok_or_else(damaged)?;
        if !is_home {
            place(from, &to, &bytes)?;
        }
        Ok(Segment { sha256: judged.sha256, ..segment.clone() })
    }

    /// Copies the init that lies beside a segment elsewhere into the recording's folder, if that has
    /// none.
    pub fn bring_init(&self, recording: RecordingId, segment: &Path) -> Result<()> {
        let (home, recordings) = (self.folder(recording), self.root.join(RECORDINGS));
        if !home.is_dir() {
            // Without its parents: those are missing, and something else may be in their place.
            files::make_new_folder(&home)?;
            files::sync_folder(&recordings)?;
        }
        let init = home.join(INIT_FILE);
        if !init.is_file() {
            files::write_durably(&init, &std::fs::read(segment.with_file_name(INIT_FILE))?)?;
        }
        Ok(())
    }

    /// Forgets the folders elsewhere of a recording that is complete. Segments that are still in them
    /// are deleted only if `all_may_go`.
    pub(crate) fn leave_elsewhere(&self, recording: RecordingId, all_may_go: bool) -> Result<()> {
        for there in self.elsewhere(recording)? {
            if all_may_go || !holds_segments(&there.folder) {
                remove_folder(&there.folder)?;
            } else {
                warn!(%recording, "Segments that have no place in it stay where they are");
            }
            let gone = "DELETE FROM elsewhere WHERE folder = ?1";
            self.connection.execute(gone, [there.folder.to_string_lossy()])?;
        }
        Ok(())
    }

    /// Moves the segments that a program had not moved before it died. `next` is the next index, and is
    /// increased.
    pub(crate) fn bring_rest(
        &self,
        recording: RecordingId,
        next: &mut u32,
        format: &dyn Format,
        recovery: &mut Recovery,
    ) -> Result<()> {
        for there in self.elsewhere(recording)? {
            while let Some((from, judged, size_bytes)) = whole(&there.segment(*next), format) {
                // Segments are contiguous: each begins where the one before it ends.
                let start_ms = self.recording(recording)?.duration_ms;
                let Judged { duration_ms, sha256, .. } = judged;
                let segment = Segment { index: *next, size_bytes, start_ms, duration_ms, sha256 };
                let segment = self.bring_home(recording, &segment, &from, &|bytes, start_ms| {
                    format.retime(bytes, start_ms)
                })?;
                self.commit_segment(recording, &segment)?;
                *next += 1;
                recovery.segments_adopted += 1;
            }
        }
        Ok(())
    }

    /// Forgets the folders of recordings that are not running, which a program had not done before it
    /// died.
    pub(crate) fn sweep_elsewhere(&self) -> Result<()> {
        let mut statement = self.connection.prepare(
            "SELECT DISTINCT e.recording, r.id IS NULL
             FROM elsewhere e LEFT JOIN recordings r ON r.id = e.recording
             WHERE r.state IS NOT 'running'",
        )?;
        let over = statement.query_map([], |row| Ok((recording_id(row, 0)?, row.get(1)?)))?;
        for (recording, was_deleted) in over.collect::<rusqlite::Result<Vec<_>>>()? {
            self.leave_elsewhere(recording, was_deleted)?;
        }
        Ok(())
    }
}

/// Finds a complete segment under its own name, or under its `.part` name if only the rename was
/// missing.
fn whole(path: &Path, format: &dyn Format) -> Option<(PathBuf, Judged, u64)> {
    let mut part = path.as_os_str().to_owned();
    part.push(files::PART_SUFFIX);
    [path.to_owned(), PathBuf::from(part)].into_iter().find_map(|path| {
        let bytes = std::fs::read(&path).ok()?;
        Some((path, format.judge(&bytes)?, bytes.len() as u64))
    })
}

/// Moves a file by a rename if possible: then only its head is rewritten, and nothing is copied. A file
/// that the ring still holds has another name (a hard link), so it is copied and stays unchanged.
fn place(from: &Path, to: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if has_one_name(&std::fs::metadata(from)?) {
        let mut file = File::options().write(true).open(from)?;
        file.write_all(&bytes[..bytes.len().min(HEAD_BYTES)])?;
        file.sync_all()?;
        match files::rename_durably(from, to) {
            // It is on another disk.
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {}
            moved => return moved,
        }
    }
    files::write_durably(to, bytes)?;
    std::fs::remove_file(from)
}

/// Returns the file of the pointer's positions that lies beside a segment's file.
fn pointer_beside(segment: &Path) -> Option<PathBuf> {
    let name = segment.file_name()?.to_str()?;
    let index = segment_index(name.strip_suffix(files::PART_SUFFIX).unwrap_or(name))?;
    Some(segment.with_file_name(pointer_file(index))).filter(|file| file.is_file())
}

fn move_file(from: &Path, to: &Path) -> std::io::Result<()> {
    match std::fs::rename(from, to) {
        // It is on another disk.
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {
            files::write_durably(to, &std::fs::read(from)?)?;
            std::fs::remove_file(from)
        }
        moved => moved,
    }
}

fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    // The file systems of USB sticks often have no hard links.
    std::fs::hard_link(from, to).or_else(|_| std::fs::copy(from, to).map(drop))
}

#[cfg(unix)]
fn has_one_name(file: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(file) == 1
}

#[cfg(not(unix))]
fn has_one_name(_: &Metadata) -> bool {
    false
}

fn holds_segments(folder: &Path) -> bool {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = files.map(|file| file.file_name());
    names.any(|name| name.to_str().is_some_and(|name| segment_index(name).is_some()))
}

fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
