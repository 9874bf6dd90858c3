//! Chooses the encoder that a recording begins with: a hardware encoder if a trial showed that it works
//! on this computer, else libvpx.
//!
//! The results of trials are cached in a file, one line for each encoder and size, with a fingerprint
//! of what a result depends on: GStreamer, its plugin, the kernel, the drivers. A recording does not
//! wait for a trial: if there is no result yet, it begins with libvpx, and the trial runs in the
//! background for the next recording. An encoder that fails while it records is not used again until
//! the fingerprint changes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use gstreamer as gst;
use gstreamer::prelude::*;
use sha2::{Digest, Sha256};
use snaplark_files as files;

use crate::encoder::{self, Encoder, EncoderSettings, SOFTWARE};
use crate::{encoder_trial, helper_process};

const FILE: &str = "encoders";
const WORKS: &str = "works";

/// Allows one trial at a time, and one writer.
static WRITING: Mutex<()> = Mutex::new(());

/// The file that caches the results of trials.
#[derive(Clone, Debug)]
pub(crate) struct TrialCache(PathBuf);

impl TrialCache {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        TrialCache(folder.join(FILE))
    }

    /// Returns the encoder that a recording of that size begins with.
    pub(crate) fn choose(&self, settings: &EncoderSettings) -> &'static Encoder {
        let found = encoder::hardware()
            .find(|encoder| self.result(encoder, settings).is_some_and(|why| why == WORKS));
        found.unwrap_or(SOFTWARE)
    }

    /// Returns the cached result for an encoder: `works`, or why it does not.
    pub(crate) fn result(&self, encoder: &Encoder, settings: &EncoderSettings) -> Option<String> {
        let lines_before = fs::read_to_string(&self.0).unwrap_or_default();
        let key = key(encoder, settings);
        lines_before.lines().find_map(|line| Some(line.strip_prefix(&key)?.trim().to_owned()))
    }

    /// Replaces the cached result for an encoder.
    pub(crate) fn store(&self, encoder: &Encoder, settings: &EncoderSettings, result: &str) {
        let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let lines_before = fs::read_to_string(&self.0).unwrap_or_default();
        let key = key(encoder, settings);
        // Results under other drivers are of no use any more.
        let old = line_prefix(encoder, settings);
        let mut lines: Vec<&str> =
            lines_before.lines().filter(|line| !line.starts_with(&old)).collect();
        let line = format!("{key}{}", result.replace('\n', " "));
        lines.push(&line);
        let written = files::write_durably(&self.0, (lines.join("\n") + "\n").as_bytes());
        if let Err(error) = written {
            tracing::warn!(%error, "Encoder trial result can't be saved");
        }
    }

    /// Tries all encoders without a result, on a background thread.
    pub(crate) fn try_untested(&self, settings: EncoderSettings) {
        let unknown = |encoder: &&Encoder| self.result(encoder, &settings).is_none();
        let untried: Vec<&Encoder> = encoder::hardware().filter(unknown).collect();
        if untried.is_empty() || !helper_process::helpers_available() {
            return;
        }
        let cache = self.clone();
        let try_untested = move || {
            for encoder in untried {
                let result = encoder_trial::run_in_helper(encoder, &settings).err();
                cache.store(encoder, &settings, result.as_deref().unwrap_or(WORKS));
            }
        };
        if let Err(error) = crate::spawn("trial", try_untested) {
            tracing::warn!(%error, "Encoder trials can't be started");
        }
    }
}

/// Returns the beginning of the line for this encoder, size and fingerprint.
fn key(encoder: &Encoder, settings: &EncoderSettings) -> String {
    format!("{}{} ", line_prefix(encoder, settings), fingerprint(encoder))
}

fn line_prefix(encoder: &Encoder, settings: &EncoderSettings) -> String {
    let EncoderSettings { width, height, bitrate_bits, .. } = settings;
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
    fn trial_cache_keeps_results_by_size_and_drivers() {
        gst::init().unwrap();
        let folder = std::env::temp_dir().join(format!("snaplark-choice-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let cache = TrialCache::in_folder(&folder);
        let settings = EncoderSettings {
            width: 1_280,
            height: 720,
            bitrate_bits: 2_500_000,
            has_borders: false,
        };
        let small = EncoderSettings { width: 640, ..settings };
        assert_eq!(cache.result(SOFTWARE, &settings), None);
        cache.store(SOFTWARE, &settings, WORKS);
        cache.store(SOFTWARE, &small, "it hangs\nfor ever");
        assert_eq!(cache.result(SOFTWARE, &settings).as_deref(), Some(WORKS));
        assert_eq!(cache.result(SOFTWARE, &small).as_deref(), Some("it hangs for ever"));
        cache.store(SOFTWARE, &settings, "it failed while it recorded");
        assert_eq!(fs::read_to_string(folder.join(FILE)).unwrap().lines().count(), 2);
        // With other drivers, there is no result.
        let lines_before = fs::read_to_string(folder.join(FILE)).unwrap();
        fs::write(folder.join(FILE), lines_before.replace(&fingerprint(SOFTWARE), "0123456789ab"))
            .unwrap();
        assert_eq!(cache.result(SOFTWARE, &small), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
