//! GStreamer for Windows, from the wheels that its own project publishes on PyPI. They have DLLs and plugins and no
//! import libraries, which are made here, by MinGW's tools, together with the pkg-config files that crates ask for.
//! Microsoft's C++ runtime, with which they were compiled, comes with them: a fresh Windows lacks it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{emptied, once};
use crate::Place;
use crate::progress::Progress;
use crate::steps::{Step, answer};

/// The wheels, in the form of pip's requirements: what else PyPI might serve is refused.
const WHEELS: &str = "\
gstreamer-libs==1.28.7 --hash=sha256:ea81c0f3aba25ca53053202b274c9a05e71037761def9e2dbb172982e8e961bf
gstreamer-plugins==1.28.7 --hash=sha256:960f8cc19f4c4dfb460e782b1c8a426e95d06a300195b6f356319731a3a2b70b
gstreamer-plugins-libs==1.28.7 --hash=sha256:5bfd41b8f3ec6ad1dac30132ad0ae4738a8a79de926606c7cc2c736bb1d22d06
gstreamer-msvc-runtime==1.28.2 --hash=sha256:8eebafe2bb694a398516bbab410282d0c857dba05b69ba19f02b2b06932afbfa
";

/// The libraries that we link: pkg-config's name, the linker's name, the DLL, and what it requires.
const LIBRARIES: [(&str, &str, &str, &str); 9] = [
    ("glib-2.0", "glib-2.0", "glib-2.0-0.dll", ""),
    ("gobject-2.0", "gobject-2.0", "gobject-2.0-0.dll", "glib-2.0"),
    ("gmodule-2.0", "gmodule-2.0", "gmodule-2.0-0.dll", "glib-2.0"),
    ("gio-2.0", "gio-2.0", "gio-2.0-0.dll", "gobject-2.0"),
    ("gstreamer-1.0", "gstreamer-1.0", "gstreamer-1.0-0.dll", "gobject-2.0 glib-2.0"),
    ("gstreamer-base-1.0", "gstbase-1.0", "gstbase-1.0-0.dll", "gstreamer-1.0"),
    ("gstreamer-app-1.0", "gstapp-1.0", "gstapp-1.0-0.dll", "gstreamer-base-1.0"),
    ("gstreamer-audio-1.0", "gstaudio-1.0", "gstaudio-1.0-0.dll", "gstreamer-base-1.0"),
    ("gstreamer-video-1.0", "gstvideo-1.0", "gstvideo-1.0-0.dll", "gstreamer-base-1.0"),
];
const GLIB_VERSION: &str = "2.82.5";
const GSTREAMER_VERSION: &str = "1.28.7";

/// The plugins that Snaplark uses. Whatever else the wheels have (200 MB) is not shipped.
const PLUGINS: [&str; 23] = [
    // Every pipeline.
    "app",
    "coreelements",
    "typefindfunctions",
    "videoconvertscale",
    // The screen.
    "d3d11",
    "winscreencap",
    // Sound.
    "audioconvert",
    "audioresample",
    "autodetect",
    "opus",
    "wasapi2",
    // Webcams. Kernel streaming (winks) would list each a second time.
    "jpeg",
    "mediafoundation",
    "videocrop",
    // Pictures and wave forms of recordings, and of any file that a person brings.
    "matroska",
    "playback",
    "videofilter",
    // VP9, and H.264 and AAC by the system's own encoders.
    "audioparsers",
    "isomp4",
    "qsv",
    "videoparsersbad",
    "vpx",
    // For tests: numbered tones and pictures.
    "audiotestsrc",
];

pub fn ensure(place: &Place, folder: &Path) -> Result<()> {
    let wheels = folder.join("gstreamer");
    let made = once(&folder.join("gstreamer.made"), WHEELS, || unpack(place, folder, &wheels))?;
    let wanted = format!("{GSTREAMER_VERSION} {LIBRARIES:?} {PLUGINS:?}");
    let kit = once(&folder.join("kit.made"), &wanted, || {
        make_kit(&wheels, &folder.join("kit"))?;
        lay_out(&wheels, &folder.join("runtime"))
    })?;
    if !made && !kit {
        Progress::begin("GStreamer for Windows").done("nothing to do");
    }
    Ok(())
}

fn unpack(place: &Place, folder: &Path, wheels: &Path) -> Result<()> {
    let requirements = folder.join("gstreamer.txt");
    fs::write(&requirements, WHEELS)?;
    let python = folder.join("python");
    Step::new(place, "a place for pip", "python3")
        .args(["-m".as_ref(), "venv".as_ref(), python.as_os_str()])
        .remedy("install Python 3 with its venv module.")
        .run()?;
    emptied(wheels)?;
    Step::new(place, "fetch GStreamer for Windows (102 MB)", python.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile"])
        .args(["--platform", "win_amd64", "--only-binary=:all:", "--require-hashes", "--target"])
        .args([wheels.as_os_str(), "-r".as_ref(), requirements.as_os_str()])
        .remedy("PyPI has to be in reach the first time; then run it again.")
        .run()
}

/// Makes import libraries and pkg-config files.
fn make_kit(wheels: &Path, kit: &Path) -> Result<()> {
    let progress = Progress::begin("import libraries of GStreamer");
    emptied(kit)?;
    let (lib, pc) = (kit.join("lib"), kit.join("pc"));
    fs::create_dir_all(&lib)?;
    fs::create_dir_all(&pc)?;
    for (name, link, dll, requires) in LIBRARIES {
        let exports = answer(Command::new("gendef").arg("-").arg(wheels.join(BIN[0]).join(dll)))?;
        let def = lib.join(format!("{link}.def"));
        fs::write(&def, exports)?;
        let mut dlltool = Command::new("x86_64-w64-mingw32-dlltool");
        dlltool
            .args(["-D", dll, "-d"])
            .arg(&def)
            .arg("-l")
            .arg(lib.join(format!("lib{link}.dll.a")));
        answer(&mut dlltool)?;
        let version = if link.starts_with("gst") { GSTREAMER_VERSION } else { GLIB_VERSION };
        let text = format!(
            "libdir=${{pcfiledir}}/../lib\nName: {name}\nDescription: {name}\nVersion: {version}\n\
             Requires: {requires}\nLibs: -L${{libdir}} -l{link}\nCflags:\n"
        );
        fs::write(pc.join(format!("{name}.pc")), text)?;
    }
    progress.done("");
    Ok(())
}

const BIN: [&str; 3] =
    ["gstreamer_libs/bin", "gstreamer_plugins_libs/bin", "gstreamer_msvc_runtime/bin"];
const PLUGIN_FOLDERS: [&str; 2] =
    ["gstreamer_libs/lib/gstreamer-1.0", "gstreamer_plugins/lib/gstreamer-1.0"];

/// Copies the plugins, and the DLLs that these and our programs need, as they lie beside an installed program:
/// GStreamer looks for plugins in `lib/gstreamer-1.0` beside its own DLL.
fn lay_out(wheels: &Path, runtime: &Path) -> Result<()> {
    let progress = Progress::begin("the DLLs that are shipped");
    emptied(runtime)?;
    let plugins = runtime.join("lib/gstreamer-1.0");
    fs::create_dir_all(&plugins)?;
    let known = libraries(wheels)?;
    let mut open: Vec<PathBuf> = Vec::new();
    for name in PLUGINS {
        let file = format!("gst{name}.dll");
        let found = PLUGIN_FOLDERS.iter().map(|folder| wheels.join(folder).join(&file));
        let found = found.into_iter().find(|path| path.is_file());
        let found = found.with_context(|| format!("the wheels have no {file}"))?;
        fs::copy(&found, plugins.join(&file))?;
        open.push(found);
    }
    for (_, _, dll, _) in LIBRARIES {
        let found = known.get(dll).with_context(|| format!("the wheels have no {dll}"))?;
        fs::copy(found, runtime.join(dll))?;
        open.push(found.clone());
    }
    while let Some(file) = open.pop() {
        for name in imports(&file)? {
            let Some(found) = known.get(&name) else { continue };
            let to = runtime.join(found.file_name().unwrap_or(OsStr::new(&name)));
            if !to.exists() {
                fs::copy(found, &to)?;
                open.push(found.clone());
            }
        }
    }
    let scanner = "libexec/gstreamer-1.0/gst-plugin-scanner.exe";
    let to = runtime.join(scanner);
    fs::create_dir_all(to.parent().unwrap_or(runtime))?;
    fs::copy(wheels.join("gstreamer_libs").join(scanner), to)?;
    progress.done("");
    Ok(())
}

/// Returns the DLLs of the wheels by their names in small letters.
fn libraries(wheels: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut known = BTreeMap::new();
    for folder in BIN {
        for entry in fs::read_dir(wheels.join(folder)).with_context(|| folder.to_owned())? {
            let path = entry?.path();
            if path.extension().is_some_and(|it| it == "dll")
                && let Some(name) = path.file_name()
            {
                known.entry(name.to_string_lossy().to_lowercase()).or_insert(path);
            }
        }
    }
    Ok(known)
}

/// Returns the names of the DLLs that a program or a DLL loads, in small letters.
pub fn imports(file: &Path) -> Result<Vec<String>> {
    let told = answer(Command::new("x86_64-w64-mingw32-objdump").arg("-p").arg(file))?;
    Ok(imported(&told))
}

fn imported(told: &str) -> Vec<String> {
    let names = told.lines().filter_map(|line| line.trim().strip_prefix("DLL Name: "));
    names.map(|name| name.trim().to_lowercase()).collect()
}

/// Checks that each DLL that a program needs is in `folder` or belongs to Windows. A program that was linked with a
/// DLL of the compiler would start here and nowhere else.
pub fn check_imports(program: &Path, folder: &Path) -> Result<()> {
    let missing: Vec<String> = imports(program)?
        .into_iter()
        .filter(|name| !is_of_system(name) && !folder.join(name).is_file())
        .collect();
    ensure!(missing.is_empty(), "{} needs {}", program.display(), missing.join(", "));
    Ok(())
}

/// DLLs that compilers bring, and GStreamer's, are not the system's; everything else is.
fn is_of_system(name: &str) -> bool {
    let brought =
        ["lib", "gst", "glib-", "gobject-", "gio-", "gmodule-", "msvcp", "vcruntime", "webview2"];
    !brought.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_read_from_objdump() {
        let told = "\tDLL Name: KERNEL32.dll\n\tvma: 1\n\tDLL Name: gstapp-1.0-0.dll\n";
        assert_eq!(imported(told), ["kernel32.dll", "gstapp-1.0-0.dll"]);
        assert!(is_of_system("kernel32.dll") && !is_of_system("libgcc_s_seh-1.dll"));
    }
}
