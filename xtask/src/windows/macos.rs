//! `cargo xtask macos`: the compiler's word on every crate for macOS. Nothing is linked or run: that needs Apple's SDK.
//!
//! Some crates compile Objective-C or assembler on the way. Their compiler here is a script that writes empty files.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use super::{Kit, WORKSPACE, toolchain, write_script};
use crate::{Place, build};

const TARGET: &str = "aarch64-apple-darwin";

/// Writes what `-o` names.
const COMPILER: &str = "#!/bin/sh
# Stands in for a compiler of Apple: nothing is linked. Written by `cargo xtask macos`.
while [ $# -gt 0 ]; do
  if [ \"$1\" = -o ]; then : > \"$2\"; fi
  shift
done
";
/// Writes the archive.
const ARCHIVER: &str = "#!/bin/sh
# Stands in for ar. Written by `cargo xtask macos`.
for word; do
  case \"$word\" in *.a) : > \"$word\" ;; esac
done
";

/// Checks every crate and the desktop with all their tests. A warning is an error.
pub fn check(place: &Place) -> Result<ExitCode> {
    let kit = Kit::ensure(place)?;
    let std = toolchain::ensure_std(place, &kit.folder, TARGET)?;
    let kit = Kit { std, ..kit };
    let tools = kit.path("macos");
    let sdk = tools.join("sdk");
    fs::create_dir_all(&sdk).with_context(|| sdk.display().to_string())?;
    let mut cargo = build::cargo(place, "check everything for macOS");
    for (name, script) in [("CC", COMPILER), ("CXX", COMPILER), ("AR", ARCHIVER)] {
        let path = tools.join(name.to_ascii_lowercase());
        write_script(&path, script)?;
        cargo = cargo.env(&format!("{name}_aarch64_apple_darwin"), path);
    }
    cargo
        .env("CARGO_TARGET_DIR", kit.path("macos-build"))
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .env("CARGO_TARGET_AARCH64_APPLE_DARWIN_LINKER", "true")
        .env("CARGO_TARGET_AARCH64_APPLE_DARWIN_RUSTFLAGS", kit.sysroot() + "-Dwarnings")
        .env("SDKROOT", sdk)
        .env("PKG_CONFIG_ALLOW_CROSS", "1")
        .env("PKG_CONFIG_LIBDIR_aarch64_apple_darwin", kit.path("kit/pc"))
        .env("PKG_CONFIG_PATH_aarch64_apple_darwin", "")
        .args(["check", "--all-targets", "--keep-going"])
        .args(WORKSPACE)
        .args(["--target", TARGET])
        .run()?;
    Ok(ExitCode::SUCCESS)
}
