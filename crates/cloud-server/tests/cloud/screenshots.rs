//! Screenshots: document 004's one request, and an image behind a link like a video's.

use reqwest::multipart::{Form, Part};
use serde_json::json;
use snaplark_formats::animation::frame_count;
use snaplark_formats::metadata::without_metadata;

use crate::browser::signed_in;
use crate::support::{Answer, Server, User, probe};
use crate::wait;

/// Returns a test picture as ffmpeg encodes it.
pub fn picture(ending: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("picture.{ending}"));
    let done = std::process::Command::new("ffmpeg")
        .args("-v error -f lavfi -i testsrc2=size=320x180 -frames:v 1".split(' '))
        .arg(&file)
        .status()
        .expect("ffmpeg is installed");
    assert!(done.success(), "{ending}");
    std::fs::read(file).unwrap()
}

pub async fn send(user: &User, name: &str, bytes: &[u8]) -> Answer {
    let part = Part::bytes(bytes.to_vec()).file_name(name.to_owned());
    let request = user.http.post(format!("{}/api/v1/screenshots/upload", user.url));
    let form = Form::new().part("file", part);
    Answer::of(request.bearer_auth(&user.token).multipart(form).send().await.unwrap()).await
}

async fn page(user: &User, url: &str) -> (u16, String) {
    let response = user.http.get(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn one_request_and_the_image_is_behind_its_link() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    for ending in ["png", "jpg", "webp", "gif"] {
        let bytes = picture(ending);
        // 004's name for it, whatever it is: the bytes tell.
        let answer = send(&user, "screenshot-1705314645000.png", &bytes).await.ok();
        let id = answer["id"].as_str().unwrap();
        assert_eq!(answer["success"], true);
        assert_eq!(answer["pageUrl"], format!("{}/screenshots/{id}", server.url()));
        assert_eq!(answer["url"], answer["imageUrl"]);
        let image = format!("{}/screenshots/{id}/image.{ending}", server.url());
        assert_eq!(answer["imageUrl"], image.as_str());
        assert_eq!((&answer["width"], &answer["height"]), (&json!(320), &json!(180)));

        let response = user.http.get(&image).send().await.unwrap();
        let mime =
            if ending == "jpg" { "image/jpeg".to_owned() } else { format!("image/{ending}") };
        assert_eq!(response.headers()["content-type"], mime.as_str());
        assert!(
            response.headers()["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("img-src 'self'")
        );
        let served = response.bytes().await.unwrap();
        assert_eq!(answer["sizeBytes"], served.len());
        // What ffmpeg says about itself is gone, and nothing else.
        let bytes = snaplark_formats::metadata::without_metadata(&bytes).unwrap();
        assert!(served == bytes, "byte for byte");
        let (status, html) = page(&user, answer["pageUrl"].as_str().unwrap()).await;
        assert_eq!(status, 200);
        assert!(html.contains(&format!("src=\"/screenshots/{id}/image.1.{ending}\"")), "{html}");
        assert!(html.contains("og:image") && html.contains("320 × 180"), "{html}");
    }
    assert_eq!(user.get("/videos").await.ok()["videos"], json!([]), "they are no videos");
}

#[tokio::test]
async fn the_bytes_tell_what_it_is_and_nothing_else_does() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let png = picture("png");
    for (name, bytes) in [
        ("page.png", b"<!doctype html><script>alert(1)</script>".to_vec()),
        ("drawing.png", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec()),
        ("video.png", crate::support::synthetic(1, 100).whole()),
        ("empty.png", Vec::new()),
        ("short.png", png[..6].to_vec()),
    ] {
        let refused = send(&user, name, &bytes).await.refused(415);
        assert!(refused["errors"]["file"].is_array(), "{name}: {refused}");
    }
    // A header that promises a picture of gigabytes, and one that is cut off.
    let mut bomb = png.clone();
    bomb[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    send(&user, "bomb.png", &bomb).await.refused(422);
    send(&user, "cut.png", &png[..20]).await.refused(422);
    let mut large = png.clone();
    large.resize(26 * 1024 * 1024, 0);
    send(&user, "large.png", &large).await.refused(413);
    let stranger = User::new(&server.url(), "wrong");
    send(&stranger, "a.png", &png).await.refused(401);
    let request = user.http.post(format!("{}/api/v1/screenshots/upload", user.url));
    let nothing = request.bearer_auth(&user.token).multipart(Form::new().text("x", "y"));
    let refused = Answer::of(nothing.send().await.unwrap()).await.refused(400);
    assert_eq!(refused["errors"]["file"], json!(["The file field is required."]));
    until_empty(&server).await;
}

async fn until_empty(server: &Server) {
    wait::until_true("nothing to be kept", async || server.objects() == 0).await;
}

#[tokio::test]
async fn it_is_in_the_library_and_as_private_as_a_video() {
    let server = Server::start().await;
    let owner = signed_in(&server.url(), server.backend.place(), "a@example.com").await;
    let user = server.user("a@example.com").await;
    let answer = send(&user, "../../etc/Order form.png", &picture("png")).await.ok();
    let (id, url) = (answer["id"].as_str().unwrap(), answer["pageUrl"].as_str().unwrap());
    let library = owner.get("/my/videos").await;
    assert!(library.html.contains(&format!("/screenshots/{id}")), "{}", library.html);
    assert!(library.html.contains("Order form") && !library.html.contains("etc/"));

    // By its id below /videos, too, one is led to its page.
    let other = owner.get(&format!("/videos/{id}")).await;
    assert_eq!(other.to(), format!("/screenshots/{id}"));

    let session = library.html.split("/my/videos/").nth(1).unwrap().split('/').next().unwrap();
    let key = library.field("formKey");
    let fields = [
        ("formKey", key.as_str()),
        ("title", "Form"),
        ("visibility", "password"),
        ("password", "open sesame"),
        ("until", ""),
        ("zone", "0"),
    ];
    assert!(
        owner.post(&format!("/my/videos/{session}/edit"), &fields).await.to().contains("saved")
    );
    let (status, html) = page(&user, url).await;
    assert_eq!(status, 403);
    assert!(html.contains("This screenshot has a password") && !html.contains("Form"), "{html}");
    let image = answer["imageUrl"].as_str().unwrap();
    assert_eq!(page(&user, image).await.0, 403);
    let visitor = crate::browser::Browser::new(&server.url());
    let key = visitor.key(&format!("/screenshots/{id}")).await;
    let said = visitor
        .post(
            &format!("/screenshots/{id}/password"),
            &[("formKey", key.as_str()), ("password", "open sesame")],
        )
        .await;
    assert_eq!(said.to(), format!("/screenshots/{id}"));
    assert_eq!(visitor.get(&format!("/screenshots/{id}/image.png")).await.status, 200);

    let other = server.user("b@example.com").await;
    other.delete(&format!("/screenshots/{id}")).await.refused(404);
    user.delete(&format!("/screenshots/{id}")).await.ok();
    user.delete(&format!("/screenshots/{id}")).await.refused(404);
    assert_eq!(page(&user, url).await.0, 410);
    until_empty(&server).await;
}

#[tokio::test]
async fn it_gets_a_small_picture_for_the_library() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    for ending in ["png", "jpg", "webp", "gif"] {
        let answer = send(&user, "a", &picture(ending)).await.ok();
        let small = format!("/screenshots/{}/made/thumbnail.jpg", answer["id"].as_str().unwrap());
        let url = format!("{}{small}", server.url());
        wait::until_true(&small, async || page(&user, &url).await.0 == 200).await;
        assert_eq!(probe(&user.bytes(&small).await, "stream=width,height"), "320,180", "{ending}");
        let mp4 = format!("{}{}", server.url(), small.replace("thumbnail.jpg", "480.mp4"));
        assert_eq!(page(&user, &mp4).await.0, 404, "nobody makes a film of it");
    }
}

/// Animations keep their frames and their type, on the page and for previews of the link, and have a small picture of the
/// first frame, also where ffmpeg reads no animated WebP.
#[tokio::test]
async fn an_animation_stays_one_and_has_a_small_picture_of_its_first_frame() {
    let server = Server::with(|options| options.cloud.ffmpeg = "ffmpeg".into()).await;
    let user = server.user("a@example.com").await;
    for (ending, encoder, mime) in [
        ("gif", "gif", "image/gif"),
        ("webp", "libwebp_anim -lossless 1", "image/webp"),
        ("png", "apng -plays 0 -f apng", "image/png"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(format!("animation.{ending}"));
        let made = std::process::Command::new("ffmpeg")
            .args("-v error -f lavfi -i testsrc2=size=320x180:rate=5:duration=1 -c:v".split(' '))
            .args(encoder.split(' '))
            .arg(&file)
            .status();
        assert!(made.unwrap().success(), "{ending}");
        let bytes = std::fs::read(file).unwrap();
        assert_eq!(frame_count(&bytes), Ok(5), "{ending}");
        let answer = send(&user, "a", &bytes).await.ok();
        let image = answer["imageUrl"].as_str().unwrap();
        let served = user.http.get(image).send().await.unwrap();
        assert_eq!(served.headers()["content-type"], mime);
        let served = served.bytes().await.unwrap();
        assert_eq!(frame_count(&served), Ok(5), "{ending}");
        assert_eq!(without_metadata(&bytes).as_deref(), Ok(served.as_ref()), "{ending}");

        let (_, shown) = page(&user, answer["pageUrl"].as_str().unwrap()).await;
        let named = format!(r#"property="og:image:type" content="{mime}""#);
        assert!(shown.contains(&named), "{ending}: {shown}");
        assert!(shown.contains(&format!(r#"data-type="{mime}""#)), "{ending}: {shown}");

        let small = format!("/screenshots/{}/made/thumbnail.jpg", answer["id"].as_str().unwrap());
        let url = format!("{}{small}", server.url());
        wait::until_true(&small, async || page(&user, &url).await.0 == 200).await;
        assert_eq!(probe(&user.bytes(&small).await, "stream=width,height"), "320,180", "{ending}");
    }
}
