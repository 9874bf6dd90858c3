//! Writes the files of a recording, and tells a full disk from a folder that can't be written.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use snaplark_core::capture::CaptureError;
use snaplark_files as files;

/// Checks at the start whether the folder can be written at all. Leaves an empty `.part` of the first
/// file.
pub(crate) fn check(folder: &Path, first: &str) -> Result<(), CaptureError> {
    files::create(&part_path(folder, first)).map(drop).map_err(|error| failure(&error))
}

/// Creates a folder that only its owner can open, since it may lie among the files of others.
pub(crate) fn make_private(folder: &Path) -> Result<(), CaptureError> {
    files::make_new_folder(folder).map_err(|error| failure(&error))
}

/// Writes a file that is whole under its name or absent, also after a power cut.
pub(crate) fn write_durably(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), CaptureError> {
    files::write_durably(&folder.join(name), bytes).map_err(|error| {
        let failure = failure(&error);
        if failure == CaptureError::DiskFull {
            // Half a segment is of no use, and recording the end of the recording needs the space.
            let _ = std::fs::remove_file(part_path(folder, name));
        }
        failure
    })
}

fn part_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}{}", files::PART_SUFFIX))
}

fn failure(error: &io::Error) -> CaptureError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => CaptureError::DiskFull,
        _ => CaptureError::FolderUnwritable { reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_tells_a_full_disk_from_an_unwritable_folder() {
        assert_eq!(failure(&ErrorKind::StorageFull.into()), CaptureError::DiskFull);
        assert_eq!(failure(&ErrorKind::QuotaExceeded.into()), CaptureError::DiskFull);
        let closed = failure(&ErrorKind::PermissionDenied.into());
        assert!(matches!(closed, CaptureError::FolderUnwritable { .. }));
    }

    #[test]
    fn write_durably_leaves_no_partial_file() {
        let folder = std::env::temp_dir().join(format!("snaplark-disk-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        check(&folder, "a").unwrap();
        assert!(folder.join("a.part").exists());
        write_durably(&folder, "a", b"bytes").unwrap();
        assert_eq!(std::fs::read(folder.join("a")).unwrap(), b"bytes");
        assert!(!folder.join("a.part").exists());
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(check(&folder, "a").is_err());
    }
}
