//! What keys can do in every program, and which keys those are.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Shortcut {
    /// Starts a recording where there is none, else stops it.
    Record,
    ChooseArea,
    Microphone,
    Webcam,
    QuickMenu,
}

/// As `Alt+R`; empty where there are none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct ShortcutKeys {
    pub record: String,
    pub choose_area: String,
    pub microphone: String,
    pub webcam: String,
    pub quick_menu: String,
}

impl Default for ShortcutKeys {
    /// What the product's users know from before.
    fn default() -> Self {
        ShortcutKeys {
            record: "Alt+R".into(),
            choose_area: "Alt+A".into(),
            microphone: "Alt+M".into(),
            webcam: "Alt+W".into(),
            quick_menu: "Alt+Q".into(),
        }
    }
}

impl Shortcut {
    pub const ALL: [Shortcut; 5] = [
        Shortcut::Record,
        Shortcut::ChooseArea,
        Shortcut::Microphone,
        Shortcut::Webcam,
        Shortcut::QuickMenu,
    ];
}

impl ShortcutKeys {
    pub fn of(&self, shortcut: Shortcut) -> &str {
        match shortcut {
            Shortcut::Record => &self.record,
            Shortcut::ChooseArea => &self.choose_area,
            Shortcut::Microphone => &self.microphone,
            Shortcut::Webcam => &self.webcam,
            Shortcut::QuickMenu => &self.quick_menu,
        }
    }

    /// Keys that are to do two things.
    pub fn clash(&self) -> Option<&str> {
        let mut seen = Vec::new();
        Shortcut::ALL.iter().map(|shortcut| self.of(*shortcut)).find(|keys| {
            let parts = parts(keys);
            let is_again = !keys.is_empty() && seen.contains(&parts);
            seen.push(parts);
            is_again
        })
    }
}

/// The same for `Alt+Shift+R` and `shift+alt+r`.
fn parts(keys: &str) -> Vec<String> {
    let mut parts: Vec<String> = keys.split('+').map(|key| key.trim().to_lowercase()).collect();
    parts.sort();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_one_thing() {
        let mut keys = ShortcutKeys::default();
        assert_eq!(keys.clash(), None);
        keys.webcam = "Shift+Alt+r".into();
        assert_eq!(keys.clash(), None);
        keys.quick_menu = "alt+shift+R".into();
        assert_eq!(keys.clash(), Some("alt+shift+R"));
        (keys.webcam, keys.quick_menu) = (String::new(), String::new());
        assert_eq!(keys.clash(), None, "two may have none");
    }
}
