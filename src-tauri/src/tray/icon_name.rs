//! The tray's icon by name and folder, as StatusNotifierItem specifies.
//!
//! The crate tray-icon gives panels a whole path as the icon's name. Panels that use GTK's or KDE's
//! libraries accept that; swaybar and others look for a file of that name in the icon's folder, find none,
//! and draw a broken icon. So the icons are in a folder under plain names. KDE looks for names only in the
//! folders of an icon theme, so there the path stays.

use std::path::{Path, PathBuf};
use std::{fs, io};

use tauri::path::PathResolver;
use tauri::tray::TrayIcon;
use tauri::{AppHandle, Manager, Wry};

use snaplark_app::desktop::tray::TrayIconState;

/// The folder's name below the person's runtime folder, where tray-icon puts its own files too.
const FOLDER: &str = "snaplark-tray";

/// Returns the folder of the icons, or `None` on a desktop that needs the icon's path.
pub fn folder(app: &AppHandle) -> Option<PathBuf> {
    if is_kde(std::env::var("XDG_CURRENT_DESKTOP").as_deref().unwrap_or_default()) {
        return None;
    }
    let resolver: &PathResolver<Wry> = app.path();
    let folder = resolver.runtime_dir().or_else(|_| resolver.app_cache_dir()).ok()?.join(FOLDER);
    match write(&folder) {
        Ok(()) => Some(folder),
        Err(error) => {
            tracing::warn!(%error, "the tray's pictures can't be written");
            None
        }
    }
}

/// Returns whether a list such as `gnome:GNOME` or `KDE` names KDE.
fn is_kde(desktops: &str) -> bool {
    desktops.split(':').any(|desktop| desktop.eq_ignore_ascii_case("kde"))
}

fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for face in TrayIconState::ALL {
        let (name, bytes) = picture(face);
        let file = folder.join(name).with_extension("png");
        // Not rewritten, since the panel of another Snaplark may be reading it.
        if fs::read(&file).is_ok_and(|there| there == bytes) {
            continue;
        }
        fs::write(&file, bytes)?;
    }
    Ok(())
}

/// Shows the face by its icon's name. Must be called on the main thread.
#[allow(unsafe_code)]
pub fn show(
    icon: &TrayIcon,
    folder: &Path,
    face: TrayIconState,
    words: &'static str,
) -> tauri::Result<()> {
    let folder = folder.to_string_lossy().into_owned();
    let (name, _) = picture(face);
    icon.with_inner_tray_icon(move |inner| {
        // SAFETY: the pointer is to the indicator of an icon that is borrowed here, on the thread that
        // owns it. The copy is a handle to the same indicator and is never dropped.
        let mut indicator = std::mem::ManuallyDrop::new(unsafe { inner.app_indicator().read() });
        indicator.set_icon_theme_path(&folder);
        indicator.set_icon_full(name, words);
    })
}

fn picture(face: TrayIconState) -> (&'static str, &'static [u8]) {
    match face {
        TrayIconState::Idle => ("snaplark-idle", include_bytes!("../../icons/tray-idle.png")),
        TrayIconState::Keeping => {
            ("snaplark-keeping", include_bytes!("../../icons/tray-keeping.png"))
        }
        TrayIconState::Recording => {
            ("snaplark-recording", include_bytes!("../../icons/tray-recording.png"))
        }
        TrayIconState::Troubled => {
            ("snaplark-troubled", include_bytes!("../../icons/tray-troubled.png"))
        }
        TrayIconState::Paused => ("snaplark-paused", include_bytes!("../../icons/tray-paused.png")),
        TrayIconState::Uploading => {
            ("snaplark-uploading", include_bytes!("../../icons/tray-uploading.png"))
        }
        TrayIconState::Attention => {
            ("snaplark-attention", include_bytes!("../../icons/tray-attention.png"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kde_is_known_among_the_names_of_a_desktop() {
        assert!(is_kde("KDE"));
        assert!(is_kde("kde:plasma"));
        assert!(!is_kde("ubuntu:GNOME"));
        assert!(!is_kde(""));
    }

    #[test]
    fn every_face_has_a_picture_of_its_own() {
        let mut names = TrayIconState::ALL.map(|face| picture(face).0).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TrayIconState::ALL.len());
    }
}
