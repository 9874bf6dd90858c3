//! Files and folders that only their owner may open.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

#[cfg(unix)]
const FOLDER_MODE: u32 = 0o700;
#[cfg(unix)]
const FILE_MODE: u32 = 0o600;
/// The permissions of group and others.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// Returns options with which a new file is private.
pub fn options() -> OpenOptions {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    options.mode(FILE_MODE);
    options
}

/// Creates an empty private file. An existing one is emptied and keeps its mode.
pub fn create(path: &Path) -> io::Result<File> {
    options().write(true).create(true).truncate(true).open(path)
}

/// Opens a private file for appending, and creates it if needed.
pub fn append(path: &Path) -> io::Result<File> {
    options().append(true).create(true).open(path)
}

/// Creates a private folder and its missing parents. Existing folders keep their mode.
pub fn make_folder(path: &Path) -> io::Result<()> {
    private_folder().recursive(true).create(path)
}

/// Creates a private folder in an existing one. Fails if it is there already.
pub fn make_new_folder(path: &Path) -> io::Result<()> {
    private_folder().create(path)
}

fn private_folder() -> DirBuilder {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    builder.mode(FOLDER_MODE);
    builder
}

/// Returns whether other users may access the folder.
pub fn is_open_to_others(folder: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    return Ok(fs::metadata(folder)?.permissions().mode() & OTHERS != 0);
    #[cfg(not(unix))]
    fs::metadata(folder).map(|_| false)
}

/// Makes a file or folder private. Symbolic links are skipped: their targets are elsewhere.
pub fn close(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let found = fs::symlink_metadata(path)?;
        let mode = found.permissions().mode() & 0o7777;
        if !found.is_symlink() && mode & OTHERS != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(mode & !OTHERS))?;
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Makes a file or folder and everything in it private. What is removed meanwhile is skipped.
pub fn close_all(path: &Path) -> io::Result<()> {
    let closed = close(path).and_then(|()| {
        // Not `is_dir`, which would follow a link.
        if fs::symlink_metadata(path)?.is_dir() {
            fs::read_dir(path)?.try_for_each(|entry| close_all(&entry?.path()))?;
        }
        Ok(())
    });
    match closed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        closed => closed,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn close_all_narrows_a_tree_but_not_the_target_of_a_link() {
        let open_up = |path: &Path, mode: u32| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let elsewhere = other.path().join("theirs");
        fs::write(&elsewhere, "x").unwrap();
        open_up(&elsewhere, 0o644);
        let deep = folder.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("c"), "x").unwrap();
        std::os::unix::fs::symlink(&elsewhere, deep.join("link")).unwrap();
        for (path, bits) in [(folder.path(), 0o755), (&deep, 0o755), (&deep.join("c"), 0o644)] {
            open_up(path, bits);
        }
        close_all(folder.path()).unwrap();
        let modes = [folder.path(), &deep, &deep.join("c"), &elsewhere].map(mode);
        assert_eq!(modes, [0o700, 0o700, 0o600, 0o644]);
    }

    #[test]
    fn close_all_accepts_what_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        close_all(&folder.path().join("gone")).unwrap();
    }
}
