//! Where everything of Snaplark's is on this computer.

use std::path::{Path, PathBuf};

use snaplark_core::RecordingId;

use crate::AppError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Rows, segments, and the data of the embedded cloud.
    pub root: PathBuf,
    /// Where the person's own files go.
    pub save_folder: PathBuf,
}

impl Home {
    /// Everything below SNAPLARK_HOME where that is set, else the platform's own folders.
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

    /// For files that can't be written into the person's own folder.
    pub(crate) fn spare_save_folder(&self) -> PathBuf {
        self.root.join("saved-elsewhere")
    }

    /// What the program writes down about itself.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Where a recording goes on when its folder can't be written any more: on another disk where
    /// there is one, since what vanishes is a disk most often.
    pub(crate) fn spare_folder(&self, recording: RecordingId) -> PathBuf {
        let temporary = std::env::temp_dir();
        let local = dirs::data_local_dir().filter(|folder| folder.is_dir());
        let mut places = local.iter().chain([&temporary]);
        let other = places.find(|place| disk(place) != disk(&self.root));
        let name = format!("snaplark-{recording}");
        other.unwrap_or(&temporary).join(name)
    }

    pub fn cloud_data(&self) -> PathBuf {
        self.root.join("cloud")
    }

    /// Whether links may lead to this computer: its cloud has run here.
    pub fn has_own_links(&self) -> bool {
        self.cloud_data().is_dir()
    }
}

/// What is written to see whether a folder can be: a block, as an empty file fits on a full disk.
const PROBE: [u8; 4_096] = [0; 4_096];

/// Whether a folder can be written, and why not. Leaves nothing behind: where the folder isn't there
/// yet, the nearest one above it tells.
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

/// What two folders of one disk have in common; `None` where it can't be told.
fn disk(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    return std::fs::metadata(folder).ok().map(|m| std::os::unix::fs::MetadataExt::dev(&m));
    #[cfg(not(unix))]
    return folder.components().next().map(|_| 0);
}
