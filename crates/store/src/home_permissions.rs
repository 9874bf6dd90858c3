//! Removes the permissions of other users from homes that older versions made, or that were made with a
//! permissive umask.

use std::io;
use std::path::Path;

use snaplark_files as files;

const CLOUD: &str = "cloud";
/// The files that identify a folder as a home of ours, and the folders that belong to it.
const OURS: [&str; 2] = [crate::DATABASE, crate::LOCK];
const FOLDERS: [&str; 7] =
    ["recordings", "ring", "logs", "saved", "saved-elsewhere", "drag", "screenshots"];

/// Makes a home private. The folder may belong to somebody else (`SNAPLARK_HOME=/tmp`), so it is changed
/// itself only if it is surely the app's own; the files in it that have the app's names are always
/// changed. The embedded cloud handles its own folder.
pub(crate) fn tighten(root: &Path) {
    if let Err(error) = try_tighten(root) {
        tracing::warn!(%error, "Other users of this computer may be able to read the recordings");
    }
}

fn try_tighten(root: &Path) -> io::Result<()> {
    let is_ours = OURS.iter().any(|name| root.join(name).exists())
        && !is_shared(root)?
        && std::env::var_os("HOME").is_none_or(|home| Path::new(&home) != root);
    if is_ours {
        if !files::is_open_to_others(root)? {
            return Ok(());
        }
        // This comes first: it already keeps other users out.
        files::close(root)?;
    }
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_named = name.starts_with("snaplark.")
            || name == crate::SETTINGS_FILE
            || FOLDERS.contains(&&*name);
        if name != CLOUD && (is_ours || is_named) {
            files::close_all(&entry.path())?;
        }
    }
    Ok(())
}

/// Returns whether everybody may create files in the folder, as in `/tmp`: it has the sticky bit.
fn is_shared(folder: &Path) -> io::Result<bool> {
    let found = folder.symlink_metadata()?;
    #[cfg(unix)]
    return Ok(std::os::unix::fs::MetadataExt::mode(&found) & 0o1000 != 0);
    #[cfg(not(unix))]
    Ok(found.is_symlink())
}
