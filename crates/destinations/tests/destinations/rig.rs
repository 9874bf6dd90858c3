//! A destination, and the memory behind it, which tests break and inspect.

use std::cell::Cell;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use snaplark_api::{Media, Profile};
use snaplark_core::SessionId;
use snaplark_core::upload::{Failure, Receipt};
use snaplark_destinations::fake::{Fake, FakePicture, FakeServer, Faults};
use snaplark_destinations::{
    Address, Completion, Destination, Folder, Opening, OutgoingPart, OutgoingPicture, Poster, S3,
    Snaplark, Storage, Token, WholeItem,
};
use uuid::Uuid;

use crate::bucket_server::{BUCKET, BucketServer, KEYS, Store};
use crate::documents_server::DocumentsServer;
use crate::folder::TestFolder;
use crate::{poster_server, storage_server};

/// The server or folder behind a destination.
pub trait Backend {
    /// Changes what goes wrong.
    fn set_faults(&self, faults: Faults);
    /// Forgets all sessions that are not completed.
    fn lose_sessions(&self);
    /// Damages a part.
    fn damage(&self, session: &SessionId, index: u32);
    /// Returns a completed item's bytes.
    fn content(&self, session: &SessionId) -> Option<Vec<u8>>;
    /// Returns the completed items.
    fn completed(&self) -> Vec<SessionId>;
    /// Returns an item's title.
    fn title(&self, session: &SessionId) -> Option<String>;
    /// Returns the pictures, each with its link.
    fn pictures(&self) -> Vec<(String, FakePicture)>;
}

impl Backend for FakeServer {
    fn set_faults(&self, faults: Faults) {
        FakeServer::set_faults(self, faults);
    }

    fn lose_sessions(&self) {
        FakeServer::lose_sessions(self);
    }

    fn damage(&self, session: &SessionId, index: u32) {
        FakeServer::damage(self, session, index);
    }

    fn content(&self, session: &SessionId) -> Option<Vec<u8>> {
        FakeServer::content(self, session)
    }

    fn completed(&self) -> Vec<SessionId> {
        FakeServer::completed(self)
    }

    fn title(&self, session: &SessionId) -> Option<String> {
        FakeServer::title(self, session)
    }

    fn pictures(&self) -> Vec<(String, FakePicture)> {
        FakeServer::pictures(self)
    }
}

/// One client of a destination. What it does is found in `server`, or in a bucket.
pub struct Rig {
    pub server: Box<dyn Backend>,
    /// The real server, if the destination is a bucket. The faults of `server` are those of a proxy before it.
    pub bucket: Option<BucketServer>,
    connect: Box<dyn Fn() -> Arc<dyn Destination>>,
    pub destination: Arc<dyn Destination>,
    /// Whether opening an upload is a request.
    pub opens_by_request: bool,
    /// Whether opening an item again finds its session.
    pub finds_sessions: bool,
    /// How many parts the upload has that was opened last.
    part_count: Cell<u32>,
    http: Option<DocumentsServer>,
}

pub fn fake(profile: Profile) -> Rig {
    let server = FakeServer::default();
    let memory = server.clone();
    Rig::new(Box::new(server), None, Box::new(move || Arc::new(Fake::at(memory.clone(), profile))))
}

pub async fn snaplark(profile: Profile) -> Rig {
    let server = FakeServer::default();
    let http = DocumentsServer::start(server.clone(), profile).await;
    let base_url = http.base_url.clone();
    let connect = move || -> Arc<dyn Destination> {
        let token = Some(Token::new("a-token"));
        let throttle = Arc::default();
        Arc::new(Snaplark::new(base_url.clone(), profile, token, throttle).unwrap())
    };
    Rig::new(Box::new(server), Some(http), Box::new(connect))
}

pub async fn folder() -> Rig {
    let folder = TestFolder::prepared("https://files.example/{name}").await;
    let address = folder.address.clone();
    let connect = move || -> Arc<dyn Destination> { Arc::new(Folder::new(&address).unwrap()) };
    Rig::new(Box::new(folder), None, Box::new(connect))
}

/// Returns a client of a real server of S3, whose links are made from a public address.
pub async fn s3(store: Store) -> Rig {
    let server = FakeServer::default();
    let bucket = BucketServer::start(store, server.clone()).await;
    let address =
        format!("s3+http://{}/{BUCKET}?public=https://videos.example/{{key}}", bucket.proxy);
    let connect = move || -> Arc<dyn Destination> {
        let token = Some(Token::new(format!("{}:{}", KEYS.0, KEYS.1)));
        Arc::new(S3::new(&address, token, Arc::default()).unwrap())
    };
    Rig { bucket: Some(bucket), ..Rig::new(Box::new(server), None, Box::new(connect)) }
}

impl Rig {
    fn new(
        server: Box<dyn Backend>,
        http: Option<DocumentsServer>,
        connect: Box<dyn Fn() -> Arc<dyn Destination>>,
    ) -> Self {
        let destination = connect();
        let (opens_by_request, finds_sessions, part_count) = (true, true, Cell::new(0));
        let bucket = None;
        Rig {
            server,
            bucket,
            connect,
            destination,
            opens_by_request,
            finds_sessions,
            part_count,
            http,
        }
    }

    /// Returns the bytes of a part. Those of a bucket are as large as S3 wants them.
    pub fn bytes_of(&self, index: u32) -> Vec<u8> {
        match &self.bucket {
            Some(_) => bytes_of(index).repeat(62),
            None => bytes_of(index),
        }
    }

    /// Returns the bytes of so many parts.
    pub fn whole(&self, parts: u32) -> Vec<u8> {
        (0..parts).flat_map(|index| self.bytes_of(index)).collect()
    }

    /// Returns a completed item's bytes.
    pub async fn content(&self, session: &SessionId) -> Option<Vec<u8>> {
        match &self.bucket {
            Some(bucket) => bucket.content(session).await,
            None => self.server.content(session),
        }
    }

    /// Returns how many items are complete.
    pub async fn completed(&self) -> usize {
        match &self.bucket {
            Some(bucket) => bucket.keys().await.len(),
            None => self.server.completed().len(),
        }
    }

    /// Takes all sessions away that are not complete.
    pub async fn lose_sessions(&self) {
        match &self.bucket {
            Some(bucket) => bucket.lose_sessions().await,
            None => self.server.lose_sessions(),
        }
    }

    /// Returns the pictures.
    pub async fn pictures(&self) -> Vec<FakePicture> {
        let pictures = match &self.bucket {
            Some(bucket) => bucket.pictures().await,
            None => self.server.pictures(),
        };
        pictures.into_iter().map(|(_, picture)| picture).collect()
    }

    /// Starts the client again: only what is durable is known.
    pub fn restart(&mut self) {
        self.destination = (self.connect)();
    }

    /// Cuts the connection, to stay so.
    pub fn go_offline(&self) {
        let faults = Faults { is_offline: true, ..Faults::default() };
        self.server.set_faults(faults);
        if let Some(http) = &self.http {
            http.stop();
        }
        if let Some(bucket) = &self.bucket {
            bucket.stop();
        }
    }

    /// Opens an upload of two parts.
    pub async fn open(&self) -> Result<SessionId, Failure> {
        self.open_of(2).await
    }

    /// Opens an upload of so many parts.
    pub async fn open_of(&self, part_count: u32) -> Result<SessionId, Failure> {
        self.part_count.set(part_count);
        self.destination.open(&opening_of(part_count)).await.map(|opened| opened.session)
    }

    pub async fn send(&self, session: &SessionId, index: u32) -> Result<Receipt, Failure> {
        let part_count = Some(self.part_count.get());
        self.destination
            .send(session, OutgoingPart { part_count, ..part(index, &self.bytes_of(index)) })
            .await
    }

    pub async fn finish(
        &self,
        session: &SessionId,
        receipts: &[Receipt],
    ) -> Result<Option<String>, Failure> {
        let receipts = receipts.to_vec();
        let end = Completion { receipts, ..completion() };
        self.destination.finish(session, &end).await
    }

    /// Opens a version of the video.
    pub async fn open_version(&self, version: u32) -> Result<SessionId, Failure> {
        let opening = Opening { version: Some(version), ..opening() };
        self.destination.open(&opening).await.map(|opened| opened.session)
    }

    /// Uploads a version of a picture, as the machine does, and returns its link.
    pub async fn send_picture(&self, version: u32, bytes: &[u8]) -> Result<String, Failure> {
        let opening = Opening { picture: Some(version), ..opening() };
        let session = self.destination.open(&opening).await?.session;
        let receipt = self.destination.send(&session, picture(version, bytes)).await?;
        let receipts = Vec::from([receipt]);
        let picture = Some(version);
        let end = Completion { receipts, picture, ..completion() };
        let link = self.destination.finish(&session, &end).await?;
        Ok(link.expect("a picture has a link"))
    }
}

pub async fn poster() -> Rig {
    let server = FakeServer::default();
    let http = poster_server::start(server.clone(), poster_server::Memory::Keeps).await;
    let base_url = http.base_url.clone();
    let connect = move || -> Arc<dyn Destination> { Arc::new(poster_at(&base_url)) };
    let rig = Rig::new(Box::new(server), Some(http), Box::new(connect));
    Rig { opens_by_request: false, ..rig }
}

pub async fn storage() -> Rig {
    let server = FakeServer::default();
    let http = storage_server::start(server.clone(), storage_server::Direct::NotOffered).await;
    let base_url = http.base_url.clone();
    let connect = move || -> Arc<dyn Destination> { Arc::new(storage_at(&base_url)) };
    let rig = Rig::new(Box::new(server), Some(http), Box::new(connect));
    Rig { finds_sessions: false, ..rig }
}

pub fn poster_at(base_url: &str) -> Poster {
    Poster::new(base_url.to_owned(), Some(Token::new("a-token")), Arc::default()).unwrap()
}

pub fn storage_at(base_url: &str) -> Storage {
    Storage::new(base_url.to_owned(), Some(Token::new("a-token")), Arc::default()).unwrap()
}

/// Returns the opening of an item that is whole.
pub fn opening_of(part_count: u32) -> Opening {
    let size_bytes = (0..part_count).map(|index| bytes_of(index).len() as u64).sum();
    Opening { whole: Some(WholeItem { size_bytes, part_count }), ..opening() }
}

pub fn opening() -> Opening {
    let id = Uuid::from_u128(7);
    let address = Some(Address { id, secret: None });
    Opening {
        item: id,
        file: None,
        whole: None,
        media: media(),
        address,
        title: None,
        picture: None,
        version: None,
    }
}

pub fn bytes_of(index: u32) -> Vec<u8> {
    format!("<bytes of part {index}>").repeat(5_000).into_bytes()
}

pub fn completion() -> Completion {
    let (file, title, picture) = (None, None, None);
    let (duration_ms, receipts) = (6_000, Vec::new());
    Completion { file, media: media(), duration_ms, title, receipts, picture, keeps_parts: false }
}

pub fn part(index: u32, bytes: &[u8]) -> OutgoingPart {
    let sha256 = Sha256::digest(bytes).into();
    let size_bytes = bytes.len() as u64;
    let (first, second) = bytes.split_at(bytes.len() / 3);
    let pieces = vec![Bytes::copy_from_slice(first), Bytes::copy_from_slice(second)];
    OutgoingPart {
        index,
        pieces,
        size_bytes,
        part_count: None,
        sha256,
        sent: Arc::default(),
        picture: None,
    }
}

pub fn picture(version: u32, bytes: &[u8]) -> OutgoingPart {
    let picture = OutgoingPicture {
        filename: "Checkout.png".into(),
        mime: "image/png".into(),
        title: Some("Checkout".into()),
        address: opening().address,
        version,
    };
    OutgoingPart {
        index: 0,
        pieces: vec![Bytes::copy_from_slice(bytes)],
        size_bytes: bytes.len() as u64,
        part_count: Some(1),
        sha256: Sha256::digest(bytes).into(),
        sent: Arc::default(),
        picture: Some(picture),
    }
}

pub fn media() -> Media {
    Media {
        filename: "recording_2026-11-29T10-30-45.webm".into(),
        started_text: "2026-11-29T10-30-45".into(),
        started_unix_ms: 1_795_948_245_000,
        fps: 30,
        bitrate: 2_500_000,
        width: 1920,
        height: 1080,
    }
}
