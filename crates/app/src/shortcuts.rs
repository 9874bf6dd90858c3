//! The global shortcuts: their keys in the settings, and the action that each asks for.

use serde::{Deserialize, Serialize};
use snaplark_core::{Action, Way};
use ts_rs::TS;

/// A place for keys in the settings. Its name is stored there and in desktops that assign the keys, so it never
/// changes, whatever its action is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub enum Shortcut {
    /// Starts and stops a recording.
    Record,
    /// Opens the chooser for an area.
    ChooseArea,
    /// Mutes the microphone.
    Microphone,
    /// Shows or hides the webcam.
    Webcam,
    /// Opens the quick menu.
    QuickMenu,
    /// Pauses the recording.
    Pause,
    /// Strikes the last seconds from the recording.
    Strike,
    /// Shows the last minutes.
    ShareLast,
    /// Opens the library.
    Library,
    /// Freezes the screen for a screenshot.
    Screenshot,
}

/// The keys of each shortcut, such as `Alt+R`; empty for none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct ShortcutKeys {
    /// Starts and stops a recording.
    pub record: String,
    /// Opens the chooser for an area.
    pub choose_area: String,
    /// Mutes the microphone.
    pub microphone: String,
    /// Shows or hides the webcam.
    pub webcam: String,
    /// Opens the quick menu.
    pub quick_menu: String,
    /// Pauses the recording.
    pub pause: String,
    /// Strikes the last seconds from the recording.
    pub strike: String,
    /// Shows the last minutes.
    pub share_last: String,
    /// Opens the library.
    pub library: String,
    /// Freezes the screen for a screenshot.
    pub screenshot: String,
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
            strike: "Alt+Z".into(),
            share_last: "Alt+L".into(),
            // The tray icon opens the library, and each further shortcut takes keys from other programs.
            library: String::new(),
            screenshot: "Alt+S".into(),
        }
    }
}

impl Shortcut {
    /// Every shortcut.
    pub const ALL: [Shortcut; 10] = [
        Shortcut::Record,
        Shortcut::ChooseArea,
        Shortcut::Microphone,
        Shortcut::Webcam,
        Shortcut::QuickMenu,
        Shortcut::Pause,
        Shortcut::ShareLast,
        Shortcut::Library,
        Shortcut::Screenshot,
        Shortcut::Strike,
    ];

    /// Returns what its keys ask for.
    pub fn action(self) -> Action {
        match self {
            Shortcut::Record => Action::Toggle,
            Shortcut::ChooseArea => Action::ChooseArea,
            Shortcut::Microphone => Action::Mute,
            Shortcut::Webcam => Action::Webcam,
            Shortcut::QuickMenu => Action::QuickMenu,
            Shortcut::Pause => Action::Pause,
            Shortcut::Strike => Action::Strike(None),
            Shortcut::ShareLast => Action::PreviewLast,
            Shortcut::Library => Action::OpenLibrary,
            Shortcut::Screenshot => Action::ScreenshotArea,
        }
    }

    /// Returns the command that does the same, to be bound to a key in the desktop's settings.
    pub fn command(self) -> String {
        let action = self.action();
        match (action.may_come_by(Way::CommandLine), second_start_flag(action)) {
            (true, _) => format!("snaplark {action}"),
            (false, Some(flag)) => format!("snaplark-desktop {flag}"),
            // Without a flag, a second start opens the library.
            (false, None) => "snaplark-desktop".to_owned(),
        }
    }

    /// Returns when the shortcut's keys are active. At other times they are left to other programs.
    pub fn serves(self) -> Serves {
        match self {
            Shortcut::Record
            | Shortcut::ChooseArea
            | Shortcut::QuickMenu
            | Shortcut::Library
            | Shortcut::Screenshot => Serves::Always,
            Shortcut::Microphone | Shortcut::Webcam | Shortcut::Pause | Shortcut::Strike => {
                Serves::WhileRecording
            }
            Shortcut::ShareLast => Serves::WhileKeeping,
        }
    }
}

/// The flags of `snaplark-desktop` with which a second start asks the running program for an action. People have
/// bound these commands to keys, so they never change.
const SECOND_START: [(Action, &str); 6] = [
    (Action::ChooseArea, "--choose"),
    (Action::QuickMenu, "--quick-menu"),
    (Action::PreviewLast, "--share-last"),
    (Action::ScreenshotArea, "--screenshot"),
    (Action::ScreenshotDisplay, "--screenshot-display"),
    (Action::ScreenshotLastArea, "--screenshot-last-area"),
];

fn second_start_flag(action: Action) -> Option<&'static str> {
    SECOND_START.into_iter().find(|(asked, _)| *asked == action).map(|(_, flag)| flag)
}

/// Returns the action that a second start of the program was asked for by a flag, if any.
pub fn asked_by_flag(arguments: &[String]) -> Option<Action> {
    let is_meant = |flag: &str| arguments.iter().any(|argument| argument == flag);
    SECOND_START.into_iter().find(|(_, flag)| is_meant(flag)).map(|(action, _)| action)
}

/// When a shortcut's keys are active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// The key is active at any time.
    Always,
    /// The key is active only while something is recorded.
    WhileRecording,
    /// While the last minutes of the screen are kept.
    WhileKeeping,
}

impl ShortcutKeys {
    /// Returns the keys of a shortcut.
    pub fn of(&self, shortcut: Shortcut) -> &str {
        match shortcut {
            Shortcut::Record => &self.record,
            Shortcut::ChooseArea => &self.choose_area,
            Shortcut::Microphone => &self.microphone,
            Shortcut::Webcam => &self.webcam,
            Shortcut::QuickMenu => &self.quick_menu,
            Shortcut::Pause => &self.pause,
            Shortcut::Strike => &self.strike,
            Shortcut::ShareLast => &self.share_last,
            Shortcut::Library => &self.library,
            Shortcut::Screenshot => &self.screenshot,
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
            Shortcut::Strike => &mut self.strike,
            Shortcut::ShareLast => &mut self.share_last,
            Shortcut::Library => &mut self.library,
            Shortcut::Screenshot => &mut self.screenshot,
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

    #[test]
    fn shortcuts_ask_for_what_a_shortcut_may_ask_for() {
        for shortcut in Shortcut::ALL {
            assert!(shortcut.action().may_come_by(Way::Shortcut), "{shortcut:?}");
        }
    }

    #[test]
    fn command_for_a_key_asks_for_the_shortcuts_action() {
        for shortcut in Shortcut::ALL {
            let (action, command) = (shortcut.action(), shortcut.command());
            let arguments: Vec<String> = command.split(' ').map(str::to_owned).collect();
            match (arguments[0].as_str(), arguments.get(1)) {
                ("snaplark", Some(name)) => assert_eq!(name.parse(), Ok(action)),
                ("snaplark-desktop", Some(_)) => {
                    assert_eq!(asked_by_flag(&arguments), Some(action));
                    assert!(action.may_come_by(Way::SecondStart), "{action}");
                }
                _ => assert_eq!(command, "snaplark-desktop"),
            }
        }
    }

    #[test]
    fn another_start_may_stand_for_a_key() {
        let asked = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|it| it.to_string()).collect();
            asked_by_flag(&arguments)
        };
        assert_eq!(asked(&["snaplark-desktop", "--choose"]), Some(Action::ChooseArea));
        assert_eq!(asked(&["snaplark-desktop", "--quick-menu"]), Some(Action::QuickMenu));
        assert_eq!(asked(&["snaplark-desktop", "--share-last"]), Some(Action::PreviewLast));
        assert_eq!(asked(&["snaplark-desktop", "--screenshot"]), Some(Action::ScreenshotArea));
        for other in [&["snaplark-desktop"][..], &["snaplark-desktop", "--hidden"], &["", ""]] {
            assert_eq!(asked(other), None);
        }
    }
}
