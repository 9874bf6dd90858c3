//! A folder as the destination of recordings: on a disk that is full, on one that vanishes, and with a client that is
//! killed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use snaplark_app::view::{PlacedUpload, RecordingState, RecordingView, Snapshot, WaitReason};
use snaplark_app::{Account, Drawing, ImportOptions, LinkReach, NewPicture};
use snaplark_core::RecordingId;
use snaplark_core::edit::{Area, Rgb, Shape, ShapeKind};
use snaplark_tests::fake_capture::Pace;
use snaplark_tests::home::Home;
use snaplark_tests::mounts::Mounts;
use snaplark_tests::wait;
use tokio::runtime::Runtime;

use crate::files::large_file;
use crate::pictures::png;
use crate::rig::{Client, fake_recorder, runtime};

const PACE: Pace =
    Pace { segments_max: 10, every: Duration::from_millis(100), segment_bytes: 50_000 };
const LIMIT: Duration = Duration::from_secs(60);
/// Enough for the first segments only.
const SMALL_BYTES: u64 = 200_000;

/// Makes a folder one that items go to, as a sign-in does, and returns its address.
fn prepared(path: &Path) -> String {
    fs::create_dir_all(path.join(".snaplark")).unwrap();
    fs::write(path.join(".snaplark/folder"), "8b2f4f0e-2f3a-4b57-9d1e-3c1c4d5e6f70\n").unwrap();
    format!("folder:{}", path.display())
}

fn client(runtime: &Runtime, home: &Home, path: &Path) -> Client {
    let account = Account::at(&prepared(path), None).unwrap();
    Client::start(runtime.handle(), home, account, PACE).unwrap()
}

fn waits(view: &Snapshot, reason: WaitReason) -> bool {
    // The recording itself is being recorded.
    let mut uploads = view.recordings.iter().flat_map(|recording| &recording.uploads);
    uploads.any(|upload| upload.state == RecordingState::Waits { reason })
}

/// Returns the names of the files that people see.
fn names(folder: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with('.')).collect()
}

/// The one file in the folder has the bytes of all segments, and the link is its path.
fn hold_whole(home: &Path, folder: &Path, view: &RecordingView) {
    let names = names(folder);
    assert_eq!(names.len(), 1, "{names:?}");
    let file = folder.join(names.first().unwrap());
    assert_eq!(file.extension().unwrap(), "webm");
    assert_eq!(view.link.as_deref(), file.to_str());
    assert_eq!(view.link_reach, Some(LinkReach::ThisComputer));
    let recording = home.join("recordings").join(&view.id);
    let mut whole = fs::read(recording.join("init.webm")).unwrap();
    for index in 0..view.segments {
        whole.extend(fs::read(recording.join(format!("{index:06}.webm"))).unwrap());
    }
    assert!(fs::read(file).unwrap() == whole, "the file has other bytes than the recording");
}

#[test]
fn full_disk_is_waited_for_and_the_file_becomes_whole() {
    let (home, runtime) = (Home::new().unwrap(), runtime().unwrap());
    let mounts = Mounts::start(&home).unwrap();
    let at = home.path().join("shared");
    mounts.small_disk(&home, &at, SMALL_BYTES).unwrap();
    let folder = mounts.seen(&at);
    let client = client(&runtime, &home, &folder);
    let id = client.begin().unwrap();
    client
        .until("the upload to wait for room", LIMIT, |view| waits(view, WaitReason::StorageFull))
        .unwrap();
    client.end(id).unwrap();
    let half = names(&folder);
    assert!(
        half.iter().all(|name| name.ends_with(".webm.part")),
        "a half file has a name: {half:?}"
    );
    mounts.leave(&home, &at, 50_000_000).unwrap();
    let view = client.done(id, LIMIT).unwrap();
    hold_whole(&home.path().join("client"), &folder, &view);
    client.hold_recording(&view);
}

#[test]
fn disk_that_vanishes_is_waited_for_and_its_mount_point_stays_empty() {
    let (home, runtime) = (Home::new().unwrap(), runtime().unwrap());
    let mounts = Mounts::start(&home).unwrap();
    let (disk, at) = (home.path().join("disk"), home.path().join("shared"));
    mounts.bind(&home, &disk, &at).unwrap();
    let folder = mounts.seen(&at);
    let client = client(&runtime, &home, &folder);
    let id = client.begin().unwrap();
    wait::until("the first part in the folder", LIMIT, || {
        let sizes = names(&folder)
            .into_iter()
            .filter_map(|name| Some(fs::metadata(folder.join(name)).ok()?.len()));
        Ok(sizes.sum::<u64>().gt(&0).then_some(()))
    })
    .unwrap();
    mounts.pull(&home, &at).unwrap();
    client
        .until("the folder to be missed", LIMIT, |view| waits(view, WaitReason::FolderMissing))
        .unwrap();
    client.end(id).unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "something is in the empty mount point");
    mounts.bind(&home, &disk, &at).unwrap();
    let view = client.done(id, LIMIT).unwrap();
    hold_whole(&home.path().join("client"), &folder, &view);
    client.hold_recording(&view);
}

#[test]
fn killed_client_goes_on_and_writes_nothing_twice() {
    let home = Home::new().unwrap();
    let folder = home.path().join("shared");
    fs::create_dir_all(&folder).unwrap();
    let address = prepared(&folder);
    let more =
        ["--profile", "folder", "--segments", "40", "--every-ms", "50", "--segment-bytes", "50000"];
    let mut recorder = fake_recorder(&home, &address, "none", &more).unwrap();
    let partial = wait::until("some parts in the folder", LIMIT, || {
        let found = names(&folder).into_iter().next().map(|name| folder.join(name));
        Ok(found.filter(|file| fs::metadata(file).is_ok_and(|it| it.len() > 300_000)))
    })
    .unwrap();
    recorder.kill().unwrap();
    let record = fs::read_dir(folder.join(".snaplark")).unwrap();
    let record = record
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap() != "folder")
        .unwrap();
    let written = fs::read_to_string(&record).unwrap();
    let lines: Vec<&str> =
        written.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
    // What is written again is seen here: the acknowledged bytes have other contents now.
    let acknowledged = lines.last().unwrap().split(' ').nth(2).unwrap().parse::<usize>().unwrap();
    let mut bytes = fs::read(&partial).unwrap();
    bytes[1_000] ^= 0xFF;
    bytes.truncate(acknowledged);
    fs::write(&partial, &bytes).unwrap();
    let mut again = fake_recorder(&home, &address, "none", &["--profile", "folder"]).unwrap();
    assert!(again.wait(LIMIT).unwrap().success(), "{}", again.complaints());
    let names = names(&folder);
    assert_eq!(names.len(), 1, "{names:?}");
    let whole = fs::read(folder.join(names.first().unwrap())).unwrap();
    assert!(whole.starts_with(&bytes), "acknowledged bytes were written again");
}

#[test]
fn recording_goes_to_several_places_while_it_runs_each_with_its_own_state() {
    let (home, runtime) = (Home::new().unwrap(), runtime().unwrap());
    let (first, second) = (home.path().join("first"), home.path().join("second"));
    for folder in [&first, &second] {
        fs::create_dir_all(folder).unwrap();
    }
    let client = client(&runtime, &home, &first);
    let other = Account::at(&prepared(&second), None).unwrap();
    client.run(client.app.continue_uploads_to(other)).unwrap();
    let id = client.begin().unwrap();
    let place = second.to_str().unwrap();
    let upload = client.run(client.app.send_to(id, place)).unwrap();
    assert_ne!(upload, id, "it has an id of its own");
    assert_eq!(client.run(client.app.send_to(id, place)).unwrap(), upload, "once for each place");
    client.end(id).unwrap();
    let both = |view: &Snapshot| {
        let found = view.recordings.iter().find(|recording| recording.id == id.to_string());
        let uploads = found.map(|recording| recording.uploads.clone()).unwrap_or_default();
        (uploads.len() == 2 && uploads.iter().all(|it| it.state == RecordingState::Done))
            .then_some(uploads)
    };
    let view = client.until("both uploads", LIMIT, |view| both(view).is_some()).unwrap();
    let uploads = both(&view).unwrap();
    assert_eq!(
        (uploads[0].id.clone(), uploads[1].id.clone()),
        (id.to_string(), upload.to_string())
    );
    let view = client.done(id, LIMIT).unwrap();
    hold_whole(&home.path().join("client"), &first, &view);
    let copy =
        RecordingView { link: uploads[1].link.clone(), link_reach: uploads[1].link_reach, ..view };
    hold_whole(&home.path().join("client"), &second, &copy);

    client.run(client.app.remove_upload(upload)).unwrap();
    let left = client.run(client.app.snapshot()).unwrap().recordings[0].uploads.len();
    assert_eq!((left, names(&second).len()), (1, 1), "it is forgotten here and stays there");
    assert!(client.run(client.app.remove_upload(id)).is_err(), "the item's own upload stays");
    assert!(client.run(client.app.send_to(id, "/no/such/account")).is_err());
}

#[test]
fn new_recordings_go_where_the_setting_says_and_unfinished_further_uploads_go_on_after_a_restart() {
    let (home, runtime) = (Home::new().unwrap(), runtime().unwrap());
    let (first, second, away) =
        (home.path().join("first"), home.path().join("second"), home.path().join("away"));
    for folder in [&first, &second] {
        fs::create_dir_all(folder).unwrap();
    }
    let other = Account::at(&prepared(&second), None).unwrap();
    let address = other.base_url.clone();
    let first_client = client(&runtime, &home, &first);
    first_client.run(first_client.app.continue_uploads_to(other)).unwrap();
    first_client.run(first_client.app.change_setting("recordings-to".into(), address)).unwrap();
    fs::rename(&first, &away).unwrap();
    let id = first_client.begin().unwrap();
    first_client.end(id).unwrap();
    let view = first_client.done(id, LIMIT).unwrap();
    hold_whole(&home.path().join("client"), &second, &view);
    // The current place is away: a further upload waits there, and goes on when the program and the place are back.
    let waiting = first_client.run(first_client.app.send_to(id, first.to_str().unwrap())).unwrap();
    let has = |view: &Snapshot, state: RecordingState| {
        let uploads = view.recordings.iter().flat_map(|recording| &recording.uploads);
        uploads.into_iter().any(|it| it.id == waiting.to_string() && it.state == state)
    };
    let missing = RecordingState::Waits { reason: WaitReason::FolderMissing };
    first_client
        .until("the further upload to wait", LIMIT, |view| has(view, missing.clone()))
        .unwrap();
    drop(first_client);
    fs::rename(&away, &first).unwrap();
    let again = client(&runtime, &home, &first);
    again.until("the further upload", LIMIT, |view| has(view, RecordingState::Done)).unwrap();
    assert_eq!(names(&first).len(), 1);
}

#[test]
fn files_go_where_the_setting_says_also_without_a_current_account() {
    let (home, runtime) = (Home::new().unwrap(), runtime().unwrap());
    let (first, second) = (home.path().join("first"), home.path().join("second"));
    for folder in [&first, &second] {
        fs::create_dir_all(folder).unwrap();
    }
    let other = Account::at(&prepared(&second), None).unwrap();
    let address = other.base_url.clone();
    let client = client(&runtime, &home, &first);
    client.run(client.app.continue_uploads_to(other)).unwrap();
    client.run(client.app.change_setting("files-to".into(), address)).unwrap();
    for name in ["one", "two"] {
        let path = home.path().join(format!("{name}.webm"));
        large_file(&path, 2_000_000);
        let id = client.run(client.app.imports().upload(path.clone(), ImportOptions::default()));
        let id = id.unwrap().to_string();
        let find = |view: &Snapshot| {
            let found = view.recordings.iter().find(|recording| recording.id == id);
            found.filter(|it| it.state == RecordingState::Done).and_then(|it| it.link.clone())
        };
        let view = client.until("the file", LIMIT, |view| find(view).is_some()).unwrap();
        let link = find(&view).unwrap();
        assert!(Path::new(&link).starts_with(&second), "{link}");
        assert!(fs::read(link).unwrap() == fs::read(path).unwrap(), "{name}: other bytes");
        client.run(client.app.use_account(None)).unwrap();
    }
    assert_eq!(names(&first), BTreeSet::new());
}

/// Two folders, of which the first is where everything goes and the second one to which items can be sent, too.
struct TwoFolders {
    client: Client,
    first: PathBuf,
    second: PathBuf,
    home: Home,
    _runtime: Runtime,
}

impl TwoFolders {
    fn start() -> Self {
        let (home, runtime) = (Home::new().unwrap(), runtime().unwrap());
        let (first, second) = (home.path().join("first"), home.path().join("second"));
        for folder in [&first, &second] {
            fs::create_dir_all(folder).unwrap();
        }
        let other = Account::at(&prepared(&second), None).unwrap();
        let client = client(&runtime, &home, &first);
        client.run(client.app.continue_uploads_to(other)).unwrap();
        TwoFolders { client, first, second, home, _runtime: runtime }
    }

    fn send_to_second(&self, item: RecordingId) -> RecordingId {
        let place = self.second.to_str().unwrap();
        self.client.run(self.client.app.send_to(item, place)).unwrap()
    }

    /// Waits until all uploads of the only item are so, and returns them.
    fn until(&self, what: &str, is_so: impl Fn(&[PlacedUpload]) -> bool) -> Vec<PlacedUpload> {
        let uploads = |view: &Snapshot| {
            let recordings = view.recordings.iter().map(|recording| recording.uploads.clone());
            let pictures = view.pictures.iter().map(|picture| picture.uploads.clone());
            recordings.chain(pictures).next().unwrap_or_default()
        };
        let view = self.client.until(what, LIMIT, |view| is_so(&uploads(view))).unwrap();
        uploads(&view)
    }

    fn both_done(&self) -> Vec<PlacedUpload> {
        let are_done = |uploads: &[PlacedUpload]| {
            uploads.len() == 2 && uploads.iter().all(|it| it.state == RecordingState::Done)
        };
        self.until("both uploads", are_done)
    }
}

#[test]
fn screenshot_goes_to_a_further_place_and_is_replaced_there_after_it_was_drawn_on() {
    let places = TwoFolders::start();
    let pictures = places.client.app.pictures();
    let new = NewPicture { bytes: png([200, 30, 30]), title: Some("Checkout".into()) };
    let item = places.client.run(pictures.add(new)).unwrap();
    places.client.run(pictures.publish(item)).unwrap();
    let upload = places.send_to_second(item.into());
    assert_ne!(upload, item.into(), "it has an id of its own");
    let uploads = places.both_done();
    assert_eq!(uploads[1].id, upload.to_string());
    let file = |upload: &PlacedUpload| PathBuf::from(upload.link.clone().unwrap());
    let (own, further) = (file(&uploads[0]), file(&uploads[1]));
    assert!(own.starts_with(&places.first) && further.starts_with(&places.second));
    let as_taken = fs::read(&own).unwrap();
    assert_eq!(fs::read(&further).unwrap(), as_taken);

    // The same picture is not sent again.
    let written = fs::metadata(&further).unwrap().modified().unwrap();
    assert_eq!(places.send_to_second(item.into()), upload, "once for each place");
    assert_eq!(places.both_done(), uploads);
    let area = Area { x: 0, y: 0, width: 64, height: 48 };
    let shape = Shape { id: 1, kind: ShapeKind::Cover { area, color: Rgb([0, 0, 0]) } };
    let drawing = Drawing { shapes: vec![shape], ..Drawing::default() };
    places.client.run(pictures.save_drawing(item, drawing)).unwrap();
    assert_eq!(fs::metadata(&further).unwrap().modified().unwrap(), written);

    assert_eq!(places.send_to_second(item.into()), upload);
    let is_replaced = |uploads: &[PlacedUpload]| {
        uploads[1].state == RecordingState::Done && fs::read(&further).unwrap() != as_taken
    };
    let uploads = places.until("the drawing to be there", is_replaced);
    assert_eq!(file(&uploads[1]), further, "behind the same link");
    assert_eq!(names(&places.second).len(), 1);
    assert_eq!(fs::read(&own).unwrap(), as_taken, "what the own link shows is published apart");
}

#[test]
fn screenshot_without_an_upload_is_published_where_it_is_sent() {
    let places = TwoFolders::start();
    let new = NewPicture { bytes: png([30, 200, 30]), title: None };
    let item = places.client.run(places.client.app.pictures().add(new)).unwrap();
    assert_eq!(places.send_to_second(item.into()), item.into(), "its own upload");
    let is_there =
        |uploads: &[PlacedUpload]| matches!(uploads, [only] if only.state == RecordingState::Done);
    places.until("the picture", is_there);
    assert_eq!((names(&places.first).len(), names(&places.second).len()), (0, 1));
}

#[test]
fn file_goes_to_a_further_place_as_it_is_when_that_is_tried_again() {
    let places = TwoFolders::start();
    let (path, away) = (places.home.path().join("a.webm"), places.home.path().join("away"));
    large_file(&path, 2_000_000);
    let app = &places.client.app;
    let item = places.client.run(app.imports().upload(path.clone(), ImportOptions::default()));
    let item = item.unwrap();
    let as_brought = fs::read(&path).unwrap();
    places.until("the own upload", |uploads| {
        uploads.first().is_some_and(|own| own.state == RecordingState::Done)
    });
    fs::rename(&places.second, &away).unwrap();
    let upload = places.send_to_second(item.into());
    let missing = RecordingState::Waits { reason: WaitReason::FolderMissing };
    places.until("the folder to be missed", |uploads| {
        uploads.get(1).is_some_and(|further| further.state == missing)
    });
    large_file(&path, 3_000_000);
    fs::rename(&away, &places.second).unwrap();
    places.client.run(app.retry(upload)).unwrap();
    places.client.run(app.hint_network()).unwrap();
    let uploads = places.both_done();
    let sent = fs::read(uploads[1].link.as_ref().unwrap()).unwrap();
    assert!(sent == fs::read(&path).unwrap(), "the further place has the file as it is now");
    assert!(fs::read(uploads[0].link.as_ref().unwrap()).unwrap() == as_brought);
}
