//! The last minutes as a preview: nothing goes up before a person has shared it, what they share is
//! what they chose, the ring goes on, and a preview outlives a program that dies.

use std::collections::HashSet;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use snaplark_app::AppError;
use snaplark_app::view::RingView;
use snaplark_core::RecordingId;
use snaplark_tests::fake_capture::{Pace, sha256_of};
use snaplark_tests::fault_proxy::Route;
use snaplark_tests::media;
use snaplark_tests::recorder::pieces;

use crate::rig::{RECORDING, Rig, hold_served};
use crate::ring::{self, keep};

/// Two seconds of media in a tenth of one.
const PACE: Pace =
    Pace { segments_max: 10_000, every: Duration::from_millis(100), segment_bytes: 50_000 };
const DONE: Duration = Duration::from_secs(60);

fn folder(rig: &Rig, id: RecordingId) -> PathBuf {
    rig.client_root().join(format!("ring/preview-{id}"))
}

/// The preview's segments as they lie there.
fn frozen(rig: &Rig, id: RecordingId) -> Vec<Vec<u8>> {
    let pieces = pieces(&folder(rig, id)).unwrap();
    pieces[1..].iter().map(|piece| std::fs::read(piece).unwrap()).collect()
}

fn at_ms(segment: &[u8], start_ms: u64) -> Vec<u8> {
    let mut segment = segment.to_vec();
    snaplark_formats::webm::retime(&mut segment, start_ms).unwrap();
    segment
}

fn preview(rig: &Rig) -> RecordingId {
    rig.client.run(rig.client.app.preview_last()).unwrap()
}

fn share(rig: &Rig, id: RecordingId, range: Range<usize>) -> Result<RecordingId, AppError> {
    rig.client.run(rig.client.app.share_preview(id, range))
}

fn is_there(rig: &Rig) -> bool {
    rig.client.run(rig.client.app.preview()).unwrap().is_some()
}

/// Checks that nothing was offered to the server, and that there is no row of a recording.
fn hold_unsent(rig: &Rig) {
    for route in [Route::Init, Route::Chunk, Route::Finalize] {
        assert_eq!(
            rig.proxy.count(&route),
            0,
            "{route:?} was asked for before anything was shared"
        );
    }
    let snapshot = rig.client.run(rig.client.app.snapshot()).unwrap();
    assert_eq!(snapshot.recordings.len(), 0);
}

/// Checks that the recording has the chosen segments here and at the server, and that ffprobe reads it.
fn hold_shared(rig: &Rig, id: RecordingId, chosen: &[Vec<u8>]) {
    let view = rig.client.done(id, DONE).unwrap();
    let home = rig.client_root().join("recordings").join(id.to_string());
    let pieces = pieces(&home).unwrap();
    let segments: Vec<Vec<u8>> =
        pieces[1..].iter().map(|piece| std::fs::read(piece).unwrap()).collect();
    let wanted: Vec<Vec<u8>> =
        chosen.iter().zip(0..).map(|(segment, n)| at_ms(segment, n * 2_000)).collect();
    assert!(segments == wanted, "{} of {} segments", segments.len(), wanted.len());
    assert_eq!(view.duration_ms, 2_000 * chosen.len() as u64);
    let file = view.file.as_deref().unwrap();
    let probe = media::probe(file).unwrap();
    assert_eq!((probe.start_s, probe.duration_s), (Some(0.0), Some(view.duration_ms as f64 / 1e3)));
    media::decode(file).unwrap();
    let whole: Vec<u8> = pieces.iter().flat_map(|piece| std::fs::read(piece).unwrap()).collect();
    let (bytes, sha256) = sha256_of(whole.as_slice()).unwrap();
    hold_served(view.link.as_deref().unwrap(), bytes, sha256);
}

#[test]
fn preview_is_played_from_0_and_shared_from_its_middle_while_the_ring_goes_on() {
    let rig = Rig::start(PACE);
    let app = &rig.client.app;
    let refused = rig.client.run(app.preview_last());
    assert!(matches!(refused, Err(AppError::NothingKept)), "{refused:?}");
    keep(&rig);
    let id = preview(&rig);
    assert_eq!(preview(&rig), id, "one that is there is looked at first");
    let frozen = frozen(&rig, id);
    assert!(frozen.len() >= 15, "{}", frozen.len());
    let distinct: HashSet<Vec<u8>> = frozen.iter().map(|segment| at_ms(segment, 0)).collect();
    assert_eq!(distinct.len(), frozen.len(), "the test can tell segments from each other");

    let media = rig.client.run(app.media(id)).unwrap();
    let view = media.view().unwrap();
    let starts: Vec<u64> = view.pieces.iter().map(|piece| piece.start_ms).collect();
    assert_eq!(starts, (0..frozen.len() as u64).map(|n| n * 2_000).collect::<Vec<_>>());
    let whole = media.whole().unwrap();
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < whole.size_bytes() {
        bytes.extend(whole.read_at(bytes.len() as u64).unwrap());
    }
    let played = rig.home.path().join("played.webm");
    std::fs::write(&played, bytes).unwrap();
    let probe = media::probe(played.to_str().unwrap()).unwrap();
    let lasts_s = 2.0 * frozen.len() as f64;
    assert_eq!((probe.start_s, probe.duration_s), (Some(0.0), Some(lasts_s)));
    media::decode(played.to_str().unwrap()).unwrap();

    // All that the ring held then it has dropped since.
    let ring = rig.client_root().join("ring/1");
    let then = pieces(&ring).unwrap().pop().unwrap();
    rig.client.until("the ring to go on", RECORDING, |_| !then.exists()).unwrap();
    assert_eq!(self::frozen(&rig, id), frozen, "and the preview has it still");
    hold_unsent(&rig);

    for range in [0..frozen.len() + 1, 3..3] {
        let refused = share(&rig, id, range).unwrap_err();
        assert_eq!(refused.code().as_str(), "bad-range");
    }
    assert!(is_there(&rig));
    assert_eq!(share(&rig, id, 3..7).unwrap(), id);
    assert!(!is_there(&rig) && !folder(&rig, id).exists(), "it is a recording now");
    hold_shared(&rig, id, &frozen[3..7]);
    let again = share(&rig, id, 3..7).unwrap_err();
    assert_eq!(again.code().as_str(), "no-preview");

    let view = rig.client.run(app.snapshot()).unwrap();
    assert!(matches!(view.ring, RingView::Keeping { .. }), "{:?}", view.ring);
}

#[test]
fn discarded_preview_is_gone_and_the_next_is_a_newer_one() {
    let rig = Rig::start(PACE);
    keep(&rig);
    let first = preview(&rig);
    rig.client.run(rig.client.app.discard_preview(first)).unwrap();
    assert!(!is_there(&rig) && !folder(&rig, first).exists());
    let next = preview(&rig);
    assert_ne!(next, first);
    // The first one's window may be late.
    rig.client.run(rig.client.app.discard_preview(first)).unwrap();
    assert!(is_there(&rig));
    hold_unsent(&rig);
}

#[test]
fn preview_outlives_the_ring_and_the_program_and_never_goes_up_by_itself() {
    let rig = Rig::start(PACE);
    keep(&rig);
    let id = preview(&rig);
    let frozen = frozen(&rig, id);
    ring::set(&rig, false);
    rig.client.until("the ring to be off", RECORDING, |view| view.ring == RingView::Off).unwrap();
    assert!(is_there(&rig));
    // As a crash may leave it: half of the last segment is not there.
    let last = format!("ring/preview-{id}/{:06}.webm", frozen.len() - 1);
    let rig = rig.restart_client(PACE, |client| {
        let bytes = std::fs::read(client.join(&last)).unwrap();
        std::fs::remove_file(client.join(&last)).unwrap();
        std::fs::write(client.join(&last), &bytes[..bytes.len() / 2]).unwrap();
    });
    let offered = rig.client.run(rig.client.app.preview()).unwrap().unwrap();
    assert_eq!(offered.id, id.to_string());
    hold_unsent(&rig);
    let whole = frozen.len() - 1;
    share(&rig, id, 1..whole).unwrap();
    hold_shared(&rig, id, &frozen[1..whole]);
    assert!(!rig.client_root().join("ring").join(format!("preview-{id}")).exists());

    // One whose recording is there already was shared: it is not offered once more.
    let left = folder(&rig, id);
    let rig = rig.restart_client(PACE, |_| std::fs::create_dir_all(&left).unwrap());
    assert!(!is_there(&rig) && !left.exists());
}
