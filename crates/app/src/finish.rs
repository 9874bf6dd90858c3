//! The WebM format as the store needs it, and moving the person's own file. `render` writes that file.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use snaplark_core::render::RenderProgress;
use snaplark_files as files;
use snaplark_formats::webm::Cluster;
use snaplark_store::{Format, Judged, Segment, Truncate};

/// How much of a file is copied between two looks at whether it is still wanted.
const COPY_BYTES: usize = 1 << 20;

/// Gives a written file a second name, replacing any file that has that name. The old name stays; the
/// caller removes it when the new one is noted. After an error nothing new is left.
pub(crate) fn copy_file(from: &Path, to: &Path, progress: &RenderProgress) -> io::Result<()> {
    let linked = files::make_beside(to, |part| std::fs::hard_link(from, part));
    let part = match linked {
        Ok((part, ())) => part,
        // The target is on another disk, or on a filesystem without hard links.
        Err(_) => {
            let (part, file) = files::create_beside(to)?;
            if let Err(error) = copy_bytes(from, file, progress) {
                let _ = std::fs::remove_file(&part);
                return Err(error);
            }
            part
        }
    };
    let renamed = files::rename_durably(&part, to);
    // It is still there after an error, and if `to` was a name of the same file already.
    let _ = std::fs::remove_file(&part);
    renamed
}

fn copy_bytes(from: &Path, mut to: File, progress: &RenderProgress) -> io::Result<()> {
    let mut from = File::open(from)?;
    let total_bytes = from.metadata()?.len();
    let (mut bytes, mut done_bytes) = (vec![0; COPY_BYTES], 0);
    loop {
        if progress.is_cancelled() {
            return Err(io::Error::other("it was cancelled"));
        }
        let count = from.read(&mut bytes)?;
        if count == 0 {
            return to.sync_all();
        }
        to.write_all(&bytes[..count])?;
        done_bytes += count as u64;
        progress.advance(done_bytes, total_bytes);
    }
}

/// The WebM format, as the store needs to know it.
pub(crate) struct Webm;

impl Format for Webm {
    fn judge(&self, bytes: &[u8]) -> Option<Judged> {
        judge(bytes)
    }

    fn size(&self, init: &[u8]) -> Option<(u32, u32)> {
        let video = snaplark_formats::webm::read_init(init).ok()?.tracks.video;
        Some((video.width, video.height))
    }

    fn retime(&self, bytes: &mut [u8], start_ms: u64) -> Option<Judged> {
        retime(bytes, start_ms)
    }

    fn placeholder(
        &self,
        init: &[u8],
        start_ms: u64,
        duration_ms: u64,
        size_bytes: u64,
    ) -> Option<Vec<u8>> {
        let tracks = snaplark_formats::webm::read_init(init).ok()?.tracks;
        snaplark_formats::webm::placeholder(&tracks, start_ms, duration_ms, size_bytes).ok()
    }

    fn names(&self, started_unix_ms: i64) -> (String, String) {
        let started = jiff::Timestamp::from_millisecond(started_unix_ms).unwrap_or_default();
        let started = started.to_zoned(jiff::tz::TimeZone::system());
        let title = started.strftime("%-d %b, %H:%M").to_string();
        (title, started.strftime("%Y-%m-%dT%H-%M-%S").to_string())
    }
}

impl Truncate for Webm {
    fn segment(&self, bytes: &[u8], end_ms: u64) -> Option<(Vec<u8>, Judged)> {
        let kept = snaplark_formats::webm::truncate(bytes, end_ms).ok()?;
        let judged = judge(&kept)?;
        Some((kept, judged))
    }

    fn pointer(&self, bytes: &[u8], end_ms: u64) -> Option<Vec<u8>> {
        snaplark_formats::pointer::truncate(bytes, end_ms)
    }
}

/// Reads what recovery needs to know about a segment. Returns `None` unless it is whole and begins with a
/// keyframe.
pub(crate) fn judge(bytes: &[u8]) -> Option<Judged> {
    let part = snaplark_formats::webm::index(bytes).ok()?;
    let first = part.clusters.first()?;
    let last = part.clusters.last()?;
    let whole = part.init.is_none() && last.offset + last.size == bytes.len() as u64;
    (whole && first.starts_with_keyframe).then(|| Judged {
        start_ms: first.start_ms,
        duration_ms: last.end_ms - first.start_ms,
        sha256: Sha256::digest(bytes).into(),
    })
}

/// Rewrites a segment's timestamps so that it begins at `start_ms`, and reads it.
pub(crate) fn retime(bytes: &mut [u8], start_ms: u64) -> Option<Judged> {
    snaplark_formats::webm::retime(bytes, start_ms).ok()?;
    judge(bytes)
}

pub(crate) fn as_cluster(segment: &Segment) -> Cluster {
    Cluster::of_segment(segment.size_bytes, segment.start_ms, segment.duration_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_the_place_of_another_and_keeps_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a.webm"), folder.path().join("b.webm"));
        std::fs::write(&from, "new").unwrap();
        std::fs::write(&to, "old").unwrap();
        let other = folder.path().join("b.webm.part");
        std::fs::write(&other, "somebody else's").unwrap();
        copy_file(&from, &to, &RenderProgress::default()).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"new");
        assert!(from.exists());
        assert_eq!(std::fs::read(&other).unwrap(), b"somebody else's");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn copy_between_disks_has_the_same_bytes_and_says_how_far_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a.webm"), folder.path().join("b.webm"));
        let bytes: Vec<u8> = (0..COPY_BYTES + 7).map(|n| n as u8).collect();
        std::fs::write(&from, &bytes).unwrap();
        let progress = RenderProgress::default();
        copy_bytes(&from, File::create_new(&to).unwrap(), &progress).unwrap();
        assert!(std::fs::read(&to).unwrap() == bytes, "the copy has other bytes");
        assert_eq!(progress.thousandths(), 1_000);
    }

    #[test]
    fn copy_that_was_cancelled_fails() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a.webm"), folder.path().join("b.webm"));
        std::fs::write(&from, "new").unwrap();
        let progress = RenderProgress::default();
        progress.cancel();
        let to = File::create_new(&to).unwrap();
        assert_eq!(copy_bytes(&from, to, &progress).unwrap_err().to_string(), "it was cancelled");
    }
}
