//! Finds firewalls of this computer that may block other computers. Their rules can only be read by
//! the administrator, and a connection from this computer to itself bypasses them. So the user is
//! only told that a firewall is active, and how to open the port.

use std::path::Path;

/// A firewall that this program recognizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firewall {
    /// Ubuntu's, which is off by default.
    Ufw,
    /// Fedora's, which is on by default.
    Firewalld,
}

impl Firewall {
    /// Returns its name for the person.
    pub const fn name(self) -> &'static str {
        match self {
            Firewall::Ufw => "ufw",
            Firewall::Firewalld => "firewalld",
        }
    }
}

/// Returns the active firewall. Returns `None` on other systems, which themselves ask the user when a
/// program listens.
pub(crate) fn found() -> Option<Firewall> {
    found_below(Path::new("/"))
}

fn found_below(root: &Path) -> Option<Firewall> {
    // systemd keeps a link here for each active unit.
    let is_active = |unit: &str| {
        let link = root.join(format!("run/systemd/units/invocation:{unit}.service"));
        link.symlink_metadata().is_ok()
    };
    if is_active("firewalld") {
        return Some(Firewall::Firewalld);
    }
    let settings = std::fs::read_to_string(root.join("etc/ufw/ufw.conf")).unwrap_or_default();
    let is_on = settings.lines().any(|line| line.trim().eq_ignore_ascii_case("enabled=yes"));
    (is_on && is_active("ufw")).then_some(Firewall::Ufw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_firewall_is_found_where_it_is_on() {
        let root = tempfile::tempdir().unwrap();
        let units = root.path().join("run/systemd/units");
        std::fs::create_dir_all(&units).unwrap();
        std::fs::create_dir_all(root.path().join("etc/ufw")).unwrap();
        let settings = root.path().join("etc/ufw/ufw.conf");
        assert_eq!(found_below(root.path()), None);
        std::fs::write(&settings, "ENABLED=no\n").unwrap();
        std::fs::write(units.join("invocation:ufw.service"), "").unwrap();
        assert_eq!(found_below(root.path()), None, "its unit runs, and lets everything through");
        std::fs::write(&settings, "# on\nENABLED=yes\n").unwrap();
        assert_eq!(found_below(root.path()), Some(Firewall::Ufw));
        std::fs::write(units.join("invocation:firewalld.service"), "").unwrap();
        assert_eq!(found_below(root.path()), Some(Firewall::Firewalld));
    }
}
