//! The folders that Snaplark uses on this computer.

use std::path::{Path, PathBuf};

use snaplark_core::RecordingId;

use crate::AppError;

/// The folders of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Rows, segments, and the data of the embedded cloud.
    pub root: PathBuf,
    /// The default folder for the person's own files.
    pub save_folder: PathBuf,
}

impl Home {
    /// Returns folders below SNAPLARK_HOME if that is set, else the platform's usual folders.
    pub fn from_env() -> Result<Self, AppError> {
        if let Some(root) = std::env::var_os("SNAPLARK_HOME").filter(|root| !root.is_empty()) {
            let root = std::path::absolute(PathBuf::from(root)).map_err(AppError::home)?;
            let save_folder = root.join("saved");
            return Ok(Home { root, save_folder });
        }
        let root = dirs::data_dir().ok_or(AppError::NoHome)?.join("snaplark");
        let videos = dirs::video_dir().or_else(dirs::home_dir).ok_or(AppError::NoHome)?;
        Ok(Home { root, save_folder: videos.join("Snaplark") })
    }

    /// Returns the folder for files that can't be written into the person's own folder.
    pub(crate) fn spare_save_folder(&self) -> PathBuf {
        self.root.join("saved-elsewhere")
    }

    /// Returns the default folder for pictures that a person saves.
    pub(crate) fn pictures_folder(&self) -> PathBuf {
        // A folder of one's own has everything in it.
        if self.save_folder.starts_with(&self.root) {
            return self.save_folder.clone();
        }
        let pictures = dirs::picture_dir().or_else(dirs::home_dir);
        pictures.map_or_else(|| self.save_folder.clone(), |pictures| pictures.join("Snaplark"))
    }

    /// Returns the folder of the program's logs.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Returns the folder in which a recording continues when its own folder can't be written any more. It
    /// is on another disk if there is one, since the usual cause is a disk that vanished.
    pub(crate) fn spare_folder(&self, recording: RecordingId) -> PathBuf {
        let temporary = std::env::temp_dir();
        let local = dirs::data_local_dir().filter(|folder| folder.is_dir());
        let mut places = local.iter().chain([&temporary]);
        let other = places.find(|place| disk(place) != disk(&self.root));
        let name = format!("snaplark-{recording}");
        other.unwrap_or(&temporary).join(name)
    }

    /// Returns the folder of the embedded cloud.
    pub fn cloud_data(&self) -> PathBuf {
        self.root.join("cloud")
    }

    /// Returns whether links may lead to this computer, because the embedded cloud has run here.
    pub fn has_own_links(&self) -> bool {
        self.cloud_data().is_dir()
    }
}

/// The bytes written to test a folder: a whole block, since an empty file fits even on a full disk.
const PROBE: [u8; 4_096] = [0; 4_096];

/// Checks that a folder can be written, and returns the reason if not. Leaves nothing behind. If the folder
/// doesn't exist yet, its nearest existing ancestor is tested.
pub fn writable(folder: &Path) -> Result<(), String> {
    let existing = folder.ancestors().find(|path| path.is_dir()).unwrap_or(folder);
    let probe = existing.join(format!(".snaplark-probe-{}", std::process::id()));
    let written = std::fs::write(&probe, PROBE);
    let removed = std::fs::remove_file(&probe);
    written.and(removed).map_err(|error| {
        let error = error.to_string();
        let reason = error.split(" (os error").next().unwrap_or_default();
        format!("{} can't be written: {reason}", folder.display())
    })
}

/// Returns a number that is the same for two folders on one disk, or `None` if it isn't known.
#[cfg(unix)]
fn disk(folder: &Path) -> Option<u64> {
    std::fs::metadata(folder).ok().map(|m| std::os::unix::fs::MetadataExt::dev(&m))
}

/// Returns the drive that a folder is on, such as `\\?\C:`, or `None` if it isn't known. Links and mounted folders are
/// followed.
#[cfg(windows)]
fn disk(folder: &Path) -> Option<std::ffi::OsString> {
    let path = std::fs::canonicalize(folder).ok()?;
    match path.components().next()? {
        std::path::Component::Prefix(drive) => Some(drive.as_os_str().to_ascii_uppercase()),
        std::path::Component::RootDir
        | std::path::Component::CurDir
        | std::path::Component::ParentDir
        | std::path::Component::Normal(_) => None,
    }
}

#[cfg(all(test, windows))]
mod tests {
    use super::*;

    #[test]
    fn folders_of_one_drive_are_on_the_same_disk_and_of_two_are_not() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert!(disk(here.path()).is_some());
        assert_eq!(disk(here.path()), disk(there.path()));
        assert_eq!(disk(&here.path().join("missing")), None);
        let drives = ('A'..='Z').filter_map(|letter| disk(Path::new(&format!("{letter}:\\"))));
        let drives: Vec<_> = drives.collect();
        for (place, drive) in drives.iter().enumerate() {
            assert!(!drives[..place].contains(drive), "{drives:?}");
        }
    }
}
