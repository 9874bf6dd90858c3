//! The keys of every program on X11: each is grabbed at the root window, and a thread sleeps until one is pressed.
//!
//! Tauri's library for global shortcuts looks for keys every 50 ms instead, which delays each by 25 ms on average and
//! wakes the processor 20 times a second. It is used on the other systems, and to read the keys' names here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result, ensure};
use snaplark_app::Shortcut;
use tauri::AppHandle;
use tauri_plugin_global_shortcut::{Code, Modifiers, Shortcut as Keys};
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xkb::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ConnectionExt as _, GrabMode, KeyButMask, Keycode, ModMask, Window};
use x11rb::rust_connection::RustConnection;

/// Locks that are no part of a shortcut: it has an effect whether they are on or off. The server compares modifiers
/// exactly, so each key is grabbed with all of them.
const LOCKS: [u16; 4] = [0, NUM_LOCK, CAPS_LOCK, NUM_LOCK | CAPS_LOCK];
const NUM_LOCK: u16 = 1 << 4;
const CAPS_LOCK: u16 = 1 << 1;

/// The keys that this program has grabbed.
pub(super) struct GlobalKeys {
    connection: Arc<RustConnection>,
    root: Window,
    grabs: Arc<Mutex<Vec<Grab>>>,
}

struct Grab {
    keys: String,
    shortcut: Shortcut,
    keycode: Keycode,
    modifiers: u16,
    /// True until it is released: a key that is held down repeats.
    is_down: bool,
}

impl GlobalKeys {
    /// Connects to the display. `pressed` is called on the main thread.
    pub(super) fn open(app: &AppHandle, pressed: fn(&AppHandle, Shortcut)) -> Result<Self> {
        let (connection, screen) = RustConnection::connect(None)?;
        let root = connection.setup().roots.get(screen).context("a screen")?.root;
        connection.xkb_use_extension(1, 0)?.reply()?;
        // A key that is held down sends presses and no releases between them.
        let flag = xkb::PerClientFlag::DETECTABLE_AUTO_REPEAT;
        let keyboard = u16::from(xkb::ID::USE_CORE_KBD);
        let none = xkb::BoolCtrl::default();
        connection.xkb_per_client_flags(keyboard, flag, flag, none, none, none)?.reply()?;
        let keys = GlobalKeys { connection: Arc::new(connection), root, grabs: Arc::default() };
        let (connection, grabs) = (Arc::clone(&keys.connection), Arc::clone(&keys.grabs));
        let app = app.clone();
        thread::Builder::new().name("shortcuts".to_owned()).spawn(move || {
            let error = loop {
                let event = match connection.wait_for_event() {
                    Ok(event) => event,
                    Err(error) => break error,
                };
                let Some(shortcut) = pressed_by(&mut lock(&grabs), &event) else { continue };
                let there = app.clone();
                if let Err(error) = app.run_on_main_thread(move || pressed(&there, shortcut)) {
                    tracing::warn!(%error, ?shortcut, "a key came when the app had ended");
                }
            };
            tracing::warn!(%error, "global shortcuts have ended: the display is gone");
        })?;
        Ok(keys)
    }

    /// Grabs keys such as `Alt+R`. Fails if another program holds them, or if this keyboard doesn't have them.
    pub(super) fn take(&self, keys: &str, shortcut: Shortcut) -> Result<()> {
        let Keys { mods, key, .. } = keys.parse()?;
        let keysym = keysym(key).with_context(|| format!("{key} can't be a shortcut"))?;
        let keycode = self.keycode(keysym)?.context("this keyboard has no such key")?;
        let modifiers = modifiers_of(mods);
        let is_ours = |grab: &Grab| (grab.keycode, grab.modifiers) == (keycode, modifiers);
        ensure!(!lock(&self.grabs).iter().any(is_ours), "another shortcut has these keys");
        let grab = Grab { keys: keys.to_owned(), shortcut, keycode, modifiers, is_down: false };
        for locks in LOCKS {
            let with_locks = ModMask::from(modifiers | locks);
            let (root, mode) = (self.root, GrabMode::ASYNC);
            let asked = self.connection.grab_key(false, root, with_locks, keycode, mode, mode)?;
            if let Err(error) = asked.check() {
                self.release(&grab)?;
                return Err(error.into());
            }
        }
        lock(&self.grabs).push(grab);
        Ok(())
    }

    /// Releases the keys to other programs.
    pub(super) fn give_back(&self, keys: &str) -> Result<()> {
        let mut grabs = lock(&self.grabs);
        if let Some(at) = grabs.iter().position(|grab| grab.keys == keys) {
            self.release(&grabs.remove(at))?;
        }
        Ok(())
    }

    /// Returns whether the keys are grabbed by this program.
    pub(super) fn has(&self, keys: &str) -> bool {
        lock(&self.grabs).iter().any(|grab| grab.keys == keys)
    }

    /// Returns once the server has done it, so that another program can have the keys at once.
    fn release(&self, grab: &Grab) -> Result<()> {
        for locks in LOCKS {
            let with_locks = ModMask::from(grab.modifiers | locks);
            self.connection.ungrab_key(grab.keycode, self.root, with_locks)?.check()?;
        }
        Ok(())
    }

    /// Returns the key that bears this symbol, as the keyboard is laid out now.
    fn keycode(&self, keysym: u32) -> Result<Option<Keycode>> {
        let setup = self.connection.setup();
        let (first, last) = (setup.min_keycode, setup.max_keycode);
        let layout = self.connection.get_keyboard_mapping(first, last - first + 1)?.reply()?;
        let mut keys = layout.keysyms.chunks(usize::from(layout.keysyms_per_keycode).max(1));
        let at = keys.position(|symbols| symbols.contains(&keysym));
        Ok(at.and_then(|at| first.checked_add(u8::try_from(at).ok()?)))
    }
}

fn lock(grabs: &Mutex<Vec<Grab>>) -> MutexGuard<'_, Vec<Grab>> {
    grabs.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the shortcut whose keys an event has pressed.
fn pressed_by(grabs: &mut [Grab], event: &Event) -> Option<Shortcut> {
    match event {
        Event::KeyPress(event) => {
            let counted =
                KeyButMask::SHIFT | KeyButMask::CONTROL | KeyButMask::MOD1 | KeyButMask::MOD4;
            let modifiers = u16::from(event.state & counted);
            let is_meant =
                |grab: &&mut Grab| (grab.keycode, grab.modifiers) == (event.detail, modifiers);
            let grab = grabs.iter_mut().find(is_meant)?;
            let is_first = !std::mem::replace(&mut grab.is_down, true);
            is_first.then_some(grab.shortcut)
        }
        Event::KeyRelease(event) => {
            for grab in grabs.iter_mut().filter(|grab| grab.keycode == event.detail) {
                grab.is_down = false;
            }
            None
        }
        _ => None,
    }
}

fn modifiers_of(modifiers: Modifiers) -> u16 {
    let mask = |is_part, mask: ModMask| if is_part { u16::from(mask) } else { 0 };
    mask(modifiers.contains(Modifiers::SHIFT), ModMask::SHIFT)
        | mask(modifiers.contains(Modifiers::CONTROL), ModMask::CONTROL)
        | mask(modifiers.contains(Modifiers::ALT), ModMask::M1)
        | mask(modifiers.intersects(Modifiers::SUPER | Modifiers::META), ModMask::M4)
}

/// Returns the symbol of a key, by the numbers of X11's `keysymdef.h` and `XF86keysym.h`.
fn keysym(key: Code) -> Option<u32> {
    let name = key.to_string();
    let number = |prefix: &str| name.strip_prefix(prefix)?.parse::<u32>().ok();
    if let Some([letter]) = name.strip_prefix("Key").map(str::as_bytes) {
        return Some(u32::from(letter.to_ascii_lowercase()));
    }
    if let Some(digit) = number("Digit") {
        return Some(u32::from(b'0') + digit);
    }
    if let Some(digit) = number("Numpad") {
        return Some(0xffb0 + digit);
    }
    if let Some(function) = number("F") {
        return Some(0xffbd + function);
    }
    Some(match key {
        Code::Space => u32::from(b' '),
        Code::Quote => u32::from(b'\''),
        Code::Comma => u32::from(b','),
        Code::Minus => u32::from(b'-'),
        Code::Period => u32::from(b'.'),
        Code::Slash => u32::from(b'/'),
        Code::Semicolon => u32::from(b';'),
        Code::Equal => u32::from(b'='),
        Code::BracketLeft => u32::from(b'['),
        Code::Backslash => u32::from(b'\\'),
        Code::BracketRight => u32::from(b']'),
        Code::Backquote => u32::from(b'`'),
        Code::Backspace => 0xff08,
        Code::Tab => 0xff09,
        Code::Enter => 0xff0d,
        Code::Pause => 0xff13,
        Code::ScrollLock => 0xff14,
        Code::Escape => 0xff1b,
        Code::Home => 0xff50,
        Code::ArrowLeft => 0xff51,
        Code::ArrowUp => 0xff52,
        Code::ArrowRight => 0xff53,
        Code::ArrowDown => 0xff54,
        Code::PageUp => 0xff55,
        Code::PageDown => 0xff56,
        Code::End => 0xff57,
        Code::PrintScreen => 0xff61,
        Code::Insert => 0xff63,
        Code::NumpadMultiply => 0xffaa,
        Code::NumpadAdd => 0xffab,
        Code::NumpadSubtract => 0xffad,
        Code::NumpadDecimal => 0xffae,
        Code::NumpadDivide => 0xffaf,
        Code::Delete => 0xffff,
        Code::AudioVolumeDown => 0x1008_ff11,
        Code::AudioVolumeMute => 0x1008_ff12,
        Code::AudioVolumeUp => 0x1008_ff13,
        Code::MediaPlay => 0x1008_ff14,
        Code::MediaStop => 0x1008_ff15,
        Code::MediaTrackPrevious => 0x1008_ff16,
        Code::MediaTrackNext => 0x1008_ff17,
        Code::MediaPause => 0x1008_ff31,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use x11rb::protocol::xproto::KeyPressEvent;

    use super::*;

    fn event(keycode: Keycode, state: KeyButMask) -> KeyPressEvent {
        KeyPressEvent { detail: keycode, state, ..KeyPressEvent::default() }
    }

    #[test]
    fn keys_have_the_symbols_of_the_x11_headers() {
        for (keys, symbol) in [
            ("Alt+R", 0x72),
            ("Ctrl+7", 0x37),
            ("Alt+F1", 0xffbe),
            ("Alt+F12", 0xffc9),
            ("Shift+Numpad3", 0xffb3),
            ("Alt+PrintScreen", 0xff61),
            ("Alt+`", 0x60),
        ] {
            let read: Keys = keys.parse().unwrap();
            assert_eq!(keysym(read.key), Some(symbol), "{keys}");
        }
    }

    #[test]
    fn key_acts_once_until_it_is_released_whatever_locks_are_on() {
        let grab = |shortcut, keycode, modifiers| {
            let (keys, is_down) = (String::new(), false);
            Grab { keys, shortcut, keycode, modifiers, is_down }
        };
        let alt = u16::from(ModMask::M1);
        let shift = u16::from(ModMask::SHIFT);
        let mut grabs =
            [grab(Shortcut::Record, 27, alt), grab(Shortcut::ChooseArea, 27, alt | shift)];
        let mut on = |event| pressed_by(&mut grabs, &event);
        let locked = KeyButMask::MOD1 | KeyButMask::LOCK | KeyButMask::MOD2;
        assert_eq!(on(Event::KeyPress(event(27, locked))), Some(Shortcut::Record));
        assert_eq!(on(Event::KeyPress(event(27, locked))), None, "it repeats");
        assert_eq!(on(Event::KeyRelease(event(27, KeyButMask::MOD1))), None);
        let shifted = KeyButMask::MOD1 | KeyButMask::SHIFT;
        assert_eq!(on(Event::KeyPress(event(27, shifted))), Some(Shortcut::ChooseArea));
        assert_eq!(on(Event::KeyPress(event(28, KeyButMask::MOD1))), None);
    }
}
