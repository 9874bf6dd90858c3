//! Chooses the encoder that a recording begins with: a hardware encoder if a trial showed that it works
//! on this computer, else libvpx.
//!
//! The results of trials are cached in a file, one line for each encoder and size, with a fingerprint
//! of what a result depends on: GStreamer, its plugin, the kernel, the drivers. A recording does not
//! wait for a trial: if there is no result yet, it begins with libvpx, and the trial runs in the
//! background for the next recording. An encoder that fails while it records is not used again until
//! the fingerprint changes.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use gstreamer as gst;
use gstreamer::prelude::*;
use sha2::{Digest, Sha256};

use crate::encoder::{self, Encoder, SOFTWARE, Settings};
use crate::{disk, part, trial};

const FILE: &str = "encoders";
const WORKS: &str = "works";

/// Allows one trial at a time, and one writer.
static WRITING: Mutex<()> = Mutex::new(());

/// The file that caches the results of trials.
#[derive(Clone, Debug)]
pub struct Memory(PathBuf);

impl Memory {
    pub fn below(folder: &Path) -> Self {
        Memory(folder.join(FILE))
    }

    /// Returns the encoder that a recording of that size begins with.
    pub fn choose(&self, settings: &Settings) -> &'static Encoder {
        let found = encoder::hardware()
            .find(|encoder| self.verdict(encoder, settings).is_some_and(|why| why == WORKS));
        found.unwrap_or(SOFTWARE)
    }

    /// Returns the cached result for an encoder: `works`, or why it does not.
    pub fn verdict(&self, encoder: &Encoder, settings: &Settings) -> Option<String> {
        let kept = fs::read_to_string(&self.0).unwrap_or_default();
        let key = key(encoder, settings);
        kept.lines().find_map(|line| Some(line.strip_prefix(&key)?.trim().to_owned()))
    }

    /// Replaces the cached result for an encoder.
    pub fn note(&self, encoder: &Encoder, settings: &Settings, verdict: &str) {
        let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = fs::read_to_string(&self.0).unwrap_or_default();
        let key = key(encoder, settings);
        // Results under other drivers are of no use any more.
        let old = subject(encoder, settings);
        let mut lines: Vec<&str> = kept.lines().filter(|line| !line.starts_with(&old)).collect();
        let line = format!("{key}{}", verdict.replace('\n', " "));
        lines.push(&line);
        let fresh = self.0.with_extension("new");
        let written = disk::create_private(&fresh)
            .and_then(|mut file| file.write_all((lines.join("\n") + "\n").as_bytes()));
        if let Err(error) = written.and_then(|()| fs::rename(&fresh, &self.0)) {
            tracing::warn!(%error, "what an encoder's trial showed can't be kept");
        }
    }

    /// Tries all encoders without a result, on a background thread.
    pub fn learn(&self, settings: Settings) {
        let unknown = |encoder: &&Encoder| self.verdict(encoder, &settings).is_none();
        let untried: Vec<&Encoder> = encoder::hardware().filter(unknown).collect();
        if untried.is_empty() || !part::can_start() {
            return;
        }
        let memory = self.clone();
        let learn = move || {
            for encoder in untried {
                let verdict = trial::hold(encoder, &settings).err();
                memory.note(encoder, &settings, verdict.as_deref().unwrap_or(WORKS));
            }
        };
        if let Err(error) = crate::spawn("trial", learn) {
            tracing::warn!(%error, "encoders can't be tried");
        }
    }
}

/// Returns the beginning of the line for this encoder, size and fingerprint.
fn key(encoder: &Encoder, settings: &Settings) -> String {
    format!("{}{} ", subject(encoder, settings), fingerprint(encoder))
}

fn subject(encoder: &Encoder, settings: &Settings) -> String {
    let Settings { width, height, bitrate_bits } = settings;
    format!("{} {width}x{height} {bitrate_bits} ", encoder.element)
}

/// Returns a hash of what a trial depends on. Parts that can't be read are left out.
fn fingerprint(encoder: &Encoder) -> String {
    let mut all = gst::version_string().to_string();
    let plugin = gst::ElementFactory::find(encoder.element).and_then(|factory| factory.plugin());
    if let Some(plugin) = plugin {
        all += &plugin.version();
    }
    all += &fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let named = std::env::var_os("LIBVA_DRIVERS_PATH").map(PathBuf::from);
    let usual = ["/usr/lib/dri", "/usr/lib64/dri", "/usr/lib/x86_64-linux-gnu/dri"];
    for folder in named.into_iter().chain(usual.map(PathBuf::from)) {
        let changed = fs::metadata(folder).and_then(|folder| folder.modified()).ok();
        let since = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        all += &since.map_or(0, |since| since.as_secs()).to_string();
    }
    Sha256::digest(all)[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_trial_showed_is_kept_for_its_size_and_drivers() {
        gst::init().unwrap();
        let folder = std::env::temp_dir().join(format!("snaplark-choice-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let memory = Memory::below(&folder);
        let settings = Settings { width: 1_280, height: 720, bitrate_bits: 2_500_000 };
        let small = Settings { width: 640, ..settings };
        assert_eq!(memory.verdict(SOFTWARE, &settings), None);
        memory.note(SOFTWARE, &settings, WORKS);
        memory.note(SOFTWARE, &small, "it hangs\nfor ever");
        assert_eq!(memory.verdict(SOFTWARE, &settings).as_deref(), Some(WORKS));
        assert_eq!(memory.verdict(SOFTWARE, &small).as_deref(), Some("it hangs for ever"));
        memory.note(SOFTWARE, &settings, "it failed while it recorded");
        assert_eq!(fs::read_to_string(folder.join(FILE)).unwrap().lines().count(), 2);
        // With other drivers, there is no result.
        let kept = fs::read_to_string(folder.join(FILE)).unwrap();
        fs::write(folder.join(FILE), kept.replace(&fingerprint(SOFTWARE), "0123456789ab")).unwrap();
        assert_eq!(memory.verdict(SOFTWARE, &small), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
