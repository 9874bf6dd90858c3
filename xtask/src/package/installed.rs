//! Tests the package on an empty machine: a separate root made by debootstrap that contains only the
//! package and its dependencies. The desktop test of the first hour then runs the programs of that root, so
//! a dependency that the package lacks is missing there too.
//!
//! The programs are packed as they are (not built for release), since the package's contents and
//! dependencies are tested. Needs root, for chroot and mounts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::{Compression, PROGRAMS, check, make};
use crate::packages::{self, Need};
use crate::steps::{Step, answer};
use crate::{Place, build, ui};

pub fn prove(place: &Place) -> Result<()> {
    packages::ensure(place, Need::Proofs)?;
    let who = answer(Command::new("id").arg("-u"))?;
    ensure!(who.trim() == "0", "a root of its own needs root: run this with sudo");
    ui::install(place)?;
    ui::build(place)?;
    build::programs(place)?;
    let work = place.root.join("target/installed");
    let programs = stripped(place, &work)?;
    let deb = make(place, &programs, &work.join("package"), Compression::Quick)?;
    check(place, &deb)?;
    let root = root(place, &work)?;
    install(place, &root, &deb)?;
    let programs = wrappers(&work, &root)?;
    build::cargo(place, "the first hour on an empty machine")
        .remedy("read the failure above; its pictures are in target/pictures.")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "desktop", "--", "--nocapture", "first_hour"])
        .env("SNAPLARK_PROGRAMS", programs)
        .run()
}

/// Copies the built programs without debug information, as a release has them.
fn stripped(place: &Place, work: &Path) -> Result<PathBuf> {
    let folder = work.join("stripped");
    fs::create_dir_all(&folder)?;
    for name in PROGRAMS {
        let mut strip = Command::new("strip");
        strip.arg("-o").arg(folder.join(name)).arg(build::program(place, name));
        answer(&mut strip)?;
    }
    Ok(folder)
}

/// An archive that this machine installs from, and a release of it.
struct Source {
    site: String,
    release: String,
}

/// Returns the archives of this machine's own release, so that the root has the libraries that the programs
/// were built with.
fn sources() -> Result<(String, Vec<Source>)> {
    let system = fs::read_to_string("/etc/os-release").context("/etc/os-release")?;
    let codename = system.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let codename = codename.context("the system names no codename")?.trim_matches('"').to_owned();
    let mut ask = Command::new("apt-get");
    ask.args(["indextargets", "--format", "$(SITE) $(RELEASE)", "Identifier: Packages"]);
    let mut sources: Vec<Source> = Vec::new();
    for line in answer(&mut ask)?.lines() {
        let Some((site, release)) = line.split_once(' ') else { continue };
        let is_ours = release == codename || release.starts_with(&format!("{codename}-"));
        let is_known = sources.iter().any(|it| it.site == site && it.release == release);
        if is_ours && !is_known {
            sources.push(Source { site: site.into(), release: release.into() });
        }
    }
    if sources.is_empty() {
        bail!("apt names no archive of {codename}");
    }
    Ok((codename, sources))
}

/// Makes a fresh root. The first one on a machine is kept and copied later.
fn root(place: &Place, work: &Path) -> Result<PathBuf> {
    let (codename, sources) = sources()?;
    let empty = work.join("empty");
    if !empty.join("var/lib/dpkg/status").is_file() {
        fs::create_dir_all(work)?;
        let first = sources.iter().find(|source| source.release == codename);
        let first = first.with_context(|| format!("apt names no archive of {codename}"))?;
        Step::new(place, "an empty machine", "debootstrap")
            .args(["--variant=minbase", &codename])
            .args([empty.as_os_str(), first.site.as_ref()])
            .run()?;
        let list: String = sources
            .iter()
            .map(|Source { site, release }| format!("deb {site} {release} main\n"))
            .collect();
        fs::write(empty.join("etc/apt/sources.list"), list)?;
    }
    let root = work.join("root");
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    Step::new(place, "copy the empty machine", "cp")
        .args(["-a".as_ref(), empty.as_os_str(), root.as_os_str()])
        .run()?;
    fs::copy("/etc/resolv.conf", root.join("etc/resolv.conf")).ok();
    Ok(root)
}

/// Installs the package as a person does, and nothing else.
fn install(place: &Place, root: &Path, deb: &Path) -> Result<()> {
    fs::copy(deb, root.join("snaplark.deb"))?;
    let script = "apt-get update && \
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /snaplark.deb";
    Step::new(place, "install the package there", "chroot")
        .args([root.as_os_str(), "sh".as_ref(), "-c".as_ref(), script.as_ref()])
        .run()
}

/// Makes a folder of scripts with the programs' names, each of which runs the installed program in its
/// root. Only /tmp, where a test's home is, and the kernel's own folders are shared with the machine.
fn wrappers(work: &Path, root: &Path) -> Result<PathBuf> {
    let folder = work.join("programs");
    fs::create_dir_all(&folder)?;
    for name in PROGRAMS {
        let script = format!(
            "#!/bin/sh\n\
             # Runs the installed {name} in its root.\n\
             export SNAPLARK_ROOT='{}'\n\
             exec unshare --mount sh -c '\n\
             for folder in dev proc sys tmp; do\n\
               mount --rbind \"/$folder\" \"$SNAPLARK_ROOT/$folder\" || exit 1\n\
             done\n\
             exec chroot \"$SNAPLARK_ROOT\" /usr/bin/{name} \"$@\"' {name} \"$@\"\n",
            root.display()
        );
        let file = folder.join(name);
        fs::write(&file, script)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    }
    Ok(folder)
}
