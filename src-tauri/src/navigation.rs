//! Restricts windows to the program's own pages, whatever a page or a link asks for: a web page in one of
//! them would have that window's commands. A plugin enforces it for all windows, so that none can be
//! created without it.

use tauri::plugin::TauriPlugin;
use tauri::{Url, Wry};

/// The origin of the windows' pages.
#[cfg(not(windows))]
pub const ORIGIN: &str = "tauri://localhost";
#[cfg(windows)]
pub const ORIGIN: &str = "http://tauri.localhost";

pub fn plugin() -> TauriPlugin<Wry> {
    tauri::plugin::Builder::new("own-pages-only")
        .on_navigation(|webview, url| {
            let stays = is_own_page(url);
            if !stays {
                tracing::warn!(
                    label = webview.label(),
                    scheme = url.scheme(),
                    "navigation refused"
                );
            }
            stays
        })
        .build()
}

/// Returns whether a window may show the URL. With `tauri dev`, pages come from the UI's dev server.
fn is_own_page(url: &Url) -> bool {
    let is_of = |origin: &str| {
        Url::parse(origin).is_ok_and(|own| {
            (own.scheme(), own.host_str(), own.port()) == (url.scheme(), url.host_str(), url.port())
        })
    };
    is_of(ORIGIN) || url.as_str() == "about:blank" || (tauri::is_dev() && is_of(DEV_ORIGIN))
}

/// The `devUrl` of tauri.conf.json.
const DEV_ORIGIN: &str = "http://localhost:1420";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_stays_with_its_own_pages() {
        let is_own = |url: &str| is_own_page(&Url::parse(url).unwrap());
        assert!(is_own(&format!("{ORIGIN}/windows/library/index.html#account")));
        for url in [
            "https://example.com/",
            "http://127.0.0.1:8080/",
            "file:///etc/passwd",
            "tauri://other/windows/library/index.html",
            "recording://localhost/x/still",
            "data:text/html,x",
            "javascript:alert(1)",
            "blob:https://example.com/x",
        ] {
            assert!(!is_own(url), "{url}");
        }
    }
}
