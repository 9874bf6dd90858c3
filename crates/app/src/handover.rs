//! A picture that a command has taken and that the running program is to add: a file in the home, until the
//! program has answered.
//!
//! The command holds a shared lock on the folder meanwhile. The system releases it however the command ends,
//! so a folder that nobody has locked contains only what was left behind.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use snaplark_files as files;

use crate::Home;

const FOLDER: &str = "screenshots";
const ENDING: &str = ".png";

/// A picture on its way. Dropping it removes the file, unless the running program has done so.
#[derive(Debug)]
pub struct Handover {
    file: PathBuf,
    /// `None` on file systems without locks, where nothing is ever swept.
    _lock: Option<File>,
}

impl Handover {
    /// Writes the picture.
    pub fn write(home: &Home, png: &[u8]) -> io::Result<Self> {
        sweep(home);
        let folder = folder(home);
        files::make_folder(&folder)?;
        let lock = File::open(&folder).and_then(|at| at.lock_shared().map(|()| at)).ok();
        let file = folder.join(format!("{}{ENDING}", std::process::id()));
        let handover = Handover { file, _lock: lock };
        files::write_durably(&handover.file, png)?;
        Ok(handover)
    }

    /// Returns the file.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.file);
    }
}

/// Removes what commands left behind that were killed. Does nothing while one of them runs.
pub(crate) fn sweep(home: &Home) {
    if let Err(error) = try_sweep(&folder(home)) {
        tracing::debug!(%error, "Pictures that commands left behind could not be removed");
    }
}

fn try_sweep(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let at = File::open(folder)?;
    // A command may be about to write.
    if let Err(error) = at.try_lock() {
        return match error {
            fs::TryLockError::WouldBlock => Ok(()),
            fs::TryLockError::Error(error) => Err(error),
        };
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // In a home that is a person's own folder there may be other files.
        if is_handover(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Returns whether this is a name of [`Handover::write`], or of a file that becomes one.
fn is_handover(name: &str) -> bool {
    let whole = name.strip_suffix(files::PART_SUFFIX).unwrap_or(name);
    let process = whole.strip_suffix(ENDING).unwrap_or_default();
    !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit())
}

fn folder(home: &Home) -> PathBuf {
    home.root.join(FOLDER)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn home(folder: &tempfile::TempDir) -> Home {
        let root = folder.path().to_owned();
        Home { save_folder: root.join("saved"), root }
    }

    #[test]
    fn picture_is_there_until_it_was_handed_over() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(&folder);
        let handover = Handover::write(&home, b"png").unwrap();
        let file = handover.file().to_owned();
        sweep(&home);
        assert_eq!(fs::read(&file).unwrap(), b"png", "a start of the app leaves it alone");
        drop(handover);
        assert!(!file.exists());
    }

    /// Covers what `kill -9` leaves, in the middle of writing or afterwards.
    #[test]
    fn picture_of_a_command_that_was_killed_goes_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(&folder);
        sweep(&home);
        let left = folder.path().join(FOLDER);
        fs::create_dir(&left).unwrap();
        for name in ["4711.png", "4712.png.part"] {
            fs::write(left.join(name), "the screen").unwrap();
        }
        fs::write(left.join("holiday.png"), "their own").unwrap();
        sweep(&home);
        let names: Vec<_> =
            fs::read_dir(&left).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["holiday.png"]);
        fs::write(left.join("4711.png"), "the screen").unwrap();
        let handover = Handover::write(&home, b"png").unwrap();
        assert!(!left.join("4711.png").exists(), "the next command sweeps too");
        drop(handover);
    }
}
