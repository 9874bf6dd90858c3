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

    /// The disk's doing: one byte of an object, whose key contains `named`, is another.
    pub fn rot(&self, named: &str) {
        let file = self.file(named);
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(file, bytes).unwrap();
    }

    pub fn lose(&self, named: &str) {
        std::fs::remove_file(self.file(named)).unwrap();
    }

    /// As a disk that is not mounted.
    pub fn hide_storage(&self) {
        std::fs::rename(self.folder.join("objects"), self.folder.join("elsewhere")).unwrap();
    }

    pub fn show_storage(&self) {
        std::fs::rename(self.folder.join("elsewhere"), self.folder.join("objects")).unwrap();
    }

    fn file(&self, named: &str) -> PathBuf {
        let mut folders = vec![self.folder.join("objects")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_string_lossy().contains(named) {
                    return path;
                }
            }
        }
        panic!("no object is named {named}");
    }

    /// All bytes that the database keeps.
    pub fn dump(&self) -> Vec<u8> {
        let entries = std::fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            // What its processes share while they run is not kept.
            .filter(|path| path.is_file() && !path.to_string_lossy().ends_with("-shm"))
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
