//! `cargo xtask windows`: builds the programs for Windows on Debian and its relatives, and runs them under Wine.
//! Everything that it needs is kept beside Cargo's other output:
//!
//! ```text
//! TARGET/windows/
//!   std/         a standard library for the target, where rustup has none
//!   gstreamer/   GStreamer's own wheels, unpacked
//!   kit/         import libraries and pkg-config files made from them
//!   runtime/     what is shipped beside the programs: the needed DLLs and plugins alone
//!   ffmpeg/      ffmpeg.exe and ffprobe.exe, for tests
//!   wine/        a Debian with Wine 10, where the system's Wine is older
//!   prefix/      Wine's own "C:"
//!   build/       Cargo's target folder for Windows, with one set of features for every build
//! ```
//!
//! Nothing here changes the system but for the packages that `toolchain` names.

mod ffmpeg;
mod gstreamer;
mod installed;
mod installer;
pub mod macos;
mod programs;
mod suites;
mod toolchain;
mod wine;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use self::programs::BuildProfile;
use crate::steps::Step;
use crate::test::Tally;
use crate::{Place, build, ui};

pub const TARGET: &str = "x86_64-pc-windows-gnu";

/// The packages and features of every call, so that nothing is compiled twice. The tests of whole systems run on the
/// machine that builds, and start programs under Wine.
const WORKSPACE: [&str; 6] = [
    "--workspace",
    "--locked",
    "--exclude",
    "snaplark-tests",
    "--features",
    "snaplark-desktop/custom-protocol",
];

/// The folders of one machine, and how Cargo is called with them.
pub struct Kit {
    folder: PathBuf,
    /// The folder with the target's standard library, if it isn't in the toolchain.
    std: Option<PathBuf>,
}

/// Runs what was asked for: the check, the suites and programs under Wine, or everything that is shipped.
pub fn command(place: &Place, checks: bool, runs_suites: bool) -> Result<ExitCode> {
    if !checks && !runs_suites {
        return windows(place);
    }
    if checks {
        check(place)?;
    }
    if runs_suites {
        let mut tally = suites(place)?;
        tally.runner("the programs under Wine", programs_under_wine(place));
        println!("{tally}");
        ensure!(tally.failed == 0, "{} failed under Wine", tally.failed);
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds all programs, the zip and the installer.
fn windows(place: &Place) -> Result<ExitCode> {
    let kit = Kit::ensure(place)?;
    let built = programs::build(place, &kit, programs::BuildProfile::Release)?;
    println!("{}", built.display());
    let setup = place.root.join("target/windows").join(installer::name());
    installer::make(place, &kit, &built, &setup)?;
    for made in [programs::zip(place, &kit, &built)?, setup] {
        let size_bytes = fs::metadata(&made)?.len();
        println!("{} ({:.1} MB)", made.display(), size_bytes as f64 / 1e6);
    }
    Ok(ExitCode::SUCCESS)
}

/// Installs what the check, the suites and the programs under Wine need.
pub fn prepare(place: &Place) -> Result<()> {
    wine::ensure(place, &Kit::ensure(place)?).map(drop)
}

/// Checks every crate and the desktop with all their tests by the compiler.
pub fn check(place: &Place) -> Result<()> {
    suites::check(place, &Kit::ensure(place)?)
}

/// Runs the suites that need no Windows of their own.
pub fn suites(place: &Place) -> Result<Tally> {
    let kit = Kit::ensure(place)?;
    let wine = wine::ensure(place, &kit)?;
    suites::run(place, &kit, &wine)
}

/// Records with the programs themselves, and installs and uninstalls them.
pub fn programs_under_wine(place: &Place) -> Result<Tally> {
    let kit = Kit::ensure(place)?;
    let wine = wine::ensure(place, &kit)?;
    let folder = programs::build(place, &kit, programs::BuildProfile::Debug)?;
    let setup = kit.path("debug").join(installer::name());
    installer::make(place, &kit, &folder, &setup)?;
    installed::prove(&kit, &wine, &setup)?;
    suites::run_programs(place, &kit, &wine, &folder)
}

/// Writes a script that can be run.
fn write_script(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| path.display().to_string())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

impl Kit {
    /// Installs what is missing for builds. The desktop contains the windows' pages, so these are built.
    fn ensure(place: &Place) -> Result<Self> {
        ensure!(
            !cfg!(windows),
            "this builds for Windows elsewhere; docs/windows.md says how to build there"
        );
        let folder = place.target.join("windows");
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let folder = folder.canonicalize()?;
        toolchain::ensure_packages(place)?;
        let std = toolchain::ensure_std(place, &folder, TARGET)?;
        gstreamer::ensure(place, &folder)?;
        ui::install(place)?;
        ui::build(place)?;
        Ok(Kit { folder, std })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns the folder of the programs that a build makes.
    fn output(&self, profile: BuildProfile) -> PathBuf {
        self.path("build").join(TARGET).join(profile.name())
    }

    /// Returns the flag that names the standard library, if the toolchain has none, and a space.
    fn sysroot(&self) -> String {
        let sysroot = self.std.as_deref().map(|folder| format!("--sysroot={} ", folder.display()));
        sysroot.unwrap_or_default()
    }

    /// Returns a call of Cargo for the target. `flags` are more flags of rustc, which compile everything of the target
    /// anew.
    fn cargo(&self, place: &Place, step: &str, command: &[&str], flags: &str) -> Step {
        let rustflags = self.sysroot() + flags;
        let kit = self.path("kit");
        let mut cargo = build::cargo(place, step)
            .remedy("read the first error above; `cargo xtask windows` installs what is missing.")
            .env("CARGO_TARGET_DIR", self.path("build"))
            .env("CARGO_INCREMENTAL", "0")
            // A program of 150 MB is linked in seconds without, and Wine shows no lines anyway.
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", "x86_64-w64-mingw32-gcc")
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUSTFLAGS", rustflags.trim())
            .env("PKG_CONFIG_ALLOW_CROSS", "1")
            .env("PKG_CONFIG_LIBDIR_x86_64_pc_windows_gnu", kit.join("pc"))
            .env("PKG_CONFIG_PATH_x86_64_pc_windows_gnu", "");
        for (name, program) in [("CC", "gcc"), ("CXX", "g++"), ("AR", "ar")] {
            let variable = format!("{name}_x86_64_pc_windows_gnu");
            cargo = cargo.env(&variable, format!("x86_64-w64-mingw32-{program}"));
        }
        cargo.args(command).args(WORKSPACE).args(["--target", TARGET])
    }
}

/// Runs `make` unless the file `stamp` says that the same was made before, and then writes that file.
fn once(stamp: &Path, wanted: &str, make: impl FnOnce() -> Result<()>) -> Result<bool> {
    if fs::read_to_string(stamp).is_ok_and(|made| made == wanted) {
        return Ok(false);
    }
    make()?;
    fs::write(stamp, wanted).with_context(|| stamp.display().to_string())?;
    Ok(true)
}

/// Makes an empty folder in place of what was there.
fn emptied(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}
