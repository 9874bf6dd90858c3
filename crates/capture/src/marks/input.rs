//! Reads buttons and keys of an X11 display through XInput's raw events, whichever window has the
//! focus. The events contain key codes only. Their meaning depends on the layout (`keymap`) and on the
//! modifiers, which are tracked here in the order of the events.

use snaplark_core::capture::Source as Recorded;
use snaplark_core::overlay::Marks as Wanted;
use snaplark_formats::pointer::{PointerAction, PointerButton};
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xinput::{
    ConnectionExt as _, Device, EventMask, RawButtonPressEvent, RawButtonReleaseEvent,
    RawKeyPressEvent, XIEventMask,
};
use x11rb::protocol::xkb::{self, ConnectionExt as _, ID, SelectEventsAux};
use x11rb::protocol::xproto::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;
use xkeysym::Keysym;

use super::keymap::Keymap;
use super::keys::{HeldModifiers, KeyPress};
use super::{Button, InputEvent};

/// Reads where the pointer is, and what is clicked.
pub(crate) struct PointerInput {
    connection: RustConnection,
    root: u32,
}

impl PointerInput {
    pub(crate) fn open(display: &str) -> Result<Self, String> {
        let (connection, root) = connect(display)?;
        let mask = XIEventMask::RAW_BUTTON_PRESS | XIEventMask::RAW_BUTTON_RELEASE;
        let masks = [EventMask { deviceid: Device::ALL_MASTER.into(), mask: vec![mask] }];
        connection.xinput_xi_select_events(root, &masks).map_err(text)?;
        connection.flush().map_err(text)?;
        Ok(PointerInput { connection, root })
    }

    /// Returns the pointer's position on the screen, and the clicks since the last call.
    pub(crate) fn poll(&mut self) -> Result<((i32, i32), Vec<PointerAction>), String> {
        let pointer = self.connection.query_pointer(self.root).map_err(text)?;
        let at = pointer.reply().map_err(text)?;
        let mut clicks = Vec::new();
        while let Some(event) = self.connection.poll_for_event().map_err(text)? {
            let (detail, action): (u32, fn(PointerButton) -> PointerAction) = match event {
                Event::XinputRawButtonPress(RawButtonPressEvent { detail, .. }) => {
                    (detail, PointerAction::Pressed)
                }
                Event::XinputRawButtonRelease(RawButtonReleaseEvent { detail, .. }) => {
                    (detail, PointerAction::Released)
                }
                // Other events are not needed.
                _ => continue,
            };
            clicks.extend(match detail {
                1 => Some(action(PointerButton::Left)),
                2 => Some(action(PointerButton::Middle)),
                3 => Some(action(PointerButton::Right)),
                // The wheel, and other buttons of the mouse.
                _ => None,
            });
        }
        Ok(((i32::from(at.root_x), i32::from(at.root_y)), clicks))
    }

    /// Discards the clicks since the last call.
    pub(crate) fn forget(&mut self) {
        while let Ok(Some(_)) = self.connection.poll_for_event() {}
    }
}

pub(super) struct XInputReader {
    connection: RustConnection,
    root: u32,
    /// If set, keys are shown only while this window has the focus: typing elsewhere is not part of the
    /// recording.
    window: Option<u32>,
    /// `None` if no keys are wanted.
    keys: Option<KeyboardState>,
}

struct KeyboardState {
    keymap: Keymap,
    held: [bool; 256],
}

/// The lowest version that reports raw events even while a program has grabbed the device.
const XINPUT: (u16, u16) = (2, 2);
const LOCK: u16 = 1 << 1;
/// The modifier bit of Num Lock on all current layouts.
const NUM_LOCK: u16 = 1 << 4;

pub(super) fn check(display: &str) -> Result<(), String> {
    connect(display).map(drop)
}

fn connect(display: &str) -> Result<(RustConnection, u32), String> {
    let (connection, screen) = RustConnection::connect(Some(display)).map_err(text)?;
    let root = connection.setup().roots[screen].root;
    let lacks = || "this display has no XInput 2.2".to_owned();
    let asked = connection.xinput_xi_query_version(XINPUT.0, XINPUT.1).map_err(text)?;
    let has = asked.reply().map_err(|_| lacks())?;
    match (has.major_version, has.minor_version) >= XINPUT {
        true => Ok((connection, root)),
        false => Err(lacks()),
    }
}

impl XInputReader {
    pub(super) fn open(display: &str, wanted: Wanted, recorded: &Recorded) -> Result<Self, String> {
        let (connection, root) = connect(display)?;
        let mut mask = XIEventMask::default();
        if wanted.clicks {
            mask |= XIEventMask::RAW_BUTTON_PRESS;
        }
        let keys = match wanted.keys {
            Some(_) => {
                mask |= XIEventMask::RAW_KEY_PRESS | XIEventMask::RAW_KEY_RELEASE;
                Some(KeyboardState::of(&connection)?)
            }
            None => None,
        };
        let masks = [EventMask { deviceid: Device::ALL_MASTER.into(), mask: vec![mask] }];
        connection.xinput_xi_select_events(root, &masks).map_err(text)?;
        connection.flush().map_err(text)?;
        let window = match recorded {
            Recorded::Window(id) => u32::try_from(*id).ok(),
            Recorded::Display(_) | Recorded::Region { .. } => None,
        };
        Ok(XInputReader { connection, root, window, keys })
    }

    pub(super) fn read_events(&mut self) -> Result<Vec<InputEvent>, String> {
        let mut taken = Vec::new();
        while let Some(event) = self.connection.poll_for_event().map_err(text)? {
            taken.extend(self.interpret(&event)?);
        }
        Ok(taken)
    }

    /// Discards the queued events unread, and reads the keyboard's current state.
    pub(super) fn forget(&mut self) {
        while let Ok(Some(_)) = self.connection.poll_for_event() {}
        if let Some(Ok(keyboard)) = self.keys.is_some().then(|| KeyboardState::of(&self.connection))
        {
            self.keys = Some(keyboard);
        }
    }

    fn interpret(&mut self, event: &Event) -> Result<Option<InputEvent>, String> {
        match event {
            Event::XinputRawButtonPress(RawButtonPressEvent { detail, .. }) => {
                let button = match detail {
                    1 => Button::Left,
                    2 => Button::Middle,
                    3 => Button::Right,
                    // The wheel, and other buttons of the mouse.
                    _ => return Ok(None),
                };
                let pointer = self.connection.query_pointer(self.root).map_err(text)?;
                let at = pointer.reply().map_err(text)?;
                let at = (i32::from(at.root_x), i32::from(at.root_y));
                Ok(Some(InputEvent::Clicked(button, at)))
            }
            Event::XinputRawKeyPress(RawKeyPressEvent { detail, .. }) => self.press(*detail as u8),
            Event::XinputRawKeyRelease(RawKeyPressEvent { detail, .. }) => {
                if let Some(keyboard) = &mut self.keys {
                    keyboard.held[*detail as usize & 0xFF] = false;
                }
                Ok(None)
            }
            Event::XkbMapNotify(_) | Event::XkbNewKeyboardNotify(_) | Event::MappingNotify(_) => {
                if let Some(keyboard) = &mut self.keys {
                    keyboard.keymap = Keymap::read(&self.connection)?;
                }
                Ok(None)
            }
            // Other events are not needed.
            _ => Ok(None),
        }
    }

    fn press(&mut self, code: u8) -> Result<Option<InputEvent>, String> {
        let is_meant = match self.window {
            Some(window) => self.has_focus(window)?,
            None => true,
        };
        let Some(keyboard) = &mut self.keys else { return Ok(None) };
        keyboard.held[usize::from(code)] = true;
        if !is_meant {
            return Ok(None);
        }
        let asked = self.connection.xkb_get_state(ID::USE_CORE_KBD.into()).map_err(text)?;
        let state = asked.reply().map_err(text)?;
        let locked = u16::from(state.locked_mods);
        Ok(keyboard.press(code, state.group.into(), locked).map(InputEvent::Pressed))
    }

    /// Returns whether the window, or a window inside it, has the focus.
    fn has_focus(&self, window: u32) -> Result<bool, String> {
        let focus = self.connection.get_input_focus().map_err(text)?.reply().map_err(text)?;
        let mut at = focus.focus;
        while at != window {
            // The values `None` and `PointerRoot`, and the root window, which has no parent.
            if at <= 1 || at == self.root {
                return Ok(false);
            }
            let asked = self.connection.query_tree(at).map_err(text)?.reply();
            // It was closed meanwhile.
            let Ok(tree) = asked else { return Ok(false) };
            at = tree.parent;
        }
        Ok(true)
    }
}

impl KeyboardState {
    fn of(connection: &RustConnection) -> Result<Self, String> {
        let has = connection.xkb_use_extension(1, 0).map_err(text)?.reply().map_err(text)?;
        if !has.supported {
            return Err("this display does not tell its keyboard's layout".to_owned());
        }
        let events = xkb::EventType::NEW_KEYBOARD_NOTIFY | xkb::EventType::MAP_NOTIFY;
        let (none, all) = (xkb::EventType::default(), xkb::MapPart::KEY_SYMS);
        let of = ID::USE_CORE_KBD.into();
        let more = SelectEventsAux::new();
        connection.xkb_select_events(of, none, events, all, all, &more).map_err(text)?;
        let down = connection.query_keymap().map_err(text)?.reply().map_err(text)?.keys;
        let held = std::array::from_fn(|code| down[code / 8] >> (code % 8) & 1 == 1);
        Ok(KeyboardState { keymap: Keymap::read(connection)?, held })
    }

    /// Returns `None` for a modifier, or a key without a meaning.
    fn press(&self, code: u8, group: u8, locked: u16) -> Option<KeyPress> {
        let held = self.held();
        let plain = self.keymap.sym(code, group, 0)?;
        if plain.is_modifier_key() || plain == Keysym::ISO_Level3_Shift {
            return None;
        }
        let num_lock = plain.is_keypad_key() && locked & NUM_LOCK != 0;
        let shift = held.shift != num_lock;
        let level = u8::from(shift) + 2 * u8::from(held.level3);
        let typed = self.keymap.sym(code, group, level).unwrap_or(plain);
        let latin = self.keymap.sym(code, 0, 0);
        Some(KeyPress { plain, typed, latin, held, caps: locked & LOCK != 0 })
    }

    fn held(&self) -> HeldModifiers {
        let mut held = HeldModifiers::default();
        let down = (0..=u8::MAX).filter(|code| self.held[usize::from(*code)]);
        for sym in down.filter_map(|code| self.keymap.sym(code, 0, 0)) {
            match sym {
                Keysym::Control_L | Keysym::Control_R => held.ctrl = true,
                Keysym::Shift_L | Keysym::Shift_R => held.shift = true,
                Keysym::Alt_L | Keysym::Alt_R | Keysym::Meta_L | Keysym::Meta_R => held.alt = true,
                Keysym::Super_L | Keysym::Super_R => held.logo = true,
                Keysym::ISO_Level3_Shift | Keysym::Mode_switch => held.level3 = true,
                _ => {}
            }
        }
        held
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
