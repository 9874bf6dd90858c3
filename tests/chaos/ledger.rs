//! The ledger: every segment that was ever seen sealed on disk, with its bytes, written down beside
//! the recorder while it runs. What is in it may only be missing later if a fault destroyed it on
//! purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A segment is written every two seconds.
const LOOK: Duration = Duration::from_millis(40);

/// A recording's id and the segment's file name.
pub type Key = (String, String);

#[derive(Default)]
pub struct Ledger {
    entries: Arc<Mutex<BTreeMap<Key, Vec<u8>>>>,
    destroyed: BTreeSet<Key>,
    touched: BTreeSet<String>,
}

/// Watches the recordings' folder until it is dropped.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Segments of a recordings' folder: the recording's id, the file's name and its path. What lies in
/// folders that are no recording's is nobody's.
pub fn segments(recordings: &Path) -> Vec<(Key, PathBuf)> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(recordings).into_iter().flatten().flatten() {
        let id = folder.file_name().to_string_lossy().into_owned();
        if uuid::Uuid::parse_str(&id).is_err() {
            continue;
        }
        for file in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let stem = name.strip_suffix(".webm").unwrap_or_default();
            if stem.len() == 6 && stem.bytes().all(|byte| byte.is_ascii_digit()) {
                found.push(((id.clone(), name), file.path()));
            }
        }
    }
    found
}

impl Ledger {
    pub fn watch(&self, recordings: PathBuf) -> Watch {
        let stop = Arc::new(AtomicBool::new(false));
        let (entries, stopped) = (Arc::clone(&self.entries), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            loop {
                let is_last = stopped.load(Ordering::Relaxed);
                enter(&entries, &recordings);
                if is_last {
                    return;
                }
                std::thread::sleep(LOOK);
            }
        });
        Watch { stop, thread: Some(thread) }
    }

    /// Notes that a fault destroyed it. What was not seen sealed before is not counted.
    pub fn destroy(&mut self, key: Key) {
        self.touched.insert(key.0.clone());
        self.destroyed.insert(key);
    }

    pub fn is_destroyed(&self, key: &Key) -> bool {
        self.destroyed.contains(key)
    }

    /// Notes that this recording has to be checked after the round.
    pub fn touch(&mut self, id: &str) {
        self.touched.insert(id.to_owned());
    }

    /// The recordings of the round.
    pub fn take_touched(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.touched)
    }

    pub fn recordings(&self) -> BTreeSet<String> {
        lock(&self.entries).keys().map(|(id, _)| id.clone()).collect()
    }

    /// The segments of a recording that have to be there.
    pub fn of(&self, id: &str) -> Vec<(Key, Vec<u8>)> {
        let entries = lock(&self.entries);
        let whole = entries.iter().filter(|(key, _)| key.0 == id && !self.is_destroyed(key));
        whole.map(|(key, bytes)| (key.clone(), bytes.clone())).collect()
    }

    /// The bytes that were once sealed.
    pub fn bytes(&self, key: &Key) -> Option<Vec<u8>> {
        lock(&self.entries).get(key).cloned()
    }

    /// The segments of a recording that were destroyed.
    pub fn destroyed_of(&self, id: &str) -> Vec<&Key> {
        self.destroyed.iter().filter(|key| key.0 == id).collect()
    }

    pub fn sealed(&self) -> u64 {
        lock(&self.entries).len() as u64
    }

    pub fn destroyed(&self) -> u64 {
        self.destroyed.len() as u64
    }
}

/// A sealed segment never changes, so the first reading counts.
fn enter(entries: &Mutex<BTreeMap<Key, Vec<u8>>>, recordings: &Path) {
    for (key, path) in segments(recordings) {
        if !lock(entries).contains_key(&key)
            && let Ok(bytes) = std::fs::read(&path)
            && !bytes.is_empty()
        {
            lock(entries).insert(key, bytes);
        }
    }
}
