//! The system's packages: finds those that are missing and installs them. If none is missing, it needs no
//! network and no password.
//!
//! Debian's names are tested on every change. Those of the other families come from their distributions'
//! lists; CONTRIBUTING.md says so.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::Place;
use crate::progress::Progress;
use crate::steps::{Step, has_program};

/// The purposes that packages are needed for. Each includes those before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Building and running the app.
    App,
    /// The virtual desktop of the demonstration.
    Stage,
    /// The programs with which the tests control and measure.
    Tests,
    /// The programs of the long tests.
    Proofs,
    /// The programs that Snaplark is measured beside.
    Peers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Debian,
    Fedora,
    Arch,
    Mac,
}

/// One row for each purpose: Debian, Fedora, Arch, macOS. Each name is a package of that family.
const PACKAGES: &[(Need, [&str; 4])] = &[
    // A compiler and pkg-config.
    (
        Need::App,
        [
            "build-essential pkg-config",
            "gcc gcc-c++ make pkgconf-pkg-config",
            "base-devel",
            "pkgconf",
        ],
    ),
    // Windows, tray, clipboard.
    (
        Need::App,
        [
            "libgtk-3-dev libwebkit2gtk-4.1-dev libayatana-appindicator3-dev libdbus-1-dev librsvg2-dev",
            "gtk3-devel webkit2gtk4.1-devel libayatana-appindicator-gtk3-devel dbus-devel librsvg2-devel",
            "gtk3 webkit2gtk-4.1 libayatana-appindicator dbus librsvg",
            "",
        ],
    ),
    // Capture and encoder.
    (
        Need::App,
        [
            "libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev",
            "gstreamer1-devel gstreamer1-plugins-base-devel",
            "gstreamer gst-plugins-base",
            "gstreamer",
        ],
    ),
    (
        Need::App,
        [
            "gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-pulseaudio gstreamer1.0-x gstreamer1.0-pipewire",
            "gstreamer1-plugins-base gstreamer1-plugins-good pipewire-gstreamer",
            "gst-plugins-good gst-plugin-pipewire",
            "",
        ],
    ),
    // The screen capture of Windows and macOS, which is built and tested here too.
    (
        Need::App,
        [
            "libpipewire-0.3-dev libspa-0.2-dev libclang-dev",
            "pipewire-devel clang-devel",
            "libpipewire clang",
            "",
        ],
    ),
    // A display without a screen, and what a desktop has: window frames, panel, notifications, fonts.
    (
        Need::Stage,
        [
            "xvfb openbox xfce4-panel xfconf dunst dbus xdotool xclip util-linux",
            "xorg-x11-server-Xvfb openbox xfce4-panel xfconf dunst dbus-daemon xdotool xclip util-linux",
            "xorg-server-xvfb openbox xfce4-panel xfconf dunst dbus xdotool xclip util-linux",
            "",
        ],
    ),
    (
        Need::Stage,
        [
            "fonts-dejavu-core adwaita-icon-theme hicolor-icon-theme",
            "dejavu-sans-fonts adwaita-icon-theme hicolor-icon-theme",
            "ttf-dejavu adwaita-icon-theme hicolor-icon-theme",
            "",
        ],
    ),
    // Screenshots of it, and an independent check of videos.
    (Need::Stage, ["imagemagick", "ImageMagick", "imagemagick", ""]),
    (Need::Stage, ["ffmpeg", "ffmpeg-free", "ffmpeg", "ffmpeg"]),
    // Browsers that a program can control.
    (Need::Tests, ["chromium chromium-driver", "chromium chromedriver", "chromium", ""]),
    // Other video players.
    (Need::Tests, ["firefox-esr mpv", "firefox mpv", "firefox mpv", ""]),
    // Another player with demuxers of its own, as many people have it: 22 MB beside what ffmpeg brings.
    (Need::Tests, ["vlc-bin vlc-plugin-base", "vlc-cli vlc-plugins-base", "vlc", ""]),
    (Need::Tests, ["webkit2gtk-driver", "webkit2gtk-driver", "webkit2gtk-4.1", ""]),
    // A file manager to drop files on, and a tiling window manager.
    (Need::Tests, ["pcmanfm", "pcmanfm", "pcmanfm-gtk3", ""]),
    (Need::Tests, ["i3-wm", "i3", "i3-wm", ""]),
    // A display with several monitors.
    (
        Need::Tests,
        [
            "xserver-xorg-core xserver-xorg-video-dummy x11-xserver-utils",
            "xorg-x11-server-Xorg xorg-x11-drv-dummy xrandr",
            "xorg-server xf86-video-dummy xorg-xrandr",
            "",
        ],
    ),
    // A server that somebody writes from the documents, behind a proxy as it is installed.
    (Need::Tests, ["nginx-light php-cgi php-cli", "nginx php-cli", "nginx php-cgi", "nginx php"]),
    // The database of a cloud of many nodes, and what downloads its store.
    (
        Need::Tests,
        ["postgresql python3 python3-venv", "postgresql-server python3", "postgresql python", ""],
    ),
    (
        Need::Tests,
        ["curl procps iproute2", "curl procps-ng iproute", "curl procps-ng iproute2", ""],
    ),
    // Runs a program with a wrong clock.
    (Need::Tests, ["faketime", "libfaketime", "libfaketime", ""]),
    (Need::Tests, ["gnome-keyring", "gnome-keyring", "gnome-keyring", ""]),
    // Keys and signatures of an update feed.
    (Need::Tests, ["minisign", "minisign", "minisign", "minisign"]),
    (Need::Tests, ["mkvtoolnix", "mkvtoolnix", "mkvtoolnix-cli", "mkvtoolnix"]),
    // H.264 and AAC for exports as MP4, which people install themselves, and libwebp.
    (
        Need::Tests,
        [
            "gstreamer1.0-plugins-ugly gstreamer1.0-libav libwebp7",
            "gstreamer1-plugins-ugly gstreamer1-plugin-libav libwebp",
            "gst-plugins-ugly gst-libav libwebp",
            "webp",
        ],
    ),
    // Text recognition, whose library is loaded when it is used: its languages, fonts that render Arabic to be
    // read again, and an emoji font.
    (
        Need::Tests,
        [
            "libtesseract5 tesseract-ocr tesseract-ocr-deu tesseract-ocr-ara fonts-dejavu-core fonts-noto-color-emoji",
            "tesseract tesseract-langpack-deu tesseract-langpack-ara google-noto-color-emoji-fonts",
            "tesseract tesseract-data-eng tesseract-data-deu tesseract-data-ara noto-fonts-emoji",
            "tesseract tesseract-lang",
        ],
    ),
    // A Wayland desktop without a screen, with the portal that shares it.
    (
        Need::Tests,
        [
            "mutter xwayland xdg-desktop-portal xdg-desktop-portal-gnome pipewire wireplumber gstreamer1.0-tools libglib2.0-bin",
            "mutter xorg-x11-server-Xwayland xdg-desktop-portal-gnome pipewire-utils wireplumber gstreamer1",
            "mutter xorg-xwayland xdg-desktop-portal-gnome pipewire wireplumber",
            "",
        ],
    ),
    // Desktops as people have them: one of the wlroots family with its portal, and GNOME Shell, which is
    // the largest package that only tests need (58 packages, 123 MB).
    (
        Need::Tests,
        [
            "sway xdg-desktop-portal-wlr grim",
            "sway xdg-desktop-portal-wlr grim",
            "sway xdg-desktop-portal-wlr grim",
            "",
        ],
    ),
    (Need::Tests, ["gnome-shell", "gnome-shell", "gnome-shell", ""]),
    // A sound server with virtual devices, and its remote control. Outside of Debian it may conflict with
    // PipeWire.
    (Need::Stage, ["pulseaudio pulseaudio-utils", "", "", ""]),
    // PipeWire in place of PulseAudio, started by a test.
    (Need::Tests, ["pipewire-pulse", "", "", ""]),
    // An empty machine for testing the package, and Debian's package checker.
    (Need::Proofs, ["debootstrap lintian", "", "", ""]),
    // Another uploader, another server of files, and a library that skips fsync.
    (
        Need::Peers,
        ["rclone nginx-light eatmydata", "rclone nginx libeatmydata", "rclone nginx", ""],
    ),
    // Another recorder.
    (Need::Peers, ["obs-studio", "obs-studio", "obs-studio", ""]),
];

/// Installs what is missing for `need`.
pub fn ensure(place: &Place, need: Need) -> Result<()> {
    let Some(family) = family() else {
        eprintln!(
            "· This system's package manager is not known here. What is needed, by Debian's names:\n  {}",
            names(Family::Debian, need).join(" ")
        );
        return Ok(());
    };
    let progress = Progress::begin("system packages");
    let wanted = names(family, need);
    let missing = missing(family, &wanted)?;
    if missing.is_empty() {
        progress.done("nothing to do");
        return Ok(());
    }
    progress.done(&format!("{} missing", missing.len()));
    install(place, family, &missing)
}

/// Installs what is missing of a list that no [`Need`] has, one for each family in the order of `PACKAGES`.
pub fn ensure_listed(place: &Place, purpose: &str, lists: &[&'static str; 4]) -> Result<()> {
    let Some(family) = family() else {
        eprintln!(
            "· This system's package manager is not known here. For {purpose}, by Debian's names:\n  {}",
            lists[Family::Debian as usize]
        );
        return Ok(());
    };
    let progress = Progress::begin(purpose);
    let wanted: Vec<&'static str> = lists[family as usize].split_whitespace().collect();
    let missing = missing(family, &wanted)?;
    if missing.is_empty() {
        progress.done("nothing to do");
        return Ok(());
    }
    progress.done(&format!("{} packages missing", missing.len()));
    install(place, family, &missing)
}

fn family() -> Option<Family> {
    if cfg!(target_os = "macos") {
        return Some(Family::Mac);
    }
    [("apt-get", Family::Debian), ("dnf", Family::Fedora), ("pacman", Family::Arch)]
        .into_iter()
        .find_map(|(program, family)| has_program(program).then_some(family))
}

fn names(family: Family, need: Need) -> Vec<&'static str> {
    PACKAGES
        .iter()
        .filter(|(of, _)| *of <= need)
        .flat_map(|(_, names)| names[family as usize].split_whitespace())
        .collect()
}

fn missing(family: Family, wanted: &[&'static str]) -> Result<Vec<&'static str>> {
    if family == Family::Mac && !has_program("brew") {
        bail!("Homebrew is missing, which installs {}. See https://brew.sh", wanted.join(", "));
    }
    let (program, args): (&str, &[&str]) = match family {
        Family::Debian => ("dpkg-query", &["-W", "-f", "${Package} ${db:Status-Status}\n"]),
        Family::Fedora => ("rpm", &["-q", "--whatprovides", "--qf", "%{NAME} installed\n"]),
        Family::Arch => ("pacman", &["-T"]),
        Family::Mac => ("brew", &["list", "--formula", "-1"]),
    };
    let ask = |names: &[&str]| -> Result<String> {
        let mut query = Command::new(program);
        query.args(args);
        if family != Family::Mac {
            query.args(names);
        }
        // Each of these tools exits non-zero if a single package is missing.
        let output = query.output().with_context(|| format!("{program} can't be started"))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    Ok(match family {
        Family::Debian => {
            let text = ask(wanted)?;
            let there = |name: &str| text.lines().any(|line| line == format!("{name} installed"));
            wanted.iter().copied().filter(|name| !there(name)).collect()
        }
        // A package may be provided under another name, so each is queried separately.
        Family::Fedora => {
            let mut missing = Vec::new();
            for name in wanted {
                if !ask(&[name])?.lines().any(|line| line.ends_with(" installed")) {
                    missing.push(*name);
                }
            }
            missing
        }
        Family::Arch => {
            let text = ask(wanted)?;
            wanted.iter().copied().filter(|name| text.lines().any(|line| line == *name)).collect()
        }
        Family::Mac => {
            let text = ask(wanted)?;
            wanted.iter().copied().filter(|name| !text.lines().any(|line| line == *name)).collect()
        }
    })
}

fn install(place: &Place, family: Family, missing: &[&str]) -> Result<()> {
    let (program, args): (&str, &[&str]) = match family {
        // A person has to decide if a package conflicts with an installed one.
        Family::Debian => ("apt-get", &["install", "-y", "--no-install-recommends", "--no-remove"]),
        Family::Fedora => ("dnf", &["install", "-y", "--setopt=install_weak_deps=False"]),
        Family::Arch => ("pacman", &["-S", "--needed", "--noconfirm"]),
        Family::Mac => ("brew", &["install"]),
    };
    let sudo = if family == Family::Mac || is_root() { None } else { Some("sudo") };
    let spoken: Vec<&str> =
        sudo.iter().copied().chain([program]).chain(args.iter().copied()).collect();
    let spoken = format!("{} {}", spoken.join(" "), missing.join(" "));
    eprintln!(
        "· These system packages are missing and will be installed:\n  {}",
        missing.join(" ")
    );
    if sudo.is_some() {
        eprintln!("· That needs administrator rights, so your password may be asked:\n  {spoken}");
        if !has_program("sudo") {
            bail!("sudo is not here. Run this as root, then start again:\n  {spoken}");
        }
    }
    let step = |name: &str, args: &[&str]| {
        let step = Step::new(place, name, sudo.unwrap_or(program));
        let step = if sudo.is_some() {
            // sudo drops the environment; `env` restores what the installer needs.
            step.args(["env", "DEBIAN_FRONTEND=noninteractive", "TMPDIR=/var/tmp", program])
        } else {
            // Some containers clean /tmp while apt is using it.
            step.env("DEBIAN_FRONTEND", "noninteractive").env("TMPDIR", "/var/tmp")
        };
        step.args(args).remedy(&format!("run it by hand to see more:\n  {spoken}"))
    };
    if let Some(sudo) = sudo {
        // Asks for the password here, where the person sees it, and not inside a quiet step.
        let asked = Command::new(sudo).arg("-v").status().context("sudo can't be started")?;
        if !asked.success() {
            bail!("administrator rights were not given. Run this, then start again:\n  {spoken}");
        }
    }
    if family == Family::Debian {
        step("read the package lists", &["update"]).run()?;
    }
    let all: Vec<&str> = args.iter().chain(missing).copied().collect();
    step("install system packages", &all).run()
}

fn is_root() -> bool {
    crate::steps::answer(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_need_holds_the_one_before() {
        for family in [Family::Debian, Family::Fedora, Family::Arch] {
            let [app, stage, tests] =
                [Need::App, Need::Stage, Need::Tests].map(|need| names(family, need));
            assert!(app.iter().all(|name| stage.contains(name)));
            assert!(stage.iter().all(|name| tests.contains(name)));
            assert!(app.len() < stage.len() && stage.len() < tests.len());
        }
    }
}
