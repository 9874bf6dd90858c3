//! Decides which keys are shown, by what names, and for how long. Pure: takes presses and moments.

use std::time::{Duration, Instant};

use snaplark_core::overlay::Keys;
use xkeysym::Keysym;

use crate::policy::{KEYS_SHOWN, TYPED_CHARS_MAX};

/// The modifiers that are held down.
#[derive(Clone, Copy, Default)]
pub(super) struct HeldModifiers {
    pub ctrl: bool,
    pub shift: bool,
    pub alt: bool,
    /// The key with the system's logo.
    pub logo: bool,
    /// AltGr or the like, for a key's third and fourth meaning.
    pub level3: bool,
}

/// A key was pressed.
pub(super) struct KeyPress {
    /// The meaning without modifiers.
    pub plain: Keysym,
    /// The meaning with the held modifiers.
    pub typed: Keysym,
    /// The meaning in the keyboard's first layout.
    pub latin: Option<Keysym>,
    pub held: HeldModifiers,
    pub caps: bool,
}

/// The keys that are shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Typed {
    /// A shortcut, as one name for each key.
    Shortcut(Vec<String>),
    /// Typed text.
    Text(String),
}

pub(super) struct KeyDisplay {
    wanted: Option<Keys>,
    shown: Option<(Typed, Instant)>,
}

impl KeyDisplay {
    pub(super) fn new(wanted: Option<Keys>) -> Self {
        KeyDisplay { wanted, shown: None }
    }

    pub(super) fn press(&mut self, press: KeyPress, now: Instant) {
        let before = self.shown(now).map(|(typed, _)| typed.clone());
        let typed = match self.wanted {
            None => return,
            Some(_) if press.is_shortcut() => Typed::Shortcut(press.names()),
            Some(Keys::Shortcuts) => return,
            Some(Keys::All) => press.written(before),
        };
        self.shown = Some((typed, now));
    }

    pub(super) fn forget(&mut self) {
        self.shown = None;
    }

    /// Returns what is shown now, and how long ago it was pressed.
    pub(super) fn shown(&self, now: Instant) -> Option<(&Typed, Duration)> {
        let (typed, since) = self.shown.as_ref()?;
        let age = now.saturating_duration_since(*since);
        (age < KEYS_SHOWN).then_some((typed, age))
    }
}

impl KeyPress {
    fn is_shortcut(&self) -> bool {
        self.held.ctrl || self.held.alt || self.held.logo || self.plain.is_function_key()
    }

    fn names(&self) -> Vec<String> {
        let held = [
            (self.held.ctrl, "Ctrl"),
            (self.held.alt, "Alt"),
            (self.held.shift, "Shift"),
            (self.held.logo, "Super"),
        ];
        let held = held.into_iter().filter(|(is_held, _)| *is_held);
        held.map(|(_, name)| name.to_owned()).chain([self.name()]).collect()
    }

    /// Returns the key's label.
    fn name(&self) -> String {
        if let Some(name) = named(self.plain) {
            return name.to_owned();
        }
        let of = |sym: Keysym| sign(sym).map(|sign| sign.to_uppercase().to_string());
        of(self.plain).or_else(|| self.latin.and_then(of)).unwrap_or_else(|| UNKNOWN.to_owned())
    }

    /// Appends the key to the text that was typed before it.
    fn written(&self, before: Option<Typed>) -> Typed {
        let mut text = match before {
            Some(Typed::Text(text)) => text,
            Some(Typed::Shortcut(_)) | None => String::new(),
        };
        match (named(self.plain), sign(self.typed)) {
            (Some(SPACE), _) => text.push(' '),
            (Some(name), _) if self.typed.key_char().is_none_or(char::is_control) => {
                text.push_str(name);
            }
            (_, Some(sign)) if self.caps => match self.held.shift {
                true => text.extend(sign.to_lowercase()),
                false => text.extend(sign.to_uppercase()),
            },
            (_, Some(sign)) => text.push(sign),
            (_, None) => text.push_str(UNKNOWN),
        }
        let beyond = text.chars().count().saturating_sub(TYPED_CHARS_MAX);
        Typed::Text(text.chars().skip(beyond).collect())
    }
}

/// Stands for a key whose character can't be drawn.
const UNKNOWN: &str = "•";
const SPACE: &str = "Space";

/// Returns the letter or other character that a key types, if it can be drawn.
fn sign(sym: Keysym) -> Option<char> {
    let dead = match sym {
        Keysym::dead_acute => Some('´'),
        Keysym::dead_grave => Some('`'),
        Keysym::dead_circumflex => Some('^'),
        Keysym::dead_tilde => Some('~'),
        Keysym::dead_diaeresis => Some('¨'),
        _ => None,
    };
    let sign = dead.or_else(|| sym.key_char())?;
    (!sign.is_control() && crate::overlay::text::can_draw(sign)).then_some(sign)
}

fn named(sym: Keysym) -> Option<&'static str> {
    const FUNCTIONS: [&str; 24] = [
        "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F11", "F12", "F13", "F14",
        "F15", "F16", "F17", "F18", "F19", "F20", "F21", "F22", "F23", "F24",
    ];
    let number = sym.raw().checked_sub(Keysym::F1.raw());
    let function = number.and_then(|number| FUNCTIONS.get(number as usize));
    if let Some(function) = function {
        return Some(function);
    }
    Some(match sym {
        Keysym::space => SPACE,
        Keysym::Return | Keysym::KP_Enter => "↵",
        Keysym::Tab | Keysym::ISO_Left_Tab => "⇥",
        Keysym::BackSpace => "⌫",
        Keysym::Delete | Keysym::KP_Delete => "Del",
        Keysym::Escape => "Esc",
        Keysym::Left | Keysym::KP_Left => "←",
        Keysym::Right | Keysym::KP_Right => "→",
        Keysym::Up | Keysym::KP_Up => "↑",
        Keysym::Down | Keysym::KP_Down => "↓",
        Keysym::Home | Keysym::KP_Home => "Home",
        Keysym::End | Keysym::KP_End => "End",
        Keysym::Page_Up | Keysym::KP_Page_Up => "PgUp",
        Keysym::Page_Down | Keysym::KP_Page_Down => "PgDn",
        Keysym::Insert | Keysym::KP_Insert => "Ins",
        Keysym::Print => "Print",
        Keysym::Menu => "Menu",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(plain: Keysym, typed: Keysym, held: HeldModifiers) -> KeyPress {
        KeyPress { plain, typed, latin: None, held, caps: false }
    }

    fn seen(hands: &KeyDisplay, now: Instant) -> String {
        match hands.shown(now) {
            Some((Typed::Shortcut(keys), _)) => keys.join("+"),
            Some((Typed::Text(text), _)) => text.clone(),
            None => String::new(),
        }
    }

    #[test]
    fn key_display_shows_only_shortcuts_when_text_is_not_wanted() {
        let mut hands = KeyDisplay::new(Some(Keys::Shortcuts));
        let now = Instant::now();
        for key in [Keysym::s, Keysym::space, Keysym::Return, Keysym::Left] {
            hands.press(press(key, key, HeldModifiers::default()), now);
            hands.press(
                press(key, key, HeldModifiers { shift: true, ..HeldModifiers::default() }),
                now,
            );
        }
        // A character of a password, as it is typed on many keyboards.
        let level3 = HeldModifiers { level3: true, ..HeldModifiers::default() };
        hands.press(press(Keysym::q, Keysym::at, level3), now);
        assert_eq!(seen(&hands, now), "");
        let held = HeldModifiers { ctrl: true, shift: true, ..HeldModifiers::default() };
        hands.press(press(Keysym::p, Keysym::P, held), now);
        assert_eq!(seen(&hands, now), "Ctrl+Shift+P");
        hands.press(press(Keysym::F5, Keysym::F5, HeldModifiers::default()), now);
        assert_eq!(seen(&hands, now), "F5");
        assert_eq!(seen(&hands, now + KEYS_SHOWN), "");
    }

    #[test]
    fn key_display_shows_typed_text_when_all_keys_are_wanted() {
        let mut hands = KeyDisplay::new(Some(Keys::All));
        let now = Instant::now();
        let none = HeldModifiers::default();
        let shift = HeldModifiers { shift: true, ..none };
        for (plain, typed, held) in [
            (Keysym::g, Keysym::G, shift),
            (Keysym::r, Keysym::r, none),
            (Keysym::udiaeresis, Keysym::udiaeresis, none),
            (Keysym::space, Keysym::space, none),
            (Keysym::Cyrillic_ya, Keysym::Cyrillic_YA, shift),
            (Keysym::KP_End, Keysym::KP_1, none),
            (Keysym::BackSpace, Keysym::BackSpace, none),
            (Keysym::hebrew_shin, Keysym::hebrew_shin, none),
        ] {
            hands.press(press(plain, typed, held), now);
        }
        assert_eq!(seen(&hands, now), "Grü Я1⌫•");
        let caps = KeyPress { caps: true, ..press(Keysym::a, Keysym::A, shift) };
        hands.press(caps, now + KEYS_SHOWN);
        assert_eq!(seen(&hands, now + KEYS_SHOWN), "a");
        // A layout whose characters can't be drawn falls back to Latin ones.
        let ctrl = HeldModifiers { ctrl: true, ..none };
        let latin = KeyPress {
            latin: Some(Keysym::a),
            ..press(Keysym::hebrew_shin, Keysym::hebrew_shin, ctrl)
        };
        hands.press(latin, now);
        assert_eq!(seen(&hands, now), "Ctrl+A");
    }
}
