//! `cargo xtask run`: the app on a display, or the demonstration if there is none.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;

use crate::packages::Need;
use crate::{Place, build, packages, ui};

/// The length of the demonstration's recording, in seconds.
pub const SECONDS: u32 = 12;

pub fn run(place: &Place, seconds: u32, keep: bool) -> Result<ExitCode> {
    let display = has_display();
    if !display {
        eprintln!(
            "There is no display here, so the whole product is shown on a virtual one: tray, \
             recording, toast and link.\n"
        );
    }
    packages::ensure(place, if display { Need::App } else { Need::Stage })?;
    ui::install(place)?;
    ui::build(place)?;
    build::programs(place)?;

    if display {
        eprintln!(
            "\nSnaplark starts with a cloud of its own. Its icon is in the tray; Alt+R records."
        );
        return build::become_program(place, "snaplark-desktop", &[]);
    }
    let pictures = place.root.join("target").join("demonstration");
    let mut args: Vec<OsString> = vec!["--seconds".into(), seconds.to_string().into()];
    args.extend(["--pictures".into(), pictures.into()]);
    if keep || std::io::stdin().is_terminal() {
        args.push("--keep".into());
    }
    build::become_program(place, "demonstration", &args)
}

fn has_display() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}
