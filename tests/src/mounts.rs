//! Mounts that only the programs inside them see: disks that are small, and that vanish. They are in a
//! mount namespace of their own, so no test needs root and none of them outlives its guard.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::home::Home;
use crate::process::{Process, command, finish, output};
use crate::wait;

const START: Duration = Duration::from_secs(20);

pub struct Mounts {
    holder: Process,
}

impl Mounts {
    pub fn start(home: &Home) -> Result<Self> {
        let mut holder = command(home, "unshare");
        holder.args(["--user", "--map-root-user", "--mount", "--propagation", "private"]);
        holder.args(["sh", "-c", "echo ready && exec sleep infinity"]);
        let mut holder = Process::start(home, "mounts", holder)?;
        holder.line(START).context("namespaces for users are needed here, and can't be made")?;
        Ok(Self { holder })
    }

    /// Mounts a disk of that size.
    pub fn small_disk(&self, home: &Home, at: &Path, size_bytes: u64) -> Result<()> {
        std::fs::create_dir_all(at)?;
        let mut mount = self.inside(home, "mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size_bytes}"), "small"]).arg(at);
        output(mount, START).map(drop)
    }

    /// Resizes the disk at once so that exactly `left_bytes` are free.
    pub fn leave(&self, home: &Home, at: &Path, left_bytes: u64) -> Result<()> {
        wait::until("a disk of another size", START, || {
            let mut df = self.inside(home, "df");
            df.args(["--block-size=1", "--output=used"]).arg(at);
            let used = output(df, START)?;
            let used: u64 = used.split_whitespace().last().unwrap_or_default().parse()?;
            let mut mount = self.inside(home, "mount");
            mount.args(["-o", &format!("remount,size={}", used + left_bytes)]).arg(at);
            // Refused if more was written in the meantime.
            Ok(finish(&mut mount, START)?.status.success().then_some(()))
        })
    }

    /// Makes the folder `from` visible at `at` too.
    pub fn bind(&self, home: &Home, from: &Path, at: &Path) -> Result<()> {
        std::fs::create_dir_all(from)?;
        std::fs::create_dir_all(at)?;
        let mut mount = self.inside(home, "mount");
        mount.arg("--bind").arg(from).arg(at);
        output(mount, START).map(drop)
    }

    /// Unmounts like a pulled USB stick: open files stay usable, but no path leads there any more.
    pub fn pull(&self, home: &Home, at: &Path) -> Result<()> {
        let mut umount = self.inside(home, "umount");
        umount.arg("-l").arg(at);
        output(umount, START).map(drop)
    }

    /// Returns a command that sees the mounts.
    pub fn inside(&self, home: &Home, program: impl AsRef<OsStr>) -> Command {
        let mut inside = command(home, "nsenter");
        inside.args(["--target", &self.holder.id().to_string()]);
        inside.args(["--user", "--mount", "--preserve-credentials", "--"]).arg(program);
        inside
    }

    /// Returns a path inside the namespace as one that this process can open.
    pub fn seen(&self, path: &Path) -> PathBuf {
        let root = format!("/proc/{}/root", self.holder.id());
        Path::new(&root).join(path.strip_prefix("/").unwrap_or(path))
    }
}
