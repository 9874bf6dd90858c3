//! Tests that recordings are private: after a full run (record, upload, save a file, log, crash
//! report) no other user of the computer can read any of it, whatever the umask.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::Mode;
use rustix::process::umask;
use snaplark_app::{Account, App, AppOptions, Drawing, Home, ItemId, Keeps, Profile, Token, logs};
use snaplark_core::edit::Canvas;
use snaplark_render::SystemRender;
use snaplark_tests::cloud::Cloud;
use snaplark_tests::fake_capture::{Clip, FakeCapture, Pace};
use snaplark_tests::recorder::{Recorded, ask, ask_json};

use crate::screen::Screen;

/// A server at which nothing listens.
const NOWHERE: &str = "http://127.0.0.1:9/api/v1";

/// Everything below a folder, and the folder, with what others may do.
fn modes(folder: &Path, found: &mut Vec<(PathBuf, u32)>) {
    let mode = |path: &Path| path.symlink_metadata().unwrap().permissions().mode() & 0o7777;
    found.push((folder.to_owned(), mode(folder)));
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => modes(&path, found),
            false => found.push((path.clone(), mode(&path))),
        }
    }
}

/// Nobody else may use any of it. Returns what there is.
pub(crate) fn hold_closed(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    modes(folder, &mut found);
    let open: Vec<String> = found
        .iter()
        .filter(|(_, mode)| mode & 0o077 != 0)
        .map(|(path, mode)| format!("{mode:o} {}", path.display()))
        .collect();
    assert!(open.is_empty(), "others may use\n{}", open.join("\n"));
    found
}

/// A command takes a picture and hands it to a running program, which then does what its windows ask for: it is
/// drawn on, shown small, dragged out, saved, and sent to a server that doesn't answer.
fn pictures(screen: &Screen, root: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let clip = Clip::at(&screen.home.path().join("clip.ivf")).unwrap();
    let pace = Pace { segments_max: 0, every: Duration::from_millis(50), segment_bytes: 0 };
    let account = Account::at(NOWHERE, Some(Profile::Spec)).unwrap();
    let home = Home { root: root.to_owned(), save_folder: root.join("saved") };
    let app = runtime
        .block_on(App::open(AppOptions {
            home,
            account: Some(account.with_token(Token::new("a-token"))),
            capture: Arc::new(FakeCapture::new(Arc::new(clip), pace)),
            render: Arc::new(SystemRender),
            keeps: Keeps::Nothing,
            notices: Box::new(|_| {}),
        }))
        .unwrap();
    let file = root.join("saved/mine.png");
    let args = ["screenshot", "--json", "--no-upload", "--out", file.to_str().unwrap()];
    let taken = ask_json(&screen.home, None, &args).unwrap();
    let item: ItemId = taken["id"].as_str().unwrap().parse().unwrap();
    let canvas = Canvas { quarter_turns: 1, ..Canvas::default() };
    let drawing = Drawing { canvas, ..Drawing::default() };
    runtime.block_on(async {
        let pictures = app.pictures();
        pictures.save_drawing(item, drawing).await.unwrap();
        pictures.thumbnail(item).await.unwrap();
        pictures.drag_file(item).await.unwrap();
        pictures.save(item, None).await.unwrap();
        pictures.publish(item).await.unwrap();
        app.shutdown().await;
    });
}

fn hold(mask: u32) {
    // Of this process, which is this test's alone, and of all that it starts.
    umask(Mode::from_raw_mode(mask));
    let screen = Screen::start();
    let cloud = Cloud::start(&screen.home).unwrap();
    let args = ["record", "--seconds", "3", "--json"];
    let answer = ask(&screen.home, Some(&cloud), &args).unwrap();
    assert!(answer.status.success(), "{answer:?}");
    let recorded = Recorded::read(&answer.stdout).unwrap();
    assert_eq!(recorded.state, "done", "{recorded:?}");

    let root = screen.home.snaplark();
    let home = snaplark_app::Home { root: root.to_owned(), save_folder: root.join("saved") };
    logs::LogFile::below(&home).write_all(b"what happened\n").unwrap();
    logs::note_panics(&home);
    std::thread::spawn(|| panic!("on purpose")).join().unwrap_err();
    drop(std::panic::take_hook());

    pictures(&screen, root);
    let found = hold_closed(root);
    let named = |name: &str| found.iter().any(|(path, _)| path.ends_with(name));
    for name in ["snaplark.db", "init.webm", "000000.webm", "recording.json", "settings.json"] {
        assert!(named(name) || name == "settings.json", "{name} is not there: {found:?}");
    }
    for name in ["source.png", "version-1.png", "drag", "screenshots", "saved/mine.png"] {
        assert!(named(name), "{name} is not there: {found:?}");
    }
    let files_of = |start: &str, end: &str| {
        let is_one = |name: &str| name.starts_with(start) && name.ends_with(end);
        let named =
            |(path, _): &&(PathBuf, u32)| is_one(&path.file_name().unwrap().to_string_lossy());
        found.iter().filter(named).count()
    };
    assert!(files_of("thumbnail", ".jpg") > 0, "{found:?}");
    assert!(files_of("", ".png") >= 5, "original, version, dragged, and saved twice: {found:?}");
    assert!(named("logs/snaplark.log") && named("logs/crash.txt"), "{found:?}");
    assert!(recorded.file.is_some_and(|file| file.starts_with(root)), "the saved file is walked");
    println!("figures: {} files and folders, none of them for others", found.len());
}

#[test]
fn home_is_private_after_a_full_run_with_the_usual_umask() {
    hold(0o022);
}

#[test]
fn home_is_private_after_a_full_run_with_umask_zero() {
    hold(0o000);
}
