//! The clients of the older documents (seeds 002 and 003) against the true cloud, with files that players play.
//! Their strict servers, and faults, are in the suite of `crates/destinations`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use axum::body::Bytes;
use sha2::{Digest as _, Sha256};
use snaplark_api::{Media, PartSize};
use snaplark_app::Token;
use snaplark_core::SessionId;
use snaplark_core::upload::{Failure, ProbeVerdict, Receipt};
use snaplark_destinations::{
    Completion, Destination, FileFacts, Opening, OutgoingPart, Poster, Storage, WholeItem,
};
use snaplark_tests::fault_proxy::{FaultProxy, Turn};
use snaplark_tests::home::Home;
use snaplark_tests::media;

use crate::rig::{Server, runtime};

const MIB: usize = 1024 * 1024;
/// Waits between tries, as far as a test is patient.
const TRIES: usize = 40;
const AGAIN: Duration = Duration::from_millis(250);

/// A file that a person has, and where its upload stands.
struct Upload {
    bytes: Bytes,
    filename: &'static str,
    mime: &'static str,
    part_bytes: usize,
    session: Option<SessionId>,
    receipts: Vec<Receipt>,
}

impl Upload {
    fn new(destination: &dyn Destination, bytes: Vec<u8>, filename: &'static str) -> Self {
        let PartSize::Fixed(part_bytes) = destination.offers().part_size else { panic!("a size") };
        let mime = if filename.ends_with("webm") { "video/webm" } else { "video/mp4" };
        let (session, receipts) = (None, Vec::new());
        Upload {
            bytes: bytes.into(),
            filename,
            mime,
            part_bytes: part_bytes as usize,
            session,
            receipts,
        }
    }

    fn part_count(&self) -> u32 {
        self.bytes.len().div_ceil(self.part_bytes) as u32
    }

    fn file(&self) -> Option<FileFacts> {
        Some(FileFacts {
            filename: self.filename.into(),
            mime: self.mime.into(),
            size_bytes: self.bytes.len() as u64,
            description: Some("Recorded on Monday".into()),
        })
    }

    /// Opens it, or goes on with it, and sends up to so many parts.
    async fn send(&mut self, to: &dyn Destination, parts: u32) -> Result<(), Failure> {
        let part_count = self.part_count();
        let session = match &self.session {
            Some(session) => session.clone(),
            None => {
                let opening = Opening {
                    item: uuid::Uuid::from_u128(7),
                    file: self.file(),
                    whole: Some(WholeItem { size_bytes: self.bytes.len() as u64, part_count }),
                    media: no_media(),
                    address: None,
                    title: None,
                    picture: None,
                    version: None,
                };
                let session = to.open(&opening).await?.session;
                self.session.insert(session).clone()
            }
        };
        for index in self.receipts.len() as u32..parts.min(part_count) {
            let from = index as usize * self.part_bytes;
            let bytes = self.bytes.slice(from..self.bytes.len().min(from + self.part_bytes));
            let part = OutgoingPart {
                index,
                size_bytes: bytes.len() as u64,
                part_count: Some(part_count),
                sha256: Sha256::digest(&bytes).into(),
                pieces: vec![bytes],
                sent: Default::default(),
                picture: None,
            };
            self.receipts.push(to.send(&session, part).await?);
        }
        Ok(())
    }

    async fn finish(&self, to: &dyn Destination) -> Result<Option<String>, Failure> {
        let end = Completion {
            file: self.file(),
            media: no_media(),
            duration_ms: 2_000,
            title: Some("Checkout <fails>".into()),
            receipts: self.receipts.clone(),
            picture: None,
            keeps_parts: false,
        };
        to.finish(self.session.as_ref().expect("it is open"), &end).await
    }

    /// Tries as the machine does: again after what passes.
    async fn until_done(&mut self, to: &dyn Destination) -> Option<String> {
        for _ in 0..TRIES {
            let done = match self.send(to, u32::MAX).await {
                Ok(()) => self.finish(to).await,
                Err(failure) => Err(failure),
            };
            match done {
                Ok(link) => return link,
                Err(
                    Failure::Unreachable { .. }
                    | Failure::NotTheApi { .. }
                    | Failure::TryAgain { .. }
                    | Failure::RateLimited { .. },
                ) => tokio::time::sleep(AGAIN).await,
                Err(failure) => panic!("{failure:?}"),
            }
        }
        panic!("not done after {TRIES} tries");
    }
}

fn no_media() -> Media {
    Media {
        filename: String::new(),
        started_text: String::new(),
        started_unix_ms: 0,
        fps: 0,
        bitrate: 0,
        width: 0,
        height: 0,
    }
}

/// Makes an MP4 of two seconds that is at least this large: what follows the film is a box that players pass over.
fn film(folder: &Path, size_bytes: usize) -> Vec<u8> {
    let file = folder.join("film.mp4");
    let source =
        "-v error -y -f lavfi -i testsrc2=size=640x360:rate=30 -t 2 -c:v libx264 -preset ultrafast";
    let made = Command::new("ffmpeg").args(source.split(' ')).arg(&file).status().unwrap();
    assert!(made.success());
    let mut film = std::fs::read(&file).unwrap();
    let free = size_bytes.saturating_sub(film.len()).max(8);
    film.extend((free as u32).to_be_bytes());
    film.extend(b"free");
    film.resize(film.len() + free - 8, 0);
    film
}

async fn get(url: &str) -> Vec<u8> {
    let answer = reqwest::Client::builder().no_proxy().build().unwrap().get(url).send();
    let answer = answer.await.unwrap();
    assert!(answer.status().is_success(), "{url}: {}", answer.status());
    answer.bytes().await.unwrap().to_vec()
}

struct Cloud {
    home: Home,
    server: Server,
    url: String,
}

impl Cloud {
    fn start() -> Self {
        let home = Home::new().unwrap();
        let server = Server::start(&home).unwrap();
        let url = format!("http://{}/api/v1", server.address);
        Cloud { home, server, url }
    }

    fn token(&self) -> Option<Token> {
        Some(Token::new(&*self.server.token))
    }

    fn poster(&self) -> Poster {
        Poster::new(self.url.clone(), self.token(), Default::default()).unwrap()
    }

    fn storage(&self) -> Storage {
        Storage::new(self.url.clone(), self.token(), Default::default()).unwrap()
    }
}

#[test]
fn poster_sends_a_film_that_is_resumed_and_has_its_title() {
    let cloud = Cloud::start();
    runtime().unwrap().block_on(async {
        let film = film(cloud.home.path(), 2 * MIB + 5_000);
        let first = cloud.poster();
        assert_eq!(first.probe().await, ProbeVerdict::Online { capabilities: None });
        let mut upload = Upload::new(&first, film.clone(), "checkout.mp4");
        assert_eq!(upload.part_count(), 3);
        upload.send(&first, 2).await.unwrap();
        // The program ends, and only the rows are left.
        let second = cloud.poster();
        let link = upload.until_done(&second).await.unwrap();
        let page = String::from_utf8(get(&link).await).unwrap();
        assert!(page.contains("Checkout &lt;fails&gt;"), "{page}");
        assert!(page.contains("Recorded on Monday"));
        let file = format!("{link}/video.mp4");
        assert!(get(&file).await == film, "byte for byte");
        assert_eq!(media::decode(&file).unwrap(), 60);
    });
}

#[test]
fn storage_sends_a_film_in_chunks_that_are_resumed() {
    let cloud = Cloud::start();
    runtime().unwrap().block_on(async {
        let film = film(cloud.home.path(), 11 * MIB);
        let first = cloud.storage();
        let mut upload = Upload::new(&first, film.clone(), "checkout.mp4");
        assert_eq!(upload.part_count(), 3);
        upload.send(&first, 2).await.unwrap();
        // The acknowledgement of the second part has no row.
        upload.receipts.pop();
        let second = cloud.storage();
        let link = upload.until_done(&second).await.unwrap();
        assert!(link.ends_with("/video.mp4"), "the file itself: {link}");
        assert!(get(&link).await == film, "byte for byte");
        assert_eq!(media::decode(&link).unwrap(), 60);
        assert_eq!(upload.finish(&second).await, Ok(Some(link)), "and the same again");
    });
}

#[test]
fn storage_puts_a_small_film_at_an_address_of_its_own() {
    let cloud = Cloud::start();
    runtime().unwrap().block_on(async {
        let film = film(cloud.home.path(), MIB);
        let storage = cloud.storage();
        assert_eq!(storage.probe().await, ProbeVerdict::Online { capabilities: None });
        let mut upload = Upload::new(&storage, film.clone(), "checkout.mp4");
        let link = upload.until_done(&storage).await.unwrap();
        let session = upload.session.as_ref().unwrap();
        assert!(session.0.starts_with("direct/"), "{session:?}");
        assert!(get(&link).await == film, "byte for byte");
        assert_eq!(upload.finish(&storage).await, Ok(Some(link)), "and the same again");
    });
}

#[test]
fn what_is_no_video_is_refused_in_the_words_of_the_server() {
    let cloud = Cloud::start();
    runtime().unwrap().block_on(async {
        let text = b"a text and no video, whatever its name says".repeat(200_000);
        for destination in [&cloud.poster() as &dyn Destination, &cloud.storage()] {
            let mut upload = Upload::new(destination, text.clone(), "notes.mp4");
            let refused = match upload.send(destination, u32::MAX).await {
                Ok(()) => upload.finish(destination).await.unwrap_err(),
                Err(failure) => failure,
            };
            let is_named = matches!(&refused,
                Failure::PartRefused { detail } | Failure::Refused { detail } if !detail.is_empty());
            assert!(is_named, "{refused:?}");
        }
    });
}

/// Each request of an upload loses its answer, meets a 503, and breaks in the middle, before it gets through. Storage
/// completes once: when that answer is lost, the status has the link.
#[test]
fn films_arrive_whole_through_a_proxy_that_fails() {
    let cloud = Cloud::start();
    runtime().unwrap().block_on(async {
        let film = film(cloud.home.path(), 11 * MIB);
        let proxy = FaultProxy::start(cloud.server.address).await.unwrap();
        proxy.script(|asked| match asked.nth {
            1 => Turn::LoseReply,
            2 => Turn::answer("503 Service Unavailable", &[], ""),
            3 => Turn::Reset { after_bytes: 100 },
            _ => Turn::Pass,
        });
        let url = format!("{}/api/v1", proxy.url());
        let poster = Poster::new(url.clone(), cloud.token(), Default::default()).unwrap();
        let storage = Storage::new(url, cloud.token(), Default::default()).unwrap();
        for (destination, faults) in [(&poster as &dyn Destination, 9), (&storage, 10)] {
            let before = proxy.faults();
            let mut upload = Upload::new(destination, film.clone(), "checkout.mp4");
            let link = upload.until_done(destination).await.unwrap();
            assert_eq!(proxy.faults() - before, faults, "three of each request");
            let file = if link.ends_with(".mp4") { link } else { format!("{link}/video.mp4") };
            assert!(get(&file).await == film, "byte for byte");
        }
    });
}
