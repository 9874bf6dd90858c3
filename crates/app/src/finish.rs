//! The person's own file: the segments behind a finished head, followed by Cues. No frame is re-encoded.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use snaplark_store::{Format, Judged, Segment, create_private, create_private_folder, sync_folder};
use snaplark_webm::{Cluster, Finished};
use thiserror::Error;

use crate::source::{Source, SourceError};

#[derive(Debug, Error)]
pub enum FinishError {
    #[error("The recording's files can't be read: {0}")]
    Read(std::io::Error),
    /// Some segments are damaged and have to be repaired first.
    #[error("segments {0:?} of the recording are damaged")]
    Damaged(Vec<u32>),
    #[error("{path} can't be written: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("the recording's files are damaged: {0}")]
    Media(#[from] snaplark_webm::WebmError),
}

impl From<SourceError> for FinishError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Damaged(segments) => FinishError::Damaged(segments),
            SourceError::Unreadable(error) => FinishError::Read(error),
        }
    }
}

/// Writes `<name>.webm` into `save_folder`, or `<name> (2).webm` if that name is taken, and so on. Every
/// byte is checked against what was sealed. If `<name>.webm` already has exactly these bytes, it was
/// written by a program that died before it could note that, and it is not written twice.
pub fn write_file(source: &Source, save_folder: &Path, name: &str) -> Result<PathBuf, FinishError> {
    let clusters: Vec<Cluster> = source.segments().iter().map(as_cluster).collect();
    let finished = snaplark_webm::finish(source.init(), &clusters)?;

    let write_error = |path: &Path, source| FinishError::Write { path: path.to_owned(), source };
    create_private_folder(save_folder).map_err(|source| write_error(save_folder, source))?;
    let path = free_name(save_folder, name);
    let first = save_folder.join(format!("{name}.webm"));
    if path != first && holds(&first, source, &finished) {
        return Ok(first);
    }
    let part = path.with_extension("webm.part");
    let file = create_private(&part).map_err(|source| write_error(&path, source))?;
    let written = write_into(file, source, &finished).and_then(|()| {
        let named = std::fs::rename(&part, &path);
        // The folder is synced, because segments are deleted on the strength of this file.
        named.and_then(|()| sync_folder(save_folder)).map_err(|source| write_error(&path, source))
    });
    match written {
        Ok(()) => Ok(path),
        Err(error) => {
            // An incomplete copy helps nobody, and the segments still exist.
            let _ = std::fs::remove_file(&part);
            Err(match error {
                FinishError::Write { source, .. } => write_error(&path, source),
                other => other,
            })
        }
    }
}

/// Returns whether the file has exactly the bytes that would be written.
fn holds(path: &Path, source: &Source, finished: &Finished) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut file = BufReader::new(file);
    let mut goes_on_with = |bytes: &[u8]| {
        let mut found = vec![0; bytes.len()];
        file.read_exact(&mut found).is_ok() && found == bytes
    };
    let mut segments = source.segments().iter();
    goes_on_with(&finished.head)
        && segments
            .all(|segment| source.segment(segment.index).is_ok_and(|bytes| goes_on_with(&bytes)))
        && goes_on_with(&finished.cues)
        && matches!(file.read(&mut [0]), Ok(0))
}

fn write_into(file: File, source: &Source, finished: &Finished) -> Result<(), FinishError> {
    let write_error = |source| FinishError::Write { path: PathBuf::new(), source };
    let mut file = BufWriter::new(file);
    file.write_all(&finished.head).map_err(write_error)?;
    let mut damaged = Vec::new();
    for segment in source.segments() {
        match source.segment(segment.index) {
            // Nothing more is written after a damaged segment, but the others are still checked.
            Ok(bytes) if damaged.is_empty() => file.write_all(&bytes).map_err(write_error)?,
            Ok(_) => {}
            Err(_) => damaged.push(segment.index),
        }
    }
    if !damaged.is_empty() {
        return Err(source.refusal(damaged).into());
    }
    file.write_all(&finished.cues).map_err(write_error)?;
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error);
    file.and_then(|file| file.sync_all()).map_err(write_error)
}

/// Gives a written file a second name, replacing any file that has that name. The old name stays; the
/// caller removes it when the new one is noted.
pub fn copy_file(from: &Path, to: &Path) -> std::io::Result<()> {
    let part = to.with_extension("webm.part");
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    if std::fs::hard_link(from, &part).is_err() {
        // The target is on another disk, or on a filesystem without hard links.
        std::fs::copy(from, &part)?;
        File::open(&part)?.sync_all()?;
    }
    std::fs::rename(&part, to)?;
    to.parent().map_or(Ok(()), sync_folder)
}

/// The WebM format, as the store needs to know it.
pub struct Webm;

impl Format for Webm {
    fn judge(&self, bytes: &[u8]) -> Option<Judged> {
        judge(bytes)
    }

    fn size(&self, init: &[u8]) -> Option<(u32, u32)> {
        let video = snaplark_webm::read_init(init).ok()?.tracks.video;
        Some((video.width, video.height))
    }

    fn retime(&self, bytes: &mut [u8], start_ms: u64) -> Option<Judged> {
        retime(bytes, start_ms)
    }

    fn placeholder(
        &self,
        init: &[u8],
        start_ms: u64,
        duration_ms: u64,
        size_bytes: u64,
    ) -> Option<Vec<u8>> {
        let tracks = snaplark_webm::read_init(init).ok()?.tracks;
        snaplark_webm::placeholder(&tracks, start_ms, duration_ms, size_bytes).ok()
    }

    fn names(&self, started_unix_ms: i64) -> (String, String) {
        let started = jiff::Timestamp::from_millisecond(started_unix_ms).unwrap_or_default();
        let started = started.to_zoned(jiff::tz::TimeZone::system());
        let title = started.strftime("%-d %b, %H:%M").to_string();
        (title, started.strftime("%Y-%m-%dT%H-%M-%S").to_string())
    }
}

/// Reads what recovery needs to know about a segment. Returns `None` unless it is whole and begins with a
/// keyframe.
pub fn judge(bytes: &[u8]) -> Option<Judged> {
    let part = snaplark_webm::index(bytes).ok()?;
    let first = part.clusters.first()?;
    let last = part.clusters.last()?;
    let whole = part.init.is_none() && last.offset + last.size == bytes.len() as u64;
    (whole && first.starts_with_keyframe).then(|| Judged {
        start_ms: first.start_ms,
        duration_ms: last.end_ms - first.start_ms,
        sha256: Sha256::digest(bytes).into(),
    })
}

/// Rewrites a segment's timestamps so that it begins at `start_ms`, and reads it.
pub fn retime(bytes: &mut [u8], start_ms: u64) -> Option<Judged> {
    snaplark_webm::retime(bytes, start_ms).ok()?;
    judge(bytes)
}

pub(crate) fn as_cluster(segment: &Segment) -> Cluster {
    Cluster {
        offset: 0,
        size: segment.size_bytes,
        start_ms: segment.start_ms,
        end_ms: segment.start_ms + segment.duration_ms,
        starts_with_keyframe: true,
        video_frames: 0,
    }
}

fn free_name(folder: &Path, name: &str) -> PathBuf {
    let names = std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{name} ({n})")));
    let mut paths = names.map(|name| folder.join(format!("{name}.webm")));
    paths.find(|path| !path.exists()).unwrap_or_else(|| folder.join(format!("{name}.webm")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_the_place_of_another_and_keeps_its_own_name() {
        let folder = std::env::temp_dir().join(format!("snaplark-finish-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (from, to) = (folder.join("a.webm"), folder.join("b.webm"));
        std::fs::write(&from, "new").unwrap();
        std::fs::write(&to, "old").unwrap();
        std::fs::write(folder.join("b.webm.part"), "left by a crash").unwrap();
        copy_file(&from, &to).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"new");
        assert!(from.exists());
        assert!(!folder.join("b.webm.part").exists());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
