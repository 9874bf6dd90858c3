//! The client's durable half: the true store, on a folder in memory, and what a restart does.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use snaplark_core::capture::FrameCounts;
use snaplark_core::upload::Step;
use snaplark_core::{INIT_FILE, ItemId, ItemKind, RecordingId, segment_file};
use snaplark_store::{
    Format, Judged, NewItem, NewRecording, NewVersion, Segment, Store, VersionFile,
};

/// In this world every file is a whole segment.
struct Whole;

impl Format for Whole {
    fn judge(&self, _: &[u8]) -> Option<Judged> {
        Some(Judged { start_ms: 0, duration_ms: 2_000, sha256: [0; 32] })
    }

    fn size(&self, _: &[u8]) -> Option<(u32, u32)> {
        Some((1280, 720))
    }

    fn retime(&self, bytes: &mut [u8], _: u64) -> Option<Judged> {
        self.judge(bytes)
    }

    fn placeholder(&self, _: &[u8], _: u64, _: u64, _: u64) -> Option<Vec<u8>> {
        None
    }

    fn names(&self, _: i64) -> (String, String) {
        (String::new(), String::new())
    }
}

/// The clients of this process so far. Tests of one process run worlds of the same seed at the same time.
static CLIENTS: AtomicU64 = AtomicU64::new(0);

pub struct Client {
    pub store: Option<Store>,
    root: PathBuf,
}

impl Client {
    pub fn new() -> Self {
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let number = CLIENTS.fetch_add(1, Ordering::Relaxed);
        let name = format!("snaplark-simulation-{}-{number}", std::process::id());
        let root = folder.join(name);
        let _ = std::fs::remove_dir_all(&root);
        let store = Some(Store::open(&root).unwrap());
        Client { store, root }
    }

    pub fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    pub fn begin(&self, id: RecordingId) {
        let new = NewRecording {
            id,
            title: String::new(),
            started_text: String::new(),
            started_unix_ms: 0,
            fps: 30,
            bitrate_bits: 2_500_000,
        };
        let folder = self.store().begin(&new).unwrap();
        File::create(folder.join(INIT_FILE)).unwrap().set_len(300).unwrap();
        self.store().note_started(id, 64, 36).unwrap();
    }

    /// The file first, then the row, as always; a crash may come in between.
    pub fn seal(&self, id: RecordingId, index: u32, size_bytes: u64, with_row: bool) {
        let path = self.store().folder(id).join(segment_file(index));
        File::create(path).unwrap().set_len(size_bytes).unwrap();
        if with_row {
            let start_ms = u64::from(index) * 2_000;
            let segment =
                Segment { index, size_bytes, start_ms, duration_ms: 2_000, sha256: [0; 32] };
            self.store().commit_segment(id, &segment).unwrap();
        }
    }

    pub fn end(&self, id: RecordingId) {
        self.store().close(id, FrameCounts::default(), None).unwrap();
    }

    /// Adds a picture.
    pub fn take_picture(&self, id: RecordingId) {
        let new = NewItem {
            id: ItemId::from(id),
            kind: ItemKind::Screenshot,
            title: String::new(),
            started_text: String::new(),
            started_unix_ms: 0,
            width: 64,
            height: 36,
            extension: "png".into(),
            size_bytes: 3,
            sha256: [0; 32],
        };
        self.store().add_item(&new, |file| file.write_all(b"png")).unwrap();
    }

    /// Makes the next version of a picture durable; it is of as many bytes as its number says.
    pub fn add_version(&self, id: RecordingId) -> VersionFile {
        let item = ItemId::from(id);
        let number = self.store().versions(item).unwrap().len() + 1;
        let bytes = vec![0; number * 1_000];
        let new = NewVersion { edit: None, extension: "png", bytes: &bytes, sha256: [0; 32] };
        self.store().add_version(item, &new).unwrap()
    }

    pub fn commit(&mut self, step: &Step) {
        self.store.as_mut().unwrap().apply(&step.changes).unwrap();
    }

    /// The process dies and comes back: nothing but the folder is left, and perhaps not even the
    /// database of it.
    pub fn restart(&mut self, database_is_lost: bool) {
        self.store = None;
        if database_is_lost {
            for name in ["snaplark.db", "snaplark.db-wal", "snaplark.db-shm"] {
                let _ = std::fs::remove_file(self.root.join(name));
            }
        }
        let (mut store, _) = Store::open_or_rebuild(&self.root, &Whole).unwrap();
        store.recover(&Whole).unwrap();
        self.store = Some(store);
    }

    /// A placeholder takes the place of a damaged segment.
    pub fn replace(&mut self, id: RecordingId, index: u32, size_bytes: u64) {
        let store = self.store.as_mut().unwrap();
        let path = store.folder(id).join(segment_file(index));
        File::create(path).unwrap().set_len(size_bytes).unwrap();
        let start_ms = u64::from(index) * 2_000;
        let segment = Segment { index, size_bytes, start_ms, duration_ms: 2_000, sha256: [1; 32] };
        store.note_replaced(id, &[segment]).unwrap();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.store = None;
        let _ = std::fs::remove_dir_all(&self.root);
    }
}
