//! The preview of the last minutes. The content of the ring buffer is hard-linked under other names, so
//! that the ring buffer keeps running while a person looks at it. It becomes a recording when they share it
//! or a range of it.
//!
//! A preview has no row, and none of it is offered for upload before it is shared. It lies in
//! `ring/preview-ID` as whole segments from the first on; the recording gets the same ID. A preview that
//! was neither shared nor discarded survives the program, and the next start offers it again.

use std::ops::Range;
use std::path::PathBuf;

use snaplark_core::capture::{FrameCounts, SealedSegment};
use snaplark_core::ring::RingRange;
use snaplark_core::{INIT_FILE, RecordingId, segment_file};
use snaplark_files as files;
use snaplark_store::{Elsewhere, Segment};
use tracing::{info, warn};

use super::recording::begin_row;
use super::ring::ring_request;
use super::{Context, RecordingSession, SessionEvent, Write};
use crate::finish::{self, Webm};
use crate::messages::Reply;
use crate::view::PreviewView;
use crate::{AppError, Keeps, StartRequest};

const PREFIX: &str = "preview-";

pub(super) struct Preview {
    pub(super) recording: RecordingId,
    size: (u32, u32),
    began_unix_ms: i64,
    request: StartRequest,
    /// Renumbered and retimed from 0 on.
    segments: Vec<SealedSegment>,
    /// Derived from the window that had the focus when the preview was asked for.
    title: Option<String>,
}

impl Preview {
    fn new(
        recording: RecordingId,
        size: (u32, u32),
        began_unix_ms: i64,
        request: StartRequest,
        segments: Vec<SealedSegment>,
    ) -> Self {
        let segments = from_zero(&segments);
        Preview { recording, size, began_unix_ms, request, segments, title: None }
    }

    /// Returns the segments in `range`, or an error if there are none.
    fn chosen(&self, range: &Range<usize>) -> Result<&[SealedSegment], AppError> {
        let chosen = self.segments.get(range.clone()).filter(|chosen| !chosen.is_empty());
        chosen.ok_or(AppError::BadRange { segments: self.segments.len() })
    }

    fn view(&self) -> PreviewView {
        PreviewView { id: self.recording.to_string(), began_unix_ms: self.began_unix_ms }
    }
}

/// Returns the segments renumbered and retimed as those of a recording that begins with the first.
pub(super) fn from_zero(segments: &[SealedSegment]) -> Vec<SealedSegment> {
    let mut start_ms = 0;
    let renumbered = (0..).zip(segments).map(|(index, segment)| {
        let start = start_ms;
        start_ms += segment.duration_ms;
        SealedSegment { index, start_ms: start, ..segment.clone() }
    });
    renumbered.collect()
}

/// Returns whether a folder of the ring buffer is a preview, which outlives the program that made it.
pub(in crate::engine) fn is_preview(folder: &str) -> bool {
    folder.starts_with(PREFIX)
}

fn name(recording: RecordingId) -> String {
    format!("{PREFIX}{recording}")
}

impl RecordingSession {
    /// Asks for a preview. Replies with the existing one as long as it is neither shared nor discarded.
    pub(crate) fn ask_preview(&mut self, cx: &Context, reply: Reply<RecordingId>) {
        if let Some(preview) = &self.preview {
            let _ = reply.send(Ok(preview.recording));
            return;
        }
        let recording = self.ask_share(cx, None, true, reply);
        self.find_subject(cx, recording, ring_request(cx).source);
    }

    /// Returns the preview that is neither shared nor discarded.
    pub(crate) fn preview_view(&self) -> Option<PreviewView> {
        self.preview.as_ref().map(Preview::view)
    }

    /// Makes a preview of what the ring buffer holds.
    pub(super) fn freeze(
        &mut self,
        cx: &Context,
        recording: RecordingId,
        kept: &RingRange,
        request: StartRequest,
        began_unix_ms: i64,
        title: Option<String>,
    ) {
        // A second request before the cut arrived gets the same preview.
        if let Some(preview) = &self.preview {
            let there = preview.recording;
            let _ = self.answer_share(recording, Ok(there));
            return;
        }
        let folder = cx.store.ring_folder(&name(recording));
        let there = Elsewhere { folder, first_index: 0 };
        let indices = kept.segments.iter().map(|segment| segment.index);
        if let Err(error) = cx.store.link_kept(&super::ring::name(kept.ring), indices, &there) {
            sweep_preview(cx, recording);
            let _ = self.answer_share(recording, Err(error.into()));
            return;
        }
        info!(%recording, duration_ms = kept.duration_ms(), "Preview of the ring");
        let preview =
            Preview::new(recording, kept.size, began_unix_ms, request, kept.segments.clone());
        self.preview = Some(Preview { title, ..preview });
        let _ = self.answer_share(recording, Ok(recording));
    }

    /// Makes a recording of a range of the preview's segments. On an error the preview stays.
    pub(crate) fn share_preview(
        &mut self,
        cx: &Context,
        recording: RecordingId,
        range: &Range<usize>,
        reply: Reply<RecordingId>,
    ) {
        match self.begin_shared(cx, recording, range) {
            Err(error) => self.answer(reply, Err(error)),
            Ok(()) => drop(self.keeping.shares.insert(recording, reply)),
        }
    }

    fn begin_shared(
        &mut self,
        cx: &Context,
        recording: RecordingId,
        range: &Range<usize>,
    ) -> Result<(), AppError> {
        let preview = self.preview.as_ref().filter(|preview| preview.recording == recording);
        let preview = preview.ok_or(AppError::NoPreview)?;
        let chosen = preview.chosen(range)?.to_vec();
        let began_unix_ms = preview.began_unix_ms + chosen[0].start_ms as i64;
        let (size, title) = (preview.size, preview.title.clone());
        let request = preview.request.clone();
        info!(%recording, segments = chosen.len(), of = preview.segments.len(), "Preview shared");

        // All files are linked and synced before the row is made. A program that dies in between leaves the
        // preview as it was; one that dies later leaves a whole recording.
        let folder = cx.store.ring_folder(&format!("share-{recording}"));
        let there = Elsewhere { folder, first_index: 0 };
        let indices = chosen.iter().map(|segment| segment.index);
        let made = cx
            .store
            .link_kept(&name(recording), indices, &there)
            .and_then(|()| Ok(files::sync_folder(&there.folder)?))
            .and_then(|()| begin_row(cx, recording, &request, began_unix_ms).map(drop))
            .and_then(|()| cx.store.expect_elsewhere(recording, &there))
            .and_then(|()| cx.store.bring_init(recording, &there.segment(0)));
        if let Err(error) = made {
            self.take_back(recording);
            if let Err(error) = cx.store.sweep_ring(&format!("share-{recording}")) {
                warn!(%recording, %error, "What was linked could not be deleted; the next start does it");
            }
            return Err(error.into());
        }
        self.preview = None;
        sweep_preview(cx, recording);
        if let Some(title) = title {
            self.ask(SessionEvent::Name(recording, title));
        }
        let close = Write::Close(recording, FrameCounts::default(), None);
        self.write_kept(recording, &request, size, &from_zero(&chosen), &there, Some(close));
        Ok(())
    }

    /// Deletes the preview; the ring buffer keeps its segments. Does nothing if the preview is gone
    /// already.
    pub(crate) fn discard_preview(&mut self, cx: &Context, recording: RecordingId) {
        if self.preview.take_if(|preview| preview.recording == recording).is_some() {
            info!(%recording, "Preview discarded");
            sweep_preview(cx, recording);
        }
    }

    /// Returns where the preview's media is, if the id is the preview's.
    pub(crate) fn preview_media(
        &self,
        cx: &Context,
        recording: RecordingId,
    ) -> Option<(PathBuf, Vec<Segment>)> {
        let preview = self.preview.as_ref().filter(|preview| preview.recording == recording)?;
        let segments = preview.segments.iter().cloned().map(Segment::from).collect();
        Some((cx.store.ring_folder(&name(recording)), segments))
    }

    /// Names the preview, if the recording is still one or is about to become one. Returns whether it did.
    pub(crate) fn name_preview(&mut self, recording: RecordingId, title: &str) -> bool {
        let there = self.preview.as_mut().filter(|preview| preview.recording == recording);
        let there = there.map(|preview| &mut preview.title);
        match there.or_else(|| self.keeping.previews.get_mut(&recording)) {
            Some(name) => *name = Some(title.to_owned()),
            None => return false,
        }
        true
    }

    /// Finds the preview that an earlier program left. It is offered again and never uploaded by itself. A
    /// program that runs a single command leaves it to the next.
    pub(crate) fn restore_preview(&mut self, cx: &Context) {
        if self.keeps == Keeps::Nothing {
            return;
        }
        for folder in cx.store.ring_folders() {
            let id = folder.strip_prefix(PREFIX).and_then(|id| id.parse().ok());
            let Some(recording) = id else { continue };
            // It was shared, and the program died before deleting the links.
            let was_shared = cx.store.recording(recording).is_ok();
            match left_preview(cx, recording).filter(|_| !was_shared) {
                None => sweep_preview(cx, recording),
                Some(preview) if self.preview.is_none() => self.preview = Some(preview),
                Some(_) => {}
            }
        }
    }
}

fn left_preview(cx: &Context, recording: RecordingId) -> Option<Preview> {
    let folder = cx.store.ring_folder(&name(recording));
    let init = std::fs::read(folder.join(INIT_FILE)).ok()?;
    let size = snaplark_store::Format::size(&Webm, &init)?;
    let segments: Vec<_> = (0..).map_while(|index| whole(&folder, index)).collect();
    let first = segments.first()?;
    let lasts_ms: u64 = segments.iter().map(|segment| segment.duration_ms).sum();
    // The last segment was sealed when the preview was asked for; the preview's id holds that time.
    let asked_unix_ms = asked_unix_ms(recording)?;
    let began_unix_ms = asked_unix_ms.saturating_sub(lasts_ms as i64);
    info!(%recording, segments = segments.len(), first_ms = first.start_ms, "Preview restored");
    Some(Preview::new(recording, size, began_unix_ms, ring_request(cx), segments))
}

fn sweep_preview(cx: &Context, recording: RecordingId) {
    if let Err(error) = cx.store.sweep_ring(&name(recording)) {
        warn!(%recording, %error, "A preview could not be deleted; it will be offered again");
    }
}

/// Reads a segment from its file. Returns `None` if it is missing or torn.
fn whole(folder: &std::path::Path, index: u32) -> Option<SealedSegment> {
    let path: PathBuf = folder.join(segment_file(index));
    let bytes = std::fs::read(path).ok()?;
    let judged = finish::judge(&bytes)?;
    let (start_ms, duration_ms, sha256) = (judged.start_ms, judged.duration_ms, judged.sha256);
    Some(SealedSegment { index, size_bytes: bytes.len() as u64, start_ms, duration_ms, sha256 })
}

/// Returns the time from the id: ids of version 7 begin with the milliseconds of their creation.
fn asked_unix_ms(recording: RecordingId) -> Option<i64> {
    let (seconds, nanoseconds) = recording.0.get_timestamp()?.to_unix();
    i64::try_from(seconds * 1_000 + u64::from(nanoseconds) / 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preview(segments: u32) -> Preview {
        let sealed = |index: u32| SealedSegment {
            index: index + 17,
            size_bytes: 100,
            start_ms: 34_000 + u64::from(index) * 2_000,
            duration_ms: if index + 1 == segments { 700 } else { 2_000 },
            sha256: [index as u8; 32],
        };
        let id = RecordingId(uuid::Uuid::now_v7());
        let segments = (0..segments).map(sealed).collect();
        Preview::new(id, (640, 360), 0, StartRequest::default(), segments)
    }

    fn spans(segments: &[SealedSegment]) -> Vec<(u32, u64, u64, u8)> {
        let span = |s: &SealedSegment| (s.index, s.start_ms, s.duration_ms, s.sha256[0]);
        segments.iter().map(span).collect()
    }

    #[test]
    fn preview_begins_at_0_and_so_does_a_range_of_it() {
        let preview = preview(4);
        let all =
            [(0, 0, 2_000, 0), (1, 2_000, 2_000, 1), (2, 4_000, 2_000, 2), (3, 6_000, 700, 3)];
        assert_eq!(spans(preview.chosen(&(0..4)).unwrap()), all);
        let end = from_zero(preview.chosen(&(2..4)).unwrap());
        assert_eq!(spans(&end), [(0, 0, 2_000, 2), (1, 2_000, 700, 3)]);
    }

    #[test]
    fn range_beyond_the_preview_or_without_a_segment_is_refused() {
        let preview = preview(4);
        for (start, end) in [(0, 5), (4, 4), (2, 2), (3, 1), (9, 12)] {
            let refused = preview.chosen(&(start..end)).unwrap_err();
            assert_eq!(refused.code().as_str(), "bad-range", "{start}..{end}");
        }
        assert_eq!(preview.chosen(&(3..4)).unwrap().len(), 1);
    }

    #[test]
    fn time_of_asking_is_in_the_id() {
        let before = jiff::Timestamp::now().as_millisecond();
        let asked = asked_unix_ms(RecordingId(uuid::Uuid::now_v7())).unwrap();
        assert!((before..=jiff::Timestamp::now().as_millisecond()).contains(&asked));
        assert_eq!(asked_unix_ms(RecordingId(uuid::Uuid::nil())), None);
    }
}
