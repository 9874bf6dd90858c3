//! Where an export goes: into a folder of its own beside its place, from which it gets the first free name when it is
//! complete. What is removed is that folder alone.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use snaplark_core::render::RenderError;
use snaplark_files as files;

/// The paths of an export.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExportPaths<'a> {
    /// Where it is wanted.
    pub file: &'a Path,
    /// A folder on the same file system that isn't there yet.
    pub part: &'a Path,
}

/// A file or folder that will be there as a whole or not at all. Dropped before [`ExportTarget::finish`], nothing
/// is left.
pub(super) struct ExportTarget {
    wanted: PathBuf,
    /// A folder that was made here, so all that is in it may be removed.
    folder: PathBuf,
    part: PathBuf,
    /// `None` for a folder.
    file: Option<File>,
    is_finished: bool,
}

impl ExportTarget {
    /// Begins a file.
    pub(super) fn file(to: ExportPaths<'_>) -> Result<Self, RenderError> {
        let mut target = ExportTarget::begin(to)?;
        let file = files::options().write(true).create_new(true).open(&target.part);
        target.file = Some(file.map_err(unwritable(to.file))?);
        Ok(target)
    }

    /// Begins a folder.
    pub(super) fn folder(to: ExportPaths<'_>) -> Result<Self, RenderError> {
        let target = ExportTarget::begin(to)?;
        files::make_new_folder(&target.part).map_err(unwritable(to.file))?;
        Ok(target)
    }

    fn begin(ExportPaths { file, part }: ExportPaths<'_>) -> Result<Self, RenderError> {
        make_folder_of(file)?;
        files::make_new_folder(part).map_err(unwritable(file))?;
        let (wanted, folder, part) = (file.to_owned(), part.to_owned(), part.join("export"));
        Ok(ExportTarget { wanted, folder, part, file: None, is_finished: false })
    }

    /// Returns the folder in which it will be.
    pub(super) fn folder_of(&self) -> &Path {
        parent(&self.wanted)
    }

    /// Returns the path to write to until it is finished.
    pub(super) fn part(&self) -> &Path {
        &self.part
    }

    /// Returns a path for what is needed meanwhile.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns the file to write to; an error for a folder.
    pub(super) fn handle(&self) -> Result<File, RenderError> {
        let none = || io::Error::from(ErrorKind::IsADirectory);
        let file = self.file.as_ref().ok_or_else(none);
        file.and_then(File::try_clone).map_err(unwritable(&self.wanted))
    }

    /// Returns the error of a failed write.
    pub(super) fn unwritable(&self, error: io::Error) -> RenderError {
        unwritable(&self.wanted)(error)
    }

    /// Makes it durable under the wanted name, or under `NAME (2)` and so on if that is taken. Returns its path.
    pub(super) fn finish(mut self) -> Result<PathBuf, RenderError> {
        let synced = match &self.file {
            Some(file) => file.sync_all(),
            None => files::sync_folder(&self.part),
        };
        synced.map_err(unwritable(&self.wanted))?;
        for path in names(&self.wanted) {
            let named = match self.file {
                Some(_) => name_file(&self.part, &path),
                None => name_folder(&self.part, &path),
            };
            match named {
                Ok(()) => {
                    self.is_finished = true;
                    return Ok(path);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(unwritable(&path)(error)),
            }
        }
        Err(unwritable(&self.wanted)(ErrorKind::AlreadyExists.into()))
    }
}

impl Drop for ExportTarget {
    fn drop(&mut self) {
        // Windows removes no file that is open.
        self.file = None;
        // Half an export helps nobody, and the recording still exists. An empty folder is all that is left of a whole
        // one.
        let _ = match self.is_finished {
            true => std::fs::remove_dir(&self.folder),
            false => std::fs::remove_dir_all(&self.folder),
        };
    }
}

/// Gives a file its name. Fails with `AlreadyExists` if the name is taken, also by whoever takes it at the same
/// moment: a link never replaces anything, and a rename would.
fn name_file(part: &Path, path: &Path) -> io::Result<()> {
    match std::fs::hard_link(part, path) {
        Ok(()) => {
            std::fs::remove_file(part)?;
            files::sync_folder(parent(path))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        // A file system without links.
        Err(_) if path.symlink_metadata().is_err() => files::rename_durably(part, path),
        Err(_) => Err(ErrorKind::AlreadyExists.into()),
    }
}

/// Gives a folder its name. No system replaces a folder that has something in it.
fn name_folder(part: &Path, path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(_) => Err(ErrorKind::AlreadyExists.into()),
        Err(_) => files::rename_durably(part, path),
    }
}

/// A person who has that many files of a name chooses another one.
const NAMES_MAX: u32 = 10_000;

fn names(wanted: &Path) -> impl Iterator<Item = PathBuf> {
    let stem = wanted.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ending = wanted.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
    let ending = ending.unwrap_or_default();
    let wanted = wanted.to_owned();
    (1..=NAMES_MAX).map(move |number| match number {
        1 => wanted.clone(),
        _ => wanted.with_file_name(format!("{stem} ({number}){ending}")),
    })
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn make_folder_of(path: &Path) -> Result<(), RenderError> {
    std::fs::create_dir_all(parent(path)).map_err(unwritable(path))
}

fn unwritable(path: &Path) -> impl Fn(std::io::Error) -> RenderError {
    let path = path.to_owned();
    move |error| RenderError::Unwritable { path: path.clone(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn target_never_takes_a_name_that_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = folder.path().join("clip.mp4");
        let target = |part: &str| {
            let part = folder.path().join(part);
            ExportTarget::file(ExportPaths { file: &wanted, part: &part }).unwrap()
        };
        let (first, second, third) = (target("1.part"), target("2.part"), target("3.part"));
        first.handle().unwrap().write_all(b"first").unwrap();
        // The name is taken while they are written.
        std::fs::write(&wanted, "mine").unwrap();
        let paths = [first, second, third].map(|target| target.finish().unwrap());
        let names = ["clip (2).mp4", "clip (3).mp4", "clip (4).mp4"];
        assert_eq!(paths.clone(), names.map(|name| folder.path().join(name)));
        assert_eq!(std::fs::read(&wanted).unwrap(), b"mine");
        assert_eq!(std::fs::read(&paths[0]).unwrap(), b"first");
        assert_eq!(names_in(folder.path()).len(), 4);
    }

    #[test]
    fn finished_folder_gets_its_name_and_its_pictures() {
        let folder = tempfile::tempdir().unwrap();
        let (file, part) = (folder.path().join("frames"), folder.path().join("own.part"));
        let frames = ExportTarget::folder(ExportPaths { file: &file, part: &part }).unwrap();
        std::fs::write(frames.part().join("1.png"), "a picture").unwrap();
        assert_eq!(frames.finish().unwrap(), file);
        assert_eq!(names_in(folder.path()), ["frames"]);
        assert_eq!(names_in(&file), ["1.png"]);
    }

    #[test]
    fn dropped_target_removes_what_it_made_and_nothing_of_others() {
        let folder = tempfile::tempdir().unwrap();
        let others = ["clip.gif.part", "snaplark-1-0.part", "taken.part"];
        for name in others {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("theirs"), "a person's own").unwrap();
        }
        let (clip, part) = (folder.path().join("clip.gif"), folder.path().join("own.part"));
        drop(ExportTarget::file(ExportPaths { file: &clip, part: &part }).unwrap());
        let (frames, part) = (folder.path().join("frames"), folder.path().join("own.part"));
        let frames = ExportTarget::folder(ExportPaths { file: &frames, part: &part }).unwrap();
        std::fs::write(frames.part().join("1.png"), "a picture").unwrap();
        drop(frames);
        // A folder that is there already is not taken, and stays.
        let taken = folder.path().join("taken.part");
        assert!(ExportTarget::file(ExportPaths { file: &clip, part: &taken }).is_err());
        assert_eq!(names_in(folder.path()), others);
        for name in others {
            assert_eq!(names_in(&folder.path().join(name)), ["theirs"]);
        }
    }

    #[cfg(unix)]
    #[test]
    fn exported_file_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (file, part) = (folder.path().join("clip.wav"), folder.path().join("own.part"));
        let target = ExportTarget::file(ExportPaths { file: &file, part: &part }).unwrap();
        let mode = target.finish().unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
