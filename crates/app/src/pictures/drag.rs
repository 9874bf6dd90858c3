//! The files that are dragged out of a window. Each is in a folder of its own below the home, so that two pictures
//! of the same name are two files. They are removed when whoever they were dropped on has read them for sure.

use std::path::{Path, PathBuf};

use snaplark_files as files;

use super::{ExportedPicture, policy, unwritable, write_file};
use crate::AppError;

/// The folder of all drags, below the home.
const FOLDER: &str = "drag";

/// Writes a file to be dragged, and removes those of earlier drags.
pub(super) fn write(home: &Path, exported: &ExportedPicture) -> Result<PathBuf, AppError> {
    sweep(home);
    let folder = home.join(FOLDER).join(uuid::Uuid::new_v4().simple().to_string());
    files::make_folder(&folder).map_err(|error| unwritable(&folder, &error))?;
    let to = folder.join(&exported.filename);
    write_file(&to, &exported.bytes)?;
    Ok(to)
}

/// Removes the files of drags that are over for sure. A failure leaves them to the next drag or start.
pub(crate) fn sweep(home: &Path) {
    for entry in std::fs::read_dir(home.join(FOLDER)).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|found| found.modified()).map(|at| at.elapsed());
        if !matches!(age, Ok(Ok(age)) if age > policy::DRAG_FILE_KEPT) {
            continue;
        }
        let path = entry.path();
        let removed = match path.is_dir() {
            true => std::fs::remove_dir_all(&path),
            false => std::fs::remove_file(&path),
        };
        if let Err(error) = removed {
            tracing::debug!(%error, "A file that was dragged could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use super::*;

    fn exported(bytes: &[u8]) -> ExportedPicture {
        ExportedPicture {
            bytes: bytes.to_vec(),
            extension: "png",
            mime: "image/png",
            filename: "Checkout.png".to_owned(),
        }
    }

    #[test]
    fn pictures_of_one_name_are_two_files_and_old_ones_are_swept() {
        let home = tempfile::tempdir().unwrap();
        let first = write(home.path(), &exported(b"one")).unwrap();
        let second = write(home.path(), &exported(b"two")).unwrap();
        assert_eq!(first.file_name(), second.file_name());
        assert_eq!(std::fs::read(&first).unwrap(), b"one", "the second didn't replace it");
        let old = SystemTime::now() - policy::DRAG_FILE_KEPT * 2;
        File::open(first.parent().unwrap()).unwrap().set_modified(old).unwrap();
        sweep(home.path());
        assert!(!first.exists() && second.exists());
    }
}
