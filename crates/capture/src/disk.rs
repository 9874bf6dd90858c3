//! Writes files atomically and durably, so that a file is whole under its final name or absent: write
//! `.part`, sync, rename, sync the folder.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use snaplark_core::PART_SUFFIX;
use snaplark_core::capture::CaptureError;

/// Checks at the start whether the folder can be written at all. Leaves an empty `.part` of the first
/// file.
pub fn check(folder: &Path, first: &str) -> Result<(), CaptureError> {
    create_private(&part_path(folder, first)).map(drop).map_err(|e| failure(&e))
}

/// Creates a folder that only its owner can open, since it may lie among the files of others.
pub fn make_private(folder: &Path) -> Result<(), CaptureError> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|e| failure(&e))
}

/// Creates an empty file that only its owner may read, whatever the umask.
pub fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

pub fn write_durably(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), CaptureError> {
    write(folder, name, bytes).map_err(|error| {
        let failure = failure(&error);
        if failure == CaptureError::DiskFull {
            // Half a segment is of no use, and recording the end of the recording needs the space.
            let _ = std::fs::remove_file(part_path(folder, name));
        }
        failure
    })
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let part = part_path(folder, name);
    let mut file = create_private(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&part, folder.join(name))?;
    sync_folder(folder)
}

/// Without this a crash may undo the rename. Windows needs no sync of folders.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn part_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}{PART_SUFFIX}"))
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
    fn a_full_disk_is_told_from_a_closed_folder() {
        assert_eq!(failure(&ErrorKind::StorageFull.into()), CaptureError::DiskFull);
        assert_eq!(failure(&ErrorKind::QuotaExceeded.into()), CaptureError::DiskFull);
        let closed = failure(&ErrorKind::PermissionDenied.into());
        assert!(matches!(closed, CaptureError::FolderUnwritable { .. }));
    }

    #[test]
    fn nothing_stays_under_the_partial_name() {
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
