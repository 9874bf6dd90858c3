//! Says how a missing part of GStreamer is installed, in the words of this system.

/// The packages of Debian, Fedora and Arch that have the part.
pub(crate) struct Packages<'a> {
    pub debian: &'a str,
    pub fedora: &'a str,
    pub arch: &'a str,
}

impl Packages<'_> {
    /// Returns the remedy as a sentence without its full stop.
    pub(crate) fn remedy(&self) -> String {
        if cfg!(windows) {
            return "Install Snaplark again: its folder lacks a part of GStreamer".to_owned();
        }
        if cfg!(target_os = "macos") {
            return "Install GStreamer, for example by 'brew install gstreamer'".to_owned();
        }
        let Packages { debian, fedora, arch } = self;
        format!("Install the package {debian} (Debian, Ubuntu), {fedora} (Fedora) or {arch} (Arch)")
    }
}
