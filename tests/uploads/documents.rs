//! The true client against servers that know one document and nothing else.

use std::time::Duration;

use snaplark_app::Profile;
use snaplark_app::view::{NeedReason, RecordingState};
use snaplark_tests::document_servers::{Assembled, DocumentServer, Kind};
use snaplark_tests::fake_capture::{Pace, SEGMENT_MS, SIZE, sha256_of};
use snaplark_tests::home::Home;
use snaplark_tests::media;

use crate::rig::{Client, account, runtime};

const DONE: Duration = Duration::from_secs(60);
const FRAMES_A_SEGMENT: u32 = 30;

struct Uploaded {
    link: Option<String>,
    assembled: Assembled,
    /// The duration according to the joined file.
    duration_s: Option<f64>,
}

/// Records and uploads; any request that the document does not allow fails here, and is shown.
fn upload(kind: Kind, profile: Profile, pace: Pace) -> Uploaded {
    let home = Home::new().unwrap();
    let runtime = runtime().unwrap();
    let folder = home.path().join("server");
    let server = runtime.block_on(DocumentServer::start(kind, &folder)).unwrap();
    let account = account(&server.url(), &server.token, profile);
    let client = Client::start(runtime.handle(), &home, account, pace).unwrap();
    let id = client.begin().unwrap();
    client.end(id).unwrap();
    let view = client.done(id, DONE);
    let violations = server.violations();
    assert!(violations.is_empty(), "the document forbids:\n{}", violations.join("\n"));
    let view = view.unwrap();
    client.hold_recording(&view);
    let assembled = server.assembled().unwrap();
    let file = assembled.file.to_str().unwrap();
    let probe = media::probe(file).unwrap();
    assert_eq!((probe.codec.as_str(), probe.width, probe.height), ("vp9", SIZE.0, SIZE.1));
    assert_eq!(media::decode(file).unwrap(), pace.segments_max * FRAMES_A_SEGMENT);
    let record = client.capture.record();
    let media_ms = u64::from(pace.segments_max) * SEGMENT_MS;
    match kind {
        Kind::Joined | Kind::Laravel => assert_eq!(assembled.duration, media_ms as f64),
        Kind::CloudUpload => assert_eq!(assembled.duration, media_ms as f64 / 1000.0),
    }
    match kind {
        Kind::Joined | Kind::CloudUpload => {
            let joined = sha256_of(std::fs::File::open(file).unwrap()).unwrap();
            assert_eq!(joined, (record.bytes, record.sha256()), "what was recorded is joined");
        }
        Kind::Laravel => {}
    }
    println!(
        "figures: {kind:?} with {}: {} parts of {} to {} bytes",
        profile.name(),
        assembled.chunk_bytes.len(),
        assembled.chunk_bytes.iter().min().unwrap(),
        assembled.chunk_bytes.iter().max().unwrap()
    );
    Uploaded { link: view.link, assembled, duration_s: probe.duration_s }
}

#[test]
fn the_backend_specification_with_parts_that_are_joined() {
    let pace = Pace { segments_max: 12, every: Duration::from_millis(50), segment_bytes: 0 };
    let uploaded = upload(Kind::Joined, Profile::Spec, pace);
    assert_eq!(uploaded.assembled.chunk_bytes.len(), 12, "one segment a part");
    assert!(uploaded.link.is_some() && uploaded.link == uploaded.assembled.link);
}

/// Each part is WebM by its own bytes, and `ffmpeg -f concat` joins them without a complaint. The
/// guide's server says no link at finalize: the upload is done without one.
#[test]
fn the_implementation_guide_with_parts_that_stand_alone() {
    let pace = Pace { segments_max: 12, every: Duration::from_millis(50), segment_bytes: 0 };
    let uploaded = upload(Kind::Laravel, Profile::SpecStandalone, pace);
    assert_eq!(uploaded.assembled.chunk_bytes.len(), 12, "one segment a part");
    assert_eq!(uploaded.link, None);
    let duration_s = uploaded.duration_s.unwrap_or_default();
    assert!((duration_s - 24.0).abs() < 0.2, "{duration_s} s of 24");
}

#[test]
fn cloud_upload_with_parts_of_five_mebibytes_in_order() {
    let pace =
        Pace { segments_max: 20, every: Duration::from_millis(50), segment_bytes: 1_300_000 };
    let uploaded = upload(Kind::CloudUpload, Profile::Snaplark, pace);
    let parts = uploaded.assembled.chunk_bytes;
    assert!(parts.len() >= 4, "{parts:?}");
    assert!(uploaded.link.is_some() && uploaded.link == uploaded.assembled.link);
}

/// These servers can refuse: a client of the other document gets nowhere, and it is shown why.
#[test]
fn a_client_of_another_document_is_refused_and_shown() {
    for (kind, profile, why) in [
        (Kind::CloudUpload, Profile::Spec, "timestamp is no number"),
        (Kind::Joined, Profile::Snaplark, "timestamp is no text"),
    ] {
        let home = Home::new().unwrap();
        let runtime = runtime().unwrap();
        let folder = home.path().join("server");
        let server = runtime.block_on(DocumentServer::start(kind, &folder)).unwrap();
        let account = account(&server.url(), &server.token, profile);
        let pace = Pace { segments_max: 3, every: Duration::from_millis(20), segment_bytes: 0 };
        let client = Client::start(runtime.handle(), &home, account, pace).unwrap();
        let id = client.begin().unwrap();
        client.end(id).unwrap();
        client
            .until("the refusal to be named", DONE, |view| {
                let refused = |state: &_| {
                    matches!(state, RecordingState::NeedsYou { reason: NeedReason::Refused, .. })
                };
                view.recordings.iter().any(|recording| refused(&recording.state))
            })
            .unwrap();
        let violations = server.violations();
        assert!(violations.iter().any(|said| said.contains(why)), "{kind:?}: {violations:?}");
    }
}

/// A person who chose `spec` for a server of the guide gets their video all the same.
#[test]
fn upload_changes_to_parts_that_stand_alone_when_the_server_wants_each_to_be_a_video() {
    let home = Home::new().unwrap();
    let runtime = runtime().unwrap();
    let folder = home.path().join("server");
    let server = runtime.block_on(DocumentServer::start(Kind::Laravel, &folder)).unwrap();
    let account = account(&server.url(), &server.token, Profile::Spec);
    let pace = Pace { segments_max: 6, every: Duration::from_millis(20), segment_bytes: 0 };
    let client = Client::start(runtime.handle(), &home, account, pace).unwrap();
    let id = client.begin().unwrap();
    client.end(id).unwrap();
    let view = client.done(id, DONE).unwrap();
    client.hold_recording(&view);
    let violations = server.violations();
    assert!(violations.iter().all(|said| said.contains("mimes:webm")), "{violations:?}");
    assert!((1..=2).contains(&violations.len()), "{violations:?}");
    let assembled = server.assembled().unwrap();
    let file = assembled.file.to_str().unwrap();
    assert_eq!(media::decode(file).unwrap(), pace.segments_max * FRAMES_A_SEGMENT);
}
