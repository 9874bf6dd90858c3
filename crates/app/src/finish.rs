//! The person's own file: the segments behind a finished head, with Cues, and no frame touched.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use snaplark_core::{INIT_FILE, segment_file};
use snaplark_store::{Judged, Segment, sync_folder};
use snaplark_webm::Cluster;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum FinishError {
    #[error("{path} can't be read: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} can't be written: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("the recording's files are damaged: {0}")]
    Damaged(#[from] snaplark_webm::WebmError),
}

/// Writes `<name>.webm` into `save_folder`, or `<name> (2).webm` where that name is taken.
pub fn write_file(
    folder: &Path,
    segments: &[Segment],
    save_folder: &Path,
    name: &str,
) -> Result<PathBuf, FinishError> {
    let init = read(&folder.join(INIT_FILE))?;
    let clusters: Vec<Cluster> = segments.iter().map(as_cluster).collect();
    let finished = snaplark_webm::finish(&init, &clusters)?;

    let write_error = |path: &Path, source| FinishError::Write { path: path.to_owned(), source };
    std::fs::create_dir_all(save_folder).map_err(|source| write_error(save_folder, source))?;
    let path = free_name(save_folder, name);
    let part = path.with_extension("webm.part");
    let written = (|| {
        let mut file = BufWriter::new(File::create(&part)?);
        file.write_all(&finished.head)?;
        for segment in segments {
            let mut from = File::open(folder.join(segment_file(segment.index)))?;
            std::io::copy(&mut from, &mut file)?;
        }
        file.write_all(&finished.cues)?;
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&part, &path)?;
        // Segments are freed on the strength of this file.
        sync_folder(save_folder)
    })();
    if let Err(source) = written {
        // Half a copy helps nobody, and the segments are still there.
        let _ = std::fs::remove_file(&part);
        return Err(write_error(&path, source));
    }
    Ok(path)
}

/// Another name for a written file, of the same bytes, in place of what had that name. The old name
/// stays: it goes when the new one is noted.
pub fn copy_file(from: &Path, to: &Path) -> std::io::Result<()> {
    let part = to.with_extension("webm.part");
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    if std::fs::hard_link(from, &part).is_err() {
        // Another disk, or one that has no such names.
        std::fs::copy(from, &part)?;
        File::open(&part)?.sync_all()?;
    }
    std::fs::rename(&part, to)?;
    to.parent().map_or(Ok(()), sync_folder)
}

/// Reads a segment's bytes as recovery needs them.
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

/// Lets a segment begin at that time, and reads it.
pub fn retime(bytes: &mut [u8], start_ms: u64) -> Option<Judged> {
    snaplark_webm::retime(bytes, start_ms).ok()?;
    judge(bytes)
}

/// The picture's width and height, from an init.
pub fn size(init: &[u8]) -> Option<(u32, u32)> {
    let video = snaplark_webm::read_init(init).ok()?.tracks.video;
    Some((video.width, video.height))
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

fn read(path: &Path) -> Result<Vec<u8>, FinishError> {
    std::fs::read(path).map_err(|source| FinishError::Read { path: path.to_owned(), source })
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
