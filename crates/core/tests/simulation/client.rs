//! The client's durable half: the true store, on a folder in memory, and what a restart does.

use std::fs::File;
use std::path::PathBuf;

use snaplark_core::capture::FrameCounts;
use snaplark_core::upload::{Step, Target, UploadMachine};
use snaplark_core::{INIT_FILE, RecordingId, segment_file};
use snaplark_store::{NewRecording, Segment, Store};

pub struct Client {
    pub store: Option<Store>,
    root: PathBuf,
}

impl Client {
    pub fn new(seed: u64) -> Self {
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let name = format!("snaplark-simulation-{}-{seed}", std::process::id());
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

    pub fn commit(&mut self, step: &Step) {
        self.store.as_mut().unwrap().apply(&step.changes).unwrap();
    }

    /// The process dies and comes back: nothing but the folder is left.
    pub fn restart(&mut self) {
        self.store = None;
        let store = Store::open(&self.root).unwrap();
        let whole = |_: &[u8]| {
            Some(snaplark_store::Judged { start_ms: 0, duration_ms: 2_000, sha256: [0; 32] })
        };
        store.recover(&whole, &|_| Some((1280, 720)), &|bytes, _| whole(bytes)).unwrap();
        self.store = Some(store);
    }

    pub fn rebuild(&self, target: Target, seed: u64) -> (UploadMachine, Step) {
        UploadMachine::restore(target, self.store().upload_rows().unwrap(), seed)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.store = None;
        let _ = std::fs::remove_dir_all(&self.root);
    }
}
