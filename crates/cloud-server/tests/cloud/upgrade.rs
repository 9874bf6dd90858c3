//! A database that an earlier program left, with what people had stored by then, after it was opened by
//! this one.
//!
//! The earlier database is made by the earlier migrations. Its rows are copied from those of this
//! program, without the columns and tables that were not there yet, and its usage is what the earlier
//! program counted: the bytes of parts alone.

use std::path::Path;

use serde_json::{Value, json};
use sqlx::migrate::Migrator;

use crate::browser::{Browser, PASSWORD, signed_in};
use crate::jobs::{self, in_ffmpegs_place};
use crate::support::{Server, User, init_000, synthetic};
use crate::wait;

const DESCRIPTION: &str = "\u{e9}t\u{e9}";

/// The usage as programs before the migration `kept` counted it.
pub const COUNT_PARTS_ALONE: &str = "UPDATE usage SET stored_bytes = COALESCE((\
    SELECT SUM(uploads.stored_bytes) FROM uploads WHERE uploads.user_id = usage.user_id \
    AND uploads.state <> 'expired' AND uploads.removed_ms IS NULL), 0)";

/// The migrations of a dialect (`sqlite`, `postgres`) that come before the one of this name.
pub async fn migrations_before(dialect: &str, name: &str) -> Migrator {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../cloud-data/migrations").join(dialect);
    let mut all: Vec<_> = Migrator::new(folder).await.unwrap().iter().cloned().collect();
    let first = all.iter().position(|one| one.description == name).expect("there is such a one");
    all.truncate(first);
    Migrator::with_migrations(all)
}

/// The answers that are compared before and after the upgrade.
#[derive(Debug, PartialEq)]
struct Kept {
    videos: Vec<Value>,
    bytes: Vec<Vec<u8>>,
    pages: Vec<(u16, bool)>,
}

/// The users of a server before the upgrade.
struct People {
    owner: User,
    other: User,
    /// Links of videos that everybody may see, and of one with a password.
    open: Vec<String>,
    locked: String,
    unfinished: String,
    paths: Vec<String>,
}

impl People {
    async fn new(server: &Server) -> People {
        signed_in(&server.url(), server.backend.place(), "owner@example.com").await;
        let owner = server.user("owner@example.com").await;
        let other = server.user("other@example.com").await;
        let session = |answer: &Value| answer["sessionId"].as_str().unwrap().to_owned();
        let path = |answer: &Value| format!("/videos/{}", answer["videoId"].as_str().unwrap());

        let film = owner.upload(&parts()).await;
        let made = upload_with_products(server, &owner, &film).await;
        let locked = owner.upload(&synthetic(2, 1000).stream()).await;
        owner.lock(&session(&locked), "open sesame").await;
        // One that is cut anywhere is joined from its parts, and another user has one too.
        let torn: Vec<Vec<u8>> = synthetic(3, 900).whole().chunks(1111).map(Vec::from).collect();
        let torn = other.upload(&torn).await;
        jobs::until(&other, &session(&torn), "index.json", |job| job["state"] == "done").await;
        // Neither of these counts: one is removed, one expired.
        let removed = owner.upload(&synthetic(1, 500).stream()).await;
        owner.delete(&format!("/videos/{}", session(&removed))).await.ok();
        let unfinished = other.post("/videos/init", &init_000()).await.ok();
        let unfinished = session(&unfinished);
        other.chunk(&unfinished, 0, &parts()[0]).await.ok();
        let files = [&film, &torn].into_iter().flat_map(|answer| {
            ["original.webm", "video.webm"].map(|name| format!("{}/{name}", path(answer)))
        });
        People {
            owner,
            other,
            open: vec![path(&film), path(&torn)],
            locked: path(&locked),
            unfinished,
            paths: files.chain(made).collect(),
        }
    }

    fn at(&self, server: &Server) -> People {
        let user = |user: &User| User { url: server.url(), ..user.clone() };
        People {
            owner: user(&self.owner),
            other: user(&self.other),
            open: self.open.clone(),
            locked: self.locked.clone(),
            unfinished: self.unfinished.clone(),
            paths: self.paths.clone(),
        }
    }

    async fn stored(&self) -> [u64; 2] {
        let mut stored = [0; 2];
        for (user, stored) in [&self.owner, &self.other].into_iter().zip(&mut stored) {
            *stored = user.get("/usage").await.ok()["storedBytes"].as_u64().unwrap();
        }
        stored
    }

    async fn kept(&self) -> Kept {
        let mut kept = Kept { videos: Vec::new(), bytes: Vec::new(), pages: Vec::new() };
        for user in [&self.owner, &self.other] {
            let list = user.get("/videos").await.ok();
            let videos = list["videos"].as_array().unwrap_or_else(|| panic!("{list}")).clone();
            kept.videos.extend(videos.into_iter().map(|video| without_address(video, &user.url)));
        }
        for path in &self.paths {
            kept.bytes.push(self.owner.bytes(path).await);
        }
        for path in self.open.iter().chain([&self.locked]) {
            let seen = Browser::new(&self.owner.url).get(path).await;
            kept.pages.push((seen.status, seen.html.contains("A title")));
        }
        kept
    }
}

fn parts() -> Vec<Vec<u8>> {
    synthetic(4, 2000).stream()
}

/// A thumbnail, a preview, an MP4, captions, a title and a description. Returns the products' paths.
async fn upload_with_products(server: &Server, owner: &User, film: &Value) -> Vec<String> {
    let (session, video) = (film["sessionId"].as_str().unwrap(), film["videoId"].as_str().unwrap());
    let api = format!("{}/api/v1/videos/{session}", server.url());
    let change = json!({"title": "A title", "description": DESCRIPTION});
    let patch = owner.http.patch(&api).bearer_auth(&owner.token).json(&change);
    assert!(patch.send().await.unwrap().status().is_success());
    let put = owner.http.put(format!("{api}/captions")).bearer_auth(&owner.token);
    let put =
        put.header("content-type", "text/vtt").body("WEBVTT\n\n00:00.000 --> 00:01.000\nHi\n");
    assert!(put.send().await.unwrap().status().is_success());
    let path = |name: &str| format!("/videos/{video}/made/{name}");
    let asked =
        owner.http.get(format!("{}{}", server.url(), path("480.mp4"))).send().await.unwrap();
    assert!(asked.status().is_success());
    for name in ["thumbnail.jpg", "preview.webp", "480.mp4"] {
        jobs::until(owner, session, name, |job| job["state"] == "done").await;
    }
    ["thumbnail.jpg", "preview.webp", "480.mp4", "captions.vtt"].map(path).into()
}

/// The server's port is another after each start.
fn without_address(video: Value, url: &str) -> Value {
    serde_json::from_str(&video.to_string().replace(url, "")).unwrap()
}

/// Stores things, makes the database that of the program before `migration`, and opens it again.
async fn upgraded_from_before(migration: &str) {
    // What a product consists of makes no difference here.
    let folder = tempfile::tempdir().unwrap();
    let write = "for out; do :; done; echo \"a product\" > \"$out\"";
    let ffmpeg = in_ffmpegs_place(folder.path(), write);
    let with =
        |options: &mut snaplark_cloud_server::ServerOptions| options.cloud.ffmpeg = ffmpeg.clone();
    let server = Server::with(with).await;
    let people = People::new(&server).await;
    let (kept, stored) = (people.kept().await, people.stored().await);
    let stopped = server.stop().await;
    stopped.backend.become_earlier(migration).await;
    let server = stopped.start_again(with).await;
    let people = people.at(&server);

    assert_eq!(people.kept().await, kept);
    let locked = Browser::new(&server.url());
    let key = locked.key(&people.locked).await;
    let fields = [("password", "open sesame"), ("formKey", key.as_str())];
    locked.post(&format!("{}/password", people.locked), &fields).await.to();
    let video = locked.get(&format!("{}/video.webm", people.locked)).await;
    assert_eq!(video.status, 200, "its password still opens it");
    // Maps that were not kept before are built when their video is first read.
    wait::until_true("the usage of before", async || people.stored().await == stored).await;

    let browser = Browser::new(&server.url());
    assert_eq!(browser.try_sign_in("owner@example.com", PASSWORD).await.to(), "/my/videos");

    // What was begun goes on, and what is removed is counted to the last byte.
    let parts = parts();
    for (index, part) in parts.iter().enumerate().skip(1) {
        people.other.chunk(&people.unfinished, index, part).await.ok();
    }
    people.other.finalize(&people.unfinished, parts.len()).await.ok();
    for user in [&people.owner, &people.other] {
        let list = user.get("/videos").await.ok();
        for video in list["videos"].as_array().unwrap() {
            user.delete(&format!("/videos/{}", video["sessionId"].as_str().unwrap())).await.ok();
        }
    }
    let title = ("A title".len() + DESCRIPTION.len()) as u64;
    assert_eq!(people.stored().await, [title, 0], "a link keeps its settings");
    wait::until_true("no object to be left", async || server.objects() == 0).await;
}

#[tokio::test]
async fn database_of_before_the_newest_migration_is_whole_after_its_upgrade() {
    upgraded_from_before("kept").await;
}

#[tokio::test]
async fn database_of_before_three_migrations_is_whole_after_its_upgrade() {
    upgraded_from_before("maps").await;
}
