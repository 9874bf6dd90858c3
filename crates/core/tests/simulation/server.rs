//! A model of the documented server, and of all that lies between it and the client.
//!
//! A part's content is the list of things that it carries: the init, and segments by their index.
//! The finished video is byte-identical to the local one if and only if that list is.

use std::collections::{BTreeMap, BTreeSet};

use snaplark_api::{Framing, PiecesRequest};
use snaplark_core::upload::{Failure, Part, Receipt, SegmentCuts};
use snaplark_core::{RecordingId, SessionId};

use crate::edited::{INIT_BYTES, bytes_of};

/// One thing in a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    Init,
    /// A piece of an edited recording that was rendered.
    Rendered(u32),
    /// A segment, or bytes of one.
    Media {
        segment: u32,
        /// True for the replacement of a segment that was damaged at the client.
        is_placeholder: bool,
        from_bytes: u64,
        to_bytes: Option<u64>,
    },
}

/// Returns what the server acknowledges a part with: other content has another receipt.
fn receipt_of(content: &[Piece]) -> Receipt {
    Receipt(format!("{content:?}"))
}

pub fn pieces(part: Part, with_init: bool, is_replaced: impl Fn(u32) -> bool) -> Vec<Piece> {
    let media = part.segments().map(|segment| {
        let is_placeholder = is_replaced(segment);
        let (from_bytes, to_bytes) = part.range_in(segment);
        Piece::Media { segment, is_placeholder, from_bytes, to_bytes }
    });
    with_init.then_some(Piece::Init).into_iter().chain(media).collect()
}

#[derive(Debug, Default)]
pub struct Session {
    pub recording: Option<RecordingId>,
    /// Of a recording, from 1 on.
    pub version: u32,
    /// The version's pieces, if the client has sent their list.
    pub list: Option<PiecesRequest>,
    pub parts: BTreeMap<u32, Vec<Piece>>,
    /// The sizes of the parts, where these have to be equal.
    sizes: BTreeMap<u32, u64>,
    pub completed: Option<Vec<Vec<Piece>>>,
    /// Parts of a finished video that the server's disk has damaged.
    pub damaged: BTreeSet<u32>,
}

/// The model of a server, without any fault on the way.
pub struct Server {
    /// Takes `recordingId`, and says so in its capabilities.
    pub knows_recordings: bool,
    /// Takes parts cut anywhere, and says so.
    pub takes_pieces: bool,
    /// Completes only parts of this size, with a smaller one at the end, as R2 does.
    pub part_bytes: Option<u64>,
    /// Checks that each part is WebM by itself.
    pub wants_init: bool,
    /// Of the server, or of a proxy before it.
    pub part_bytes_max: u64,
    pub sessions: BTreeMap<String, Session>,
    /// The version of each picture that its link shows.
    pub pictures: BTreeMap<RecordingId, u32>,
    next: u64,
}

impl Server {
    pub fn new(knows_recordings: bool, takes_pieces: bool, part_bytes_max: u64) -> Self {
        let (sessions, pictures) = (BTreeMap::new(), BTreeMap::new());
        let (wants_init, next) = (false, 0);
        Server {
            knows_recordings,
            takes_pieces,
            part_bytes: None,
            wants_init,
            part_bytes_max,
            sessions,
            pictures,
            next,
        }
    }

    /// Opens a session of a version, if no greater one is shown.
    pub fn open_version(
        &mut self,
        recording: RecordingId,
        version: u32,
    ) -> Result<SessionId, Failure> {
        self.check_newest(recording, version)?;
        let mut sessions = self.sessions.iter();
        let is_same = |it: &Session| it.recording == Some(recording) && it.version == version;
        if let Some((id, _)) = sessions.find(|(_, session)| is_same(session)) {
            return Ok(SessionId(id.clone()));
        }
        self.next += 1;
        let id = format!("session-{}", self.next);
        let recording = Some(recording);
        self.sessions.insert(id.clone(), Session { recording, version, ..Session::default() });
        Ok(SessionId(id))
    }

    fn shown(&self, recording: RecordingId) -> Option<&Session> {
        let is_shown = |it: &&Session| it.recording == Some(recording) && it.completed.is_some();
        self.sessions.values().filter(is_shown).max_by_key(|it| it.version)
    }

    fn check_newest(&self, recording: RecordingId, version: u32) -> Result<(), Failure> {
        match self.shown(recording).map(|shown| shown.version) {
            Some(served) if served > version => {
                let detail = "a newer version is there".into();
                Err(Failure::NewerVersion { served: Some(served), detail })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Stores the list of a version's pieces, and returns how many it keeps of the version that is shown, and which
    /// parts it lacks.
    pub fn list_pieces(
        &mut self,
        session: &SessionId,
        list: &PiecesRequest,
    ) -> Result<(u64, Vec<u32>), Failure> {
        let found = self.sessions.get(&session.0).ok_or(Failure::SessionUnknown)?;
        let recording = found.recording.expect("it was named");
        self.check_newest(recording, found.version)?;
        let all = 0..list.parts_count();
        if found.completed.is_some() && found.list.as_ref() == Some(list) {
            return Ok((0, Vec::new()));
        }
        if found.completed.is_some() {
            let detail = "the version has other pieces".into();
            return Err(Failure::NewerVersion { served: None, detail });
        }
        let shown = self.shown(recording).filter(|it| it.version == list.from_version);
        let mut kept: Vec<(u32, Vec<Piece>)> = Vec::new();
        for (first, piece) in list.indexed() {
            let parts = shown.and_then(|shown| shown.completed.as_ref());
            let (Some(keep), Some(parts)) = (&piece.keep, parts) else { continue };
            let run = keep.chunk_index as usize..(keep.chunk_index + piece.parts_count()) as usize;
            let Some(run) = parts.get(run) else { continue };
            match run {
                [part] => kept.push((first, range_of(part, keep.start, keep.end))),
                parts => {
                    let bytes: u64 = parts.iter().flatten().map(bytes_of).sum();
                    assert_eq!((keep.start, keep.end), (0, bytes), "the parts of a run");
                    kept.extend((first..).zip(parts.iter().cloned()));
                }
            }
        }
        let count = kept.len() as u64;
        let session = self.sessions.get_mut(&session.0).ok_or(Failure::SessionUnknown)?;
        if session.list.get_or_insert_with(|| list.clone()) != list {
            let detail = "the version has other pieces".into();
            return Err(Failure::NewerVersion { served: None, detail });
        }
        for (index, content) in kept {
            session.parts.entry(index).or_insert(content);
        }
        Ok((count, all.filter(|index| !session.parts.contains_key(index)).collect()))
    }

    /// Completes a version from its list, and removes the earlier ones.
    pub fn finalize_version(&mut self, session: &SessionId) -> Result<(), Failure> {
        let found = self.sessions.get_mut(&session.0).ok_or(Failure::SessionUnknown)?;
        let (recording, version) = (found.recording, found.version);
        self.check_newest(recording.expect("it was named"), version)?;
        let found = self.sessions.get_mut(&session.0).ok_or(Failure::SessionUnknown)?;
        if found.completed.is_none() {
            let count = found.list.as_ref().expect("it has a list").parts_count();
            let indices: Vec<u32> =
                (0..count).filter(|index| !found.parts.contains_key(index)).collect();
            if !indices.is_empty() {
                return Err(Failure::PartsMissing { indices });
            }
            found.completed = Some(found.parts.values().cloned().collect());
        }
        self.sessions.retain(|_, it| it.recording != recording || it.version >= version);
        Ok(())
    }

    /// Shows the same video as a version of somebody else's.
    pub fn trim(&mut self, recording: RecordingId) -> bool {
        let is_shown =
            |it: &&mut Session| it.recording == Some(recording) && it.completed.is_some();
        let shown = self.sessions.values_mut().filter(is_shown).max_by_key(|it| it.version);
        let Some(shown) = shown else { return false };
        shown.version += 1;
        shown.list = None;
        let version = shown.version;
        self.sessions.retain(|_, it| {
            it.recording != Some(recording) || it.version > version || it.completed.is_some()
        });
        true
    }

    pub fn open(&mut self, recording: RecordingId, named: bool) -> SessionId {
        assert!(!named || self.knows_recordings, "a server of the documents got a recordingId");
        if named {
            let mut sessions = self.sessions.iter();
            let same = sessions.find(|(_, it)| it.recording == Some(recording) && it.version <= 1);
            if let Some((id, _)) = same {
                return SessionId(id.clone());
            }
        }
        self.next += 1;
        let id = format!("session-{}", self.next);
        let recording = named.then_some(recording);
        self.sessions.insert(id.clone(), Session { recording, version: 1, ..Session::default() });
        SessionId(id)
    }

    pub fn take_part(
        &mut self,
        session: &SessionId,
        index: u32,
        part: Part,
        cuts: SegmentCuts,
        content: Vec<Piece>,
    ) -> Result<Receipt, Failure> {
        let is_cut_anywhere = part.is_piece() && cuts != SegmentCuts::Frames;
        assert!(self.takes_pieces || !is_cut_anywhere, "a server of whole frames got bytes");
        let session = self.sessions.get_mut(&session.0).ok_or(Failure::SessionUnknown)?;
        if part.size_bytes > self.part_bytes_max {
            return Err(Failure::PartTooLarge);
        }
        if self.wants_init && content.first() != Some(&Piece::Init) {
            return Err(Failure::PartRefused { detail: "mimes:webm".into() });
        }
        let receipt = receipt_of(&content);
        let init_bytes = if content.first() == Some(&Piece::Init) { INIT_BYTES } else { 0 };
        match &session.completed {
            None => {
                session.sizes.insert(index, part.size_bytes + init_bytes);
                session.parts.insert(index, content);
            }
            Some(parts) if parts.get(index as usize) == Some(&content) => {
                session.damaged.remove(&index);
            }
            Some(_) => {
                let detail = format!("part {index} of a finished video has other bytes");
                return Err(Failure::Refused { detail });
            }
        }
        Ok(receipt)
    }

    /// Shows a version of a picture behind its link, unless a later one is there.
    pub fn take_picture(&mut self, picture: RecordingId, version: u32) -> Result<Receipt, Failure> {
        let shown = self.pictures.entry(picture).or_default();
        if *shown > version {
            return Err(Failure::Refused { detail: "a newer version is there".into() });
        }
        *shown = version;
        Ok(Receipt(format!("http://host/screenshots/{picture}")))
    }

    /// Completes the video. Receipts have to be those of the parts that it has, as at S3.
    pub fn finalize(&mut self, session: &SessionId, receipts: &[Receipt]) -> Result<(), Failure> {
        let part_count = receipts.len() as u32;
        let session = self.sessions.get_mut(&session.0).ok_or(Failure::SessionUnknown)?;
        if session.completed.is_some() {
            return Ok(());
        }
        let indices: Vec<u32> =
            (0..part_count).filter(|index| !session.parts.contains_key(index)).collect();
        if !indices.is_empty() {
            return Err(Failure::PartsMissing { indices });
        }
        for (index, receipt) in (0..).zip(receipts) {
            assert_eq!(*receipt, receipt_of(&session.parts[&index]), "the receipt of part {index}");
        }
        if let Some(part_bytes) = self.part_bytes {
            let sizes: Vec<u64> = session.sizes.range(0..part_count).map(|(_, it)| *it).collect();
            let (last, others) = sizes.split_last().expect("it has parts");
            let is_equal = others.iter().all(|size| *size == part_bytes) && *last <= part_bytes;
            assert!(is_equal, "the parts are not of one size: {sizes:?}");
        }
        let parts = session.parts.range(0..part_count).map(|(_, pieces)| pieces.clone());
        session.completed = Some(parts.collect());
        Ok(())
    }

    /// Returns the whole parts with their receipts, and whether the video is finished.
    pub fn received(&self, session: &SessionId) -> Result<(Vec<(u32, Receipt)>, bool), Failure> {
        let session = self.sessions.get(&session.0).ok_or(Failure::SessionUnknown)?;
        let is_whole = |(index, _): &(&u32, _)| !session.damaged.contains(*index);
        let whole = session.parts.iter().filter(is_whole);
        let parts = whole.map(|(index, content)| (*index, receipt_of(content))).collect();
        Ok((parts, session.completed.is_some()))
    }

    /// A disk loses bytes of a finished video, and the server notices.
    pub fn damage(&mut self, session: &SessionId, index: u32) -> bool {
        let session = self.sessions.get_mut(&session.0);
        let session = session.filter(|session| {
            session.completed.as_ref().is_some_and(|parts| parts.len() > index as usize)
        });
        session.is_some_and(|session| session.damaged.insert(index))
    }

    /// The rows that another node, a sweeper or a broken disk takes away.
    pub fn lose_session(&mut self, session: &SessionId) -> bool {
        match self.sessions.get(&session.0) {
            Some(found) if found.completed.is_none() => {
                self.sessions.remove(&session.0);
                true
            }
            Some(_) | None => false,
        }
    }

    pub fn lose_part(&mut self, session: &SessionId, index: u32) -> bool {
        let session = self.sessions.get_mut(&session.0).filter(|s| s.completed.is_none());
        session.is_some_and(|session| session.parts.remove(&index).is_some())
    }
}

/// Returns what is in a range of a part's bytes, which begins and ends at borders.
fn range_of(part: &[Piece], start: u64, end: u64) -> Vec<Piece> {
    let (mut at, mut within) = (0, Vec::new());
    for piece in part {
        let next = at + bytes_of(piece);
        if at >= start && next <= end {
            within.push(*piece);
        } else {
            assert!(next <= start || at >= end, "{start}..{end} cuts {piece:?} of {part:?}");
        }
        at = next;
    }
    assert!(end <= at, "{start}..{end} is more than {part:?}");
    within
}

/// Whether these parts are the recording, as the framing wants them; with placeholders for no other
/// segments than `replaced`, and no segment that is one half sealed bytes and one half placeholder.
pub fn is_whole(
    parts: &[Vec<Piece>],
    segments: u32,
    framing: Framing,
    replaced: &BTreeSet<u32>,
) -> bool {
    let (mut want, mut want_bytes, mut was_placeholder) = (0, 0, false);
    let mut is_next = |piece: &Piece| {
        let Piece::Media { segment, is_placeholder, from_bytes, to_bytes } = *piece else {
            return false;
        };
        let fits = (segment, from_bytes) == (want, want_bytes)
            && (from_bytes == 0 || is_placeholder == was_placeholder)
            && (!is_placeholder || replaced.contains(&segment));
        was_placeholder = is_placeholder;
        (want, want_bytes) = to_bytes.map_or((segment + 1, 0), |to_bytes| (segment, to_bytes));
        fits
    };
    for (index, part) in parts.iter().enumerate() {
        let has_init = part.first() == Some(&Piece::Init);
        let wants_init = index == 0 || framing == Framing::Standalone;
        let media = &part[usize::from(has_init)..];
        if has_init != wants_init || !media.iter().all(&mut is_next) {
            return false;
        }
    }
    (want, want_bytes) == (segments, 0)
}
