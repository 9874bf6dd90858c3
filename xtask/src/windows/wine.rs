//! Wine 10, which has what Rust's programs import. Where the system's is older, it runs in a Debian of its own, which
//! debootstrap makes once (a minute, and 240 MB from Debian's archive; needs root).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};

use super::{Kit, emptied, ffmpeg, once, toolchain, write_script};
use crate::Place;
use crate::packages;
use crate::progress::Progress;
use crate::steps::{Step, answer};

/// The oldest Wine that has bcryptprimitives.dll, which every Rust program imports.
const VERSION_MIN: u32 = 10;
/// The release of Debian whose Wine that is.
const RELEASE: &str = "trixie";
/// Wine without its recommendations, and what it draws with on a virtual display.
const PACKAGES: &str = "wine wine64 libgl1 libgl1-mesa-dri libx11-6 libxext6 libxfixes3 libxi6 libxrandr2 libxrender1 \
    libxcomposite1 libxcursor1 libxinerama1";
const DEBOOTSTRAP: [&str; 4] =
    ["debootstrap util-linux", "debootstrap util-linux", "debootstrap", ""];

/// A Wine that runs until it is dropped.
pub struct Wine {
    script: PathBuf,
}

/// Makes the script that runs a program of Windows, whose path ends in `wine.sh`, and starts Wine once.
pub fn ensure(place: &Place, kit: &Kit) -> Result<Wine> {
    ffmpeg::ensure(place, &kit.folder)?;
    let script = kit.path("wine.sh");
    let root = match version() {
        Some(version) if version >= VERSION_MIN => None,
        Some(_) | None => Some(root(place, kit)?),
    };
    let wine = Wine { script };
    write_script(&wine.script, &wine_script(place, kit, root.as_deref()))?;
    let prefix = kit.path("prefix");
    let stamp = kit.path("prefix.made");
    let wanted = root.map_or_else(|| "the system's".to_owned(), |root| root.display().to_string());
    let is_new = once(&stamp, &wanted, || {
        emptied(&prefix)?;
        Step::new(place, "start Wine for the first time", &wine.script)
            .args(["wineboot", "--init"])
            .remedy("Wine says why in the log.")
            .run()
    })?;
    if !is_new {
        Progress::begin("Wine").done("nothing to do");
    }
    Ok(wine)
}

impl Wine {
    /// Returns a command that runs a program of Windows.
    pub fn script(&self) -> &Path {
        &self.script
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        // It ends by itself a few seconds later.
        let _ = Command::new(&self.script).env("SNAPLARK_WINE", "wineserver").arg("-k").output();
    }
}

/// Returns the number of the system's Wine.
fn version() -> Option<u32> {
    number(&answer(Command::new("wine").arg("--version")).ok()?)
}

/// "wine-10.0 (Debian 10.0~repack-6)"
fn number(said: &str) -> Option<u32> {
    said.trim().strip_prefix("wine-")?.split('.').next()?.parse().ok()
}

/// Returns the folder of a Debian that has Wine.
fn root(place: &Place, kit: &Kit) -> Result<PathBuf> {
    let who = answer(Command::new("id").arg("-u"))?;
    ensure!(
        who.trim() == "0",
        "the Wine of this system is older than {VERSION_MIN}, and one in a folder of its own needs root. Install Wine \
         {VERSION_MIN}, or run this with sudo"
    );
    let root = kit.path("wine");
    once(&kit.path("wine.made"), PACKAGES, || {
        packages::ensure_listed(place, "debootstrap, for a Debian with Wine 10", &DEBOOTSTRAP)?;
        emptied(&root)?;
        let site = toolchain::debian_site()?;
        Step::new(place, "a Debian for Wine", "debootstrap")
            .args([&format!("--keyring={}", toolchain::KEYRING), "--variant=minbase", RELEASE])
            .args([root.as_os_str(), site.as_ref()])
            .remedy("Debian's archive has to be in reach the first time; then run it again.")
            .run()?;
        fs::copy("/etc/resolv.conf", root.join("etc/resolv.conf")).ok();
        let script = format!(
            "export DEBIAN_FRONTEND=noninteractive TMPDIR=/var/tmp\n\
             apt-get update && apt-get install -y --no-install-recommends {PACKAGES} && apt-get clean"
        );
        Step::new(place, "install Wine there (240 MB)", "unshare")
            .args(["--mount", "sh", "-c", INSTALL, "sh"])
            .args([root.as_os_str(), script.as_ref()])
            .remedy("Debian's archive has to be in reach the first time; then run it again.")
            .run()
    })?;
    Ok(root)
}

/// Runs the script $2 in the root $1, with the kernel's folders.
const INSTALL: &str = "mount -t proc proc \"$1/proc\" && mount --rbind /dev \"$1/dev\" && \
    mount --rbind /sys \"$1/sys\" && exec chroot \"$1\" sh -c \"$2\"";

/// Returns a script that runs a program of Windows in the current folder. The folders of the workspace and of the build
/// have the same paths there, /tmp is shared, for displays and tests, and so is the network.
fn wine_script(place: &Place, kit: &Kit, root: Option<&Path>) -> String {
    let paths = ["runtime", "ffmpeg"].map(|name| windows_path(&kit.path(name))).join(";");
    let mut script = format!(
        "#!/bin/sh\n\
         # Runs a program of Windows under Wine. Written by `cargo xtask windows`.\n\
         export WINEPREFIX='{}' WINEPATH='{paths}'\n\
         export WINEDEBUG=\"${{WINEDEBUG:--all}}\" WINEDLLOVERRIDES=\"${{WINEDLLOVERRIDES:-mscoree,mshtml=}}\"\n\
         export SNAPLARK_WINE=\"${{SNAPLARK_WINE:-wine}}\"\n",
        kit.path("prefix").display()
    );
    let Some(root) = root else { return script + "exec \"$SNAPLARK_WINE\" \"$@\"\n" };
    script += &format!(
        "export SNAPLARK_ROOT='{}' SNAPLARK_FOLDER=\"$PWD\"\n\
         exec unshare --mount sh -c '\n\
         for folder in /dev /proc /sys /tmp; do\n  \
           mount --rbind \"$folder\" \"$SNAPLARK_ROOT$folder\" || exit 1\n\
         done\n\
         for folder in \"{}\" \"{}\"; do\n  \
           mkdir -p \"$SNAPLARK_ROOT$folder\" && mount --bind \"$folder\" \"$SNAPLARK_ROOT$folder\" || exit 1\n\
         done\n\
         exec chroot \"$SNAPLARK_ROOT\" sh -c \"cd \\\"\\$SNAPLARK_FOLDER\\\" && exec \\\"\\$SNAPLARK_WINE\\\" \\\"\\$@\\\"\" sh \"$@\"' sh \"$@\"\n",
        root.display(),
        place.root.display(),
        kit.folder.display(),
    );
    script
}

/// Returns a path as programs of Windows write it: Wine shows the root folder as Z.
pub fn windows_path(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wine_of_a_system_is_recognized() {
        assert_eq!(number("wine-10.0 (Debian 10.0~repack-6)\n"), Some(10));
        assert_eq!(number("wine-8.0 (Debian 8.0~repack-4)"), Some(8));
        assert_eq!(number("no wine"), None);
        assert_eq!(windows_path(Path::new("/a/b c")), "Z:\\a\\b c");
    }
}
