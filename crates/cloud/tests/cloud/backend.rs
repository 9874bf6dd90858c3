//! SQLite and files: a folder is all there is.

use std::path::{Path, PathBuf};

use snaplark_cloud::Place;

#[derive(Clone)]
pub struct Backend {
    folder: PathBuf,
}

impl Backend {
    pub fn new(folder: &Path) -> Backend {
        Backend { folder: folder.to_owned() }
    }

    pub fn place(&self) -> Place {
        Place::from(&self.folder)
    }

    /// What the program has to be told.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        vec![("SNAPLARK_DATA", self.folder.to_string_lossy().into_owned())]
    }

    /// How many objects there are now.
    pub fn objects(&self) -> usize {
        files(&self.folder.join("objects"))
    }

    /// All bytes that the database keeps.
    pub fn dump(&self) -> Vec<u8> {
        let entries = std::fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            .filter(|path| path.is_file())
            .flat_map(|path| std::fs::read(path).unwrap())
            .collect()
    }
}

fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .map(|entry| entry.unwrap())
        .map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 })
        .sum()
}
