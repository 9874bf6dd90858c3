//! `snaplark://…` links, which a web page may open. Since any page can do so, no link records, signs in,
//! changes or sends anything: at most it shows what the person already has. An unknown link only brings the
//! library to the front.
//!
//! - `snaplark://signed-in`: the browser is back from a sign-in. The link carries nothing; the token came
//!   through the loopback address that the sign-in had opened.
//! - `snaplark://account`: the settings page that explains who can open links.
//! - `snaplark://open/<recording-id>`: the library, at that recording.

use super::DesktopWindow;

const SCHEME: &str = "snaplark://";

/// Finds a link among the arguments of a start, where the desktop puts it, and returns the window that it shows.
pub(super) fn linked<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Option<DesktopWindow> {
    arguments.into_iter().find_map(|argument| argument.strip_prefix(SCHEME)).map(read)
}

fn read(address: &str) -> DesktopWindow {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    match path.trim_end_matches('/').split_once('/') {
        Some(("open", id)) => id.parse().map_or(DesktopWindow::Library, DesktopWindow::LibraryAt),
        None if path.trim_end_matches('/') == "account" => DesktopWindow::Account,
        Some(_) | None => DesktopWindow::Library,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0198c0de-0000-7000-8000-0000000000c1";

    fn of(address: &str) -> Option<DesktopWindow> {
        linked(["snaplark-desktop", address])
    }

    #[test]
    fn link_shows_a_recording_or_the_library_and_does_nothing_else() {
        let id = ID.parse().unwrap();
        assert_eq!(of(&format!("snaplark://open/{ID}")), Some(DesktopWindow::LibraryAt(id)));
        assert_eq!(
            of(&format!("snaplark://open/{ID}/?from=page#x")),
            Some(DesktopWindow::LibraryAt(id))
        );
        for address in [
            "snaplark://signed-in",
            "snaplark://",
            "snaplark://record",
            "snaplark://start/now",
            "snaplark://sign-in?server=https://evil.example&token=t",
            "snaplark://open/../../etc/passwd",
            "snaplark://open/",
            "snaplark://open/--hidden",
        ] {
            assert_eq!(of(address), Some(DesktopWindow::Library), "{address}");
        }
        assert_eq!(of("snaplark://account/?x"), Some(DesktopWindow::Account));
        assert_eq!(of("--hidden"), None);
        assert_eq!(of("https://snaplark.com/open/1"), None);
    }
}
