//! Uploads of pictures: the files of their versions, and crashes at every step.

use super::items::{FLATTENED, add, covered, item, version};
use super::*;

const SERVER: &str = "https://host/api/v1";

fn wanted(number: u32) -> Vec<UploadChange> {
    let recording = id(1);
    let begin =
        UploadChange::UploadWanted { recording, server: SERVER.into(), profile: Profile::Snaplark };
    let size_bytes = FLATTENED.len() as u64;
    let part = Part::whole(0, 1, size_bytes);
    let rest = [
        UploadChange::VersionSet { recording, version: number },
        UploadChange::PartPlanned { recording, index: 0, part },
    ];
    std::iter::once(begin).filter(|_| number == 1).chain(rest).collect()
}

fn sent() -> [UploadChange; 2] {
    let receipt = Receipt("https://host/1".into());
    let session = Some(SessionId("picture-1".into()));
    [
        UploadChange::SessionSet { recording: id(1), session },
        UploadChange::PartAcknowledged { recording: id(1), index: 0, receipt },
    ]
}

fn finished() -> [UploadChange; 1] {
    [UploadChange::Finished { recording: id(1), link: Some("https://host/1".into()) }]
}

fn version_names(store: &Store) -> Vec<String> {
    let entries = store.folder(id(1)).read_dir().unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("version-")).collect();
    names.sort();
    names
}

#[test]
fn version_is_in_its_file_until_the_link_shows_it() {
    let folder = Folder::new();
    let mut store = folder.open();
    add(&store, 1);
    let first = version(&store, 1, Some(&covered()));
    assert_eq!(first.path, store.folder(id(1)).join("version-1.png"));
    assert_eq!(std::fs::read(&first.path).unwrap(), FLATTENED);
    assert_eq!(store.version_file(item(1)).unwrap(), Some(first.clone()));
    store.apply(&wanted(1)).unwrap();
    let rows = store.upload_rows().unwrap().remove(0);
    assert_eq!((rows.version, rows.segment_bytes), (Some(1), vec![FLATTENED.len() as u64]));
    assert_eq!(rows.duration_ms, Some(0), "nothing follows");
    store.apply(&sent()).unwrap();
    assert!(first.path.is_file(), "it may have to be sent again");
    store.apply(&finished()).unwrap();
    assert_eq!((version_names(&store), store.version_file(item(1)).unwrap()), (vec![], None));
    let [row] = &store.versions(item(1)).unwrap()[..] else { panic!("one version") };
    assert_eq!((row.number, row.edit.clone()), (1, Some(covered())));
    assert!(row.published_unix_ms.is_some());
    assert!(store.recordings().unwrap().is_empty() && store.visible(id(1)).unwrap().is_none());
    assert_eq!(store.pending_title(SERVER).unwrap(), None, "its title went with it");
}

#[test]
fn later_version_takes_the_place_of_one_that_was_not_sent() {
    let folder = Folder::new();
    let mut store = folder.open();
    add(&store, 1);
    version(&store, 1, None);
    store.apply(&wanted(1)).unwrap();
    version(&store, 1, Some(&covered()));
    assert_eq!(version_names(&store), ["version-1.png", "version-2.png"]);
    store.apply(&wanted(2)).unwrap();
    assert_eq!(version_names(&store), ["version-2.png"]);
    let rows = store.upload_rows().unwrap().remove(0);
    assert_eq!((rows.version, rows.parts.len(), rows.session), (Some(2), 1, None));
    store.apply(&sent()).unwrap();
    store.apply(&finished()).unwrap();
    let published = store.versions(item(1)).unwrap();
    let published: Vec<bool> =
        published.iter().map(|version| version.published_unix_ms.is_some()).collect();
    assert_eq!(published, [false, true], "the first one was never shown");
}

/// The steps of publishing, each durable before the next.
const STEPS: [&str; 6] = ["item", "file", "row", "upload", "sent", "finished"];

fn publish_until(store: &mut Store, step: &str, number: u32) {
    let steps = STEPS.iter().position(|name| *name == step).unwrap();
    if steps == 1 {
        // The file was written, and the program died before the row.
        let name = format!("version-{number}.png");
        std::fs::write(store.folder(id(1)).join(name), FLATTENED).unwrap();
    }
    if steps >= 2 {
        version(store, 1, Some(&covered()));
    }
    if steps >= 3 {
        store.apply(&wanted(number)).unwrap();
    }
    if steps >= 4 {
        store.apply(&sent()).unwrap();
    }
    if steps >= 5 {
        store.apply(&finished()).unwrap();
    }
}

fn check_after(store: &Store, step: &str, number: u32, what: &str) {
    let waits = store.version_files().unwrap();
    let rows = store.upload_rows().unwrap();
    let of_upload = rows.first().map(|rows| (rows.version, rows.finished));
    let before = (number > 1).then_some((Some(number - 1), true));
    match step {
        // Nothing was promised, and nothing is left over.
        "item" | "file" => {
            assert_eq!((version_names(store), waits), (vec![], vec![]), "{what}");
            assert_eq!(of_upload, before, "{what}");
        }
        // The upload begins at the next start.
        "row" => {
            assert_eq!(waits.len(), 1, "{what}");
            assert_eq!((waits[0].1.number, of_upload), (number, before), "{what}");
        }
        "upload" | "sent" => {
            assert_eq!(of_upload, Some((Some(number), false)), "{what}");
            assert_eq!(waits.len(), 1, "{what}");
            assert_eq!(std::fs::read(&waits[0].1.path).unwrap(), FLATTENED, "{what}");
            assert_eq!(rows[0].segment_bytes, [FLATTENED.len() as u64], "{what}");
        }
        _ => {
            assert_eq!(of_upload, Some((Some(number), true)), "{what}");
            assert_eq!((version_names(store), waits), (vec![], vec![]), "{what}");
            let last = store.versions(item(1)).unwrap().pop().unwrap();
            assert!(last.published_unix_ms.is_some(), "{what}");
        }
    }
}

#[test]
fn publishing_goes_on_after_a_crash_at_any_step() {
    for number in [1, 2] {
        for step in STEPS {
            for database_is_lost in [false, true] {
                let what = format!("version {number}, killed after {step}, {database_is_lost}");
                let folder = Folder::new();
                let mut store = folder.open();
                add(&store, 1);
                store.save_edit(item(1), &covered(), 1).unwrap();
                if number == 2 {
                    publish_until(&mut store, "finished", 1);
                }
                publish_until(&mut store, step, number);
                drop(store);
                if database_is_lost {
                    std::fs::write(folder.0.join("snaplark.db"), b"This is a text.\n").unwrap();
                }
                let (mut store, _) = Store::open_or_rebuild(&folder.0, &Texts).unwrap();
                store.recover(&Texts).unwrap();
                check_after(&store, step, number, &what);
                assert!(store.item(item(1)).unwrap().is_whole(), "{what}");
                assert_eq!(store.edit(item(1)).unwrap().unwrap().edit, Some(covered()), "{what}");
            }
        }
    }
}

#[test]
fn files_that_a_crash_left_over_are_removed_at_the_next_start() {
    let folder = Folder::new();
    let mut store = folder.open();
    add(&store, 1);
    publish_until(&mut store, "finished", 1);
    for name in ["version-1.png", "version-2.png.part"] {
        std::fs::write(store.folder(id(1)).join(name), b"old pixels").unwrap();
    }
    store.recover(&Texts).unwrap();
    assert_eq!(version_names(&store), Vec::<String>::new());
}

#[test]
fn deleted_picture_is_not_sent_until_it_is_restored() {
    let folder = Folder::new();
    let mut store = folder.open();
    add(&store, 1);
    publish_until(&mut store, "upload", 1);
    store.set_deleted(&[id(1)], 5).unwrap();
    assert_eq!((store.version_files().unwrap().len(), store.upload_rows().unwrap().len()), (0, 0));
    store.restore_deleted().unwrap();
    assert_eq!((store.version_files().unwrap().len(), store.upload_rows().unwrap().len()), (1, 1));
    store.delete_item(item(1)).unwrap();
    assert!(!store.folder(id(1)).exists());
}
