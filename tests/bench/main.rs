//! `peer-bench [--short] AREA…`: measures Snaplark and its peers side by side, in turn, and writes docs/benchmarks.md and
//! docs/benchmarks.json. `cargo xtask bench AREA` builds it with optimization, installs the peers and starts it.
//!
//! Each area is one file. It measures in rounds: every side once, then every side again, so that what else the machine
//! does meets all of them. What is compared is CPU time, memory and ratios, and never a bare time.
//!
//! With `--short` each area does a little of everything, and what it prints is written nowhere.

mod cloud;
mod desktop;
mod finalize;
mod library;
mod link;
mod prepared;
mod quality;
mod recording;
mod report;
mod resume;
mod shaped;
mod sides;
mod upload;

use std::path::Path;

use anyhow::{Context, Result, bail};
use snaplark_tests::wait;

use report::{Area, Report};

/// Measures one area.
type Measure = fn(&mut Area) -> Result<()>;

/// The areas that can be chosen, and what measures them.
const AREAS: [(&str, Measure); 9] = [
    ("upload", upload::measure),
    ("finalize", finalize::measure),
    ("cloud", cloud::measure),
    ("resume", resume::measure),
    ("link", link::measure),
    ("shaped", shaped::measure),
    ("library", library::measure),
    ("recording", recording::measure),
    ("desktop", desktop::measure),
];

fn main() -> Result<()> {
    wait::catch_interrupts()?;
    // reqwest is built without a provider, and even a client that only speaks HTTP asks for one.
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut chosen: Vec<String> = std::env::args().skip(1).collect();
    let before = chosen.len();
    chosen.retain(|arg| arg != "--short");
    let is_short = chosen.len() < before;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace's folder")?;
    for name in &chosen {
        let Some((name, measure)) = AREAS.iter().find(|(known, _)| known == name) else {
            let known = AREAS.map(|(name, _)| name).join(", ");
            bail!("there is no area '{name}'; there are {known}");
        };
        eprintln!("· {name}");
        let mut area = Area::begin(name, root, is_short)?;
        measure(&mut area)?;
        area.end();
        println!("{}", area.section());
        if !is_short {
            let mut report = Report::read(root)?;
            report.add(area);
            report.write()?;
        }
    }
    Ok(())
}
