//! Screenshots whose id the client chose: the link is known beforehand, a greater version replaces what is
//! behind it in one step, and nothing of the old one stays; and what leaves the server holds no metadata.
//!
//! Length: all of it is tested on the same pictures and their one form.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use snaplark_api::{RECORDING_SECRET_BYTES, ScreenshotFields, hex, recording_id_of};
use snaplark_cloud::Limits;
use snaplark_formats::metadata::without_metadata;

use crate::browser::signed_in;
use crate::screenshots::{picture, send};
use crate::support::{Answer, Server, User, init_000};
use crate::wait;

const SECRET_TEXT: &[u8] = b"52.5200 N, taken by Ann";

/// A screenshot with an id that is made from a secret.
struct Shot {
    secret: [u8; RECORDING_SECRET_BYTES],
    id: String,
}

impl Shot {
    fn new(byte: u8) -> Shot {
        let secret = [byte; RECORDING_SECRET_BYTES];
        Shot { secret, id: recording_id_of(&secret).to_string() }
    }

    fn fields(&self, version: u32) -> ScreenshotFields {
        let digits = hex(&self.secret);
        ScreenshotFields {
            recording_id: Some(self.id.parse().unwrap()),
            recording_secret: Some(digits),
            title: Some("Order form".to_owned()),
            version: Some(version),
        }
    }

    async fn send(&self, user: &User, version: u32, bytes: &[u8]) -> Answer {
        send_with(user, &self.fields(version), bytes).await
    }

    fn path(&self) -> String {
        format!("/screenshots/{}", self.id)
    }
}

async fn send_with(user: &User, fields: &ScreenshotFields, bytes: &[u8]) -> Answer {
    let texts = fields.texts().into_iter();
    let form = texts.fold(Form::new(), |form, (name, text)| form.text(name, text));
    let form = form.part("file", Part::bytes(bytes.to_vec()).file_name("a.png"));
    let request = user.http.post(format!("{}/api/v1/screenshots/upload", user.url));
    Answer::of(request.bearer_auth(&user.token).multipart(form).send().await.unwrap()).await
}

/// A PNG of one color, and another for each number up to 12.
fn plain(number: u8) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plain.png");
    // Far apart: ffmpeg makes the color in YUV.
    let source = format!("color=c=0x{:02x}4080:size=64x48", number * 20);
    let done = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &source, "-frames:v", "1"])
        .arg(&file)
        .status()
        .expect("ffmpeg is installed");
    assert!(done.success());
    without_metadata(&std::fs::read(file).unwrap()).unwrap()
}

async fn seen(user: &User, path: &str) -> (u16, reqwest::header::HeaderMap, Vec<u8>) {
    let response = user.http.get(format!("{}{path}", user.url)).send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().await.unwrap().to_vec())
}

async fn html(user: &User, path: &str) -> (u16, String) {
    let (status, _, bytes) = seen(user, path).await;
    (status, String::from_utf8(bytes).unwrap())
}

async fn stored(user: &User) -> u64 {
    user.get("/usage").await.ok()["storedBytes"].as_u64().unwrap()
}

#[tokio::test]
async fn link_is_known_before_the_picture_comes() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let shot = Shot::new(1);
    let can = user.get("/capabilities").await.ok();
    let template = can["screenshots"]["linkTemplate"].as_str().unwrap();
    let link = template.replace("{recordingId}", &shot.id);
    assert_eq!(link, format!("{}{}", server.url(), shot.path()));
    assert_eq!(can["screenshots"]["claims"], true);
    assert_eq!(can["screenshots"]["versions"], true);
    assert_eq!(can["screenshots"]["bytesMax"], 25 * 1024 * 1024);

    let (status, page) = html(&user, &shot.path()).await;
    assert_eq!(status, 404);
    assert!(page.contains("Not uploaded yet") && page.contains("its screenshot"), "{page}");
    let (_, live) = html(&user, &format!("/videos/{}/live", shot.id)).await;
    assert_eq!(live, r#"{"state":"awaited"}"#);

    let answer = shot.send(&user, 1, &plain(1)).await.ok();
    assert_eq!((&answer["id"], &answer["version"]), (&json!(shot.id), &json!(1)));
    assert_eq!(answer["pageUrl"], link);
    let (_, live) = html(&user, &format!("/videos/{}/live", shot.id)).await;
    assert!(live.contains("finished"), "{live}");
    let (status, page) = html(&user, &shot.path()).await;
    assert!(status == 200 && page.contains("Order form"), "{page}");

    // The answer was lost: the same again is answered the same, and kept once.
    assert_eq!(shot.send(&user, 1, &plain(1)).await.ok(), answer);
    wait::until_true("one object", async || server.objects() == 1).await;
    assert_eq!(user.get("/usage").await.ok()["today"]["uploads"], 1);
}

#[tokio::test]
async fn id_belongs_to_who_has_its_secret() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let other = server.user("b@example.com").await;
    let shot = Shot::new(2);
    let mut fields = ScreenshotFields { recording_secret: None, ..shot.fields(1) };
    let refused = send_with(&user, &fields, &plain(1)).await.refused(422);
    assert_eq!(refused["code"], "recording_secret_needed");
    fields.recording_secret = Some("00".repeat(32));
    let refused = send_with(&user, &fields, &plain(1)).await.refused(422);
    assert_eq!(refused["code"], "recording_secret_wrong");
    fields.recording_secret = Some("no digits".to_owned());
    let refused = send_with(&user, &fields, &plain(1)).await.refused(400);
    assert!(refused["errors"]["recordingSecret"].is_array(), "{refused}");
    for version in [0, 1_000_001] {
        let refused = shot.send(&user, version, &plain(1)).await.refused(400);
        assert!(refused["errors"]["version"].is_array(), "{refused}");
    }
    fields = ScreenshotFields { title: Some("a".repeat(201)), ..shot.fields(1) };
    send_with(&user, &fields, &plain(1)).await.refused(400);
    shot.send(&user, 1, &plain(1)).await.ok();
    shot.send(&other, 2, &plain(2)).await.refused(409);
    // Nor is a recording replaced by a picture.
    let mut body = init_000();
    let id = uuid::Uuid::now_v7();
    body["recordingId"] = json!(id);
    user.post("/videos/init", &body).await.ok();
    let fields = ScreenshotFields { recording_id: Some(id), ..ScreenshotFields::default() };
    send_with(&user, &fields, &plain(1)).await.refused(409);
    // Without an id a version means nothing, whatever another client calls so.
    let form = Form::new().text("version", "2.1-beta");
    let form = form.part("file", Part::bytes(plain(1)).file_name("a.png"));
    let request = user.http.post(format!("{}/api/v1/screenshots/upload", user.url));
    let sent = request.bearer_auth(&user.token).multipart(form).send().await.unwrap();
    assert_eq!(Answer::of(sent).await.ok()["version"], 1);
}

/// A client whose token has some scopes only.
async fn scoped(server: &Server, scopes: &str) -> User {
    let token = server.cloud.issue_scoped_token("a@example.com", scopes).await.unwrap();
    User::new(&server.url(), &token)
}

#[tokio::test]
async fn who_may_only_upload_replaces_no_picture_without_its_secret() {
    let server = Server::start().await;
    let uploader = scoped(&server, "upload").await;
    let owner = scoped(&server, "upload read account").await;
    let first = plain(1);
    // As the clients of seed 004 send it. Its id stands in its link.
    let sent = send(&owner, "a.png", &first).await.ok();
    let id: uuid::Uuid = sent["id"].as_str().unwrap().parse().unwrap();
    let image = format!("/screenshots/{id}/image.png");
    let of = |version| ScreenshotFields {
        recording_id: Some(id),
        version: Some(version),
        ..ScreenshotFields::default()
    };
    for version in [2, 100, 1_000_000] {
        let refused = send_with(&uploader, &of(version), &plain(2)).await.refused(403);
        assert_eq!(refused["code"], "insufficient_scope", "{refused}");
    }
    assert!(seen(&owner, &image).await.2 == first, "it is as it was");
    // The same again is no replacement. Its owner isn't locked out.
    send_with(&uploader, &of(1), &first).await.ok();
    send_with(&owner, &of(2), &plain(2)).await.ok();
    assert!(seen(&owner, &image).await.2 == plain(2));
    // Nor does anybody bring a removed one back with other bytes.
    owner.delete(&format!("/screenshots/{id}")).await.ok();
    send_with(&uploader, &of(3), &plain(3)).await.refused(403);
    send_with(&owner, &of(3), &plain(3)).await.ok();

    // Whoever has the secret needs no other scope.
    let shot = Shot::new(13);
    shot.send(&uploader, 1, &first).await.ok();
    shot.send(&uploader, 2, &plain(2)).await.ok();
    assert!(seen(&owner, &format!("{}/image.png", shot.path())).await.2 == plain(2));
}

#[tokio::test]
async fn version_far_above_the_last_one_is_refused() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let shot = Shot::new(14);
    shot.send(&user, 7, &plain(1)).await.ok();
    for version in [1_008, 1_000_000] {
        let refused = shot.send(&user, version, &plain(2)).await.refused(400);
        assert!(refused["errors"]["version"].is_array(), "{refused}");
    }
    shot.send(&user, 1_007, &plain(2)).await.ok();
    wait::until_true("one object", async || server.objects() == 1).await;
}

#[tokio::test]
async fn old_version_and_refused_picture_are_gone_with_the_answer() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    // An upload that has expired is the sweeper's.
    let left = user.init().await;
    user.chunk(&left, 0, &crate::support::synthetic(1, 300).whole()).await.ok();
    server.pass_ms(25 * 60 * 60 * 1000);
    let shot = Shot::new(15);
    shot.send(&user, 1, &plain(1)).await.ok();
    for version in 2..5 {
        shot.send(&user, version, &plain(version as u8)).await.ok();
        assert_eq!(server.objects(), 2, "version {version} and what has expired");
    }
    shot.send(&user, 4, &plain(9)).await.refused(409);
    assert_eq!(server.objects(), 2, "nothing of what was refused");
    user.delete(&format!("/screenshots/{}", shot.id)).await.ok();
    wait::until_true("the sweeper's round", async || server.objects() == 0).await;
}

#[tokio::test]
async fn greater_version_replaces_and_nothing_of_the_old_one_stays() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    let (shot, first, second) = (Shot::new(3), plain(1), plain(2));
    assert!(first != second);
    let answer = shot.send(&user, 1, &first).await.ok();
    let at = |name: &str| format!("{}/{name}", shot.path());
    assert_eq!(answer["imageUrl"], format!("{}{}", server.url(), at("image.png")));
    let small = at("made/thumbnail.jpg");
    wait::until_true("a thumbnail", async || seen(&user, &small).await.0 == 200).await;
    let (_, headers, bytes) = seen(&user, &at("image.png")).await;
    assert!(bytes == first);
    let (old_etag, old_small) = (headers["etag"].clone(), seen(&user, &small).await);
    assert_eq!(seen(&user, &at("image.1.png")).await.2, first);
    let one_stored = stored(&user).await;

    let request =
        user.http.patch(format!("{}/api/v1/videos/{}", user.url, session(&server, &shot).await));
    let change = json!({"title": "Mine", "expiresUnixMs": 1_900_000_000_000_u64});
    let changed = request.bearer_auth(&user.token).json(&change).send().await.unwrap();
    assert!(changed.status().is_success());

    let answer = shot.send(&user, 2, &second).await.ok();
    assert_eq!((&answer["version"], &answer["id"]), (&json!(2), &json!(shot.id)));
    assert_eq!(answer["imageUrl"], format!("{}{}", server.url(), at("image.png")));
    let (_, headers, bytes) = seen(&user, &at("image.png")).await;
    assert!(bytes == second);
    assert!(headers["cache-control"].to_str().unwrap().contains("no-cache"), "{headers:?}");
    let again = user.http.get(format!("{}{}", user.url, at("image.png")));
    let again = again.header("if-none-match", old_etag).send().await.unwrap();
    assert_eq!(again.status(), 200, "the old ETag isn't the new one's");
    assert_eq!(seen(&user, &at("image.1.png")).await.0, 410);
    assert_eq!(seen(&user, &at("image.2.png")).await.2, second);
    for never in ["image.3.png", "image.2.jpg", "image.0.png", "image..png", "image.png.png"] {
        assert_eq!(seen(&user, &at(never)).await.0, 404, "{never}");
    }
    let (_, page) = html(&user, &shot.path()).await;
    assert!(page.contains("/image.2.png") && !page.contains("/image.1.png"), "{page}");
    assert!(page.contains("Mine"), "its settings are the link's: {page}");

    wait::until_true("a new thumbnail", async || seen(&user, &small).await.0 == 200).await;
    assert_ne!(seen(&user, &small).await.2, old_small.2);
    wait::until_true("the old objects to be gone", async || server.objects() == 2).await;
    // The picture and thumbnail of one version count, and the title that was set.
    let difference = stored(&user).await.abs_diff(one_stored);
    assert!(difference < 600, "{difference}");

    for late in [&first, &second] {
        let refused = shot.send(&user, 1, late).await.refused(409);
        assert_eq!(refused["code"], "newerVersion");
        assert_eq!(refused["servedVersion"], 2);
    }
    let refused = shot.send(&user, 2, &first).await.refused(409);
    assert_eq!(refused["code"], "versionTaken");
    assert_eq!(shot.send(&user, 2, &second).await.ok(), answer);
    // Another type under the same addresses; versions may be left out.
    let answer = shot.send(&user, 7, &picture("jpg")).await.ok();
    assert_eq!(answer["imageUrl"], format!("{}{}", server.url(), at("image.jpg")));
    let (_, headers, _) = seen(&user, &at("image.png")).await;
    assert_eq!(headers["content-type"], "image/jpeg", "the address that was given out stays");

    user.delete(&format!("/screenshots/{}", shot.id)).await.ok();
    for gone in ["image.png", "image.7.jpg", "image.1.png", "made/thumbnail.jpg"] {
        assert_eq!(seen(&user, &at(gone)).await.0, 404, "{gone}");
    }
    assert_eq!(html(&user, &shot.path()).await.0, 410);
    wait::until_true("nothing to be kept", async || server.objects() == 0).await;
}

#[tokio::test]
async fn owner_renames_a_screenshot_by_its_id_and_a_later_version_keeps_the_title() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let other = server.user("b@example.com").await;
    let shot = Shot::new(9);
    shot.send(&user, 1, &plain(1)).await.ok();
    let rename = async |who: &User, title: &str| {
        let request = who.http.patch(format!("{}/api/v1/screenshots/{}", who.url, shot.id));
        let request = request.bearer_auth(&who.token).json(&json!({"title": title}));
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(rename(&other, "Theirs").await, 404, "it is another's");
    assert_eq!(rename(&user, "Mine").await, 200);
    shot.send(&user, 2, &plain(2)).await.ok();
    let (_, page) = html(&user, &shot.path()).await;
    assert!(page.contains("Mine") && !page.contains("Order form"), "{page}");
}

async fn session(server: &Server, shot: &Shot) -> String {
    let owner = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let library = owner.get("/my/videos").await.html;
    assert!(library.contains(&shot.id), "{library}");
    library.split("/my/videos/").nth(1).unwrap().split('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn visitors_see_one_whole_version_while_many_arrive() {
    const VERSIONS: u8 = 12;
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let shot = Shot::new(4);
    let pictures: Vec<Vec<u8>> = (1..=VERSIONS).map(plain).collect();
    let different: BTreeSet<_> = pictures.iter().collect();
    assert_eq!(different.len(), pictures.len());
    shot.send(&user, 1, &pictures[0]).await.ok();
    let image = format!("{}/image.png", shot.path());
    let look = async {
        let mut last = 0;
        while last < VERSIONS as usize - 1 {
            let (status, _, bytes) = seen(&user, &image).await;
            assert_eq!(status, 200, "there is always a picture");
            let version = pictures.iter().position(|picture| *picture == bytes);
            let version = version.expect("one of the pictures, and all of it");
            assert!(version >= last, "{version} after {last}");
            last = version;
            // The page and the picture that it names are of one version.
            let (_, page) = html(&user, &shot.path()).await;
            let name = page.split(&format!("src=\"{}/", shot.path())).nth(1).unwrap();
            let name = name.split('"').next().unwrap();
            let (status, _, bytes) = seen(&user, &format!("{}/{name}", shot.path())).await;
            let number: usize = name.split('.').nth(1).unwrap().parse().unwrap();
            assert!(status == 410 || bytes == pictures[number - 1], "{status} {name}");
        }
    };
    let send = async {
        for round in 0..3 {
            // All of a round at once, each of them twice.
            let versions = (2 + round * 4..6 + round * 4).chain(2 + round * 4..6 + round * 4);
            let sent =
                versions.filter(|version| *version <= u32::from(VERSIONS)).map(async |version| {
                    let answer = shot.send(&user, version, &pictures[version as usize - 1]).await;
                    assert!(
                        answer.status == 200 || answer.status == 409,
                        "{version}: {}",
                        answer.status
                    );
                    (version, answer.status == 200)
                });
            let sent = futures_util::future::join_all(sent).await;
            let greatest = sent.iter().map(|(version, _)| *version).max().unwrap();
            assert!(sent.contains(&(greatest, true)), "{sent:?}");
        }
    };
    let looked = tokio::time::timeout(Duration::from_secs(60), look);
    let (looked, ()) = tokio::join!(looked, send);
    looked.expect("the last version was seen");
    wait::until_true("one object", async || server.objects() == 1).await;
    let counted = stored(&user).await;
    let alone = server.user("b@example.com").await;
    let other = Shot::new(5);
    other.send(&alone, 1, &pictures[VERSIONS as usize - 1]).await.ok();
    // A picture that was looked at has a map, which counts.
    assert_eq!(seen(&alone, &format!("{}/image.png", other.path())).await.0, 200);
    assert_eq!(counted, stored(&alone).await, "as one picture that was sent once");
}

#[tokio::test]
async fn new_version_fits_where_the_old_one_was() {
    let probe = Server::start().await;
    let user = probe.user("a@example.com").await;
    let (small, large) = (plain(1), picture("png"));
    Shot::new(6).send(&user, 1, &small).await.ok();
    let taken = stored(&user).await;
    let limits = Limits { storage_bytes: Some(taken), ..Limits::default() };
    let server = Server::with(|options| options.cloud.limits = limits).await;
    let user = server.user("a@example.com").await;
    let shot = Shot { id: Shot::new(6).id, ..Shot::new(6) };
    let fields = |version| ScreenshotFields { title: None, ..shot.fields(version) };
    send_with(&user, &fields(1), &small).await.ok();
    assert!(large.len() > small.len());
    send_with(&user, &fields(2), &large).await.refused(507);
    send_with(&user, &fields(2), &plain(3)).await.ok();
    send_with(&user, &fields(3), &small).await.ok();
    // What was refused left nothing, and did nothing to what was there.
    let image = format!("{}/image.png", shot.path());
    send_with(&user, &fields(4), &large).await.refused(507);
    assert!(seen(&user, &image).await.2 == small);
    wait::until_true("one object", async || server.objects() == 1).await;
    send(&user, "another.png", &small).await.refused(507);
}

#[tokio::test]
async fn one_picture_is_not_replaced_more_often_than_parts_are_sent() {
    let server = Server::with(|options| options.cloud.parts_per_second = 2).await;
    let user = server.user("a@example.com").await;
    let (shot, png) = (Shot::new(7), plain(1));
    shot.send(&user, 1, &png).await.ok();
    shot.send(&user, 1, &png).await.ok();
    shot.send(&user, 1, &png).await.refused(429);
    Shot::new(8).send(&user, 1, &png).await.ok();
    server.pass_ms(2_000);
    shot.send(&user, 2, &plain(2)).await.ok();
}

#[tokio::test]
async fn link_of_a_picture_expires_as_a_videos() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let shot = Shot::new(9);
    shot.send(&user, 1, &plain(1)).await.ok();
    let path = format!("{}/api/v1/videos/{}", user.url, session(&server, &shot).await);
    let until = json!({"expiresUnixMs": 1_800_000_000_000_u64 + 60_000});
    user.http.patch(path).bearer_auth(&user.token).json(&until).send().await.unwrap();
    server.pass_ms(61_000);
    assert_eq!(html(&user, &shot.path()).await.0, 410);
    shot.send(&user, 2, &plain(2)).await.ok();
    assert_eq!(html(&user, &shot.path()).await.0, 410, "a new version is no new link");
    for name in ["image.png", "image.2.png"] {
        assert_eq!(seen(&user, &format!("{}/{name}", shot.path())).await.0, 403, "{name}");
    }
}

/// The pixels, whatever is beside them.
fn pixels(bytes: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("picture");
    std::fs::write(&file, bytes).unwrap();
    let out = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-noautorotate", "-i"])
        .arg(&file)
        .args(["-f", "rawvideo", "-pix_fmt", "rgba", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(out.status.success() && !out.stdout.is_empty(), "{:?}", out.stderr);
    out.stdout
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// EXIF of a camera that was held upright (orientation 6), with words in it.
fn exif() -> Vec<u8> {
    let tiff = b"II\x2A\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    [b"Exif\0\0".as_slice(), tiff, SECRET_TEXT].concat()
}

#[tokio::test]
async fn no_metadata_leaves_and_every_pixel_stays() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    for ending in ["png", "jpg", "webp", "gif"] {
        let plain = picture(ending);
        let mut tagged = plain.clone();
        if ending == "jpg" {
            let exif = exif();
            let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
            tagged.splice(2..2, [&[0xFF, 0xE1], length.as_slice(), &exif].concat());
        }
        // A page behind the picture's end.
        tagged.extend(b"<!doctype html><script>alert(1)</script>");
        tagged.extend(SECRET_TEXT);
        // As the clients of seed 004 send it.
        let answer = send(&user, "a.png", &tagged).await.ok();
        let path = format!("/screenshots/{}/image.{ending}", answer["id"].as_str().unwrap());
        let (_, _, served) = seen(&user, &path).await;
        assert!(!has(&served, b"script") && !has(&served, b"52.5200"), "{ending}");
        // What ffmpeg writes into each JPEG.
        assert!(!has(&served, b"Lavc") && !has(&served, b"GIMP"), "{ending}");
        assert!(pixels(&served) == pixels(&plain), "{ending}");
        assert_eq!(answer["sizeBytes"], served.len());
        // The photo stands upright, as browsers show it.
        let size = if ending == "jpg" { (180, 320) } else { (320, 180) };
        assert_eq!((&answer["width"], &answer["height"]), (&json!(size.0), &json!(size.1)));
    }
    wait::until_true("the originals to be gone", async || server.objects() == 4).await;
}

#[tokio::test]
async fn pictures_that_claim_too_much_or_end_early_are_refused() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let png = picture("png");
    let mut bomb = png.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0x30, 0, 0, 0x75, 0x30]);
    let mut lies = png.clone();
    // The length of the first chunk after IHDR.
    lies[33..37].copy_from_slice(&[0x7F, 0xFF, 0xFF, 0xFF]);
    let half = png[..png.len() / 2].to_vec();
    for (name, bytes) in [("30,000 by 30,000", bomb), ("a chunk that lies", lies), ("half", half)] {
        let refused = send(&user, "a.png", &bytes).await.refused(422);
        assert!(
            refused["message"].as_str().unwrap().contains("can't be read"),
            "{name}: {refused}"
        );
        let shot = Shot::new(10);
        shot.send(&user, 1, &bytes).await.refused(422);
        let (status, page) = html(&user, &shot.path()).await;
        assert!(status == 404 && page.contains("Not uploaded yet"), "{name}: {page}");
    }
    for other in ["<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "<?xml version=\"1.0\"?><svg/>"] {
        send(&user, "a.png", other.as_bytes()).await.refused(415);
    }
    assert_eq!(stored(&user).await, 0);
    wait::until_true("nothing to be kept", async || server.objects() == 0).await;
}

#[tokio::test]
async fn other_sites_learn_what_the_picture_is() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let shot = Shot::new(11);
    shot.send(&user, 1, &picture("png")).await.ok();
    let (_, page) = html(&user, &shot.path()).await;
    for part in ["og:image:width", "twitter:image:alt", "summary_large_image", "json+oembed"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let link = format!("{}{}", server.url(), shot.path());
    let ask = |max: &str| format!("/oembed?maxwidth={max}&url={}", link.replace(':', "%3A"));
    let answer: Value = serde_json::from_str(&html(&user, &ask("160")).await.1).unwrap();
    assert_eq!((&answer["type"], &answer["title"]), (&json!("photo"), &json!("Order form")));
    assert_eq!((&answer["width"], &answer["height"]), (&json!(160), &json!(90)));
    assert_eq!(answer["url"], format!("{link}/image.1.png"));
}

/// Returns what a page's `meta` element says to other sites.
fn told(page: &str, name: &str) -> Option<String> {
    let element = page.split("<meta ").find(|part| part.contains(&format!("\"{name}\"")))?;
    let content = element.split("content=\"").nth(1)?;
    Some(content.split('"').next()?.to_owned())
}

#[tokio::test]
async fn preview_of_a_link_is_the_newest_picture_while_the_link_is_open() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let shot = Shot::new(13);
    let mut image = String::new();
    for version in [1, 2] {
        let picture = plain(version);
        shot.send(&user, version.into(), &picture).await.ok();
        let (_, page) = html(&user, &shot.path()).await;
        image = told(&page, "og:image").expect("the page names a picture");
        // Sites keep what they have read under an address, so each version has its own.
        let path = format!("{}/image.{version}.png", shot.path());
        assert_eq!(image, format!("{}{path}", server.url()));
        assert_eq!(told(&page, "twitter:image"), Some(image.clone()));
        for (name, value) in [
            ("og:title", "Order form"),
            ("og:image:type", "image/png"),
            ("og:image:width", "64"),
            ("og:image:height", "48"),
            ("og:image:alt", "Order form"),
        ] {
            assert_eq!(told(&page, name).as_deref(), Some(value), "{name}");
        }
        let (status, headers, served) = seen(&user, &path).await;
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "image/png"));
        assert!(served == picture, "it is another picture than version {version}");
    }

    let image = image.strip_prefix(&server.url()).unwrap().to_owned();
    let session = session(&server, &shot).await;
    let change = async |change: Value| {
        let path = format!("{}/api/v1/videos/{session}", user.url);
        let asked = user.http.patch(path).bearer_auth(&user.token).json(&change).send();
        assert_eq!(asked.await.unwrap().status().as_u16(), 200, "{change}");
    };
    change(json!({"visibility": "password", "password": "open sesame"})).await;
    assert_shows_nothing(&user, &shot, &image, 403).await;
    change(json!({"visibility": "link"})).await;
    assert_eq!(seen(&user, &image).await.0, 200);
    change(json!({"expiresUnixMs": 1_800_000_000_000_u64 + 60_000})).await;
    let (_, page) = html(&user, &shot.path()).await;
    assert!(told(&page, "og:image").is_some(), "it has not expired yet");
    server.pass_ms(61_000);
    assert_shows_nothing(&user, &shot, &image, 410).await;
    // The owner opens it again.
    change(json!({"expiresUnixMs": null})).await;
    assert_eq!(html(&user, &shot.path()).await.0, 200);
    assert_eq!(seen(&user, &image).await.0, 200);
}

/// Checks that a closed link gives away neither the picture nor a preview of it.
async fn assert_shows_nothing(user: &User, shot: &Shot, image: &str, status: u16) {
    let (answered, page) = html(user, &shot.path()).await;
    assert_eq!(answered, status);
    assert!(!page.contains("og:") && !page.contains("Order form"), "{page}");
    assert_eq!(seen(user, image).await.0, 403, "the picture itself");
    let oembed = format!("/oembed?url={}{}", user.url, shot.path()).replace(':', "%3A");
    assert_ne!(html(user, &oembed).await.0, 200, "oEmbed");
}

#[tokio::test]
async fn library_shows_recordings_or_screenshots() {
    let server = Server::start().await;
    let owner = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let user = server.user("a@example.com").await;
    Shot::new(12).send(&user, 1, &plain(1)).await.ok();
    user.upload(&crate::support::synthetic(1, 300).stream()).await;
    let shown = async |query: &str| {
        let html = owner.get(&format!("/my/videos{query}")).await.html;
        let kinds =
            ["\"/screenshots/", "\"/videos/"].into_iter().filter(|kind| html.contains(kind));
        kinds.collect::<BTreeSet<_>>()
    };
    assert_eq!(shown("").await.len(), 2);
    assert_eq!(shown("?kind=screenshots").await, BTreeSet::from(["\"/screenshots/"]));
    assert_eq!(shown("?kind=recordings").await, BTreeSet::from(["\"/videos/"]));
    assert_eq!(shown("?kind=anything").await.len(), 2, "unknown words are ignored");
    let none = owner.get("/my/videos?kind=screenshots&q=nothing").await.html;
    assert!(none.contains("No results"), "{none}");
}
