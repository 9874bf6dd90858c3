//! Detects the desktop's do-not-disturb mode, if the desktop reports it: KDE and others through the
//! notifications' own interface, dunst through its own, GNOME through a setting. On other desktops it
//! counts as off.

#[cfg(target_os = "linux")]
pub fn is_on() -> bool {
    imp::inhibited() || imp::paused() || imp::without_banners()
}

#[cfg(not(target_os = "linux"))]
pub fn is_on() -> bool {
    false
}

#[cfg(target_os = "linux")]
mod imp {
    use gtk::gio;
    use gtk::gio::prelude::*;
    use gtk::glib::{Variant, VariantTy};

    const NOTIFICATIONS: &str = "org.freedesktop.Notifications";
    const PATH: &str = "/org/freedesktop/Notifications";
    /// Toasts don't wait longer for a service that hangs.
    const ANSWER_MS: i32 = 300;
    const GNOME: &str = "org.gnome.desktop.notifications";
    const BANNERS: &str = "show-banners";

    pub fn inhibited() -> bool {
        property(NOTIFICATIONS, "Inhibited")
    }

    pub fn paused() -> bool {
        property("org.dunstproject.cmd0", "paused")
    }

    pub fn without_banners() -> bool {
        // Opening a schema that isn't installed would abort the program.
        let schemas = gio::SettingsSchemaSource::default();
        let schema = schemas.and_then(|schemas| schemas.lookup(GNOME, true));
        schema.is_some_and(|schema| {
            schema.has_key(BANNERS) && !gio::Settings::new(GNOME).boolean(BANNERS)
        })
    }

    /// Returns `false` if there is no such property or no answer.
    fn property(interface: &str, name: &str) -> bool {
        let Ok(bus) = gio::bus_get_sync(gio::BusType::Session, gio::Cancellable::NONE) else {
            return false;
        };
        let answer = bus.call_sync(
            Some(NOTIFICATIONS),
            PATH,
            "org.freedesktop.DBus.Properties",
            "Get",
            Some(&(interface, name).to_variant()),
            VariantTy::new("(v)").ok(),
            gio::DBusCallFlags::NO_AUTO_START,
            ANSWER_MS,
            gio::Cancellable::NONE,
        );
        let value = answer.ok().and_then(|answer| answer.get::<(Variant,)>());
        value.and_then(|(value,)| value.get::<bool>()).unwrap_or(false)
    }
}
