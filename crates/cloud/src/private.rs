//! Files and folders that only their owner may read, whatever the process's umask: modes 0600 and
//! 0700.
//!
//! The data folder holds recordings, tokens and the key that signs URLs. If the folder itself is
//! private, nobody else can reach its content. Every file is made private all the same, because files
//! are copied and folders are moved. On Windows the folders in a user's profile are private already,
//! so nothing is done here.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

#[cfg(unix)]
const FOLDER_MODE: u32 = 0o700;
#[cfg(unix)]
const FILE_MODE: u32 = 0o600;

/// Creates a folder and its missing parents. Existing folders stay as they are.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, FOLDER_MODE);
    builder.create(folder)
}

/// Creates a temporary folder for a job. Dropping it deletes it with its content.
pub(crate) fn temporary() -> io::Result<tempfile::TempDir> {
    let mut folder = tempfile::Builder::new();
    #[cfg(unix)]
    folder.permissions(std::os::unix::fs::PermissionsExt::from_mode(FOLDER_MODE));
    folder.tempdir()
}

/// Returns options that create files which only their owner may access.
pub(crate) fn options() -> OpenOptions {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE_MODE);
    options
}

/// Writes a file that only its owner may read. An existing file is made private first.
pub(crate) fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    use io::Write;
    let mut opened = options().write(true).create(true).truncate(true).open(file)?;
    close(file)?;
    opened.write_all(bytes)
}

/// Returns whether others may access the folder.
#[cfg(unix)]
pub(crate) fn is_loose(folder: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(folder)?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
pub(crate) fn is_loose(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Prepares a data folder: a missing one is created, an empty one is made private, and one that has
/// content and is open to others is left alone. Returns whether it may be used.
pub(crate) fn admit(folder: &Path) -> io::Result<bool> {
    make_folder(folder)?;
    if !is_loose(folder)? {
        return Ok(true);
    }
    if fs::read_dir(folder)?.next().is_some() || close(folder).is_err() {
        return Ok(false);
    }
    Ok(true)
}

/// Makes a file or folder private to its owner. Symbolic links are left alone.
#[cfg(unix)]
pub(crate) fn close(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let meta = fs::symlink_metadata(path)?;
    let mode = meta.permissions().mode();
    if meta.is_symlink() || mode & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o700))
}

#[cfg(not(unix))]
pub(crate) fn close(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes a folder and everything below it private. Files that another program removes meanwhile are
/// ignored.
pub(crate) fn close_all(folder: &Path) -> io::Result<()> {
    close(folder)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let closed = match entry.file_type()?.is_dir() {
            true => close_all(&entry.path()),
            false => close(&entry.path()),
        };
        match closed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            closed => closed?,
        }
    }
    Ok(())
}

/// Makes a file private, and the folders between it and `root`, which may have been created for it.
pub(crate) fn close_up_to(root: &Path, file: &Path) -> io::Result<()> {
    close(file)?;
    let mut folder = file.parent();
    while let Some(at) = folder.filter(|at| *at != root && at.starts_with(root)) {
        close(at)?;
        folder = at.parent();
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn loosen(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn an_empty_folder_is_closed_and_a_full_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        loosen(folder.path(), 0o755);
        assert!(admit(folder.path()).unwrap(), "nothing is in it yet");
        assert_eq!(mode(folder.path()), 0o700);
        fs::write(folder.path().join("a"), "x").unwrap();
        loosen(folder.path(), 0o750);
        assert!(!admit(folder.path()).unwrap(), "others may have a reason to read it");
        assert_eq!(mode(folder.path()), 0o750, "nothing was changed");
    }

    #[test]
    fn closing_all_leaves_what_a_link_points_at() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let elsewhere = other.path().join("theirs");
        fs::write(&elsewhere, "x").unwrap();
        loosen(&elsewhere, 0o644);
        let deep = folder.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("c"), "x").unwrap();
        std::os::unix::fs::symlink(&elsewhere, deep.join("link")).unwrap();
        for (path, bits) in [(folder.path(), 0o755), (&deep, 0o755), (&deep.join("c"), 0o644)] {
            loosen(path, bits);
        }
        close_all(folder.path()).unwrap();
        assert_eq!(
            (mode(folder.path()), mode(&deep), mode(&deep.join("c"))),
            (0o700, 0o700, 0o600)
        );
        assert_eq!(mode(&elsewhere), 0o644);
    }
}
