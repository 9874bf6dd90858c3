//! The installer: NSIS with our own script, `xtask/windows/installer.nsi`. The Tauri CLI's would fetch a plugin of its
//! own from outside of any package registry, and would contain the desktop program alone.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Kit;
use crate::Place;
use crate::steps::Step;

/// The file's name.
pub fn name() -> String {
    format!("snaplark-{}-setup.exe", env!("CARGO_PKG_VERSION"))
}

/// Makes the installer of a folder, whose content it installs as it is.
pub fn make(place: &Place, kit: &Kit, folder: &Path, setup: &Path) -> Result<()> {
    let mut files = Vec::new();
    below(folder, Path::new(""), &mut files)?;
    files.sort();
    let size_kb: u64 = files.iter().map(|(_, size_bytes)| size_bytes.div_ceil(1024)).sum();
    let (installed, removed) = lists(folder, &files);
    let lists = [("files.nsh", installed), ("removed.nsh", removed)].map(|(name, text)| {
        let path = kit.path(name);
        fs::write(&path, text).with_context(|| path.display().to_string()).map(|()| path)
    });
    let [files, removed] = lists;
    let version = env!("CARGO_PKG_VERSION");
    let icon = place.root.join("src-tauri/icons/icon.ico");
    let defined = |name: &str, path: &Path| format!("-D{name}={}", path.display());
    Step::new(place, "makensis: the installer", "makensis")
        .args(["-V2", "-INPUTCHARSET", "UTF8"])
        .args([format!("-DVERSION={version}"), format!("-DSIZE_KB={size_kb}")])
        .args([defined("OUTPUT", setup), defined("ICON", &icon)])
        .args([defined("FILES", &files?), defined("REMOVED", &removed?)])
        .args([place.root.join("xtask/windows/installer.nsi")])
        .run()
}

/// Collects the files below a folder with their sizes.
fn below(folder: &Path, at: &Path, found: &mut Vec<(PathBuf, u64)>) -> Result<()> {
    let here = folder.join(at);
    for entry in fs::read_dir(&here).with_context(|| here.display().to_string())? {
        let entry = entry?;
        let path = at.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            below(folder, &path, found)?;
        } else {
            found.push((path, entry.metadata()?.len()));
        }
    }
    Ok(())
}

/// Returns NSIS's lines that install the files, and those that remove exactly these and the folders that are empty then:
/// somebody may have chosen a folder with files of his own.
fn lists(folder: &Path, files: &[(PathBuf, u64)]) -> (String, String) {
    let (mut installed, mut removed) = (String::new(), String::new());
    let mut folders: Vec<String> = Vec::new();
    for (path, _) in files {
        let name = path.display().to_string().replace('/', "\\");
        let parent = name.rsplit_once('\\').map_or("", |(parent, _)| parent);
        if folders.last().is_none_or(|last| last != parent) {
            folders.push(parent.to_owned());
            let _ = writeln!(installed, "SetOutPath \"$INSTDIR\\{parent}\"");
        }
        let _ = writeln!(installed, "File \"{}\"", folder.join(path).display());
        let _ = writeln!(removed, "Delete \"$INSTDIR\\{name}\"");
    }
    let mut parents: Vec<&str> = Vec::new();
    for folder in &folders {
        let ends = folder.match_indices('\\').map(|(at, _)| at).chain([folder.len()]);
        parents.extend(ends.map(|end| &folder[..end]).filter(|parent| !parent.is_empty()));
    }
    // The longest first, so that each is empty when it is removed.
    parents.sort_by_key(|parent| std::cmp::Reverse(parent.len()));
    parents.dedup();
    for parent in parents {
        let _ = writeln!(removed, "RMDir \"$INSTDIR\\{parent}\"");
    }
    (installed, removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uninstaller_removes_what_was_installed_and_no_folder_with_other_files() {
        let files = ["a.dll", "lib/gstreamer-1.0/b.dll", "lib/gstreamer-1.0/c.dll"];
        let files = files.map(|name| (PathBuf::from(name), 1));
        let (installed, removed) = lists(Path::new("/f"), &files);
        assert_eq!(
            installed,
            "SetOutPath \"$INSTDIR\\\"\nFile \"/f/a.dll\"\nSetOutPath \"$INSTDIR\\lib\\gstreamer-1.0\"\n\
             File \"/f/lib/gstreamer-1.0/b.dll\"\nFile \"/f/lib/gstreamer-1.0/c.dll\"\n"
        );
        assert!(removed.ends_with(
            "c.dll\"\nRMDir \"$INSTDIR\\lib\\gstreamer-1.0\"\nRMDir \"$INSTDIR\\lib\"\n"
        ));
        assert_eq!(removed.matches("Delete ").count(), 3);
        assert!(!removed.contains("/r"));
    }
}
