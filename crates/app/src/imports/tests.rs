//! Files through the whole app, with a destination in memory: uploaded, restarted, changed, moved, refused.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
#[cfg(unix)]
use std::time::SystemTime;

use snaplark_core::capture::{Capture, CaptureControl, CaptureError, CaptureRequest, CaptureSink};
use snaplark_core::render::RenderError;
use snaplark_destinations::Destination;
use snaplark_destinations::fake::{Fake, FakeServer, Faults};
use snaplark_formats::webm::{Block, Track, Tracks, Video, VideoCodec};
use tempfile::TempDir;

use super::*;
#[cfg(unix)]
use crate::ErrorCode;
use crate::fake_render::FakeRender;
use crate::view::{NeedReason, RecordingState, RecordingView, WaitReason};
use crate::{Account, AppOptions, Home, Keeps, Notice, Profile, Token};

const DONE: Duration = Duration::from_secs(30);
const MIB: usize = 1024 * 1024;

/// A capture that never records. A still says which one it is.
#[derive(Default)]
struct NoScreen(AtomicU8);

impl Capture for NoScreen {
    fn start(
        &self,
        _: CaptureRequest,
        _: CaptureSink,
    ) -> Result<Box<dyn CaptureControl>, CaptureError> {
        Err(CaptureError::Declined)
    }

    fn still_of_file(&self, _: &Path) -> Result<Vec<u8>, RenderError> {
        Ok(vec![self.0.fetch_add(1, Ordering::Relaxed) + 1])
    }
}

struct Rig {
    app: App,
    server: FakeServer,
    profile: Profile,
    links: Arc<Mutex<Vec<String>>>,
    folder: TempDir,
}

impl Rig {
    async fn open(profile: Profile) -> Rig {
        let (server, folder) = (FakeServer::default(), tempfile::tempdir().unwrap());
        let links = Arc::default();
        let app = start(&folder, &server, profile, &links).await;
        Rig { app, server, profile, links, folder }
    }

    /// The program ends, and is there again.
    async fn restart(self) -> Rig {
        let Rig { app, server, profile, links, folder } = self;
        app.shutdown().await;
        let app = start(&folder, &server, profile, &links).await;
        Rig { app, server, profile, links, folder }
    }

    /// Writes a file beside the home.
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    async fn upload(&self, file: PathBuf) -> ItemId {
        self.app.imports().upload(file, ImportOptions::default()).await.unwrap()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&RecordingView) -> bool) -> RecordingView {
        let looking = async {
            let mut changes = self.app.changes();
            loop {
                let snapshot = self.app.snapshot().await.unwrap();
                if let Some(found) = snapshot.recordings.iter().find(|view| is_so(view)) {
                    return found.clone();
                }
                changes.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(DONE, looking).await {
            Ok(found) => found,
            Err(_) => panic!("{what}: {:#?}", self.app.snapshot().await.unwrap().recordings),
        }
    }

    async fn done(&self) -> RecordingView {
        self.until("never online", |view| view.state == RecordingState::Done).await
    }

    async fn needs(&self, reason: NeedReason) -> String {
        let detail = |view: &RecordingView| match &view.state {
            RecordingState::NeedsYou { reason: found, detail } if *found == reason => {
                Some(detail.clone())
            }
            _ => None,
        };
        let found = self.until(&format!("{reason:?}"), |view| detail(view).is_some()).await;
        detail(&found).unwrap()
    }

    /// Returns the bytes of the only item that is complete at the server.
    fn content(&self) -> Vec<u8> {
        let [session] = &self.server.completed()[..] else { panic!("one item is complete") };
        self.server.content(session).unwrap()
    }

    fn set_offline(&self, is_offline: bool) {
        self.server.set_faults(Faults { is_offline, ..Faults::default() });
    }
}

async fn start(
    folder: &TempDir,
    server: &FakeServer,
    profile: Profile,
    links: &Arc<Mutex<Vec<String>>>,
) -> App {
    let root = folder.path().join("home");
    let (server, copied) = (server.clone(), links.clone());
    let connect = move |_: &Account, _| -> Result<Arc<dyn Destination>, AppError> {
        Ok(Arc::new(Fake::at(server.clone(), profile)))
    };
    let account = Account::at("https://host/api/v1", Some(profile)).unwrap();
    let options = AppOptions {
        home: Home { save_folder: root.join("saved"), root },
        account: Some(account.with_token(Token::new("a-token"))),
        capture: Arc::new(NoScreen::default()),
        render: Arc::new(FakeRender::default()),
        keeps: Keeps::Nothing,
        notices: Box::new(move |notice| match notice {
            Notice::CopyLink { link, .. } => copied.lock().unwrap().push(link),
            Notice::AskWhere { .. } | Notice::SignedOut => {}
        }),
    };
    App::open_with(options, Arc::new(connect)).await.unwrap()
}

fn block(bytes: usize) -> Block {
    let data = (0..bytes).map(|at| (at % 251) as u8).collect();
    Block { track: Track::Video, time_ms: 0, keyframe: true, duration_ms: Some(1_000), data }
}

/// Returns a WebM of at least that size.
fn webm(bytes: usize) -> Vec<u8> {
    let video = Video { codec: VideoCodec::Vp9, width: 64, height: 36 };
    let init = snaplark_formats::webm::init(&Tracks { video, audio: None });
    let cluster = snaplark_formats::webm::cluster(&[block(bytes)]).unwrap();
    [init, cluster].concat()
}

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [(content.len() as u32 + 8).to_be_bytes().as_slice(), kind, content].concat()
}

/// Returns an MP4 with an index of one track of that size, in front of its data.
fn mp4(brand: &[u8; 4], size: (u16, u16), duration: u32, data: &[u8]) -> Vec<u8> {
    let mut mvhd = [0_u8; 100];
    mvhd[12..16].copy_from_slice(&1_000_u32.to_be_bytes());
    mvhd[16..20].copy_from_slice(&duration.to_be_bytes());
    let mut tkhd = [0_u8; 84];
    tkhd[40..44].copy_from_slice(&0x1_0000_u32.to_be_bytes());
    tkhd[76..78].copy_from_slice(&size.0.to_be_bytes());
    tkhd[80..82].copy_from_slice(&size.1.to_be_bytes());
    let track = boxed(b"trak", &boxed(b"tkhd", &tkhd));
    let index = boxed(b"moov", &[boxed(b"mvhd", &mvhd), track].concat());
    [boxed(b"ftyp", &[brand.as_slice(), &[0; 4]].concat()), index, boxed(b"mdat", data)].concat()
}

#[tokio::test]
async fn file_is_uploaded_as_it_is_and_stays_where_it_was() {
    for profile in [Profile::Snaplark, Profile::Spec, Profile::Poster, Profile::Storage] {
        let rig = Rig::open(profile).await;
        let bytes = webm(7 * MIB);
        // Its name doesn't say what it is.
        let path = rig.file("Quarterly demo.txt", &bytes);
        let item = rig.upload(path.clone()).await;
        let view = rig.done().await;
        assert_eq!((view.id.as_str(), view.title.as_str()), (&*item.to_string(), "Quarterly demo"));
        assert!(view.is_imported && view.here, "{profile:?}");
        assert_eq!(view.file.as_deref().map(Path::new), Some(path.as_path()));
        assert_eq!(view.size_bytes, bytes.len() as u64);
        assert!(rig.content() == bytes, "{profile:?}: other bytes are at the server");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert!(view.link.is_some());
        assert_eq!(rig.links.lock().unwrap().last(), view.link.as_ref(), "it is on the clipboard");
        rig.app.delete(item.into()).await.unwrap();
        assert!(path.is_file(), "the person's own file is not Snaplark's to delete");
        rig.app.shutdown().await;
    }
}

#[tokio::test]
async fn file_goes_on_after_a_restart_and_is_not_lost_without_an_account() {
    let rig = Rig::open(Profile::Snaplark).await;
    rig.app.use_account(None).await.unwrap();
    let bytes = mp4(b"isom", (640, 360), 2_000, &vec![7; 6 * MIB]);
    rig.upload(rig.file("a.mp4", &bytes)).await;
    let offline = RecordingState::Waits { reason: WaitReason::Offline };
    let view = rig.until("it doesn't wait", |view| view.state == offline).await;
    assert_eq!(view.duration_ms, 2_000);
    rig.set_offline(true);
    let rig = rig.restart().await;
    rig.until("it doesn't wait", |view| view.state == offline).await;
    rig.set_offline(false);
    rig.app.hint_network().await.unwrap();
    rig.done().await;
    assert!(rig.content() == bytes, "other bytes are at the server");
    rig.app.shutdown().await;
}

#[tokio::test]
async fn file_is_played_from_where_it_is_and_its_still_is_made_once() {
    let rig = Rig::open(Profile::Snaplark).await;
    let bytes = mp4(b"isom", (640, 360), 2_000, &vec![7; 3 * MIB]);
    let item = rig.upload(rig.file("a.mp4", &bytes)).await;
    let view = rig.app.media(item.into()).await.unwrap().view().unwrap();
    assert_eq!((view.mime.as_str(), view.pieces.len(), view.running), ("video/mp4", 0, false));
    let whole = rig.app.media(item.into()).await.unwrap().whole().unwrap();
    assert_eq!((whole.size_bytes(), whole.mime()), (bytes.len() as u64, "video/mp4"));
    let mut read = Vec::new();
    while read.len() < bytes.len() {
        let more = whole.read_at(read.len() as u64).unwrap();
        assert!(!more.is_empty() && more.len() <= MIB, "{} bytes at once", more.len());
        read.extend(more);
    }
    assert!(read == bytes, "other bytes are played");
    for _ in 0..2 {
        assert_eq!(rig.app.media(item.into()).await.unwrap().still().unwrap(), [1]);
    }
    rig.done().await;
    rig.file("a.mp4", b"another file");
    let media = rig.app.media(item.into()).await.unwrap();
    assert!(media.view().is_err(), "a file that is another one now is not played");
    assert_eq!(media.still().unwrap(), [1], "the card keeps its picture");
    assert!(media.whole().is_err());
    rig.app.shutdown().await;
}

#[tokio::test]
async fn ten_files_are_uploaded_at_once() {
    let rig = Rig::open(Profile::Snaplark).await;
    let mut all = Vec::new();
    for n in 0..10 {
        let bytes = mp4(b"isom", (64, 36), n, &vec![n as u8; 10_000]);
        rig.upload(rig.file(&format!("{n}.mp4"), &bytes)).await;
        all.push(bytes);
    }
    for n in 0..10 {
        let title = n.to_string();
        let is_it =
            |view: &RecordingView| view.title == title && view.state == RecordingState::Done;
        rig.until("not all are online", is_it).await;
    }
    let completed = rig.server.completed();
    let mut found: Vec<_> = completed.iter().map(|it| rig.server.content(it).unwrap()).collect();
    found.sort();
    all.sort();
    assert!(found == all, "other bytes are at the server");
    rig.app.shutdown().await;
}

#[tokio::test]
async fn file_that_changed_meanwhile_says_so_and_is_uploaded_as_it_is_now() {
    let rig = Rig::open(Profile::Snaplark).await;
    rig.set_offline(true);
    let item = rig.upload(rig.file("a.webm", &webm(MIB))).await;
    let other = webm(2 * MIB);
    rig.file("a.webm", &other);
    rig.set_offline(false);
    rig.app.hint_network().await.unwrap();
    rig.needs(NeedReason::FileChanged).await;
    rig.app.retry(item.into()).await.unwrap();
    let view = rig.done().await;
    assert_eq!(view.size_bytes, other.len() as u64);
    assert!(rig.content() == other, "a mixture is at the server");
    rig.app.shutdown().await;
}

#[tokio::test]
async fn file_that_vanished_says_where_it_was_and_goes_on_when_it_is_back() {
    let rig = Rig::open(Profile::Snaplark).await;
    rig.set_offline(true);
    let bytes = webm(MIB);
    let path = rig.file("a.webm", &bytes);
    let item = rig.upload(path.clone()).await;
    let away = tempfile::tempdir().unwrap();
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::rename(&path, away.path().join("a.webm")).unwrap();
    rig.set_offline(false);
    rig.app.hint_network().await.unwrap();
    assert_eq!(rig.needs(NeedReason::FileMissing).await, path.display().to_string());
    std::fs::copy(away.path().join("a.webm"), &path).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    rig.app.retry(item.into()).await.unwrap();
    rig.done().await;
    assert!(rig.content() == bytes, "other bytes are at the server");
    rig.app.shutdown().await;
}

#[tokio::test]
async fn file_that_was_renamed_in_its_folder_goes_on_under_its_new_name() {
    let rig = Rig::open(Profile::Snaplark).await;
    rig.set_offline(true);
    let bytes = webm(MIB);
    let path = rig.file("a.webm", &bytes);
    rig.upload(path.clone()).await;
    let renamed = path.with_file_name("b.webm");
    std::fs::rename(&path, &renamed).unwrap();
    rig.set_offline(false);
    rig.app.hint_network().await.unwrap();
    rig.done().await;
    assert!(rig.content() == bytes, "other bytes are at the server");
    let is_there = |view: &RecordingView| view.file.as_deref().map(Path::new) == Some(&*renamed);
    rig.until("the new name is not noted", is_there).await;
    rig.app.shutdown().await;
}

#[tokio::test]
async fn file_above_the_documents_limit_is_refused_before_the_first_byte() {
    let rig = Rig::open(Profile::Poster).await;
    let path = rig.file("a.mp4", &mp4(b"isom", (64, 36), 1, b"data"));
    // Sparse: nobody waits for 50 MB.
    std::fs::File::options().write(true).open(&path).unwrap().set_len(51 * MIB as u64).unwrap();
    rig.upload(path).await;
    assert_eq!(rig.needs(NeedReason::TooLarge).await, (50 * MIB).to_string());
    assert_eq!(rig.server.completed(), []);
    rig.app.shutdown().await;
}

#[tokio::test]
async fn deleting_an_import_cancels_its_upload_and_can_be_undone() {
    let rig = Rig::open(Profile::Snaplark).await;
    rig.set_offline(true);
    let bytes = webm(MIB);
    let item = rig.upload(rig.file("a.webm", &bytes)).await;
    rig.app.delete_undoably(vec![item.into()]).await.unwrap();
    assert_eq!(rig.app.snapshot().await.unwrap().recordings, []);
    rig.set_offline(false);
    rig.app.undo_delete().await.unwrap();
    rig.app.hint_network().await.unwrap();
    rig.done().await;
    assert!(rig.content() == bytes);
    rig.app.shutdown().await;
}

/// Returns the files that somebody drops by accident or in bad faith, each with why it is refused. `None`: it is taken.
#[cfg(unix)]
fn hostile(folder: &Path) -> Vec<(PathBuf, Option<FileRefusal>)> {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    let whole = mp4(b"isom", (64, 36), 1_000, &[1; 5_000]);
    let at_end = [&whole[..16], &boxed(b"mdat", &[1; 5_000]), &whole[16..]].concat();
    let audio_only = mp4(b"M4A ", (0, 0), 1_000, &[1; 100]);
    let image = b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x07\x80\0\0\x04\x38\x08pixels".to_vec();
    let header = &webm(100)[..40];
    let other_doctype = [b"\x1A\x45\xDF\xA3\x8B\x42\x82\x84mine".as_slice(), &[0; 400]].concat();
    let files: Vec<(&str, Vec<u8>, Option<FileRefusal>)> = vec![
        ("empty.mp4", vec![], Some(FileRefusal::Empty)),
        ("one byte.mp4", vec![0], Some(FileRefusal::OtherType)),
        (
            "page.mp4",
            b"<!doctype html><title>Not found</title>".to_vec(),
            Some(FileRefusal::OtherType),
        ),
        (
            "program.mp4",
            [b"\x7FELF".as_slice(), &[0; 5_000]].concat(),
            Some(FileRefusal::OtherType),
        ),
        (
            "archive.webm",
            [b"PK\x03\x04".as_slice(), &[0; 5_000]].concat(),
            Some(FileRefusal::OtherType),
        ),
        ("zeros.mkv", vec![0; 70_000], Some(FileRefusal::OtherType)),
        ("animation.gif", b"GIF89a\x01\0\x01\0\0\0\0;".to_vec(), None),
        ("cut before its index.mp4", at_end[..3_000].to_vec(), Some(FileRefusal::CutOff)),
        ("cut in its index.mp4", whole[..60].to_vec(), Some(FileRefusal::CutOff)),
        ("cut in its header.webm", header.to_vec(), Some(FileRefusal::CutOff)),
        ("other EBML.mkv", other_doctype, Some(FileRefusal::OtherType)),
        ("sound alone.mp4", audio_only, Some(FileRefusal::NoPicture)),
        ("endless.mp4", mp4(b"isom", (64, 36), u32::MAX - 1, &[1; 100]), None),
        ("a picture.mp4", image, None),
        ("index at the end.m4v", at_end, None),
    ];
    let mut all: Vec<(PathBuf, Option<FileRefusal>)> = files
        .into_iter()
        .map(|(name, bytes, refusal)| {
            let path = folder.join(name);
            std::fs::write(&path, bytes).unwrap();
            (path, refusal)
        })
        .collect();
    let at = |name: &str| folder.join(name);
    std::fs::create_dir(at("folder.mp4")).unwrap();
    all.push((at("folder.mp4"), Some(FileRefusal::Folder)));
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe.mp4"), mode).unwrap();
    all.push((at("pipe.mp4"), Some(FileRefusal::NotAFile)));
    all.push((PathBuf::from("/dev/zero"), Some(FileRefusal::NotAFile)));
    symlink(at("b.mp4"), at("a.mp4")).unwrap();
    symlink(at("a.mp4"), at("b.mp4")).unwrap();
    all.push((at("a.mp4"), Some(FileRefusal::LinkLoop)));
    symlink(at("nothing"), at("dangling.mp4")).unwrap();
    all.push((at("dangling.mp4"), Some(FileRefusal::Missing)));
    all.push((at("missing.mp4"), Some(FileRefusal::Missing)));
    let sparse = at("100 GB of nothing.mp4");
    std::fs::File::create(&sparse).unwrap().set_len(100_000_000_000).unwrap();
    all.push((sparse, Some(FileRefusal::OtherType)));
    let sparse = at("100 GB.mp4");
    std::fs::write(&sparse, &whole).unwrap();
    let file = std::fs::File::options().write(true).open(&sparse).unwrap();
    file.set_len(100_000_000_000).unwrap();
    all.push((sparse, None));
    let sparse = at("200 GB.mp4");
    std::fs::write(&sparse, &whole).unwrap();
    let file = std::fs::File::options().write(true).open(&sparse).unwrap();
    file.set_len(200_000_000_000).unwrap();
    all.push((sparse, Some(FileRefusal::TooLarge)));
    let unnamed = folder.join(std::ffi::OsStr::from_bytes(b"\xFF\xFE.mp4"));
    std::fs::write(&unnamed, &whole).unwrap();
    all.push((unnamed, Some(FileRefusal::BadName)));
    let forbidden = at("forbidden.mp4");
    std::fs::write(&forbidden, &whole).unwrap();
    std::fs::set_permissions(&forbidden, std::os::unix::fs::PermissionsExt::from_mode(0o0))
        .unwrap();
    // Root may read everything.
    let reads = std::fs::File::open(&forbidden).is_ok();
    all.push((forbidden, (!reads).then_some(FileRefusal::Forbidden)));
    all
}

#[cfg(unix)]
#[tokio::test]
async fn hostile_files_are_told_apart_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::open(Profile::Snaplark).await;
    rig.set_offline(true);
    let files = hostile(folder.path());
    assert!(files.len() >= 20);
    let began = SystemTime::now();
    for (path, wanted) in &files {
        let inspecting = path.clone();
        let found = blocking(move || Ok(inspect::inspect(&inspecting))).await.unwrap();
        assert_eq!(found.as_ref().err(), wanted.as_ref(), "{}", path.display());
        let Some(refusal) = wanted else { continue };
        let outcome = rig.app.imports().upload(path.clone(), ImportOptions::default()).await;
        let error = outcome.expect_err("it is refused");
        assert_eq!((error.code(), error.reason()), (ErrorCode::FileRefused, refusal.name().into()));
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(error.to_string().starts_with(&name), "{error}");
        assert!(!refusal.words().ends_with('.') && refusal.words().len() > 20);
    }
    assert!(began.elapsed().unwrap() < Duration::from_secs(20), "something was read to its end");
    assert_eq!(
        rig.app.snapshot().await.unwrap().recordings,
        [],
        "nothing refused is in the library"
    );
    rig.app.shutdown().await;
}
