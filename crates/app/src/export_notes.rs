//! Notes of the exports that programs without a row for them make (`snaplark export`), so that what a killed one leaves
//! is removed.
//!
//! ```text
//! exports/<id>    the path of the folder that an export is written into; locked by its program until the end
//! ```
//!
//! A note that nobody has locked is of a program that died. The next start of the app and the next export remove its
//! folder, whose name nothing else ever has ([`super::exports::part_beside`]).

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use snaplark_files::{self as files, PART_SUFFIX};
use tracing::{info, warn};

const FOLDER: &str = "exports";
/// The longest path that is read from a note.
const PATH_BYTES_MAX: u64 = 64 * 1024;

/// A note of an export that is under way. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct ExportNote {
    path: PathBuf,
    /// Holds the lock.
    file: Option<File>,
}

impl ExportNote {
    /// Notes that an export is written into this folder, which isn't there yet. `root` is the folder of the home.
    pub(crate) fn write(root: &Path, part: &Path) -> io::Result<Self> {
        let part = part.to_str().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = root.join(FOLDER);
        files::make_folder(&folder)?;
        let path = folder.join(uuid::Uuid::now_v7().simple().to_string());
        let mut file = files::options().write(true).create_new(true).open(&path)?;
        file.try_lock().map_err(io::Error::from)?;
        file.write_all(part.as_bytes())?;
        file.sync_all()?;
        files::sync_folder(&folder)?;
        Ok(ExportNote { path, file: Some(file) })
    }
}

impl Drop for ExportNote {
    fn drop(&mut self) {
        // Windows removes no file that is open.
        self.file = None;
        if let Err(error) = std::fs::remove_file(&self.path) {
            warn!(%error, "The note of an export could not be removed");
        }
    }
}

/// Removes what exports have left whose programs were killed. Blocks.
pub(crate) fn sweep(root: &Path) {
    let Ok(notes) = std::fs::read_dir(root.join(FOLDER)) else { return };
    for note in notes.flatten() {
        if let Err(error) = sweep_one(&note.path()) {
            warn!(%error, "What a killed export has left could not be removed");
        }
    }
}

fn sweep_one(note: &Path) -> io::Result<()> {
    let mut file = File::open(note)?;
    if file.try_lock().is_err() {
        return Ok(());
    }
    let mut text = String::new();
    (&mut file).take(PATH_BYTES_MAX).read_to_string(&mut text)?;
    let part = Path::new(&text);
    if is_part(part) && part.is_dir() {
        std::fs::remove_dir_all(part)?;
        info!("Removed what a killed export had left");
    }
    drop(file);
    std::fs::remove_file(note)
}

/// Returns whether a path is one that only an export has.
fn is_part(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let id = name.and_then(|name| name.strip_prefix("snaplark-")?.strip_suffix(PART_SUFFIX));
    path.is_absolute() && id.is_some_and(|id| uuid::Uuid::try_parse(id).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exports::part_beside;

    /// Begins an export, and leaves its folder as a killed program would.
    fn begun(root: &Path) -> (ExportNote, PathBuf) {
        let part = part_beside(&root.join("talk.mp4"));
        let note = ExportNote::write(root, &part).unwrap();
        std::fs::create_dir(&part).unwrap();
        std::fs::write(part.join("export"), "half").unwrap();
        (note, part)
    }

    fn kill(mut note: ExportNote) {
        note.file = None;
        std::mem::forget(note);
    }

    #[test]
    fn what_a_killed_export_has_left_is_removed_and_one_that_runs_is_not() {
        let home = tempfile::tempdir().unwrap();
        let (running, kept) = begun(home.path());
        let (killed, left) = begun(home.path());
        kill(killed);
        sweep(home.path());
        assert!(kept.join("export").exists() && !left.exists());
        let notes = || std::fs::read_dir(home.path().join(FOLDER)).unwrap().count();
        assert_eq!(notes(), 1);
        drop(running);
        assert_eq!(notes(), 0);
    }

    #[test]
    fn folder_that_no_export_can_have_made_stays() {
        let home = tempfile::tempdir().unwrap();
        let mine = home.path().join("snaplark-holiday.part");
        std::fs::create_dir(&mine).unwrap();
        kill(ExportNote::write(home.path(), &mine).unwrap());
        sweep(home.path());
        assert!(mine.exists());
    }
}
