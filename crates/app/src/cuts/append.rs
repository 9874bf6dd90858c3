//! Recording on at the end of a recording.
//!
//! ```text
//! record --append A ─► a recording of its own, at A's size, with a mark in its folder ─► its end
//!     ─► copies of its segments, at their times in A ─► the store: they are A's ─► A is published
//! ```
//!
//! - What is recorded is a recording of its own until it is appended. So nothing of it is lost, whatever happens, and
//!   if A can't be made longer any more, it stays one.
//! - The mark outlives the program. What ended without being appended is appended by the next start.
//! - A stretch is recorded again in the same way: what is appended then plays in the place of the stretch, by the edit of
//!   A, which the store changes in the same transaction.
//! - Nothing is rendered: capture writes the same tracks as A has. A link of A shows it as the next version, of which
//!   only the new segments are sent.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use snaplark_core::capture::{Device, Sound};
use snaplark_core::render::{Render, SegmentReader as _};
use snaplark_core::{INIT_FILE, RecordingId, pointer_file, segment_file};
use snaplark_files as files;
use snaplark_formats::webm;
use snaplark_store::{AppendTo, NewAppend, SavedEdit, Segment, Store, StoreError, append_folder};
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::{Cuts, CutsCommand, blocking};
use crate::source::RecordingSource;
use crate::stored::open_to_read;
use crate::{App, AppError, ErrorCode, Home, StartRequest, finish};

/// How often one append makes its copies. The other recording may be cleared, or made longer, while they are made;
/// more changes than that have a cause that doesn't pass.
const COPIES_MAX: usize = 4;

/// A task that a recording's end, or a start, has left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DueAppend {
    /// A recording that has ended is to be appended.
    Append { more: RecordingId, append: AppendTo },
    /// A recording to which something was appended is to be published.
    Publish { to: RecordingId },
    /// A version whose parts are too large for a proxy is to be published again, in smaller parts.
    ListAnew { recording: RecordingId },
}

/// Appends what has ended, one after the other, until the event loop ends.
pub(crate) async fn run(app: App, mut due: mpsc::UnboundedReceiver<DueAppend>) {
    let cuts = app.cuts();
    while let Some(due) = due.recv().await {
        let done = match due {
            DueAppend::Append { more, append } => {
                let to = append.to;
                match cuts.append(more, append).await {
                    Ok(()) if append.publishes => cuts.publish_appended(to).await,
                    // The next start appends it.
                    Ok(()) | Err(AppError::Closing) => Ok(()),
                    Err(error) => {
                        warn!(recording = %to, %more, %error, "Nothing was appended");
                        cuts.ask(|reply| CutsCommand::NotAppended { more, reply }).await
                    }
                }
            }
            DueAppend::Publish { to } => cuts.publish_appended(to).await,
            DueAppend::ListAnew { recording } => cuts.publish_smaller(recording).await,
        };
        if let Err(error) = done {
            warn!(%error, "A recording is not published by itself");
        }
    }
}

/// Changes a request so that what it records can be appended to the recording that it names, if it names one: the same
/// tracks, in the same size.
pub(crate) fn shaped(store: &Store, request: StartRequest) -> Result<StartRequest, AppError> {
    let Some(to) = request.append_to else { return Ok(request) };
    let row = store.visible(to)?.ok_or(StoreError::NoSuchRecording(to))?;
    if row.running {
        return Err(AppError::AlreadyRecording);
    }
    if row.missing_detail.is_some() {
        return Err(AppError::told(ErrorCode::NoFile, to));
    }
    if let Some((from_ms, to_ms)) = request.replaces {
        if from_ms >= to_ms || to_ms > row.duration_ms {
            let text = "the stretch to record again is not in the recording";
            return Err(AppError::told(ErrorCode::BadEdit, text));
        }
        // Its order would be lost.
        if matches!(store.edit(to.into())?, Some(SavedEdit { edit: None, .. })) {
            let text = "it was edited with a newer version of Snaplark";
            return Err(AppError::told(ErrorCode::NewerEdit, text));
        }
    }
    let tracks = webm::read_init(&store.init(to)?).map_err(unreadable)?.tracks;
    let sound = match tracks.audio {
        None => Sound::default(),
        // A track of silence, until the microphone is unmuted.
        Some(_) if request.sound.microphone.is_none() && !request.sound.system => {
            let microphone = Some(Device::Default);
            Sound { microphone, microphone_waits: true, ..request.sound }
        }
        Some(_) => request.sound,
    };
    Ok(StartRequest {
        muted: request.muted || sound.microphone_waits,
        sound,
        picture_size: Some((row.width, row.height)),
        fps: row.fps,
        ..request
    })
}

impl Cuts {
    /// Appends a recording that has ended to another one. It has no row of its own then.
    async fn append(&self, more: RecordingId, append: AppendTo) -> Result<(), AppError> {
        let AppendTo { to, publishes, replaces } = append;
        let _turn = self.app.publishing.wait(to).await;
        // An edit that is not published stays unpublished.
        let publishes = publishes && self.published(to).await?.is_current;
        for _ in 0..COPIES_MAX {
            let (home, render) = (self.app.home.clone(), self.app.render.clone());
            let new = blocking(move || copied(&home, &*render, to, more)).await?;
            let new = Box::new(NewAppend { publishes, replaces, ..new });
            if self.ask(|reply| CutsCommand::Append { to, new, reply }).await? {
                info!(recording = %to, appended = %more, "Appended");
                return Ok(());
            }
        }
        Err(AppError::told(ErrorCode::EditChanged, "the recording changed meanwhile"))
    }

    /// Publishes what was appended to a recording, if its link is to show that and it is not on its way yet. What fails
    /// is tried again by the next start, unless the link can't show another video.
    pub async fn publish_appended(&self, to: RecordingId) -> Result<(), AppError> {
        if !self.ask(|reply| CutsCommand::IsAppendToPublish { to, reply }).await? {
            return Ok(());
        }
        if self.row(to).await?.publish.status.is_some() {
            match self.publish(to).await {
                Err(error) if error.code() != ErrorCode::NewLinkOnly => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        self.ask(|reply| CutsCommand::AppendPublished { to, reply }).await
    }
}

/// Copies the segments of a recording into the folder of another one, each at its time there. If those of the other one
/// were cleared, they are restored from the person's own file. The sound of the first copy is joined to what is before it.
fn copied(
    home: &Home,
    render: &dyn Render,
    to: RecordingId,
    more: RecordingId,
) -> Result<NewAppend, AppError> {
    let missing = |id| AppError::Store(StoreError::NoSuchRecording(id));
    let store = open_to_read(home)?.ok_or_else(|| missing(to))?;
    let row = store.visible(to)?.ok_or_else(|| missing(to))?;
    let (longer, source) = (RecordingSource::new(&store, to)?, RecordingSource::new(&store, more)?);
    if longer.init() != source.init() {
        let text = "it has another size or other tracks than what it would be appended to";
        return Err(AppError::told(ErrorCode::BadEdit, text));
    }
    let folder = append_folder(&home.root, to, more);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(unreadable)?;
    }
    files::make_folder(&folder).map_err(unreadable)?;
    let mut segments = Vec::new();
    if row.cleared {
        files::write_durably(&folder.join(INIT_FILE), longer.init()).map_err(unreadable)?;
        for segment in longer.rows() {
            let bytes = longer.segment(segment.index).map_err(unreadable)?;
            write(&folder, segment.index, &bytes)?;
            segments.push(segment.clone());
        }
    }
    let begin_ms = source.rows().first().map_or(0, |first| first.start_ms);
    for segment in source.rows() {
        let bytes = source.segment(segment.index).map_err(unreadable)?;
        let index = row.segments + segment.index;
        let start_ms = row.duration_ms + (segment.start_ms - begin_ms);
        let mut bytes = moved(&bytes, start_ms)
            .ok_or_else(|| AppError::told(ErrorCode::BadEdit, "a segment is damaged"))?;
        if segment.index == 0
            && let Some(joined) = joined(render, &longer, &bytes)
        {
            bytes = joined;
        }
        write(&folder, index, &bytes)?;
        let pointer = store.folder(more).join(pointer_file(segment.index));
        if pointer.exists() {
            std::fs::copy(pointer, folder.join(pointer_file(index))).map_err(unreadable)?;
        }
        let (size_bytes, sha256) = (bytes.len() as u64, Sha256::digest(&bytes).into());
        segments.push(Segment { index, size_bytes, start_ms, sha256, ..segment.clone() });
    }
    files::sync_folder(&folder).map_err(unreadable)?;
    let (publishes, replaces, first_index) = (false, None, row.segments);
    Ok(NewAppend { more, publishes, replaces, first_index, segments })
}

/// Returns the first segment that is appended, with its sound joined to the last one of before. A click is better than
/// nothing, so without a decoder it stays as it is.
fn joined(render: &dyn Render, longer: &RecordingSource, segment: &[u8]) -> Option<Vec<u8>> {
    let last = longer.rows().last()?.index;
    let before = longer.segment(last).ok()?;
    match render.joined(longer.init(), &before, segment) {
        Ok(joined) => joined.filter(|joined| finish::judge(joined).is_some()),
        Err(error) => {
            warn!(%error, "The sound of what is appended is not joined to what is before it");
            None
        }
    }
}

/// Returns a segment at another time. A later time may need more bytes, so it can be larger.
fn moved(segment: &[u8], start_ms: u64) -> Option<Vec<u8>> {
    let moved = webm::moved(segment, start_ms)?;
    finish::judge(&moved).is_some().then_some(moved)
}

fn write(folder: &Path, index: u32, bytes: &[u8]) -> Result<(), AppError> {
    files::write_durably(&folder.join(segment_file(index)), bytes).map_err(unreadable)
}

fn unreadable(error: impl std::fmt::Display) -> AppError {
    snaplark_core::render::RenderError::Unreadable { reason: error.to_string() }.into()
}
