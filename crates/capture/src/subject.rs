//! Finds the window and the app that a source shows, for the recording's title. On X11 the window
//! manager is asked, on Windows the system. A portal does not tell, and on macOS it is unknown; then there is none.

use snaplark_core::capture::{Source, Subject};

#[cfg(any(target_os = "linux", windows))]
use snaplark_core::still::{SourceList, WindowInfo};

use crate::source::Backend;

/// The programs whose windows are skipped: our own windows, which cover the subject.
#[cfg(any(target_os = "linux", windows))]
const OWN_PROGRAMS: [&str; 2] = ["snaplark", "snaplark-desktop"];

#[cfg(target_os = "linux")]
pub(crate) fn of(backend: Backend, source: &Source) -> Option<Subject> {
    let Backend::X11(display) = backend else { return None };
    let sources = crate::source::x11::list_sources(&display).ok()?;
    let active = crate::source::x11::active_window(&display).ok().flatten();
    shown_in(&sources, active, source)
}

#[cfg(windows)]
pub(crate) fn of(_backend: Backend, source: &Source) -> Option<Subject> {
    let sources = crate::source::windows::list_sources().ok()?;
    shown_in(&sources, crate::source::windows::active_window(), source)
}

#[cfg(any(target_os = "linux", windows))]
fn shown_in(sources: &SourceList, active: Option<u64>, source: &Source) -> Option<Subject> {
    let is_own = |window: &WindowInfo| {
        OWN_PROGRAMS.iter().any(|own| window.program.eq_ignore_ascii_case(own))
    };
    let others = || sources.windows.iter().filter(|window| !is_own(window));
    let area = match *source {
        Source::Window(id) => return others().find(|window| window.id == id).map(named),
        Source::Display(None) => sources.screens.iter().find(|screen| screen.is_first)?.at,
        Source::Display(Some(number)) => sources.screens.get(number as usize)?.at,
        Source::Region { x, y, width, height } => {
            snaplark_core::still::PixelRect { x, y, width, height }
        }
    };
    // Prefers the focused window if it overlaps the area; else takes the topmost window there.
    let mut seen = others().filter(|window| overlap(window.at, area));
    let focused = seen.clone().find(|window| Some(window.id) == active);
    focused.or_else(|| seen.next()).map(named)
}

#[cfg(not(any(target_os = "linux", windows)))]
pub(crate) fn of(_way: Backend, _source: &Source) -> Option<Subject> {
    None
}

#[cfg(any(target_os = "linux", windows))]
fn overlap(a: snaplark_core::still::PixelRect, b: snaplark_core::still::PixelRect) -> bool {
    let across = a.x < b.x + b.width as i32 && b.x < a.x + a.width as i32;
    let down = a.y < b.y + b.height as i32 && b.y < a.y + a.height as i32;
    across && down
}

#[cfg(any(target_os = "linux", windows))]
fn named(window: &WindowInfo) -> Subject {
    Subject { app: app_of(&window.program), window: window.title.clone() }
}

/// Returns the name of the app with that window class. It is looked up once: reading all desktop entries can take longer
/// than taking a picture of the screen.
#[cfg(target_os = "linux")]
fn app_of(class: &str) -> String {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, PoisonError};

    static KNOWN: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(name) = known().get(class) {
        return name.clone();
    }
    let name = entries::name_of(class, &entries::folders()).unwrap_or_else(|| capitalized(class));
    known().insert(class.to_owned(), name.clone());
    name
}

/// Returns the program's own name: the description in its file would be better, and costs a read of that file.
#[cfg(windows)]
fn app_of(program: &str) -> String {
    capitalized(program)
}

/// Window classes and programs are written in small letters: `gimp`, `notepad`.
#[cfg(any(target_os = "linux", windows))]
fn capitalized(class: &str) -> String {
    let mut letters = class.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Finds the name of the app with that window class in its desktop entry (freedesktop.org's Desktop
/// Entry Specification).
#[cfg(target_os = "linux")]
mod entries {
    use std::path::{Path, PathBuf};

    /// A system with everything installed has some hundreds.
    const ENTRIES_MAX: usize = 2_000;
    /// Translations make entries long, but not longer than this.
    const ENTRY_BYTES_MAX: u64 = 256 * 1024;

    pub(super) fn folders() -> Vec<PathBuf> {
        let set = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
        let own =
            set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| format!("{home}/.local/share")));
        let all = set("XDG_DATA_DIRS").unwrap_or_else(|| "/usr/local/share:/usr/share".to_owned());
        let folders = own.into_iter().chain(all.split(':').map(str::to_owned));
        folders.map(|folder| Path::new(&folder).join("applications")).collect()
    }

    pub(super) fn name_of(class: &str, folders: &[PathBuf]) -> Option<String> {
        // It becomes part of a file name.
        if class.is_empty() || class.contains(['/', '\0']) {
            return None;
        }
        let lower = class.to_lowercase();
        let direct = folders
            .iter()
            .flat_map(|folder| [class, &lower].map(|name| folder.join(format!("{name}.desktop"))));
        if let Some(entry) = direct.filter_map(|file| read(&file)).next() {
            return value(&entry, "Name");
        }
        let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
        let entries = files.take(ENTRIES_MAX).filter_map(|file| read(&file.ok()?.path()));
        let of_class = |entry: &String| {
            value(entry, "StartupWMClass").is_some_and(|it| it.eq_ignore_ascii_case(class))
        };
        entries.filter(of_class).find_map(|entry| value(&entry, "Name"))
    }

    fn read(file: &Path) -> Option<String> {
        if file.extension()? != "desktop" || file.metadata().ok()?.len() > ENTRY_BYTES_MAX {
            return None;
        }
        std::fs::read_to_string(file).ok()
    }

    /// Returns a value of the entry itself, not of its actions.
    fn value(entry: &str, key: &str) -> Option<String> {
        let lines = entry.lines().skip_while(|line| line.trim() != "[Desktop Entry]").skip(1);
        let mut own = lines.take_while(|line| !line.starts_with('['));
        let found = own.find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
        found.map(|value| value.trim().to_owned())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn app_name_comes_from_its_desktop_entry() {
            let folder = tempfile::tempdir().unwrap();
            let entry = |name: &str, text: &str| {
                std::fs::write(folder.path().join(name), text).unwrap();
            };
            entry(
                "firefox-esr.desktop",
                "[Desktop Entry]\nName=Firefox ESR\nName[de]=Feuerfuchs\n[Desktop Action new]\nName=New\n",
            );
            entry(
                "org.gnome.Nautilus.desktop",
                "[Desktop Entry]\nStartupWMClass=Nautilus\nName = Files\n",
            );
            let folders = [folder.path().to_owned(), folder.path().join("missing")];
            let name = |class: &str| name_of(class, &folders);
            assert_eq!(name("Firefox-esr").as_deref(), Some("Firefox ESR"));
            assert_eq!(name("nautilus").as_deref(), Some("Files"));
            assert_eq!(name("XTerm"), None);
            assert_eq!(name("../firefox-esr"), None);
        }
    }
}
