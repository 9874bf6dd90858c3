//! A destination, and the memory behind it, which tests break and inspect.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use snaplark_api::{Media, Profile};
use snaplark_core::SessionId;
use snaplark_core::upload::{Failure, Receipt};
use snaplark_destinations::fake::{Fake, FakeServer};
use snaplark_destinations::{
    Address, Completion, Destination, Opening, OutgoingPart, OutgoingPicture, Snaplark, Token,
};
use uuid::Uuid;

use crate::documents_server::DocumentsServer;

/// One client of a destination. What it does is found in `server`.
pub struct Rig {
    pub server: FakeServer,
    connect: Box<dyn Fn() -> Arc<dyn Destination>>,
    pub destination: Arc<dyn Destination>,
    http: Option<DocumentsServer>,
}

pub fn fake(profile: Profile) -> Rig {
    let server = FakeServer::default();
    let memory = server.clone();
    Rig::new(server, None, Box::new(move || Arc::new(Fake::at(memory.clone(), profile))))
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
    Rig::new(server, Some(http), Box::new(connect))
}

impl Rig {
    fn new(
        server: FakeServer,
        http: Option<DocumentsServer>,
        connect: Box<dyn Fn() -> Arc<dyn Destination>>,
    ) -> Self {
        let destination = connect();
        Rig { server, connect, destination, http }
    }

    /// Starts the client again: only what is durable is known.
    pub fn restart(&mut self) {
        self.destination = (self.connect)();
    }

    /// Cuts the connection, to stay so.
    pub fn go_offline(&self) {
        let faults = snaplark_destinations::fake::Faults { is_offline: true, ..Default::default() };
        self.server.set_faults(faults);
        if let Some(http) = &self.http {
            http.stop();
        }
    }

    pub async fn open(&self) -> Result<SessionId, Failure> {
        self.destination.open(&opening()).await.map(|opened| opened.session)
    }

    pub async fn send(&self, session: &SessionId, index: u32) -> Result<Receipt, Failure> {
        self.destination.send(session, part(index)).await
    }

    pub async fn finish(
        &self,
        session: &SessionId,
        receipts: &[Receipt],
    ) -> Result<Option<String>, Failure> {
        let receipts = receipts.to_vec();
        let end = Completion { media: media(), duration_ms: 6_000, receipts, picture: None };
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
        let end = Completion { media: media(), duration_ms: 0, receipts, picture: Some(version) };
        let link = self.destination.finish(&session, &end).await?;
        Ok(link.expect("a picture has a link"))
    }
}

pub fn opening() -> Opening {
    let id = Uuid::from_u128(7);
    let address = Some(Address { id, secret: None });
    Opening { media: media(), address, title: None, picture: None, version: None }
}

pub fn bytes_of(index: u32) -> Vec<u8> {
    format!("<bytes of part {index}>").repeat(5_000).into_bytes()
}

fn part(index: u32) -> OutgoingPart {
    let bytes = bytes_of(index);
    let sha256 = Sha256::digest(&bytes).into();
    let size_bytes = bytes.len() as u64;
    let (first, second) = bytes.split_at(bytes.len() / 3);
    let pieces = vec![Bytes::copy_from_slice(first), Bytes::copy_from_slice(second)];
    OutgoingPart { index, pieces, size_bytes, sha256, sent: Arc::default(), picture: None }
}

fn picture(version: u32, bytes: &[u8]) -> OutgoingPart {
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
        sha256: Sha256::digest(bytes).into(),
        sent: Arc::default(),
        picture: Some(picture),
    }
}

fn media() -> Media {
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
