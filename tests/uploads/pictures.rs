//! Screenshots over real sockets, with the true cloud: taken offline, killed, refused, and published again
//! behind the same link.

use std::io::Read as _;
use std::time::Duration;

use snaplark_app::pictures::view::PictureSummary;
use snaplark_app::view::{NeedReason, RecordingState, WaitReason};
use snaplark_app::{Drawing, ItemId, NewPicture};
use snaplark_core::edit::{Area, Rgb, Shape, ShapeKind};
use snaplark_tests::fake_capture::Pace;
use snaplark_tests::fault_proxy::{Route, Turn};
use snaplark_tests::webdriver::client;

use crate::rig::Rig;

const PACE: Pace =
    Pace { segments_max: 1, every: Duration::from_millis(50), segment_bytes: 20_000 };
const DONE: Duration = Duration::from_secs(60);
const SIZE: (u32, u32) = (64, 48);

fn rig() -> Rig {
    Rig::start(PACE)
}

/// Returns a PNG of one color, without compression.
pub fn png(color: [u8; 3]) -> Vec<u8> {
    let (width, height) = SIZE;
    let row: Vec<u8> = std::iter::once(0).chain(color.repeat(width as usize)).collect();
    let pixels = row.repeat(height as usize);
    let mut zlib = vec![0x78, 0x01, 0x01];
    let length = u16::try_from(pixels.len()).unwrap();
    zlib.extend(length.to_le_bytes());
    zlib.extend((!length).to_le_bytes());
    zlib.extend(&pixels);
    zlib.extend(adler32(&pixels).to_be_bytes());
    let mut head = [width.to_be_bytes(), height.to_be_bytes()].concat();
    head.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1A\n".to_vec();
    for (kind, body) in [(b"IHDR", &head), (b"IDAT", &zlib), (b"IEND", &Vec::new())] {
        let named = [kind.as_slice(), body].concat();
        file.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        file.extend(&named);
        file.extend(crc32(&named).to_be_bytes());
    }
    file
}

fn adler32(bytes: &[u8]) -> u32 {
    let step = |(a, b): (u32, u32), byte: &u8| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    };
    let (a, b) = bytes.iter().fold((1, 0), step);
    (b << 16) | a
}

fn crc32(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), bit))
}

fn take(rig: &Rig) -> ItemId {
    let new = NewPicture { bytes: png([200, 30, 30]), title: Some("Checkout".into()) };
    rig.client.run(rig.client.app.pictures().add(new)).unwrap()
}

/// Covers the whole picture.
fn cover(rig: &Rig, item: ItemId, color: [u8; 3]) {
    let area = Area { x: 0, y: 0, width: SIZE.0, height: SIZE.1 };
    let shape = Shape { id: 1, kind: ShapeKind::Cover { area, color: Rgb(color) } };
    let drawing = Drawing { shapes: vec![shape], ..Drawing::default() };
    rig.client.run(rig.client.app.pictures().save_drawing(item, drawing)).unwrap();
}

fn publish(rig: &Rig, item: ItemId) {
    rig.client.run(rig.client.app.pictures().publish(item)).unwrap();
}

fn until(rig: &Rig, what: &str, is_so: impl Fn(&PictureSummary) -> bool) -> PictureSummary {
    let seen = rig.client.until(what, DONE, |view| view.pictures.iter().any(&is_so)).unwrap();
    seen.pictures.into_iter().find(|picture| is_so(picture)).unwrap()
}

fn online(rig: &Rig) -> PictureSummary {
    until(rig, "the picture to be online", |picture| {
        picture.state == RecordingState::Done && !picture.has_changes
    })
}

/// Returns the file behind a link.
fn served(link: &str) -> Vec<u8> {
    let mut answer = client().unwrap().get(format!("{link}/image.png")).send().unwrap();
    assert!(answer.status().is_success(), "{link} answers {}", answer.status());
    let mut bytes = Vec::new();
    answer.read_to_end(&mut bytes).unwrap();
    bytes
}

fn exported(rig: &Rig, item: ItemId) -> Vec<u8> {
    rig.client.run(rig.client.app.pictures().export(item, None)).unwrap().bytes
}

fn screenshots(asked: &Route) -> bool {
    matches!(asked, Route::Other(path) if path.ends_with("/screenshots/upload"))
}

#[test]
fn picture_taken_offline_has_its_link_after_a_restart() {
    let rig = rig();
    rig.proxy.close();
    let item = take(&rig);
    cover(&rig, item, [0, 0, 0]);
    publish(&rig, item);
    let offline = RecordingState::Waits { reason: WaitReason::Offline };
    until(&rig, "the upload to wait", |picture| picture.state == offline);
    let rig = rig.restart_client(PACE, |_| {});
    rig.client.run(rig.proxy.reopen()).unwrap();
    rig.client.run(rig.client.app.hint_network()).unwrap();
    let picture = online(&rig);
    assert_eq!(served(picture.link.as_deref().unwrap()), exported(&rig, item));
}

#[test]
fn new_version_is_served_behind_the_same_link_and_the_old_pixels_are_gone() {
    let rig = rig();
    let item = take(&rig);
    publish(&rig, item);
    let link = online(&rig).link.unwrap();
    let first = exported(&rig, item);
    assert_eq!(served(&link), first);
    cover(&rig, item, [0, 0, 0]);
    publish(&rig, item);
    assert_eq!(online(&rig).link.as_ref(), Some(&link), "the link stays");
    let second = exported(&rig, item);
    assert_ne!(first, second);
    assert_eq!(served(&link), second);
    assert!(!is_below(rig.server.data(), &first), "the old pixels are still on the server's disk");
}

/// Returns whether a file below a folder has these bytes in it.
fn is_below(folder: &std::path::Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().flatten().any(|entry| match entry.path().is_dir() {
        true => is_below(&entry.path(), bytes),
        false => std::fs::read(entry.path())
            .is_ok_and(|found| found.windows(bytes.len()).any(|part| part == bytes)),
    })
}

#[test]
fn answers_mean_for_a_picture_what_they_mean_for_a_recording() {
    let json = [("content-type", "application/json")];
    let rig = rig();
    let item = take(&rig);
    rig.proxy.script(move |asked| match (screenshots(&asked.route), asked.nth) {
        (true, 1) => Turn::answer("429 Too Many Requests", &[("retry-after", "1"), json[0]], "{}"),
        (true, 2) => Turn::answer(
            "413 Payload Too Large",
            &json,
            r#"{"success":false,"error":"size","message":"The picture is too large"}"#,
        ),
        (true, 3) => Turn::answer("401 Unauthorized", &json, r#"{"success":false,"error":"auth"}"#),
        (true, 4) => Turn::LoseReply,
        _ => Turn::Pass,
    });
    publish(&rig, item);
    let refused = until(&rig, "the refusal", |picture| {
        matches!(picture.state, RecordingState::NeedsYou { reason: NeedReason::Refused, .. })
    });
    let RecordingState::NeedsYou { detail, .. } = refused.state else { unreachable!() };
    assert!(detail.contains("The picture is too large"), "{detail}");
    publish(&rig, item);
    until(&rig, "the sign-in", |picture| {
        matches!(picture.state, RecordingState::NeedsYou { reason: NeedReason::SignIn, .. })
    });
    let account = rig.client.run(rig.client.app.account()).unwrap();
    rig.client.run(rig.client.app.use_account(account)).unwrap();
    let picture = online(&rig);
    assert_eq!(served(picture.link.as_deref().unwrap()), exported(&rig, item));
    let asked = rig.proxy.asked().into_iter().filter(|asked| screenshots(&asked.route)).count();
    assert_eq!(asked, 5, "one try for each answer, and the last one");
}
