//! Makes a seekable file from an init and the index of its clusters, without reading or moving any
//! media bytes.

use crate::ChapterMark;
use crate::webm::WebmError;
use crate::webm::ebml::{EbmlWriter, id};
use crate::webm::read::{Cluster, read_head};
use crate::webm::write::{Finish, head};

/// A finished file: `head`, then the clusters' bytes in order, then `cues`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedFile {
    /// The head is as long as the init if Snaplark wrote that and there are no chapters; otherwise it may be
    /// longer or shorter.
    pub head: Vec<u8>,
    /// The index of keyframes.
    pub cues: Vec<u8>,
    /// The duration of the whole file.
    pub duration_ms: u64,
    /// The size of the whole file.
    pub size_bytes: u64,
}

/// Finishes a file. `clusters` must be in playing order. Only their `size`, `start_ms`, `end_ms` and
/// `starts_with_keyframe` are used; in the finished file they are contiguous, wherever they are now. Of
/// an init by another program, the EBML header, Info and Tracks are kept.
pub fn finish(init: &[u8], clusters: &[Cluster]) -> Result<FinishedFile, WebmError> {
    finish_with_chapters(init, clusters, &[])
}

/// Finishes a file that has chapters, which stand in its head. The head's length does not depend on their times.
pub fn finish_with_chapters(
    init: &[u8],
    clusters: &[Cluster],
    chapters: &[ChapterMark],
) -> Result<FinishedFile, WebmError> {
    if let Some(pair) = clusters.windows(2).find(|pair| pair[1].start_ms < pair[0].start_ms) {
        return Err(WebmError::Backwards { start_ms: pair[1].start_ms });
    }
    let (read, kept) = read_head(init)?;
    let duration_ms = clusters.iter().map(|c| c.end_ms).max().unwrap_or(0);
    let clusters_bytes = clusters.iter().fold(0_u64, |sum, c| sum.saturating_add(c.size));

    // The head and the length of the Cues depend on each other only through numbers of fixed width, so
    // a first pass gives the head's length.
    let chapters = write_chapters(chapters);
    let mut plan = Finish { duration_ms, chapters, body_bytes: 0, clusters_bytes };
    let head_len = head(&kept.parts(), Some(&plan)).len() as u64;
    let segment_start = kept.parts().header.len() as u64 + SEGMENT_HEADER_BYTES;
    let cues = write_cues(clusters, head_len - segment_start, read.video_track);
    plan.body_bytes = clusters_bytes.saturating_add(cues.len() as u64);
    let head = head(&kept.parts(), Some(&plan));
    let size_bytes = head_len.saturating_add(plan.body_bytes);
    Ok(FinishedFile { head, cues, duration_ms, size_bytes })
}

/// Four bytes of id, eight of size. Positions in a file count from the end of this header.
const SEGMENT_HEADER_BYTES: u64 = 12;

/// Writes the Chapters; nothing if there are none.
fn write_chapters(chapters: &[ChapterMark]) -> Vec<u8> {
    let mut written = EbmlWriter::default();
    if chapters.is_empty() {
        return written.0;
    }
    written.master(id::CHAPTERS, |w| {
        w.master(id::EDITION_ENTRY, |w| {
            for (number, chapter) in (1..).zip(chapters) {
                w.master(id::CHAPTER_ATOM, |w| {
                    w.uint(id::CHAPTER_UID, number);
                    w.uint_wide(id::CHAPTER_TIME_START, nanoseconds(chapter.start_ms));
                    w.uint_wide(id::CHAPTER_TIME_END, nanoseconds(chapter.end_ms));
                    w.master(id::CHAPTER_DISPLAY, |w| {
                        w.text(id::CHAP_STRING, &chapter.title);
                        w.text(id::CHAP_LANGUAGE, "und");
                    });
                });
            }
        });
    });
    written.0
}

/// Chapters count in nanoseconds, whatever the scale of the other times.
fn nanoseconds(time_ms: u64) -> u64 {
    time_ms.saturating_mul(1_000_000)
}

/// Writes the Cues, an entry for each keyframe. `position` is that of the first cluster.
fn write_cues(clusters: &[Cluster], mut position: u64, video_track: u64) -> Vec<u8> {
    let mut cues = EbmlWriter::default();
    cues.master(id::CUES, |w| {
        for cluster in clusters {
            if cluster.starts_with_keyframe {
                w.master(id::CUE_POINT, |w| {
                    w.uint(id::CUE_TIME, cluster.start_ms);
                    w.master(id::CUE_TRACK_POSITIONS, |w| {
                        w.uint(id::CUE_TRACK, video_track);
                        w.uint(id::CUE_CLUSTER_POSITION, position);
                    });
                });
            }
            position = position.saturating_add(cluster.size);
        }
    });
    cues.0
}
