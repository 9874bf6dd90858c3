//! The folder: what tests break and inspect of one, and what no other destination does.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use snaplark_core::SessionId;
use snaplark_core::upload::{Failure, ProbeVerdict, Receipt};
use snaplark_destinations::fake::{FakePicture, Faults};
use snaplark_destinations::{Completion, Destination as _, Folder, Opening};

use crate::rig::{Backend, bytes_of, completion, opening, part, picture};

/// A folder that is removed with all that is in it.
pub struct TestFolder {
    root: PathBuf,
    pub path: PathBuf,
    pub address: String,
}

impl TestFolder {
    /// Makes a folder that items go to. `public`: the template of its links, or nothing.
    pub async fn prepared(public: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let root =
            std::env::temp_dir().join(format!("snaplark-folder-{}-{count}", std::process::id()));
        let path = root.join("My Videos");
        fs::create_dir_all(&path).unwrap();
        let public = if public.is_empty() { String::new() } else { format!("?public={public}") };
        let address = format!("folder:{}{public}", path.display());
        let address = Folder::prepare(&address).await.unwrap();
        TestFolder { root, path, address }
    }

    fn folder(&self) -> Folder {
        Folder::new(&self.address).unwrap()
    }

    /// Returns the names of the files that people see.
    fn names(&self) -> Vec<String> {
        names(&self.path)
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

impl Backend for TestFolder {
    fn set_faults(&self, faults: Faults) {
        if faults.is_offline {
            fs::rename(&self.path, self.root.join("away")).unwrap();
        }
    }

    fn lose_sessions(&self) {
        for name in self.names().into_iter().filter(|name| name.ends_with(".part")) {
            fs::remove_file(self.path.join(name)).unwrap();
        }
    }

    fn damage(&self, _: &SessionId, _: u32) {}

    fn content(&self, session: &SessionId) -> Option<Vec<u8>> {
        let record = fs::read_to_string(self.path.join(".snaplark").join(&session.0)).ok()?;
        let name = record.lines().rev().find_map(|line| line.strip_prefix("done "))?;
        fs::read(self.path.join(name)).ok()
    }

    fn completed(&self) -> Vec<SessionId> {
        Vec::new()
    }

    fn title(&self, _: &SessionId) -> Option<String> {
        None
    }

    fn pictures(&self) -> Vec<(String, FakePicture)> {
        let shown = |name: String| {
            let title = name.strip_suffix(".png")?.to_owned();
            let bytes = fs::read(self.path.join(&name)).ok()?;
            let picture = FakePicture { version: 2, bytes, title: Some(title) };
            Some((format!("https://files.example/{name}"), picture))
        };
        self.names().into_iter().filter_map(shown).collect()
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort_unstable();
    names
}

fn titled(id: u128, title: &str) -> Opening {
    Opening { item: uuid::Uuid::from_u128(id), title: Some(title.into()), ..opening() }
}

fn end(receipts: &[Receipt]) -> Completion {
    let receipts = receipts.to_vec();
    Completion { receipts, ..completion() }
}

/// Sends two parts and completes them.
async fn upload(folder: &Folder, opening: &Opening) -> String {
    let session = folder.open(opening).await.unwrap().session;
    let receipts = [
        folder.send(&session, part(0, &bytes_of(0))).await.unwrap(),
        folder.send(&session, part(1, &bytes_of(1))).await.unwrap(),
    ];
    folder.finish(&session, &end(&receipts)).await.unwrap().unwrap()
}

#[tokio::test]
async fn file_has_its_name_only_when_it_is_whole_and_replaces_none() {
    let test = TestFolder::prepared("").await;
    let folder = test.folder();
    fs::write(test.path.join("Stand-up.webm"), "somebody's").unwrap();
    let session = folder.open(&titled(1, "Stand-up")).await.unwrap().session;
    let receipt = folder.send(&session, part(0, &bytes_of(0))).await.unwrap();
    assert_eq!(
        test.names(),
        ["Stand-up (2).webm.part", "Stand-up.webm"],
        "no half file has a name"
    );
    fs::write(test.path.join("Stand-up (2).webm"), "meanwhile").unwrap();
    let link = folder.finish(&session, &end(&[receipt])).await.unwrap().unwrap();
    let path = test.path.join("Stand-up (2) (2).webm");
    assert_eq!(link, path.to_str().unwrap(), "without a public address the link is the path");
    assert_eq!(fs::read(path).unwrap(), bytes_of(0));
    assert_eq!(fs::read(test.path.join("Stand-up.webm")).unwrap(), b"somebody's");
    assert_eq!(fs::read(test.path.join("Stand-up (2).webm")).unwrap(), b"meanwhile");
    let link = upload(&folder, &titled(2, "a/b")).await;
    assert_eq!(link, test.path.join("a-b.webm").to_str().unwrap());
}

#[tokio::test]
async fn part_that_was_acknowledged_is_not_written_again() {
    let test = TestFolder::prepared("").await;
    let session = test.folder().open(&titled(1, "a")).await.unwrap().session;
    test.folder().send(&session, part(0, &bytes_of(0))).await.unwrap();
    let partial = test.path.join("a.webm.part");
    // A killed client leaves a torn part behind the acknowledged one, and a torn line in the record.
    let torn = [fs::read(&partial).unwrap(), b"torn".to_vec()].concat();
    fs::write(&partial, torn).unwrap();
    let record = test.path.join(".snaplark").join(&session.0);
    let line = [fs::read(&record).unwrap(), b"part 1 99".to_vec()].concat();
    fs::write(&record, line).unwrap();
    let before = fs::metadata(&partial).unwrap().modified().unwrap();
    let folder = test.folder();
    assert_eq!(folder.open(&titled(1, "renamed")).await.unwrap().session, session);
    let first = folder.send(&session, part(0, &bytes_of(0))).await.unwrap();
    assert_eq!(fs::metadata(&partial).unwrap().modified().unwrap(), before, "nothing is written");
    let second = folder.send(&session, part(1, &bytes_of(1))).await.unwrap();
    folder.finish(&session, &end(&[first, second])).await.unwrap();
    let whole = [bytes_of(0), bytes_of(1)].concat();
    assert!(fs::read(test.path.join("a.webm")).unwrap() == whole);
    assert_eq!(test.names(), ["a.webm"]);
}

#[tokio::test]
async fn client_that_dies_between_naming_and_tidying_up_leaves_one_file() {
    let test = TestFolder::prepared("").await;
    let folder = test.folder();
    let session = folder.open(&titled(1, "a")).await.unwrap().session;
    let receipt = folder.send(&session, part(0, &bytes_of(0))).await.unwrap();
    // The name is noted and given, and the partial is still there.
    let record = test.path.join(".snaplark").join(&session.0);
    let noted = [fs::read(&record).unwrap(), b"done a.webm\n".to_vec()].concat();
    fs::write(&record, noted).unwrap();
    fs::hard_link(test.path.join("a.webm.part"), test.path.join("a.webm")).unwrap();
    let link = folder.finish(&session, &end(&[receipt])).await.unwrap().unwrap();
    assert_eq!(link, test.path.join("a.webm").to_str().unwrap());
    assert_eq!(test.names(), ["a.webm"]);
}

#[tokio::test]
async fn part_with_other_bytes_takes_the_place_of_what_was_struck() {
    let test = TestFolder::prepared("").await;
    let folder = test.folder();
    let session = folder.open(&titled(1, "a")).await.unwrap().session;
    let first = folder.send(&session, part(0, &bytes_of(0))).await.unwrap();
    for index in 1..4 {
        folder.send(&session, part(index, &bytes_of(index))).await.unwrap();
    }
    let other = folder.send(&session, part(1, b"recorded anew")).await.unwrap();
    let receipts = [first, other];
    folder.finish(&session, &end(&receipts)).await.unwrap();
    let whole = [bytes_of(0), b"recorded anew".to_vec()].concat();
    assert!(fs::read(test.path.join("a.webm")).unwrap() == whole, "nothing struck is left");
}

#[tokio::test]
async fn folder_that_is_another_one_is_not_written() {
    let test = TestFolder::prepared("").await;
    let folder = test.folder();
    let session = folder.open(&titled(1, "a")).await.unwrap().session;
    let receipt = folder.send(&session, part(0, &bytes_of(0))).await.unwrap();
    let away = test.root.join("away");
    fs::rename(&test.path, &away).unwrap();
    fs::create_dir(&test.path).unwrap();
    let is_missing = |failure: Failure| {
        assert!(matches!(failure, Failure::Unreachable { .. }), "{failure:?}");
    };
    for another_one in [false, true] {
        if another_one {
            Folder::prepare(&format!("folder:{}", test.path.display())).await.unwrap();
        }
        is_missing(folder.open(&titled(2, "b")).await.unwrap_err());
        is_missing(folder.send(&session, part(1, &bytes_of(1))).await.unwrap_err());
        is_missing(
            folder.finish(&session, &end(std::slice::from_ref(&receipt))).await.unwrap_err(),
        );
        is_missing(folder.send(&session, part_of_picture()).await.unwrap_err());
        assert!(matches!(folder.probe().await, ProbeVerdict::Offline { .. }));
        assert_eq!(test.names(), Vec::<String>::new(), "the mount point stays empty");
    }
    fs::remove_dir_all(&test.path).unwrap();
    fs::rename(&away, &test.path).unwrap();
    let second = folder.send(&session, part(1, &bytes_of(1))).await.unwrap();
    folder.finish(&session, &end(&[receipt, second])).await.unwrap();
    assert_eq!(test.names(), ["a.webm"]);
}

fn part_of_picture() -> snaplark_destinations::OutgoingPart {
    picture(1, b"pixels")
}

#[tokio::test]
async fn picture_that_somebody_changed_is_not_replaced() {
    let test = TestFolder::prepared("").await;
    let folder = test.folder();
    let session = SessionId("picture-1".into());
    let Receipt(link) = folder.send(&session, picture(1, b"first")).await.unwrap();
    assert_eq!(folder.send(&session, picture(1, b"first")).await.unwrap(), Receipt(link.clone()));
    assert_eq!(test.names(), ["Checkout.png"]);
    let older = folder.send(&session, picture(1, b"other")).await;
    assert!(matches!(older, Err(Failure::NewerVersion { served: Some(1), .. })), "{older:?}");
    assert_eq!(folder.send(&session, picture(2, b"second")).await.unwrap(), Receipt(link.clone()));
    assert_eq!(fs::read(&link).unwrap(), b"second");
    fs::write(&link, "painted over").unwrap();
    let Receipt(third) = folder.send(&session, picture(3, b"third")).await.unwrap();
    assert_eq!(fs::read(&link).unwrap(), b"painted over");
    assert_eq!(fs::read(third).unwrap(), b"third");
    assert_eq!(test.names(), ["Checkout (2).png", "Checkout.png"]);
}

#[cfg(unix)]
#[tokio::test]
async fn folder_that_may_not_be_written_is_told_so_and_checked_beforehand() {
    use std::os::unix::fs::PermissionsExt as _;

    let test = TestFolder::prepared("").await;
    test.folder().check().await.unwrap();
    assert_eq!(test.names(), Vec::<String>::new(), "a check leaves nothing");
    let session = test.folder().open(&titled(1, "a")).await.unwrap().session;
    let set_mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    set_mode(&test.path, 0o500);
    let denied = fs::write(test.path.join("probe"), "").is_err();
    if denied {
        assert_eq!(test.folder().check().await, Err(Failure::AccessDenied));
        let failure = test.folder().open(&titled(2, "b")).await.unwrap_err();
        assert_eq!(failure, Failure::AccessDenied);
    }
    set_mode(&test.path, 0o700);
    test.folder().send(&session, part(0, &bytes_of(0))).await.expect("it goes on when it may");
    // A folder that nobody has set up gets nothing, and isn't set up by accident.
    let plain = test.root.join("plain");
    fs::create_dir(&plain).unwrap();
    let folder = Folder::new(&format!("folder:{}", plain.display())).unwrap();
    assert!(matches!(folder.check().await, Err(Failure::Unreachable { .. })));
    assert_eq!(fs::read_dir(&plain).unwrap().count(), 0);
}
