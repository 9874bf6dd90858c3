//! Durable files: written under another name, synced, renamed, and the folder synced. Files and
//! folders that are made here are the person's alone (0600 and 0700).

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use snaplark_core::PART_SUFFIX;

pub fn write_durably(to: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut part = to.as_os_str().to_owned();
    part.push(PART_SUFFIX);
    let mut file = create_private(Path::new(&part))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, to)?;
    to.parent().map_or(Ok(()), sync_folder)
}

pub(crate) fn create_private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// With its parents. One that is there already keeps its permissions.
pub(crate) fn create_private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

pub(crate) fn rename_durably(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::rename(from, to)?;
    to.parent().map_or(Ok(()), sync_folder)
}

/// Gives a file another name that no file has: `suffix`, or `suffix-2` and so on. Returns it;
/// `None` where there is no file.
pub fn set_aside(path: &Path, suffix: &str) -> std::io::Result<Option<PathBuf>> {
    let suffixes = std::iter::once(suffix.to_owned()).chain((2..).map(|n| format!("{suffix}-{n}")));
    let named = suffixes.map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    });
    for aside in named {
        if !aside.try_exists()? {
            return match rename_durably(path, &aside) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                renamed => renamed.map(|()| Some(aside)),
            };
        }
    }
    Ok(None)
}

/// A name in a folder is durable when the folder is. Windows has no such call, and needs none.
pub fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    File::open(folder)?.sync_all()
}
