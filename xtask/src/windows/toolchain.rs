//! The compiler's part: MinGW, and standard libraries for other systems. On Debian such a library is built from the
//! package of the same version's sources, which takes two minutes; elsewhere rustup brings it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::{TARGET, emptied, once};
use crate::Place;
use crate::packages;
use crate::steps::{Step, answer, has_program};

/// Compilers, the tools that make import libraries of DLLs, and the maker of installers (173 MB).
const PACKAGES: [&str; 4] = [
    "gcc-mingw-w64-x86-64-posix g++-mingw-w64-x86-64-posix mingw-w64-tools nsis pkg-config python3-venv",
    "mingw64-gcc mingw64-gcc-c++ mingw-w64-tools mingw32-nsis pkgconf-pkg-config python3",
    "mingw-w64-gcc mingw-w64-tools nsis pkgconf python",
    "mingw-w64 makensis pkgconf",
];

/// The sources of std as Debian packages them: the version of rustc, that of the package, and its SHA-256.
const SOURCES: [(&str, &str, &str); 1] = [(
    "1.95.0",
    "1.95.0+dfsg1-2~bpo13+1",
    "7b76db5b880a77f9e52975d2baa6209d2f76d2c9c2789515c3088cb960e2c83b",
)];
/// The release of Debian that has them.
const SOURCES_RELEASE: &str = "trixie-backports";
/// A folder `library` of Rust's sources, or an archive of one, for a machine on which the package is gone.
const SOURCES_VARIABLE: &str = "SNAPLARK_RUST_LIBRARY";

pub fn ensure_packages(place: &Place) -> Result<()> {
    packages::ensure_listed(place, "MinGW and NSIS, to build for Windows", &PACKAGES)
}

/// Returns the folder with the standard library of a target, or `None` if the toolchain has it.
pub fn ensure_std(place: &Place, folder: &Path, target: &str) -> Result<Option<PathBuf>> {
    let its_own = answer(rustc().args(["--print", "target-libdir", "--target", target]))?;
    let is_there = |folder: &Path| {
        fs::read_dir(folder).is_ok_and(|mut entries| {
            entries.any(|entry| {
                entry.is_ok_and(|it| it.file_name().to_string_lossy().starts_with("libstd-"))
            })
        })
    };
    if is_there(Path::new(its_own.trim())) {
        return Ok(None);
    }
    let version = answer(rustc().arg("--version"))?;
    let version = version.split_whitespace().nth(1).context("rustc has no version")?.to_owned();
    let std = folder.join("std");
    let stamp = folder.join(format!("std-{target}.made"));
    if fs::read_to_string(&stamp).is_ok_and(|made| made == version) {
        return Ok(Some(std));
    }
    // Debian's archive is a package registry, and rustup's server is not: it is asked only where there is no other way.
    let is_packaged = SOURCES.iter().any(|(rustc, ..)| *rustc == version);
    let is_given = std::env::var_os(SOURCES_VARIABLE).is_some_and(|given| !given.is_empty());
    let has_sources = is_given || is_packaged && debian_site().is_ok();
    if !has_sources && has_program("rustup") {
        Step::new(place, &format!("rustup: a standard library for {target}"), "rustup")
            .args(["target", "add", target])
            .remedy(&format!(
                "on Debian the library is built from a package of Rust's sources; elsewhere set {SOURCES_VARIABLE} to \
                 the folder 'library' of the sources of rustc {version}."
            ))
            .run()?;
        return Ok(None);
    }
    once(&stamp, &version, || build_std(place, folder, &version, target))?;
    Ok(Some(std))
}

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

fn build_std(place: &Place, folder: &Path, version: &str, target: &str) -> Result<()> {
    let library = sources(place, folder, version)?;
    let build = folder.join("std-build");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Apple's linker is not here. The library that it would link is not used.
    let linker = if target == TARGET { "x86_64-w64-mingw32-gcc" } else { "true" };
    let linker_variable =
        format!("CARGO_TARGET_{}_LINKER", target.replace('-', "_").to_ascii_uppercase());
    Step::new(place, &format!("build a standard library for {target}"), cargo)
        .folder(&library)
        .remedy("read the first error above. The crates that std itself uses come from Rust's crate registry.")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("__CARGO_DEFAULT_LIB_METADATA", "stablestd")
        .env("RUSTFLAGS", "-Zforce-unstable-if-unmarked -Cembed-bitcode=yes")
        .env("CARGO_TARGET_DIR", &build)
        .env(&linker_variable, linker)
        .env("SDKROOT", "/")
        .args(["build", "--release", "--target", target, "--manifest-path", "sysroot/Cargo.toml"])
        .args(["--features", "panic-unwind backtrace"])
        .run()?;
    let std = folder.join("std");
    let libraries = std.join("lib/rustlib").join(target).join("lib");
    emptied(&libraries)?;
    let made = build.join(target).join("release/deps");
    for entry in fs::read_dir(&made).with_context(|| made.display().to_string())? {
        let file = entry?.path();
        if file.extension().is_some_and(|it| it == "rlib") {
            let name = file.file_name().context("a file has a name")?;
            fs::copy(&file, libraries.join(name))?;
        }
    }
    // What MinGW's linker puts before and after everything else.
    let frames: &[&str] = if target == TARGET { &["rsbegin", "rsend"] } else { &[] };
    for name in frames {
        let mut rustc = rustc();
        rustc.env("RUSTC_BOOTSTRAP", "1").current_dir(library.join("rtstartup"));
        rustc.args(["--target", target, "--emit=obj", "-o"]);
        rustc.arg(libraries.join(format!("{name}.o"))).arg(format!("{name}.rs"));
        answer(&mut rustc)?;
    }
    fs::remove_dir_all(&build).with_context(|| build.display().to_string())?;
    fs::remove_dir_all(&library).with_context(|| library.display().to_string())
}

/// Returns the folder `library` of the sources of this version, unpacked.
fn sources(place: &Place, folder: &Path, version: &str) -> Result<PathBuf> {
    let unpacked = folder.join("rust-sources");
    emptied(&unpacked)?;
    let library = unpacked.join("library");
    if let Some(given) = std::env::var_os(SOURCES_VARIABLE).filter(|given| !given.is_empty()) {
        let given = PathBuf::from(given);
        let step = if given.is_dir() {
            Step::new(place, "copy Rust's sources", "cp").args(["-a".as_ref(), given.as_os_str()])
        } else {
            Step::new(place, "unpack Rust's sources", "tar")
                .args(["-xf".as_ref(), given.as_os_str()])
                .args(["-C"])
        };
        step.args([&unpacked]).run()?;
        ensure!(library.is_dir(), "{SOURCES_VARIABLE} names no folder 'library' of Rust's sources");
        return Ok(library);
    }
    let Some((_, package, sha256)) = SOURCES.into_iter().find(|(rustc, ..)| *rustc == version)
    else {
        bail!(
            "no source of std is known for rustc {version}. Add its Debian package to SOURCES in \
             xtask/src/windows/toolchain.rs, or set {SOURCES_VARIABLE} to the folder 'library' of Rust's sources"
        );
    };
    let deb = fetch(place, folder, package)?;
    let found = answer(Command::new("sha256sum").arg(&deb))?;
    ensure!(found.starts_with(sha256), "{} has another SHA-256: {found}", deb.display());
    let unpack = format!(
        "dpkg-deb --fsys-tarfile '{}' | tar -x -C '{}' --strip-components=4 \
         ./usr/src/rustc-{version}/library",
        deb.display(),
        unpacked.display()
    );
    Step::new(place, "unpack Rust's sources", "sh").args(["-c", &unpack]).run()?;
    fs::remove_file(&deb)?;
    Ok(library)
}

/// Downloads a version of the package rust-src by an apt with lists of its own, so that the system's are not changed.
fn fetch(place: &Place, folder: &Path, package: &str) -> Result<PathBuf> {
    let apt = folder.join("apt");
    emptied(&apt)?;
    for part in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(apt.join(part))?;
    }
    let site = debian_site()?;
    let list = format!("deb [signed-by={KEYRING}] {site} {SOURCES_RELEASE} main\n");
    fs::write(apt.join("sources.list"), list)?;
    let at = apt.display();
    let config = format!(
        "Dir::Etc::SourceList \"{at}/sources.list\";\nDir::Etc::SourceParts \"/dev/null\";\n\
         Dir::State::Lists \"{at}/lists\";\nDir::Cache \"{at}/cache\";\nAPT::Sandbox::User \"root\";\n"
    );
    fs::write(apt.join("apt.conf"), config)?;
    let remedy = format!(
        "Debian's archive has to be in reach. Where it no longer has this version, set \
         {SOURCES_VARIABLE} to the folder 'library' of Rust's sources."
    );
    let step = |name: &str| {
        Step::new(place, name, "apt-get")
            .env("APT_CONFIG", apt.join("apt.conf"))
            .folder(&apt)
            .remedy(&remedy)
    };
    step("read the list of Rust's sources").args(["update"]).run()?;
    step("fetch Rust's sources (45 MB)")
        .args(["download", &format!("rust-src={package}")])
        .run()?;
    let found = fs::read_dir(&apt)?.filter_map(|entry| Some(entry.ok()?.path()));
    let deb = found.into_iter().find(|file| file.extension().is_some_and(|it| it == "deb"));
    deb.context("apt fetched no package")
}

/// Returns the archive that this machine installs from.
pub fn debian_site() -> Result<String> {
    let mut ask = Command::new("apt-get");
    ask.args(["indextargets", "--format", "$(SITE) $(LABEL)", "Identifier: Packages"]);
    let sites = answer(&mut ask)?;
    let debian = sites.lines().find_map(|line| line.strip_suffix(" Debian"));
    debian.map(str::to_owned).context(
        "apt on this machine names no archive of Debian, which has the packages that are needed to build for Windows \
         where rustup or Wine 10 is missing",
    )
}

/// Debian's own keys, which every Debian and Ubuntu has or can install.
pub const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
