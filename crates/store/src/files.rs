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

/// Creates an empty file that only its owner may read, whatever the umask.
pub fn create_private(path: &Path) -> std::io::Result<File> {
    private_file().write(true).create(true).truncate(true).open(path)
}

/// Opens such a file to write behind what is in it.
pub fn append_private(path: &Path) -> std::io::Result<File> {
    private_file().append(true).create(true).open(path)
}

/// Options with which a file that is made is its owner's alone.
pub(crate) fn private_file() -> OpenOptions {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Takes away what others may do in a home that was made by an earlier program, or with an umask
/// that lets them. What is there may be somebody else's folder (`SNAPLARK_HOME=/tmp`): it is
/// narrowed itself only where it is surely the program's own; what lies in it by the program's names
/// always. The embedded cloud cares for its own folder.
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
    /// A folder that everybody shares, as the temporary one.
    const STICKY: u32 = 0o1000;
    const CLOUD: &str = "cloud";
    /// What makes a folder a home of ours, and what else lies in it.
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
            // First: with this nobody else gets any further.
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

    /// Links are left alone: what they lead to is elsewhere.
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

/// Creates a folder that only its owner may enter, with its parents. One that is there already keeps
/// its permissions.
pub fn create_private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The same without its parents.
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
