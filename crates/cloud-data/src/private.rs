//! The cloud's data folder: it holds recordings, tokens and the key that signs URLs, so it is private to
//! its owner.
//!
//! If the folder itself is private, nobody else can reach its content. Every file is made private all
//! the same, because files are copied and folders are moved.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

pub use snaplark_files::{close, close_all, make_folder, options};

/// Creates a temporary folder for a job. Dropping it deletes it with its content.
pub fn temporary() -> io::Result<tempfile::TempDir> {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut folder = tempfile::Builder::new();
    #[cfg(unix)]
    folder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    folder.tempdir()
}

/// Writes a file that only its owner may read. An existing file is made private first.
pub fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut opened = snaplark_files::create(file)?;
    close(file)?;
    opened.write_all(bytes)
}

/// Prepares a data folder: a missing one is created, an empty one is made private, and one that has
/// content and is open to others is left alone. Returns whether it may be used.
pub fn admit(folder: &Path) -> io::Result<bool> {
    make_folder(folder)?;
    if !snaplark_files::is_open_to_others(folder)? {
        return Ok(true);
    }
    if fs::read_dir(folder)?.next().is_some() || close(folder).is_err() {
        return Ok(false);
    }
    Ok(true)
}

/// Makes a file private, and the folders between it and `root`, which may have been created for it.
pub fn close_up_to(root: &Path, file: &Path) -> io::Result<()> {
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
}
