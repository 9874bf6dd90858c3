//! The programs that Snaplark is measured beside: installed once into the target folder from npm. Those of the system's
//! packages are in `packages`, and SeaweedFS is among the tools of the tests.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::Place;
use crate::progress::Progress;
use crate::steps::Step;

/// tus-js-client and @tus/server: resumable uploads by the protocol that most use.
const NPM: [&str; 3] = ["tus-js-client@4.3.1", "@tus/server@2.4.5", "@tus/file-store@2.1.1"];

/// Installs the peers and returns their folder.
pub fn ensure(place: &Place) -> Result<PathBuf> {
    let folder = place.target.join("peers");
    let stamp = folder.join("installed");
    let wanted = NPM.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        Progress::begin("programs to compare with").done("nothing to do");
        return Ok(folder);
    }
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    Step::new(place, "install programs to compare with", npm)
        .args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix"])
        .args([folder.join("npm")])
        .args(NPM)
        .remedy("the npm registry has to be in reach the first time; then run it again.")
        .run()?;
    std::fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
    Ok(folder)
}
