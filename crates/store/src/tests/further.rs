//! Further uploads of an item.

use super::items::{FLATTENED, add, item};
use super::*;
use crate::{FurtherUpload, NewVersion, Secret, VersionFile, WrittenVersion};

const SERVER: &str = "https://further.example/api/v1";

/// Makes a recording of two segments with its own upload, and a further one with the id 9.
fn with_further(folder: &Folder) -> Store {
    let mut store = folder.open();
    begin(&store, 1);
    for index in 0..2 {
        seal(&store, 1, index);
    }
    let (recording, server) = (id(1), "http://a".to_owned());
    let wanted = UploadChange::UploadWanted { recording, server, profile: Profile::Spec };
    store.apply(&[wanted]).unwrap();
    let further = FurtherUpload { id: id(9), item: id(1), server: SERVER.into() };
    store.add_further_upload(&further, Profile::Folder, &Secret::default()).unwrap();
    store
}

fn sends(store: &mut Store, upload: u128) {
    let recording = id(upload);
    let part = Part::whole(0, 1, 5);
    let receipt = Receipt("r".into());
    let session = Some(SessionId("s".into()));
    store
        .apply(&[
            UploadChange::SessionSet { recording, session },
            UploadChange::PartPlanned { recording, index: 0, part },
            UploadChange::PartAcknowledged { recording, index: 0, receipt },
        ])
        .unwrap();
}

#[test]
fn further_upload_has_rows_of_its_own() {
    let folder = Folder::new();
    let mut store = with_further(&folder);
    store.take_touched();
    sends(&mut store, 9);
    assert_eq!(store.take_touched(), BTreeSet::from([id(1)]), "its item changes");
    drop(store);
    let mut store = folder.open();
    let rows = store.upload_rows().unwrap();
    let [own, further] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((own.recording, own.parts.len(), own.session.clone()), (id(1), 0, None));
    assert_eq!((further.recording, further.server.as_str()), (id(9), SERVER));
    assert_eq!(further.profile, Profile::Folder);
    assert_eq!(further.parts, [(Part::whole(0, 1, 5), true)]);
    assert_eq!(further.receipts[&0], Receipt("r".into()));
    assert_eq!(further.segment_bytes, [5, 5], "it sends the item's segments");
    assert_ne!(further.claim, own.claim, "an address of its own");
    let again = UploadChange::UploadWanted {
        recording: id(9),
        server: "http://b".into(),
        profile: Profile::Spec,
    };
    store.apply(&[again]).unwrap();
    let rows = store.upload_rows_of(id(9)).unwrap().unwrap();
    assert_eq!((rows.server.as_str(), rows.parts.len()), ("http://b", 0), "it begins from scratch");
    assert!(rows.claim.is_some(), "and keeps its address");
    let further = FurtherUpload { id: id(9), item: id(1), server: "http://b".into() };
    assert_eq!(store.further_uploads().unwrap(), [further]);
}

#[test]
fn link_of_a_further_upload_is_not_the_items_link() {
    let folder = Folder::new();
    let mut store = with_further(&folder);
    let link = Some("/srv/a.webm".to_owned());
    store.apply(&[UploadChange::Finished { recording: id(9), link: link.clone() }]).unwrap();
    assert!(store.links().unwrap().is_empty());
    let rows = store.upload_rows_of(id(9)).unwrap().unwrap();
    assert_eq!((rows.finished, rows.link), (true, link));
}

#[test]
fn segments_stay_until_the_last_upload_has_them() {
    let folder = Folder::new();
    let mut store = with_further(&folder);
    store.close(id(1), FrameCounts::default(), None).unwrap();
    store.set_file(id(1), std::path::Path::new("/saved/1.webm")).unwrap();
    store.apply(&[UploadChange::Finished { recording: id(1), link: None }]).unwrap();
    assert!(store.confirmed().unwrap().is_empty(), "the further upload isn't done");
    assert_eq!(store.servers_of_unfinished().unwrap(), BTreeSet::from([SERVER.to_owned()]));
    store.apply(&[UploadChange::Finished { recording: id(9), link: None }]).unwrap();
    assert_eq!(store.confirmed().unwrap().len(), 1);
}

#[test]
fn further_uploads_go_with_their_item() {
    let folder = Folder::new();
    let mut store = with_further(&folder);
    store.set_deleted(&[id(1)], 1).unwrap();
    assert!(store.upload_rows().unwrap().is_empty(), "what is deleted must not be sent");
    store.restore_deleted().unwrap();
    assert_eq!(store.upload_rows().unwrap().len(), 2);
    store.remove_further_upload(id(9)).unwrap();
    assert!(store.remove_further_upload(id(9)).is_err());
    assert_eq!(store.upload_rows().unwrap().len(), 1);
    let further = FurtherUpload { id: id(8), item: id(1), server: SERVER.into() };
    store.add_further_upload(&further, Profile::Spec, &Secret::default()).unwrap();
    store.delete(id(1)).unwrap();
    assert_eq!(store.further_uploads().unwrap(), []);
    let orphan = store.add_further_upload(&further, Profile::Spec, &Secret::default());
    assert!(matches!(orphan, Err(StoreError::NoSuchRecording(_))));
}

fn written(store: &Store, bytes: &[u8]) -> WrittenVersion {
    let sha256 = [bytes[0]; 32];
    let new = NewVersion { edit: None, extension: "png", bytes, sha256 };
    WrittenVersion::write(&store.root, item(1), &new).unwrap()
}

fn further_names(store: &Store) -> Vec<String> {
    let entries = store.folder(id(1)).read_dir().unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names
        .filter(|name| name.starts_with("further-") || name.starts_with("rendered-"))
        .collect();
    names.sort();
    names
}

/// Makes a screenshot with a further upload with the id 9.
fn with_further_picture(folder: &Folder) -> (Store, VersionFile) {
    let store = folder.open();
    add(&store, 1);
    let further = FurtherUpload { id: id(9), item: id(1), server: SERVER.into() };
    let bytes = written(&store, FLATTENED);
    let secret = Secret::default();
    let file = store.add_further_picture(&further, Profile::Folder, &secret, bytes).unwrap();
    (store, file)
}

fn picture_sent(version: u32) -> Vec<UploadChange> {
    let recording = id(9);
    let part = Part::whole(0, 1, FLATTENED.len() as u64);
    vec![
        UploadChange::UploadWanted { recording, server: SERVER.into(), profile: Profile::Folder },
        UploadChange::VersionSet { recording, version },
        UploadChange::PartPlanned { recording, index: 0, part },
        UploadChange::PartAcknowledged { recording, index: 0, receipt: Receipt("r".into()) },
    ]
}

#[test]
fn picture_for_a_further_place_is_in_a_file_of_its_own_until_it_is_there() {
    let folder = Folder::new();
    let (mut store, file) = with_further_picture(&folder);
    let name = format!("further-{}-1.png", id(9));
    assert_eq!(further_names(&store), std::slice::from_ref(&name));
    assert_eq!((file.number, std::fs::read(&file.path).unwrap()), (1, FLATTENED.to_vec()));
    // The program may die before the machine knows of it.
    let rows = store.upload_rows_of(id(9)).unwrap().unwrap();
    assert_eq!((rows.version, rows.segment_bytes), (Some(1), vec![FLATTENED.len() as u64]));
    store.apply(&picture_sent(1)).unwrap();
    store.recover(&Texts).unwrap();
    assert_eq!(further_names(&store), [name], "it may have to be sent again");
    assert_eq!(store.further_picture(id(9)).unwrap(), Some(file));
    assert_eq!(store.version_file(item(1)).unwrap(), None, "it is no version of the item");
    store.apply(&[UploadChange::Finished { recording: id(9), link: None }]).unwrap();
    assert_eq!((further_names(&store), store.further_picture(id(9)).unwrap()), (vec![], None));
}

#[test]
fn picture_is_sent_to_a_further_place_again_only_if_its_bytes_are_others() {
    let folder = Folder::new();
    let (mut store, _) = with_further_picture(&folder);
    store.apply(&picture_sent(1)).unwrap();
    store.apply(&[UploadChange::Finished { recording: id(9), link: None }]).unwrap();
    let same = written(&store, FLATTENED);
    assert_eq!(store.renew_further_picture(id(9), same, 0).unwrap(), None);
    assert_eq!(further_names(&store), Vec::<String>::new(), "nothing is left of the same bytes");
    let other = written(&store, b"other");
    let file = store.renew_further_picture(id(9), other, 0).unwrap().unwrap();
    assert_eq!(further_names(&store), [format!("further-{}-2.png", id(9))]);
    let rows = store.upload_rows_of(id(9)).unwrap().unwrap();
    assert_eq!((rows.version, rows.finished, rows.segment_bytes), (Some(2), false, vec![5]));
    assert_eq!(rows.parts, []);
    // A place that has a greater number already is sent a greater one, also of the same bytes.
    let again = written(&store, b"other");
    let newer = store.renew_further_picture(id(9), again, 7).unwrap().unwrap();
    assert_eq!((file.number, newer.number), (2, 7));
    assert_eq!(further_names(&store), [format!("further-{}-7.png", id(9))]);
    store.remove_further_upload(id(9)).unwrap();
    assert_eq!(further_names(&store), Vec::<String>::new());
}

#[test]
fn database_that_was_rebuilt_knows_further_uploads() {
    let folder = Folder::new();
    let mut store = with_further(&folder);
    sends(&mut store, 9);
    let secret = store.secret(id(9)).unwrap();
    assert!(secret.is_some());
    drop(store);
    std::fs::remove_file(folder.0.join("snaplark.db")).unwrap();
    let (store, rebuilt) = Store::open_or_rebuild(&folder.0, &Texts).unwrap();
    assert!(rebuilt.is_some());
    let further = FurtherUpload { id: id(9), item: id(1), server: SERVER.into() };
    assert_eq!(store.further_uploads().unwrap(), [further]);
    let rows = store.upload_rows_of(id(9)).unwrap().unwrap();
    assert_eq!(rows.session, Some(SessionId("s".into())));
    assert_eq!((rows.profile, rows.rebuilt), (Profile::Folder, true));
    assert_eq!(store.secret(id(9)).unwrap(), secret, "its address stays");
    store.remove_further_upload(id(9)).unwrap();
    drop(store);
    std::fs::remove_file(folder.0.join("snaplark.db")).unwrap();
    let (store, _) = Store::open_or_rebuild(&folder.0, &Texts).unwrap();
    assert_eq!(store.further_uploads().unwrap(), [], "what was removed stays away");
}

#[test]
fn database_that_was_rebuilt_knows_the_picture_that_a_further_upload_sends() {
    let folder = Folder::new();
    let (mut store, file) = with_further_picture(&folder);
    let wanted = UploadChange::UploadWanted {
        recording: id(1),
        server: "http://a".into(),
        profile: Profile::Spec,
    };
    store.apply(&[wanted]).unwrap();
    drop(store);
    std::fs::remove_file(folder.0.join("snaplark.db")).unwrap();
    let (mut store, _) = Store::open_or_rebuild(&folder.0, &Texts).unwrap();
    store.recover(&Texts).unwrap();
    assert_eq!(store.further_picture(id(9)).unwrap(), Some(file.clone()));
    let rows = store.upload_rows_of(id(9)).unwrap().unwrap();
    assert_eq!((rows.version, rows.segment_bytes), (Some(1), vec![FLATTENED.len() as u64]));
    assert!(file.path.is_file());
}
