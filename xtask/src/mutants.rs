//! Mutation tests: proof that the simulation can fail. The upload machine is broken on purpose in a copy of
//! the sources, and each time the simulation has to detect it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::Place;
use crate::progress::Progress;

struct Mutant {
    name: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
}

const MUTANTS: [Mutant; 15] = [
    Mutant {
        name: "tries again without waiting",
        file: "crates/core/src/policy.rs",
        from: "if step <= last { RETRY_MS[step] }",
        to: "if step <= last { 0 }",
    },
    Mutant {
        name: "finalizes when any part is acknowledged",
        file: "crates/core/src/upload/one.rs",
        from: "&& self.slots.iter().all(|slot| slot.acknowledged)",
        to: "&& self.slots.iter().any(|slot| slot.acknowledged)",
    },
    Mutant {
        name: "keeps acknowledgements of a lost session",
        file: "crates/core/src/upload/one.rs",
        from: "slot.acknowledged = false;",
        to: "slot.sent_bytes = 0;",
    },
    Mutant {
        name: "sends three parts at once",
        file: "crates/core/src/upload/schedule.rs",
        from: "let mut free = policy::PARTS_IN_FLIGHT_MAX",
        to: "let mut free = (policy::PARTS_IN_FLIGHT_MAX + 1)",
    },
    Mutant {
        name: "sends a part before the one that waits in front of it",
        file: "crates/core/src/upload/one.rs",
        from: "let next = if at_once == 1 {",
        to: "let next = if at_once == 0 {",
    },
    Mutant {
        name: "forgets over a restart that the server lost a part",
        file: "crates/core/src/upload/failing.rs",
        from: "step.changes.push(UploadChange::PartsLost { recording, indices });",
        to: "drop(indices);",
    },
    Mutant {
        name: "goes on before damaged segments are repaired",
        file: "crates/core/src/upload/one.rs",
        from: "slot.gate.is_open(now_ms) && !slot.repairing",
        to: "slot.gate.is_open(now_ms)",
    },
    Mutant {
        name: "finishes a video whose damaged parts it did not send again",
        file: "crates/core/src/upload/damage.rs",
        from: "upload.slots[*index as usize].acknowledged = false;\n        }\n        self.uploads.insert",
        to: "let _ = index;\n        }\n        self.uploads.insert",
    },
    Mutant {
        name: "asks a server of the documents what it has",
        file: "crates/core/src/upload/schedule.rs",
        from: "if self.offers.is_none() && !is_edited {\n                self.with",
        to: "if false {\n                self.with",
    },
    Mutant {
        name: "sends a part before its plan is committed",
        file: "crates/core/src/upload/schedule.rs",
        from: "step.changes.push(UploadChange::PartPlanned { recording: *recording, index, part });",
        to: "let _ = (recording, index, part);",
    },
    Mutant {
        name: "sends a piece of a segment to a server that wants whole ones",
        file: "crates/core/src/upload/resize.rs",
        from: "is_some_and(|offers| offers.parts_cut_anywhere)",
        to: "is_some()",
    },
    Mutant {
        name: "sends what is meant for one server to the current one",
        file: "crates/core/src/upload/machines.rs",
        from: "self.ranges.get(&(request.0 >> REQUESTS_BITS)).map(String::as_str)",
        to: "self.ranges.get(&(request.0 >> REQUESTS_BITS)).and(self.current.as_deref())",
    },
    Mutant {
        name: "takes uploads along when the person moves to another server",
        file: "crates/core/src/upload/machines.rs",
        from: "by_server.entry(row.server.clone()).or_insert_with",
        to: "by_server\n                .entry(targets.current.as_ref().map_or(row.server.clone(), |to| to.server.clone()))\n                .or_insert_with",
    },
    Mutant {
        name: "asks a server at which nobody is signed in",
        file: "crates/core/src/upload/reach.rs",
        from: "TargetRole::SignedOut => false,",
        to: "TargetRole::SignedOut => self.live_count() > 0,",
    },
    Mutant {
        name: "takes one server's answer for another's",
        file: "crates/core/src/upload/machines.rs",
        from: "Addressee::Server(server) => self.machines.get_mut(server),",
        to: "Addressee::Server(_) => self.machines.values_mut().next(),",
    },
];

/// What the simulation is made of: its result can only change with one of these.
const SOURCES: [&str; 6] = [
    "Cargo.lock",
    "Cargo.toml",
    "crates/api/",
    "crates/core/",
    "crates/store/",
    "xtask/src/mutants.rs",
];

/// Checks all mutants, unless they were caught already and no source of the simulation has changed since.
pub fn mutants_of_changes(place: &Place) -> Result<()> {
    copy_sources(place)?;
    if caught(place).exists() {
        let progress = Progress::begin("mutants");
        progress.done("caught by a former run, and no source of the simulation has changed since");
        return Ok(());
    }
    mutants(place)
}

fn copy_of(place: &Place) -> PathBuf {
    place.target.join("mutants").join("source")
}

/// The file that says that all mutants of the copied sources were caught.
fn caught(place: &Place) -> PathBuf {
    place.target.join("mutants").join("caught")
}

fn forget(place: &Place) -> Result<()> {
    let caught = caught(place);
    if caught.exists() { Ok(std::fs::remove_file(caught)?) } else { Ok(()) }
}

/// Checks that each mutant compiles and that the simulation rejects it.
pub fn mutants(place: &Place) -> Result<()> {
    copy_sources(place)?;
    forget(place)?;
    let copy = copy_of(place);
    run(&copy, &["--no-run"]).context("the sources as they are don't build")?;
    for mutant in &MUTANTS {
        let progress = Progress::begin(mutant.name);
        match refused(&copy, mutant) {
            Ok(()) => progress.done("caught"),
            Err(error) => {
                progress.failed();
                return Err(error.context(format!("the mutant that {}", mutant.name)));
            }
        }
    }
    Ok(std::fs::write(caught(place), "")?)
}

fn refused(copy: &Path, mutant: &Mutant) -> Result<()> {
    let path = copy.join(mutant.file);
    let sound = std::fs::read_to_string(&path)?;
    std::fs::write(&path, sound.replace(mutant.from, mutant.to))?;
    let built = run(copy, &["--no-run"]).context("it doesn't build");
    let survived = run(copy, &[]).is_ok();
    std::fs::write(&path, sound)?;
    built?;
    if survived {
        bail!("the simulation didn't catch it");
    }
    Ok(())
}

fn run(copy: &Path, more: &[&str]) -> Result<()> {
    let output = Command::new("cargo")
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", copy.with_file_name("target"))
        // Each mutant is compiled, and most are caught at once.
        .args(["--config", "profile.dev.package.snaplark-core.opt-level = 0"])
        .args(["test", "--quiet", "--package", "snaplark-core", "--test", "simulation"])
        .args(more)
        .output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let end: Vec<&str> = text.lines().rev().take(20).collect();
        bail!("{}", end.into_iter().rev().collect::<Vec<_>>().join("\n"));
    }
    Ok(())
}

/// Copies the files that git knows, without build output. What was caught before is forgotten if one of [`SOURCES`] has
/// changed.
fn copy_sources(place: &Place) -> Result<()> {
    let (root, copy) = (&place.root, copy_of(place));
    let listed = Command::new("git").current_dir(root).args(["ls-files", "-z"]).output()?;
    ensure!(listed.status.success(), "git doesn't list the sources");
    for name in String::from_utf8(listed.stdout)?.split_terminator('\0') {
        let (from, to) = (root.join(name), copy.join(name));
        let Ok(bytes) = std::fs::read(&from) else { continue };
        std::fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
        // An unchanged file keeps its modification time, so that cargo doesn't rebuild it.
        if std::fs::read(&to).ok().as_ref() != Some(&bytes) {
            if SOURCES.iter().any(|source| name.starts_with(source)) {
                forget(place)?;
            }
            std::fs::write(&to, bytes)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change of the upload machine that makes a mutant meaningless is known in a second, not after minutes.
    #[test]
    fn each_mutant_stands_exactly_once_in_its_file() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for Mutant { name, file, from, .. } in &MUTANTS {
            let sound = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            assert_eq!(sound.matches(from).count(), 1, "write the mutant that {name} anew: {file}");
        }
    }
}
