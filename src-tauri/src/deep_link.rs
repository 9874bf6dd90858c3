//! `snaplark://…` links, which a web page may open. Since any page can do so, no link records, signs in,
//! changes or sends anything: at most it shows what the person already has. An unknown link only brings the
//! library to the front.
//!
//! - `snaplark://signed-in`: the browser is back from a sign-in. The link carries nothing; the token came
//!   through the loopback address that the sign-in had opened.
//! - `snaplark://account`: the settings page that explains who can open links.
//! - `snaplark://open/<recording-id>`: the library, at that recording.

use snaplark_app::RecordingId;
use tauri::AppHandle;

use crate::pages;

const SCHEME: &str = "snaplark://";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Library,
    Recording(RecordingId),
    Account,
}

/// Finds a link among the arguments of a start, where the desktop puts it.
pub fn wish<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Option<Wish> {
    arguments.into_iter().find_map(|argument| argument.strip_prefix(SCHEME)).map(read)
}

fn read(address: &str) -> Wish {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    match path.trim_end_matches('/').split_once('/') {
        Some(("open", id)) => id.parse().map_or(Wish::Library, Wish::Recording),
        None if path.trim_end_matches('/') == "account" => Wish::Account,
        Some(_) | None => Wish::Library,
    }
}

pub fn show(app: &AppHandle, wish: Wish) {
    let at = match wish {
        Wish::Account => {
            return pages::show_at(app, &pages::SETTINGS, Some("account".to_owned()));
        }
        Wish::Library => None,
        Wish::Recording(id) => Some(id.to_string()),
    };
    pages::show_at(app, &pages::LIBRARY, at);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0198c0de-0000-7000-8000-0000000000c1";

    fn of(address: &str) -> Option<Wish> {
        wish(["snaplark-desktop", address])
    }

    #[test]
    fn a_recording_is_shown_and_nothing_else_is_ever_done() {
        let id = ID.parse().unwrap();
        assert_eq!(of(&format!("snaplark://open/{ID}")), Some(Wish::Recording(id)));
        assert_eq!(of(&format!("snaplark://open/{ID}/?from=page#x")), Some(Wish::Recording(id)));
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
            assert_eq!(of(address), Some(Wish::Library), "{address}");
        }
        assert_eq!(of("--hidden"), None);
        assert_eq!(of("https://snaplark.com/open/1"), None);
    }
}
