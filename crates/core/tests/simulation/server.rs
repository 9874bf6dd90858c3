//! A model of the documented server, and of all that lies between it and the client.
//!
//! A part's content is the list of things that it carries: the init, and segments by their index.
//! The finished video is byte-identical to the local one if and only if that list is.

use std::collections::{BTreeMap, BTreeSet};

use snaplark_api::Framing;
use snaplark_core::upload::{Failure, Part};
use snaplark_core::{RecordingId, SessionId};

/// One thing in a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    Init,
    Segment(u32),
    /// What stands for a segment that was damaged at the client.
    Placeholder(u32),
}

pub fn pieces(part: Part, with_init: bool) -> Vec<Piece> {
    let init = with_init.then_some(Piece::Init);
    init.into_iter().chain((part.first_segment..part.end()).map(Piece::Segment)).collect()
}

#[derive(Debug, Default)]
pub struct Session {
    pub recording: Option<RecordingId>,
    pub parts: BTreeMap<u32, Vec<Piece>>,
    pub completed: Option<Vec<Vec<Piece>>>,
    /// Parts of a finished video that the server's disk has damaged.
    pub damaged: BTreeSet<u32>,
}

/// What the server does, without any fault on the way.
pub struct Server {
    /// Takes `recordingId`, and says so in its capabilities.
    pub knows_recordings: bool,
    pub part_bytes_max: u64,
    pub sessions: BTreeMap<String, Session>,
    next: u64,
}

impl Server {
    pub fn new(knows_recordings: bool, part_bytes_max: u64) -> Self {
        Server { knows_recordings, part_bytes_max, sessions: BTreeMap::new(), next: 0 }
    }

    pub fn open(&mut self, recording: RecordingId, named: bool) -> SessionId {
        assert!(!named || self.knows_recordings, "a server of the documents got a recordingId");
        if named {
            let mut sessions = self.sessions.iter();
            let same = sessions.find(|(_, session)| session.recording == Some(recording));
            if let Some((id, _)) = same {
                return SessionId(id.clone());
            }
        }
        self.next += 1;
        let id = format!("session-{}", self.next);
        let recording = named.then_some(recording);
        self.sessions.insert(id.clone(), Session { recording, ..Session::default() });
        SessionId(id)
    }

    pub fn take_part(
        &mut self,
        session: &SessionId,
        index: u32,
        part: Part,
        content: Vec<Piece>,
    ) -> Result<(), Failure> {
        let session = self.sessions.get_mut(&session.0).ok_or(Failure::SessionGone)?;
        if part.size_bytes > self.part_bytes_max {
            return Err(Failure::PartTooLarge);
        }
        match &session.completed {
            None => drop(session.parts.insert(index, content)),
            Some(parts) if parts.get(index as usize) == Some(&content) => {
                session.damaged.remove(&index);
            }
            Some(_) => {
                let detail = format!("part {index} of a finished video has other bytes");
                return Err(Failure::Refused { detail });
            }
        }
        Ok(())
    }

    pub fn finalize(&mut self, session: &SessionId, part_count: u32) -> Result<(), Failure> {
        let session = self.sessions.get_mut(&session.0).ok_or(Failure::SessionGone)?;
        if session.completed.is_some() {
            return Ok(());
        }
        let indices: Vec<u32> =
            (0..part_count).filter(|index| !session.parts.contains_key(index)).collect();
        if !indices.is_empty() {
            return Err(Failure::PartsMissing { indices });
        }
        let parts = session.parts.range(0..part_count).map(|(_, pieces)| pieces.clone());
        session.completed = Some(parts.collect());
        Ok(())
    }

    pub fn received(&self, session: &SessionId) -> Result<Vec<u32>, Failure> {
        let session = self.sessions.get(&session.0).ok_or(Failure::SessionGone)?;
        let whole = session.parts.keys().filter(|index| !session.damaged.contains(index));
        Ok(whole.copied().collect())
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

/// Whether these parts are the recording, as the framing wants them; with placeholders for no other
/// segments than `replaced`.
pub fn is_whole(
    parts: &[Vec<Piece>],
    segments: u32,
    framing: Framing,
    replaced: &BTreeSet<u32>,
) -> bool {
    let mut want = (0..segments).map(Piece::Segment);
    for (index, part) in parts.iter().enumerate() {
        let has_init = part.first() == Some(&Piece::Init);
        let wants_init = index == 0 || framing == Framing::Standalone;
        let media = &part[usize::from(has_init)..];
        let is_next = |piece: &Piece| {
            let segment = match piece {
                Piece::Placeholder(index) if replaced.contains(index) => Piece::Segment(*index),
                piece => *piece,
            };
            want.next() == Some(segment)
        };
        if has_init != wants_init || !media.iter().all(is_next) {
            return false;
        }
    }
    want.next().is_none()
}
