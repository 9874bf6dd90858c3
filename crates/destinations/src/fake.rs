//! A destination in memory, for tests that don't need HTTP. It keeps what it gets, completes only with the
//! right receipts (as S3 does), and fails on request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use snaplark_api::{
    Capabilities, KeptBytes, PiecesRequest, Profile, ScreenshotCapabilities, VideoCapabilities,
    digest_of_hex, hex, run_digest,
};
use snaplark_core::SessionId;
use snaplark_core::upload::{Failure, ProbeVerdict, Receipt};
use uuid::Uuid;

use crate::{
    Completion, Destination, Offers, OpenedUpload, Opening, OutgoingPart, OutgoingPicture,
    ReceivedParts,
};

/// The fault of a [`FakeServer`] at the moment.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Nothing answers.
    pub is_offline: bool,
    /// Every request asks for a sign-in.
    pub is_signed_out: bool,
    /// Sessions are refused.
    pub refuses: bool,
    /// Larger parts are refused.
    pub part_bytes_max: Option<u64>,
    /// So many next requests are done, but their answers are lost.
    pub replies_cut: u32,
}

/// The memory behind one or more destinations. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct FakeServer(Arc<Mutex<FakeState>>);

#[derive(Debug, Default)]
struct FakeState {
    faults: Faults,
    sessions: BTreeMap<String, FakeSession>,
    /// How many sessions were opened.
    opened: u32,
    /// The uploads by the last part of their links.
    pictures: BTreeMap<String, FakePicture>,
}

/// A picture as its link shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakePicture {
    /// The version that the link shows.
    pub version: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The title that came with the first version.
    pub title: Option<String>,
}

/// A picture that arrives.
#[derive(Clone, Debug)]
pub struct ArrivingPicture {
    /// The id in the link; without one, each picture has a link of its own.
    pub id: Option<Uuid>,
    /// The picture.
    pub picture: FakePicture,
}

#[derive(Debug, Default)]
struct FakeSession {
    id: Option<Uuid>,
    version: u32,
    /// The version's pieces, if the client has sent their list.
    pieces: Option<PiecesRequest>,
    parts: BTreeMap<u32, Vec<u8>>,
    /// The number of parts that it was completed with.
    completed: Option<u32>,
    damaged: BTreeSet<u32>,
    title: Option<String>,
}

impl FakeServer {
    /// Changes what goes wrong.
    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }

    /// Returns what goes wrong.
    pub fn faults(&self) -> Faults {
        self.state().faults.clone()
    }

    /// Takes the fault of the next answer: whether it is to be lost.
    pub fn cuts_reply(&self) -> bool {
        let mut state = self.state();
        let cuts = state.faults.replies_cut > 0;
        state.faults.replies_cut = state.faults.replies_cut.saturating_sub(1);
        cuts
    }

    /// Forgets all sessions that are not completed.
    pub fn lose_sessions(&self) {
        self.state().sessions.retain(|_, session| session.completed.is_some());
    }

    /// Damages a part.
    pub fn damage(&self, session: &SessionId, index: u32) {
        if let Some(session) = self.state().sessions.get_mut(&session.0) {
            session.damaged.insert(index);
        }
    }

    /// Returns a completed item's bytes.
    pub fn content(&self, session: &SessionId) -> Option<Vec<u8>> {
        let state = self.state();
        let session = state.sessions.get(&session.0)?;
        Some(
            session.parts.range(0..session.completed?).flat_map(|(_, part)| part.clone()).collect(),
        )
    }

    /// Returns the completed items.
    pub fn completed(&self) -> Vec<SessionId> {
        let state = self.state();
        let completed = state.sessions.iter().filter(|(_, session)| session.completed.is_some());
        completed.map(|(id, _)| SessionId(id.clone())).collect()
    }

    /// Returns an item's title.
    pub fn title(&self, session: &SessionId) -> Option<String> {
        self.state().sessions.get(&session.0)?.title.clone()
    }

    /// Returns the pictures, each with its link.
    pub fn pictures(&self) -> Vec<(String, FakePicture)> {
        let state = self.state();
        state.pictures.iter().map(|(name, picture)| (link(name), picture.clone())).collect()
    }

    /// Stores a picture behind its link and returns the link. A greater version replaces the one before.
    pub fn take_picture(&self, arriving: ArrivingPicture) -> Result<String, Failure> {
        let ArrivingPicture { id, picture } = arriving;
        let mut state = self.state();
        if state.faults.refuses {
            return Err(Failure::Refused { detail: "no space left".into() });
        }
        let bytes_max = state.faults.part_bytes_max.unwrap_or(u64::MAX);
        if picture.bytes.len() as u64 > bytes_max {
            return Err(Failure::Refused { detail: "the picture is too large".into() });
        }
        let name = match id {
            Some(id) => id.to_string(),
            None => format!("picture-{}", state.pictures.len() + 1),
        };
        match state.pictures.get_mut(&name) {
            Some(before) if before.version > picture.version => {
                let (served, detail) = (Some(before.version), "a newer version is there".into());
                return Err(Failure::NewerVersion { served, detail });
            }
            Some(before) if before.version == picture.version && before.bytes != picture.bytes => {
                let (served, detail) = (Some(before.version), "the version has other bytes".into());
                return Err(Failure::NewerVersion { served, detail });
            }
            Some(before) => {
                (before.version, before.bytes) = (picture.version, picture.bytes);
            }
            None => drop(state.pictures.insert(name.clone(), picture)),
        }
        Ok(link(&name))
    }

    /// Returns whether nothing answers.
    pub fn is_offline(&self) -> bool {
        self.state().faults.is_offline
    }

    /// Fails if the requests of this moment need a sign-in.
    pub fn check_sign_in(&self) -> Result<(), Failure> {
        match self.state().faults.is_signed_out {
            true => Err(Failure::SignedOut),
            false => Ok(()),
        }
    }

    /// Opens a session, or returns that of the same id.
    pub fn open(
        &self,
        id: Option<Uuid>,
        version: u32,
        title: Option<String>,
    ) -> Result<OpenedUpload, Failure> {
        let mut state = self.state();
        if state.faults.refuses {
            return Err(Failure::Refused { detail: "no space left".into() });
        }
        let is_same = |session: &FakeSession| id.is_some() && session.id == id;
        let of_id = || state.sessions.values().filter(|session| is_same(session));
        let served = of_id().filter(|it| it.completed.is_some()).map(|it| it.version).max();
        if served.is_some_and(|served| served > version) {
            return Err(Failure::NewerVersion {
                served,
                detail: "a newer version is there".into(),
            });
        }
        let mut sessions = state.sessions.iter();
        let same = sessions.find(|(_, it)| is_same(it) && it.version == version);
        let name = match same {
            Some((name, _)) => name.clone(),
            None => {
                state.opened += 1;
                format!("session-{}", state.opened)
            }
        };
        state.sessions.entry(name.clone()).or_insert(FakeSession {
            id,
            version,
            title,
            ..FakeSession::default()
        });
        let link = Some(link_of(id, &name));
        Ok(OpenedUpload { session: SessionId(name), link })
    }

    /// Opens a session whose name the client has chosen, or goes on with it.
    pub fn open_named(&self, name: &str) -> Result<(), Failure> {
        let mut state = self.state();
        if state.faults.refuses {
            return Err(Failure::Refused { detail: "no space left".into() });
        }
        let version = 1;
        let new = || FakeSession { version, ..FakeSession::default() };
        state.sessions.entry(name.to_owned()).or_insert_with(new);
        Ok(())
    }

    /// Stores a part and returns its receipt. A completed item takes only the same bytes again.
    pub fn store(
        &self,
        session: &SessionId,
        index: u32,
        part: Vec<u8>,
    ) -> Result<Receipt, Failure> {
        let mut state = self.state();
        let part_bytes_max = state.faults.part_bytes_max.unwrap_or(u64::MAX);
        let session = state.sessions.get_mut(&session.0).ok_or(Failure::SessionUnknown)?;
        if part.len() as u64 > part_bytes_max {
            return Err(Failure::PartTooLarge);
        }
        if session.completed.is_some() && session.parts.get(&index) != Some(&part) {
            return Err(Failure::PartRefused { detail: "a finished item has other bytes".into() });
        }
        session.damaged.remove(&index);
        let receipt = receipt_of(&part);
        session.parts.insert(index, part);
        Ok(receipt)
    }

    /// Stores the list of a version's pieces, and returns the parts that it lacks of them. What it has it takes from
    /// the version that the link shows.
    pub fn list_pieces(
        &self,
        session: &SessionId,
        pieces: &PiecesRequest,
    ) -> Result<Vec<u32>, Failure> {
        let mut state = self.state();
        let id = state.sessions.get(&session.0).ok_or(Failure::SessionUnknown)?.id;
        let served = state
            .sessions
            .values()
            .find(|it| it.id == id && it.completed.is_some() && it.version == pieces.from_version);
        let kept = |keep: &KeptBytes| -> Option<Vec<Vec<u8>>> {
            let run = keep.chunk_index..=keep.chunk_index + keep.more_parts;
            let parts = run.map(|index| served?.parts.get(&index)).collect::<Option<Vec<_>>>()?;
            if let [part] = parts[..] {
                let bytes = part.get(keep.start as usize..keep.end as usize)?;
                return (sha256_of(bytes) == keep.sha256).then(|| vec![bytes.to_vec()]);
            }
            let digests: Vec<[u8; 32]> =
                parts.iter().filter_map(|part| digest_of_hex(&sha256_of(part))).collect();
            let is_same = digest_of_hex(&keep.sha256) == Some(run_digest(&digests))
                && parts.iter().map(|part| part.len() as u64).sum::<u64>() == keep.end;
            is_same.then(|| parts.into_iter().cloned().collect())
        };
        let kept: Vec<(u32, Vec<Vec<u8>>)> = pieces
            .indexed()
            .filter_map(|(first, piece)| Some((first, kept(piece.keep.as_ref()?)?)))
            .collect();
        let session = state.sessions.get_mut(&session.0).ok_or(Failure::SessionUnknown)?;
        if session.pieces.get_or_insert_with(|| pieces.clone()) != pieces {
            let detail = "the version has other pieces".into();
            return Err(Failure::NewerVersion { served: None, detail });
        }
        for (first, parts) in kept {
            for (index, bytes) in (first..).zip(parts) {
                session.parts.entry(index).or_insert(bytes);
            }
        }
        let all = 0..pieces.parts_count();
        Ok(all.filter(|index| !session.parts.contains_key(index)).collect())
    }

    /// Returns the undamaged parts of a session.
    pub fn parts(&self, session: &SessionId) -> Result<ReceivedParts, Failure> {
        let state = self.state();
        let session = state.sessions.get(&session.0).ok_or(Failure::SessionUnknown)?;
        let whole = session.parts.iter().filter(|(index, _)| !session.damaged.contains(index));
        let parts = whole.map(|(index, part)| (*index, receipt_of(part))).collect();
        Ok(ReceivedParts { parts, finished: session.completed.is_some() })
    }

    /// Completes a session of so many parts. `receipts` are compared where they are known.
    pub fn complete(
        &self,
        session: &SessionId,
        part_count: u32,
        receipts: Option<&[Receipt]>,
    ) -> Result<String, Failure> {
        let mut state = self.state();
        let name = session.0.clone();
        let session = state.sessions.get_mut(&name).ok_or(Failure::SessionUnknown)?;
        let has = |index: &u32| session.parts.contains_key(index);
        let indices: Vec<u32> = (0..part_count).filter(|index| !has(index)).collect();
        if !indices.is_empty() {
            return Err(Failure::PartsMissing { indices });
        }
        for (index, receipt) in (0..).zip(receipts.unwrap_or_default()) {
            if session.parts.get(&index).map(|part| receipt_of(part)).as_ref() != Some(receipt) {
                return Err(Failure::Refused { detail: format!("wrong receipt of part {index}") });
            }
        }
        session.completed = Some(part_count);
        let (id, version) = (session.id, session.version);
        let is_older = |it: &FakeSession| id.is_some() && it.id == id && it.version < version;
        state.sessions.retain(|_, session| !is_older(session));
        Ok(link_of(id, &name))
    }

    /// Returns the completed items that have damaged parts.
    pub fn damaged_parts(&self) -> Vec<(SessionId, Vec<u32>)> {
        let state = self.state();
        let damaged = state
            .sessions
            .iter()
            .filter(|(_, session)| session.completed.is_some() && !session.damaged.is_empty());
        let parts = |session: &FakeSession| session.damaged.iter().copied().collect();
        damaged.map(|(name, session)| (SessionId(name.clone()), parts(session))).collect()
    }

    /// Sets the title of an item.
    pub fn set_title(&self, session: &SessionId, title: &str) {
        if let Some(session) = self.state().sessions.get_mut(&session.0) {
            session.title = Some(title.to_owned());
        }
    }

    /// Sets the title of a picture.
    pub fn set_picture_title(&self, id: Uuid, title: &str) {
        if let Some(picture) = self.state().pictures.get_mut(&id.to_string()) {
            picture.title = Some(title.to_owned());
        }
    }

    fn state(&self) -> MutexGuard<'_, FakeState> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A destination that keeps everything in a [`FakeServer`].
#[derive(Clone, Debug)]
pub struct Fake {
    server: FakeServer,
    profile: Profile,
}

impl Fake {
    /// Returns a destination at a server, which may have others.
    pub fn at(server: FakeServer, profile: Profile) -> Self {
        Fake { server, profile }
    }

    /// Does what a request asks for, unless a fault prevents it or loses the answer.
    fn exchange<T>(&self, act: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        if self.server.is_offline() {
            return Err(lost());
        }
        self.server.check_sign_in()?;
        let answer = act();
        match self.server.cuts_reply() {
            true => Err(lost()),
            false => answer,
        }
    }
}

#[async_trait]
impl Destination for Fake {
    fn offers(&self) -> Offers {
        Offers {
            framing: self.profile.framing(),
            part_size: self.profile.part_size(),
            parts_in_flight_max: self.profile.parts_in_flight_max(),
            file_bytes_max: None,
            link_known_beforehand: false,
            lists_parts: true,
            reports_damage: true,
            takes_titles: true,
        }
    }

    async fn probe(&self) -> ProbeVerdict {
        match self.server.is_offline() {
            true => ProbeVerdict::Offline { detail: "offline".into() },
            false => ProbeVerdict::Online { capabilities: Some(capabilities(self.profile)) },
        }
    }

    async fn open(&self, opening: &Opening) -> Result<OpenedUpload, Failure> {
        if let Some(version) = opening.picture {
            return Ok(OpenedUpload {
                session: SessionId(format!("picture-{version}")),
                link: None,
            });
        }
        let id = opening.address.as_ref().map(|address| address.id);
        let version = opening.version.unwrap_or(1);
        self.exchange(|| self.server.open(id, version, opening.title.clone()))
    }

    async fn send(&self, session: &SessionId, part: OutgoingPart) -> Result<Receipt, Failure> {
        let OutgoingPart { index, pieces, size_bytes, sent, picture, .. } = part;
        self.exchange(|| {
            sent.fetch_add(size_bytes, Ordering::Relaxed);
            if let Some(picture) = picture {
                let OutgoingPicture { title, address, version, .. } = picture;
                let id = address.map(|address| address.id);
                let picture = FakePicture { version, bytes: pieces.concat(), title };
                return self.server.take_picture(ArrivingPicture { id, picture }).map(Receipt);
            }
            self.server.store(session, index, pieces.concat())
        })
    }

    async fn received(&self, session: &SessionId) -> Result<ReceivedParts, Failure> {
        self.exchange(|| self.server.parts(session))
    }

    async fn list_pieces(
        &self,
        session: &SessionId,
        pieces: &PiecesRequest,
    ) -> Result<Vec<u32>, Failure> {
        self.exchange(|| self.server.list_pieces(session, pieces))
    }

    async fn finish(
        &self,
        session: &SessionId,
        end: &Completion,
    ) -> Result<Option<String>, Failure> {
        let receipts = &end.receipts;
        if end.picture.is_some() {
            return Ok(receipts.first().map(|Receipt(link)| link.clone()));
        }
        self.exchange(|| {
            self.server.complete(session, receipts.len() as u32, Some(receipts)).map(Some)
        })
    }

    async fn damaged(&self) -> Result<Vec<(SessionId, Vec<u32>)>, Failure> {
        self.exchange(|| Ok(self.server.damaged_parts()))
    }

    async fn rename(&self, session: &SessionId, title: &str) -> Result<(), Failure> {
        self.exchange(|| {
            self.server.set_title(session, title);
            Ok(())
        })
    }

    async fn rename_picture(&self, id: Uuid, title: &str) -> Result<(), Failure> {
        self.exchange(|| {
            self.server.set_picture_title(id, title);
            Ok(())
        })
    }
}

fn capabilities(profile: Profile) -> Capabilities {
    Capabilities {
        server: Capabilities::SERVER.into(),
        version: "fake".into(),
        framings: vec![profile.framing()],
        part_bytes_max: u64::MAX,
        parts_in_flight_max: profile.parts_in_flight_max() as u32,
        parts_cut_anywhere: false,
        link_template: None,
        sign_in: None,
        screenshots: Some(screenshots()),
        videos: Some(videos()),
    }
}

/// Returns what a [`FakeServer`] supports for pictures.
pub fn screenshots() -> ScreenshotCapabilities {
    ScreenshotCapabilities {
        claims: true,
        versions: true,
        bytes_max: u64::MAX,
        link_template: Some(link("{recordingId}")),
    }
}

/// Returns what a [`FakeServer`] supports for versions of videos.
pub fn videos() -> VideoCapabilities {
    VideoCapabilities { versions: true, pieces_max: 10_000, chapters_max: 500, piece_runs: true }
}

fn lost() -> Failure {
    Failure::Unreachable { detail: "the connection was lost".into() }
}

/// Returns the link of an id, or of a session without one.
fn link_of(id: Option<Uuid>, session: &str) -> String {
    id.map_or_else(|| link(session), |id| link(&id.to_string()))
}

fn link(session: &str) -> String {
    format!("https://fake.example/{session}")
}

/// Returns what a part is acknowledged with: other bytes have another receipt.
fn receipt_of(part: &[u8]) -> Receipt {
    Receipt(sha256_of(part).chars().take(16).collect())
}

fn sha256_of(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    hex(&Sha256::digest(bytes))
}
