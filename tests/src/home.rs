//! A home for everything that a test starts: settings, data, runtime files, logs. Removed when its guard is
//! dropped.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

pub struct Home {
    folder: PathBuf,
    snaplark: PathBuf,
    vars: Vec<(String, String)>,
}

impl Home {
    pub fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("snaplark-{}", uuid::Uuid::new_v4()));
        for name in ["config", "data", "cache", "state", "run", "logs"] {
            let folder = folder.join(name);
            std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        let run = folder.join("run");
        std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700))?;
        Ok(Self { snaplark: folder.join("snaplark"), folder, vars: Vec::new() })
    }

    /// Keeps Snaplark's own files elsewhere, where they outlive this home.
    pub fn keep_snaplark_in(&mut self, folder: PathBuf) {
        self.snaplark = folder;
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Returns the folder of Snaplark's own files.
    pub fn snaplark(&self) -> &Path {
        &self.snaplark
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{name}.log"))
    }

    /// Sets a variable for everything that is started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.vars.retain(|(old, _)| old != name);
        self.vars.push((name.into(), value.into()));
    }

    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Sets a command's environment to this home's, and removes what belongs to the machine's own desktop.
    pub fn apply(&self, command: &mut Command) {
        const FOREIGN: [&str; 17] = [
            "RUST_BACKTRACE",
            "PULSE_SERVER",
            "PULSE_COOKIE",
            "DISPLAY",
            "WAYLAND_DISPLAY",
            "XAUTHORITY",
            "DBUS_SESSION_BUS_ADDRESS",
            "DBUS_SYSTEM_BUS_ADDRESS",
            "XDG_CURRENT_DESKTOP",
            "XDG_SESSION_TYPE",
            "SNAPLARK_HOME",
            "SNAPLARK_SERVER",
            "SNAPLARK_TOKEN",
            "SNAPLARK_PROFILE",
            "SNAPLARK_SOURCE",
            "http_proxy",
            "https_proxy",
        ];
        for name in FOREIGN {
            command.env_remove(name);
        }
        command.env("HOME", &self.folder).env("SNAPLARK_HOME", &self.snaplark);
        for (name, folder) in [
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_RUNTIME_DIR", "run"),
        ] {
            command.env(name, self.folder.join(folder));
        }
        // Tests read the time that is recorded so far.
        command.env("SNAPLARK_PROGRESS_SECONDS", "0");
        command
            .env("LC_ALL", "C.UTF-8")
            .env("NO_AT_BRIDGE", "1")
            .env("GSETTINGS_BACKEND", "memory");
        command.envs(self.vars.iter().map(|(name, value)| (name, value)));
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Files are left over only if a program is still writing; they are in the system's temporary
        // folder.
        std::fs::remove_dir_all(&self.folder).ok();
    }
}
