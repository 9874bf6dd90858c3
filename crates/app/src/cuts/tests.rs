//! Edits of a recording through the whole app: saved, opened again, refused.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use snaplark_core::capture::{
    Capture, CaptureControl, CaptureError, CaptureRequest, CaptureSink, FrameCounts,
};
use snaplark_core::edit::Area;
use snaplark_core::upload::{Part, Receipt, UploadChange};
use snaplark_core::{INIT_FILE, segment_file};
use snaplark_formats::webm::{self, Block, Track, Tracks, Video, VideoCodec};
use snaplark_store::{NewRecording, Segment, Store};
use tempfile::TempDir;

use super::view::{ChapterView, CoverLook, CoverView, KeptSpan};
use super::*;
use crate::fake_render::FakeRender;
use crate::view::{JobStateView, JobView, RecordingView};
use crate::{AppOptions, ErrorCode, Home, Keeps, Profile};

const SEGMENTS: u32 = 3;
const SEGMENT_MS: u64 = 2_000;

/// A capture that never records.
struct NoCapture;

impl Capture for NoCapture {
    fn start(
        &self,
        _: CaptureRequest,
        _: CaptureSink,
    ) -> Result<Box<dyn CaptureControl>, CaptureError> {
        Err(CaptureError::Declined)
    }
}

struct Rig {
    app: App,
    render: Arc<FakeRender>,
    folder: TempDir,
    recording: RecordingId,
}

impl Rig {
    /// Opens a home with a recording of six seconds.
    async fn open() -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let recording = RecordingId(uuid::Uuid::now_v7());
        record(&Store::open(&folder.path().join("home")).unwrap(), recording);
        let render = Arc::<FakeRender>::default();
        let app = start(&folder, &render).await;
        Rig { app, render, folder, recording }
    }

    /// Ends the program, changes something on the disk, and begins it again.
    async fn restart(self, change: impl FnOnce(&TempDir)) -> Rig {
        self.app.shutdown().await;
        change(&self.folder);
        Rig { app: start(&self.folder, &self.render).await, ..self }
    }

    async fn view(&self) -> CutView {
        self.app.cuts().open(self.recording).await.unwrap()
    }

    async fn save(&self, edit: CutEdit, replaces: Option<u32>) -> Result<u32, ErrorCode> {
        let saved = self.app.cuts().save(self.recording, edit, replaces).await;
        saved.map_err(|error| error.code())
    }

    async fn close(self) {
        self.app.shutdown().await;
    }
}

async fn start(folder: &TempDir, render: &Arc<FakeRender>) -> App {
    let root = folder.path().join("home");
    let options = AppOptions {
        home: Home { save_folder: root.join("saved"), root },
        account: None,
        capture: Arc::new(NoCapture),
        render: render.clone(),
        keeps: Keeps::Nothing,
        notices: Box::new(|_| {}),
    };
    App::open(options).await.unwrap()
}

fn record(store: &Store, id: RecordingId) {
    let new = NewRecording {
        id,
        title: "Demo".into(),
        started_text: "2026-01-15T10-30-45".into(),
        started_unix_ms: 1_768_473_045_000,
        fps: 30,
        bitrate_bits: 1_000_000,
    };
    let folder = store.begin(&new).unwrap();
    let video = Video { codec: VideoCodec::Vp9, width: 640, height: 360 };
    let init = webm::init(&Tracks { video, audio: None });
    std::fs::write(folder.join(INIT_FILE), init).unwrap();
    store.note_started(id, 640, 360).unwrap();
    for index in 0..SEGMENTS {
        let start_ms = u64::from(index) * SEGMENT_MS;
        let block = Block {
            track: Track::Video,
            time_ms: start_ms,
            keyframe: true,
            duration_ms: Some(SEGMENT_MS),
            data: vec![index as u8; 40],
        };
        let bytes = webm::cluster(&[block]).unwrap();
        std::fs::write(folder.join(segment_file(index)), &bytes).unwrap();
        let segment = Segment {
            index,
            size_bytes: bytes.len() as u64,
            start_ms,
            duration_ms: SEGMENT_MS,
            sha256: Sha256::digest(&bytes).into(),
        };
        store.commit_segment(id, &segment).unwrap();
    }
    store.close(id, FrameCounts::default(), None).unwrap();
}

fn keeping(spans: &[(u64, u64)]) -> CutEdit {
    let span = |(start_ms, end_ms): &(u64, u64)| KeptSpan { start_ms: *start_ms, end_ms: *end_ms };
    CutEdit { keep: spans.iter().map(span).collect(), covers: vec![], chapters: vec![] }
}

fn full() -> CutEdit {
    let area = Area { x: 10, y: 20, width: 300, height: 40 };
    CutEdit {
        covers: vec![CoverView { area, start_ms: 500, end_ms: 1_500, look: CoverLook::Blurred }],
        chapters: vec![ChapterView { start_ms: 4_000, title: "Setup".into() }],
        ..keeping(&[(100, 1_000), (1_000, 2_500), (4_000, 6_000)])
    }
}

#[tokio::test]
async fn recording_that_was_never_edited_opens_without_an_edit() {
    let rig = Rig::open().await;
    let view = rig.view().await;
    assert_eq!((view.title.as_str(), view.duration_ms, view.fps), ("Demo", 6_000, 30));
    assert_eq!((view.width, view.height, view.has_sound), (640, 360, false));
    assert_eq!((view.edit, view.revision, view.is_of_newer_form), (None, 0, false));
    assert_eq!(view.media.pieces.len(), SEGMENTS as usize);
    rig.close().await;
}

#[tokio::test]
async fn edit_opens_again_as_it_was_saved_also_after_a_restart_and_without_the_list() {
    let rig = Rig::open().await;
    assert_eq!(rig.save(full(), Some(0)).await, Ok(1));
    assert_eq!(rig.view().await.edit, Some(full()));
    let rig = rig.restart(|_| {}).await;
    assert_eq!(rig.view().await.edit, Some(full()));
    let without_list = |folder: &TempDir| {
        std::fs::remove_file(folder.path().join("home/snaplark.db")).unwrap();
    };
    let rig = rig.restart(without_list).await;
    let view = rig.view().await;
    assert_eq!((view.edit, view.revision), (Some(full()), 1));
    rig.close().await;
}

#[tokio::test]
async fn edit_is_never_saved_over_one_that_its_window_has_not_seen() {
    let rig = Rig::open().await;
    assert_eq!(rig.save(keeping(&[(0, 3_000)]), Some(0)).await, Ok(1));
    assert_eq!(rig.save(keeping(&[(0, 4_000)]), Some(0)).await, Err(ErrorCode::EditChanged));
    assert_eq!(rig.view().await.edit, Some(keeping(&[(0, 3_000)])));
    assert_eq!(rig.save(keeping(&[(0, 4_000)]), Some(1)).await, Ok(2));
    assert_eq!(rig.save(keeping(&[(0, 4_000)]), Some(2)).await, Ok(2), "the same is no change");
    assert_eq!(rig.save(keeping(&[(0, 5_000)]), None).await, Ok(3), "whichever there is");
    rig.close().await;
}

#[tokio::test]
async fn edit_that_does_not_fit_the_recording_is_refused_and_the_one_before_stays() {
    let rig = Rig::open().await;
    rig.save(full(), Some(0)).await.unwrap();
    let empty_cover = {
        let area = Area { x: 0, y: 0, width: 0, height: 10 };
        let cover = CoverView { area, start_ms: 0, end_ms: 10, look: CoverLook::Solid };
        CutEdit { covers: vec![cover], ..full() }
    };
    let long_title = ChapterView { start_ms: 0, title: "a".repeat(401) };
    for refused in [
        keeping(&[]),
        keeping(&[(0, 6_001)]),
        keeping(&[(500, 500)]),
        keeping(&[(0, 3_000), (2_000, 4_000)]),
        keeping(&[(3_000, 4_000), (0, 3_001)]),
        keeping(&(0..2_001).map(|n| (n, n + 1)).collect::<Vec<_>>()),
        empty_cover,
        CutEdit { chapters: vec![long_title], ..full() },
    ] {
        assert_eq!(rig.save(refused, Some(1)).await, Err(ErrorCode::BadEdit));
    }
    let view = rig.view().await;
    assert_eq!((view.edit, view.revision), (Some(full()), 1));
    rig.close().await;
}

#[tokio::test]
async fn edit_of_a_newer_form_is_kept_and_not_saved_over() {
    let rig = Rig::open().await;
    rig.save(full(), Some(0)).await.unwrap();
    let recording = rig.recording;
    let of_a_newer_form = |folder: &TempDir| {
        let home = folder.path().join("home");
        let sidecar = home.join("recordings").join(recording.to_string()).join("recording.json");
        let text = std::fs::read_to_string(&sidecar).unwrap();
        let newer = text.replace(r#"\"format\":1"#, r#"\"format\":99"#);
        assert_ne!(newer, text);
        std::fs::write(&sidecar, newer).unwrap();
        std::fs::remove_file(home.join("snaplark.db")).unwrap();
    };
    let rig = rig.restart(of_a_newer_form).await;
    let view = rig.view().await;
    assert_eq!((view.edit, view.is_of_newer_form), (None, true));
    for replaces in [Some(view.revision), None] {
        assert_eq!(rig.save(full(), replaces).await, Err(ErrorCode::NewerEdit));
    }
    rig.close().await;
}

#[tokio::test]
async fn unknown_recording_can_neither_be_opened_nor_saved() {
    let rig = Rig::open().await;
    let other = RecordingId(uuid::Uuid::now_v7());
    let opened = rig.app.cuts().open(other).await.map_err(|error| error.code());
    assert_eq!(opened.err(), Some(ErrorCode::NoSuchRecording));
    let saved = rig.app.cuts().save(other, full(), None).await.map_err(|error| error.code());
    assert_eq!(saved, Err(ErrorCode::NoSuchRecording));
    rig.close().await;
}

/// Far more than moving three segments takes.
const LIMIT: Duration = Duration::from_secs(20);

impl Rig {
    async fn until(
        &self,
        id: RecordingId,
        holds: impl Fn(&RecordingView) -> bool,
    ) -> RecordingView {
        let looking = async {
            let mut changes = self.app.changes();
            loop {
                let all = self.app.snapshot().await.unwrap().recordings;
                if let Some(found) =
                    all.into_iter().find(|one| one.id == id.to_string() && holds(one))
                {
                    return found;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(LIMIT, looking).await.expect("the recording never looked so")
    }

    /// Waits until a job has ended and is shown.
    async fn until_ended(&self, id: u64) -> JobView {
        let looking = async {
            let mut changes = self.app.changes();
            loop {
                let jobs = self.app.snapshot().await.unwrap().jobs;
                let goes_on = |job: &JobView| {
                    matches!(job.state, JobStateView::Waiting | JobStateView::Running)
                };
                if let Some(found) = jobs.into_iter().find(|job| job.id == id && !goes_on(job)) {
                    return found;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(LIMIT, looking).await.expect("the job never ended")
    }

    fn ring(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join("home/ring");
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|one| one.path()).collect()
    }
}

fn choice(format: CutFormat) -> ExportChoice {
    ExportChoice { format, fps: None, width: None }
}

#[tokio::test]
async fn export_is_of_the_edit_and_is_named_after_the_recording() {
    let rig = Rig::open().await;
    rig.save(keeping(&[(1_000, 3_500)]), None).await.unwrap();
    let (id, cuts) = (rig.recording, rig.app.cuts());
    let file = cuts.proposed_file(id, CutFormat::Mp4).await.unwrap();
    assert_eq!(file, rig.folder.path().join("home/saved/Demo.mp4"));
    assert_eq!(cuts.proposed_file(id, CutFormat::Png).await.unwrap().extension(), None);
    let job = cuts.export(id, choice(CutFormat::Mp4), file.clone()).await.unwrap();
    let done = rig.until_ended(job).await;
    assert_eq!((done.state, done.target.as_deref()), (JobStateView::Done, file.to_str()));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "Some(2500)");
    // Its own window names it, and no other's.
    assert_eq!(cuts.job(id, job).await.unwrap().id, job);
    assert!(cuts.job(id, job + 1).await.is_err());
    rig.render.cancels.store(true, Ordering::SeqCst);
    let job = cuts.export(id, choice(CutFormat::Gif), file).await.unwrap();
    let failed = rig.until_ended(job).await;
    assert!(matches!(failed.state, JobStateView::Failed { .. }), "{failed:?}");
    rig.close().await;
}

#[tokio::test]
async fn copy_of_an_edit_is_a_recording_of_its_own_with_times_from_0_and_its_chapters() {
    let rig = Rig::open().await;
    let chapters = [(500, "First"), (2_500, "Gone"), (3_000, "Half"), (4_500, "Second")];
    let chapters = chapters.map(|(start_ms, title)| ChapterView { start_ms, title: title.into() });
    let edit = CutEdit { chapters: chapters.to_vec(), ..keeping(&[(0, 2_000), (4_000, 6_000)]) };
    rig.save(edit.clone(), None).await.unwrap();
    let copy = rig.app.cuts().copy(rig.recording).await.unwrap().unwrap();
    let view = rig.until(copy, |view| view.duration_ms == 4_000 && view.segments == 2).await;
    assert_eq!(view.title, "Demo (2)");
    let media = rig.app.cuts().open(copy).await.unwrap();
    let starts: Vec<u64> = media.media.pieces.iter().map(|piece| piece.start_ms).collect();
    assert_eq!(starts, [0, 2_000]);
    let titles: Vec<(u64, String)> = media
        .edit
        .into_iter()
        .flat_map(|edit| edit.chapters)
        .map(|chapter| (chapter.start_ms, chapter.title))
        .collect();
    // A chapter whose start was cut is left out: its title may tell what that was.
    let expected = [(500, "First"), (2_500, "Second")];
    assert_eq!(titles, expected.map(|(ms, title)| (ms, title.to_owned())));
    // The bytes have the times of the new recording, and the source is as it was.
    let segment = |id: RecordingId, index: u32| {
        let folder = rig.folder.path().join("home/recordings").join(id.to_string());
        let bytes = std::fs::read(folder.join(segment_file(index))).unwrap();
        webm::index(&bytes).unwrap().clusters[0].start_ms
    };
    assert_eq!([segment(copy, 0), segment(copy, 1)], [0, 2_000]);
    assert_eq!(segment(rig.recording, 2), 4_000);
    assert_eq!(rig.view().await.edit, Some(edit));
    let rig = rig.restart(|_| {}).await;
    assert_eq!(rig.app.cuts().open(copy).await.unwrap().duration_ms, 4_000);
    rig.close().await;
}

#[tokio::test]
async fn copy_that_is_cancelled_leaves_nothing() {
    let rig = Rig::open().await;
    rig.save(keeping(&[(0, 2_000)]), None).await.unwrap();
    rig.render.cancels.store(true, Ordering::SeqCst);
    assert_eq!(rig.app.cuts().copy(rig.recording).await.unwrap(), None);
    assert_eq!(rig.ring(), Vec::<PathBuf>::new());
    assert_eq!(rig.app.snapshot().await.unwrap().recordings.len(), 1);
    rig.close().await;
}

#[test]
fn bytes_that_have_to_be_sent_again_do_not_count_as_sent() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let recording = RecordingId(uuid::Uuid::now_v7());
    record(&store, recording);
    let acknowledged = |index, receipt: &str| {
        let receipt = Receipt(receipt.to_owned());
        UploadChange::PartAcknowledged { recording, index, receipt }
    };
    let planned = |index| {
        let part = Part::whole(index, 1, 100);
        UploadChange::PartPlanned { recording, index, part }
    };
    let (server, profile) = ("http://a".to_owned(), Profile::Snaplark);
    let begun = [
        UploadChange::UploadWanted { recording, server, profile },
        UploadChange::VersionSet { recording, version: 2 },
        planned(0),
        planned(1),
        acknowledged(0, "sent"),
        acknowledged(1, ""),
    ];
    let sent_bytes = |store: &Store| PublishRow::read(store, recording).unwrap().sent_bytes;
    store.apply(&begun).unwrap();
    assert_eq!(sent_bytes(&store), 100, "the other part is kept at the server");
    store.apply(&[UploadChange::Renumbered { recording, from: 2, to: 3 }]).unwrap();
    assert_eq!(sent_bytes(&store), 0);
}
