//! The keyboard's layout, read from the X server: what each key means in each of its groups.

use x11rb::protocol::xkb::{self, ConnectionExt as _, ID, MapPart};
use x11rb::rust_connection::RustConnection;
use xkeysym::Keysym;

pub(super) struct Keymap {
    first: u8,
    keys: Vec<KeySyms>,
}

struct KeySyms {
    groups: u8,
    width: u8,
    /// The symbols by group, then by level.
    syms: Vec<u32>,
}

impl Keymap {
    pub(super) fn read(connection: &RustConnection) -> Result<Self, String> {
        let none = xkb::VMod::default();
        let asked = connection.xkb_get_map(
            ID::USE_CORE_KBD.into(),
            MapPart::KEY_SYMS,
            MapPart::default(),
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            none,
            0,
            0,
            0,
            0,
            0,
            0,
        );
        let reply = asked.map_err(text)?.reply().map_err(text)?;
        let keys = reply.map.syms_rtrn.unwrap_or_default();
        let key = |key: xkb::KeySymMap| KeySyms {
            groups: key.group_info & 0x0F,
            width: key.width,
            syms: key.syms,
        };
        Ok(Keymap { first: reply.first_key_sym, keys: keys.into_iter().map(key).collect() })
    }

    /// Returns the key's meaning there. If the group or level defines none, a lower level is used.
    pub(super) fn sym(&self, code: u8, group: u8, level: u8) -> Option<Keysym> {
        let key = self.keys.get(usize::from(code.checked_sub(self.first)?))?;
        // A key with fewer groups than the layout wraps around.
        let group = group.checked_rem(key.groups)?;
        let start = usize::from(group) * usize::from(key.width);
        let syms = key.syms.get(start..start + usize::from(key.width))?;
        let there = |level: u8| syms.get(usize::from(level)).filter(|sym| **sym != 0);
        let sym = there(level).or_else(|| there(level & 1)).or_else(|| there(0))?;
        Some(Keysym::new(*sym))
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
