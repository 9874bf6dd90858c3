//! Durable files: written under a temporary name, synced, renamed, and the folder synced. Files and
//! folders that are made here are accessible to their owner only (0600 and 0700).

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

/// Creates an empty file that only its owner may read, whatever the umask.
pub fn create_private(path: &Path) -> std::io::Result<File> {
    private_file().write(true).create(true).truncate(true).open(path)
}

/// Opens such a file for appending, and creates it if needed.
pub fn append_private(path: &Path) -> std::io::Result<File> {
    private_file().append(true).create(true).open(path)
}

/// Returns options with which a new file is accessible to its owner only.
pub(crate) fn private_file() -> OpenOptions {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Removes the permissions of other users in a home folder that was made by an older version, or with a
/// permissive umask. The folder may belong to somebody else (`SNAPLARK_HOME=/tmp`), so it is changed
/// itself only if it is surely the app's own; the files in it that have the app's names are always
/// changed. The embedded cloud handles its own folder.
pub(crate) fn tighten_home(root: &Path) {
    #[cfg(unix)]
    if let Err(error) = imp::tighten_home(root) {
        tracing::warn!(%error, "Other users of this computer may be able to read the recordings");
    }
    #[cfg(not(unix))]
    let _ = root;
}

#[cfg(unix)]
mod imp {
    use std::fs::{Metadata, Permissions};
    use std::io::ErrorKind;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    const OTHERS: u32 = 0o077;
    /// The sticky bit: a folder that everybody shares, such as `/tmp`.
    const STICKY: u32 = 0o1000;
    const CLOUD: &str = "cloud";
    /// The files that identify a folder as a home of ours, and the folders that belong to it.
    const OURS: [&str; 2] = [crate::DATABASE, crate::LOCK];
    const FOLDERS: [&str; 5] = ["recordings", "ring", "logs", "saved", "saved-elsewhere"];

    pub fn tighten_home(root: &Path) -> std::io::Result<()> {
        let found = root.symlink_metadata()?;
        let is_ours = OURS.iter().any(|name| root.join(name).exists())
            && found.permissions().mode() & STICKY == 0
            && std::env::var_os("HOME").is_none_or(|home| Path::new(&home) != root);
        if is_ours {
            if found.permissions().mode() & OTHERS == 0 {
                return Ok(());
            }
            // This comes first: it already keeps other users out.
            narrow(root, &found)?;
        }
        for entry in std::fs::read_dir(root)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let is_named = name.starts_with("snaplark.")
                || name == crate::SETTINGS_FILE
                || FOLDERS.contains(&&*name);
            if name != CLOUD && (is_ours || is_named) {
                tighten(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Symbolic links are skipped: their targets are elsewhere.
    fn tighten(path: &Path) -> std::io::Result<()> {
        let found = match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        if found.is_symlink() {
            return Ok(());
        }
        narrow(path, &found)?;
        if found.is_dir() {
            for entry in std::fs::read_dir(path)? {
                tighten(&entry?.path())?;
            }
        }
        Ok(())
    }

    fn narrow(path: &Path, found: &Metadata) -> std::io::Result<()> {
        let mode = found.permissions().mode();
        match mode & OTHERS {
            0 => Ok(()),
            _ => std::fs::set_permissions(path, Permissions::from_mode(mode & 0o7777 & !OTHERS)),
        }
    }
}

/// Creates a folder that only its owner may enter, with its parents. An existing one keeps its
/// permissions.
pub fn create_private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Creates such a folder without its parents.
pub(crate) fn create_private_subfolder(path: &Path) -> std::io::Result<()> {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

pub(crate) fn rename_durably(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::rename(from, to)?;
    to.parent().map_or(Ok(()), sync_folder)
}

/// Renames a file to a name that does not exist yet: with `suffix`, or `suffix-2` and so on. Returns
/// the new path, or `None` if there is no such file.
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

/// Makes a file's name in the folder durable. Windows has no such call, and needs none.
pub fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    File::open(folder)?.sync_all()
}
