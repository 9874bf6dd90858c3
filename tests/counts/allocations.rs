//! What one snapshot of the library allocates.

#![expect(unsafe_code, reason = "an allocator can't be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};
use snaplark_app::{App, AppOptions, Home as AppHome, Keeps};
use snaplark_core::capture::FrameCounts;
use snaplark_core::{INIT_FILE, RecordingId, segment_file};
use snaplark_store::{NewRecording, Segment, Store};
use snaplark_tests::fake_capture::{Clip, FakeCapture, Pace, SEGMENT_MS, SIZE};
use snaplark_tests::home::Home;
use snaplark_tests::wait;

use crate::hold;

const RECORDINGS: u64 = 200;
const LIMIT: Duration = Duration::from_secs(60);
/// Nothing is allocated for so long once the work of the start has ended.
const QUIET: Duration = Duration::from_millis(300);

/// The system's allocator, which counts.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: the system's allocator does all of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Returns the allocations and bytes of one of three runs: of that in which other threads allocated least.
fn least(mut run: impl FnMut()) -> (f64, f64) {
    let mut least = (u64::MAX, u64::MAX);
    for _ in 0..3 {
        let before = (ALLOCATIONS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
        run();
        let now = (ALLOCATIONS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
        least = least.min((now.0 - before.0, now.1 - before.1));
    }
    (least.0 as f64, least.1 as f64)
}

#[test]
fn snapshot_allocates_for_what_has_changed() {
    let home = Home::new().unwrap();
    let root = home.path().join("client");
    std::fs::create_dir_all(&root).unwrap();
    let clip = Clip::at(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("clip.ivf")).unwrap();
    let bytes = clip.cluster(0);
    let segment = Segment {
        index: 0,
        size_bytes: bytes.len() as u64,
        start_ms: 0,
        duration_ms: SEGMENT_MS,
        sha256: Sha256::digest(&bytes).into(),
    };
    let store = Store::open(&root).unwrap();
    for n in 0..RECORDINGS {
        let id = RecordingId(uuid::Uuid::from_u64_pair(n + 1, 0));
        let new = NewRecording {
            id,
            title: format!("Recording {n}"),
            started_text: String::new(),
            started_unix_ms: n as i64,
            fps: 30,
            bitrate_bits: 0,
        };
        let folder = store.begin(&new).unwrap();
        std::fs::write(folder.join(INIT_FILE), Clip::init()).unwrap();
        store.note_started(id, SIZE.0, SIZE.1).unwrap();
        let file = folder.join(segment_file(0));
        std::fs::write(&file, &bytes).unwrap();
        store.commit_segment(id, &segment).unwrap();
        // It has a file of its own already, so none is made.
        store.set_file(id, &file).unwrap();
        store.close(id, FrameCounts::default(), None).unwrap();
    }
    drop(store);

    let pace = Pace { segments_max: 1, every: Duration::from_millis(10), segment_bytes: 0 };
    let capture = Arc::new(FakeCapture::new(Arc::new(clip), pace));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let app = runtime
        .block_on(App::open(AppOptions {
            home: AppHome { save_folder: root.join("saved"), root },
            account: None,
            capture: capture.clone(),
            render: capture,
            keeps: Keeps::Nothing,
            notices: Box::new(|_| {}),
        }))
        .unwrap();
    let snapshot = |since| runtime.block_on(app.snapshot_since(since)).unwrap();
    let shown = snapshot(0).recordings.len() as u64;
    assert_eq!(shown, RECORDINGS, "recordings");

    wait::until("the start's work to end", LIMIT, || {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        wait::pass("a look", QUIET)?;
        Ok((ALLOCATIONS.load(Ordering::Relaxed) == before).then_some(()))
    })
    .unwrap();
    let first = snapshot(0);
    let (whole, whole_bytes) = least(|| drop(snapshot(0)));
    let (unchanged, unchanged_bytes) = least(|| drop(snapshot(first.version)));
    println!(
        "figures: a whole snapshot: {whole} allocations, {whole_bytes} bytes; unchanged: {unchanged}, {unchanged_bytes}"
    );
    hold("allocations of a whole snapshot for a recording", whole / RECORDINGS as f64, 4.0);
    hold("bytes of a whole snapshot for a recording", whole_bytes / RECORDINGS as f64, 1_500.0);
    hold("allocations of a snapshot in which nothing has changed", unchanged, 20.0);
    hold("bytes of a snapshot in which nothing has changed", unchanged_bytes, 10_000.0);
    runtime.block_on(app.shutdown());
}
