//! Writes the person's own file: the segments behind a finished head, followed by Cues. No frame is
//! re-encoded.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use snaplark_core::capture::SealedSegment;
use snaplark_core::render::{RenderError, RenderProgress, SegmentReader};
use snaplark_files as files;
use snaplark_formats::webm::{self, Cluster, FinishedFile};

/// Writes `<name>.webm` into `folder`, or `<name> (2).webm` if that name is taken, and so on. Every byte is
/// checked against what was sealed. If `<name>.webm` already has exactly these bytes, it was written by a
/// program that died before it could note that, and it is not written twice.
pub fn write(
    segments: &dyn SegmentReader,
    folder: &Path,
    name: &str,
    progress: &RenderProgress,
) -> Result<PathBuf, RenderError> {
    let list = segments.list();
    let clusters: Vec<Cluster> = list.iter().map(as_cluster).collect();
    let finished = webm::finish(segments.init(), &clusters)
        .map_err(|error| RenderError::Malformed { reason: error.to_string() })?;

    files::make_folder(folder).map_err(unwritable(folder))?;
    let path = free_name(folder, name);
    let first = folder.join(format!("{name}.webm"));
    if path != first && holds(&first, segments, &list, &finished) {
        return Ok(first);
    }
    let (part, file) = files::create_beside(&path).map_err(unwritable(&path))?;
    let written = write_into(file, &path, segments, &list, &finished, progress).and_then(|()| {
        // SegmentReader are deleted on the strength of this file.
        files::rename_durably(&part, &path).map_err(unwritable(&path))
    });
    match written {
        Ok(()) => Ok(path),
        Err(error) => {
            // An incomplete copy helps nobody, and the segments still exist.
            let _ = std::fs::remove_file(&part);
            Err(error)
        }
    }
}

/// Returns whether the file has exactly the bytes that would be written.
fn holds(
    path: &Path,
    segments: &dyn SegmentReader,
    list: &[SealedSegment],
    finished: &FinishedFile,
) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut file = BufReader::new(file);
    let mut goes_on_with = |bytes: &[u8]| {
        let mut found = vec![0; bytes.len()];
        file.read_exact(&mut found).is_ok() && found == bytes
    };
    goes_on_with(&finished.head)
        && list
            .iter()
            .all(|segment| segments.read(segment.index).is_ok_and(|bytes| goes_on_with(&bytes)))
        && goes_on_with(&finished.cues)
        && matches!(file.read(&mut [0]), Ok(0))
}

fn write_into(
    file: File,
    path: &Path,
    segments: &dyn SegmentReader,
    list: &[SealedSegment],
    finished: &FinishedFile,
    progress: &RenderProgress,
) -> Result<(), RenderError> {
    let mut file = BufWriter::new(file);
    file.write_all(&finished.head).map_err(unwritable(path))?;
    let mut unread = Vec::new();
    for (done, segment) in list.iter().enumerate() {
        if progress.is_cancelled() {
            return Err(RenderError::Cancelled);
        }
        progress.advance(done as u64, list.len() as u64);
        match segments.read(segment.index) {
            // Nothing more is written after a damaged segment, but the others are still checked.
            Ok(bytes) if unread.is_empty() => file.write_all(&bytes).map_err(unwritable(path))?,
            Ok(_) => {}
            Err(_) => unread.push(segment.index),
        }
    }
    if !unread.is_empty() {
        return Err(segments.refusal(unread));
    }
    file.write_all(&finished.cues).map_err(unwritable(path))?;
    let file = file.into_inner().map_err(std::io::IntoInnerError::into_error);
    file.and_then(|file| file.sync_all()).map_err(unwritable(path))?;
    progress.advance(list.len() as u64, list.len() as u64);
    Ok(())
}

fn unwritable(path: &Path) -> impl Fn(std::io::Error) -> RenderError {
    move |error| RenderError::Unwritable { path: path.to_owned(), reason: error.to_string() }
}

fn as_cluster(segment: &SealedSegment) -> Cluster {
    Cluster::of_segment(segment.size_bytes, segment.start_ms, segment.duration_ms)
}

fn free_name(folder: &Path, name: &str) -> PathBuf {
    let names = std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{name} ({n})")));
    let mut paths = names.map(|name| folder.join(format!("{name}.webm")));
    paths.find(|path| !path.exists()).unwrap_or_else(|| folder.join(format!("{name}.webm")))
}

#[cfg(test)]
mod tests {
    use std::io;

    use snaplark_formats::webm::{Block, Track, Tracks, Video, VideoCodec};

    use super::*;

    /// A recording in memory. Damaged segments can't be read.
    #[derive(Debug)]
    struct Recorded {
        init: Vec<u8>,
        clusters: Vec<Vec<u8>>,
        damaged: Vec<u32>,
    }

    impl SegmentReader for Recorded {
        fn init(&self) -> &[u8] {
            &self.init
        }

        fn list(&self) -> Vec<SealedSegment> {
            let segments = (0..).zip(&self.clusters).map(|(index, bytes)| SealedSegment {
                index,
                size_bytes: bytes.len() as u64,
                start_ms: u64::from(index) * 2_000,
                duration_ms: 2_000,
                sha256: [0; 32],
            });
            segments.collect()
        }

        fn read(&self, index: u32) -> io::Result<Vec<u8>> {
            match self.damaged.contains(&index) {
                true => Err(io::ErrorKind::InvalidData.into()),
                false => Ok(self.clusters[index as usize].clone()),
            }
        }

        fn refusal(&self, unread: Vec<u32>) -> RenderError {
            RenderError::Damaged(unread)
        }
    }

    fn recorded(seed: u8) -> Recorded {
        let video = Video { codec: VideoCodec::Vp9, width: 64, height: 36 };
        let cluster = |index: u64| {
            let block = Block {
                track: Track::Video,
                time_ms: index * 2_000,
                keyframe: true,
                duration_ms: Some(2_000),
                data: vec![seed; 40],
            };
            webm::cluster(&[block]).unwrap()
        };
        Recorded {
            init: webm::init(&Tracks { video, audio: None }),
            clusters: (0..4).map(cluster).collect(),
            damaged: Vec::new(),
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let names = std::fs::read_dir(folder).unwrap();
        let name = |entry: io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<String> =
            names.map(|entry| name(entry).into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn own_file_is_a_seekable_file_of_the_segments_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (recorded, progress) = (recorded(1), RenderProgress::default());
        let path = write(&recorded, &folder.path().join("new"), "mine", &progress).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let read = webm::read_init(&bytes).unwrap();
        assert_eq!(read.duration_ms, Some(8_000));
        let media = recorded.clusters.concat();
        assert!(bytes.windows(media.len()).any(|window| window == media));
        assert_eq!(progress.thousandths(), 1_000);
    }

    #[test]
    fn own_file_is_written_once_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let write = |recorded| write(&recorded, folder.path(), "mine", &RenderProgress::default());
        let first = write(recorded(1)).unwrap();
        assert_eq!(write(recorded(1)).unwrap(), first);
        write(recorded(2)).unwrap();
        assert_eq!(names(folder.path()), ["mine (2).webm", "mine.webm"]);
    }

    #[test]
    fn part_of_somebody_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("mine.webm.part");
        std::fs::write(&other, "theirs").unwrap();
        write(&recorded(1), folder.path(), "mine", &RenderProgress::default()).unwrap();
        assert_eq!(std::fs::read(&other).unwrap(), b"theirs");
        assert_eq!(names(folder.path()), ["mine.webm", "mine.webm.part"]);
    }

    #[test]
    fn damaged_segments_are_all_named_and_no_file_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let recorded = Recorded { damaged: vec![1, 3], ..recorded(1) };
        let error =
            write(&recorded, folder.path(), "mine", &RenderProgress::default()).unwrap_err();
        assert_eq!(error, RenderError::Damaged(vec![1, 3]));
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn cancelled_rendering_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let progress = RenderProgress::default();
        progress.cancel();
        let error = write(&recorded(1), folder.path(), "mine", &progress).unwrap_err();
        assert_eq!(error, RenderError::Cancelled);
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn folder_that_is_a_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        std::fs::write(&taken, "a file").unwrap();
        let error = write(&recorded(1), &taken, "mine", &RenderProgress::default()).unwrap_err();
        assert!(matches!(error, RenderError::Unwritable { path, .. } if path == taken));
    }
}
