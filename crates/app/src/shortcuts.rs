//! The actions of global shortcuts, and their keys.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Shortcut {
    /// Starts a recording if there is none, else stops it.
    Record,
    ChooseArea,
    Microphone,
    Webcam,
    QuickMenu,
    Pause,
    ShareLast,
    Library,
}

/// The keys of each shortcut, such as `Alt+R`; empty for none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct ShortcutKeys {
    pub record: String,
    pub choose_area: String,
    pub microphone: String,
    pub webcam: String,
    pub quick_menu: String,
    pub pause: String,
    pub share_last: String,
    pub library: String,
}

impl Default for ShortcutKeys {
    /// Returns the keys that the product's users know from earlier versions.
    fn default() -> Self {
        ShortcutKeys {
            record: "Alt+R".into(),
            choose_area: "Alt+A".into(),
            microphone: "Alt+M".into(),
            webcam: "Alt+W".into(),
            quick_menu: "Alt+Q".into(),
            pause: "Alt+P".into(),
            share_last: "Alt+L".into(),
            // The tray icon opens the library, and each further shortcut takes keys from other programs.
            library: String::new(),
        }
    }
}

impl Shortcut {
    pub const ALL: [Shortcut; 8] = [
        Shortcut::Record,
        Shortcut::ChooseArea,
        Shortcut::Microphone,
        Shortcut::Webcam,
        Shortcut::QuickMenu,
        Shortcut::Pause,
        Shortcut::ShareLast,
        Shortcut::Library,
    ];

    /// Returns when the shortcut's keys are active. At other times they are left to other programs.
    pub fn serves(self) -> Serves {
        match self {
            Shortcut::Record | Shortcut::ChooseArea | Shortcut::QuickMenu | Shortcut::Library => {
                Serves::Always
            }
            Shortcut::Microphone | Shortcut::Webcam | Shortcut::Pause => Serves::WhileRecording,
            Shortcut::ShareLast => Serves::WhileKeeping,
        }
    }
}

/// When a shortcut's keys are active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    Always,
    WhileRecording,
    /// While the last minutes of the screen are kept.
    WhileKeeping,
}

impl ShortcutKeys {
    pub fn of(&self, shortcut: Shortcut) -> &str {
        match shortcut {
            Shortcut::Record => &self.record,
            Shortcut::ChooseArea => &self.choose_area,
            Shortcut::Microphone => &self.microphone,
            Shortcut::Webcam => &self.webcam,
            Shortcut::QuickMenu => &self.quick_menu,
            Shortcut::Pause => &self.pause,
            Shortcut::ShareLast => &self.share_last,
            Shortcut::Library => &self.library,
        }
    }

    fn of_mut(&mut self, shortcut: Shortcut) -> &mut String {
        match shortcut {
            Shortcut::Record => &mut self.record,
            Shortcut::ChooseArea => &mut self.choose_area,
            Shortcut::Microphone => &mut self.microphone,
            Shortcut::Webcam => &mut self.webcam,
            Shortcut::QuickMenu => &mut self.quick_menu,
            Shortcut::Pause => &mut self.pause,
            Shortcut::ShareLast => &mut self.share_last,
            Shortcut::Library => &mut self.library,
        }
    }

    /// Clears the keys of each shortcut that an earlier shortcut has already. This happens when a person
    /// chose keys that are the default of a shortcut added in a later version.
    pub(crate) fn give_up_clashes(&mut self) {
        let mut seen: Vec<Vec<String>> = Vec::new();
        for shortcut in Shortcut::ALL {
            let keys = self.of_mut(shortcut);
            let own = parts(keys);
            match !keys.is_empty() && seen.contains(&own) {
                true => keys.clear(),
                false => seen.push(own),
            }
        }
    }

    /// Returns keys that are assigned to two shortcuts.
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

/// Normalizes keys, so that `Alt+Shift+R` and `shift+alt+r` are equal.
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

    #[test]
    fn new_shortcut_gives_up_keys_that_a_person_chose_for_another() {
        let mut keys = ShortcutKeys { record: "alt+p".into(), ..ShortcutKeys::default() };
        keys.give_up_clashes();
        assert_eq!((keys.record.as_str(), keys.pause.as_str()), ("alt+p", ""));
        assert_eq!(keys.clash(), None);
        assert_eq!(keys.share_last, ShortcutKeys::default().share_last);
    }
}
