//! Reads the bytes of a file that a person brought in, for its upload. What is sent are bytes of the file that was
//! brought in: its size and its time are compared before and after each part.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use snaplark_core::upload::Failure;
use snaplark_store::ImportedFile;

use super::inspect::{self, FileRefusal, FileStamp};
use crate::source::PartBytes;

/// How many entries of a folder are looked at to find a file that was renamed there.
const ENTRIES_MAX: usize = 10_000;

/// A file that a person brought in, as it was then.
#[derive(Clone, Debug)]
pub(crate) struct FileSource {
    path: PathBuf,
    stamp: FileStamp,
}

/// A part of a file.
pub(crate) struct FilePart {
    pub bytes: PartBytes,
    /// Where the file is now, if it was renamed in its folder.
    pub moved_to: Option<PathBuf>,
}

impl FileSource {
    pub(crate) fn new(file: &ImportedFile) -> Self {
        let ImportedFile { size_bytes, modified_ns, .. } = *file;
        FileSource { path: file.path.clone(), stamp: FileStamp { size_bytes, modified_ns } }
    }

    /// Returns whether the file is there as it was.
    pub(crate) fn is_there(&self) -> bool {
        inspect::open(&self.path).is_ok_and(|(_, stamp)| stamp == self.stamp)
    }

    /// Reads a range of the file.
    pub(crate) fn part(&self, range: Range<u64>) -> Result<FilePart, Failure> {
        let (mut file, moved_to) = self.open()?;
        let path = moved_to.as_deref().unwrap_or(&self.path);
        let unreadable = |error: std::io::Error| missing(path, FileRefusal::of(&error));
        let count = range.end.saturating_sub(range.start);
        let mut bytes = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
        file.seek(SeekFrom::Start(range.start)).map_err(unreadable)?;
        (&mut file).take(count).read_to_end(&mut bytes).map_err(unreadable)?;
        let after = file.metadata().and_then(|found| FileStamp::of(&found)).map_err(unreadable)?;
        if after != self.stamp || bytes.len() as u64 != count {
            return Err(Failure::FileChanged);
        }
        let sha256 = Sha256::digest(&bytes).into();
        let bytes = PartBytes { pieces: vec![Bytes::from(bytes)], size_bytes: count, sha256 };
        Ok(FilePart { bytes, moved_to })
    }

    fn open(&self) -> Result<(File, Option<PathBuf>), Failure> {
        let (file, stamp, moved_to) = match inspect::open(&self.path) {
            Ok((file, stamp)) => (file, stamp, None),
            Err(FileRefusal::Missing) => {
                let moved =
                    self.renamed().ok_or_else(|| missing(&self.path, FileRefusal::Missing))?;
                let opened = inspect::open(&moved);
                let (file, stamp) = opened.map_err(|refusal| missing(&moved, refusal))?;
                (file, stamp, Some(moved))
            }
            Err(FileRefusal::Folder | FileRefusal::NotAFile) => return Err(Failure::FileChanged),
            Err(refusal) => return Err(missing(&self.path, refusal)),
        };
        match stamp == self.stamp {
            true => Ok((file, moved_to)),
            false => Err(Failure::FileChanged),
        }
    }

    /// Returns the only file of this size and time in the folder: it was renamed there.
    fn renamed(&self) -> Option<PathBuf> {
        let entries = std::fs::read_dir(self.path.parent()?).ok()?.flatten().take(ENTRIES_MAX);
        let is_it = |path: &PathBuf| {
            let found = std::fs::symlink_metadata(path).ok().filter(std::fs::Metadata::is_file);
            found.and_then(|found| FileStamp::of(&found).ok()) == Some(self.stamp)
        };
        let mut found = entries.map(|entry| entry.path()).filter(is_it);
        let first = found.next().filter(|path| path.to_str().is_some())?;
        found.next().is_none().then_some(first)
    }
}

/// Returns the failure for a file that can't be read. Its detail is the path, which people look for.
fn missing(path: &Path, refusal: FileRefusal) -> Failure {
    tracing::info!(reason = refusal.name(), "A file that was brought in can't be read");
    Failure::FilesMissing { detail: path.display().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &Path) -> FileSource {
        let (_, stamp) = inspect::open(path).unwrap();
        FileSource { path: path.to_owned(), stamp }
    }

    fn bytes_of(part: FilePart) -> Vec<u8> {
        part.bytes.pieces.concat()
    }

    #[test]
    fn part_is_the_range_with_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mp4");
        std::fs::write(&path, b"0123456789").unwrap();
        let part = source(&path).part(3..7).unwrap();
        assert_eq!(part.moved_to, None);
        assert_eq!(part.bytes.sha256, <[u8; 32]>::from(Sha256::digest(b"3456")));
        assert_eq!(bytes_of(part), b"3456");
    }

    #[test]
    fn file_that_has_changed_is_not_sent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mp4");
        std::fs::write(&path, b"0123456789").unwrap();
        let source = source(&path);
        // Longer; then of the same length, but written later.
        std::fs::write(&path, b"0123456789!").unwrap();
        assert!(matches!(source.part(0..4), Err(Failure::FileChanged)));
        std::fs::write(&path, b"abcdefghij").unwrap();
        assert!(matches!(source.part(0..4), Err(Failure::FileChanged)));
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(matches!(source.part(0..4), Err(Failure::FileChanged)));
        assert!(!source.is_there());
    }

    #[test]
    fn file_that_was_renamed_in_its_folder_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a.mp4"), folder.path().join("b.mp4"));
        std::fs::write(&path, b"0123456789").unwrap();
        let source = source(&path);
        std::fs::rename(&path, &other).unwrap();
        let part = source.part(0..4).unwrap();
        assert_eq!(part.moved_to.as_deref(), Some(other.as_path()));
        assert_eq!(bytes_of(part), b"0123");
        std::fs::remove_file(&other).unwrap();
        let gone = source.part(0..4).err();
        let named = path.display().to_string();
        assert_eq!(gone, Some(Failure::FilesMissing { detail: named }));
    }
}
