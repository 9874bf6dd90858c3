//! Where everything of Snaplark's is on this computer.

use std::path::PathBuf;

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

    pub fn cloud_data(&self) -> PathBuf {
        self.root.join("cloud")
    }
}
