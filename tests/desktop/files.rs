//! Files in by the window: chosen in the system's dialog, dropped from a file manager, and pasted. Each arrives byte for
//! byte, and a file that is none says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::display::{Rectangle, Window};
use snaplark_tests::fake_capture::sha256_of;
use snaplark_tests::home::Home;
use snaplark_tests::recorder::ask_json;
use snaplark_tests::wait;
use snaplark_tests::webdriver::client;

use crate::{SOON, pictures};

/// The time limit on a busy machine.
const DONE: Duration = Duration::from_secs(30);
/// The first icon in a window of the file manager, from its corner, with the places beside it.
const ICON: (i32, i32) = (207, 124);

/// Has ffmpeg make a video of that length, so that no two are the same.
fn video(folder: &Path, name: &str, seconds: u32) -> PathBuf {
    let path = folder.join(name);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-y", "-f", "lavfi", "-i"]);
    ffmpeg.arg(format!("testsrc2=size=160x120:rate=10:duration={seconds}"));
    ffmpeg.args(["-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast"]).arg(&path);
    assert!(ffmpeg.status().unwrap().success(), "{name}");
    path
}

/// Waits until the file is online, and compares what its link serves.
fn hold(shown: &Demonstration, file: &Path) {
    let title = file.file_stem().unwrap().to_str().unwrap();
    let home = &shown.desk.home;
    let link = wait::until(&format!("'{title}' to be online"), DONE, || {
        let listed = ask_json(home, None, &["list", "--json"])?;
        let found =
            listed["recordings"].as_array().into_iter().flatten().find(|it| it["title"] == title);
        Ok(found.filter(|it| it["state"]["kind"] == "done").cloned())
    })
    .unwrap_or_else(|error| {
        let picture = pictures("files").join("missing.png");
        shown.desk.display.picture(home, &picture, None).unwrap();
        panic!("{error:#}")
    });
    assert_eq!(link["kind"], "import", "{link}");
    let served = format!("{}/original.webm", link["link"].as_str().unwrap());
    let served = client().unwrap().get(served).send().unwrap();
    assert!(served.status().is_success(), "{}", served.status());
    let here = sha256_of(fs::File::open(file).unwrap()).unwrap();
    assert!(sha256_of(served).unwrap() == here, "{title}: other bytes are served");
}

#[test]
fn files_that_are_chosen_dropped_and_pasted_are_uploaded_as_they_are() {
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &pictures("files")).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let windows = &shown.windows().unwrap().session;
    let folder = home.path().join("Videos of mine");
    fs::create_dir(&folder).unwrap();
    shown.open_library().unwrap();
    windows.enter_window_at("windows/library", SOON).unwrap();

    let chosen = video(&folder, "chosen.mp4", 1);
    choose(&shown, &chosen);
    hold(&shown, &chosen);
    let card = "return document.querySelector('[data-kind=import][data-state=done]') !== null;";
    windows.until("the card of the file", SOON, card).unwrap();

    // What is no video says so, and nothing of it is in the library.
    let text = folder.join("notes.mp4");
    fs::write(&text, "just some text, which is no video").unwrap();
    choose(&shown, &text);
    windows.says("[data-testid=trouble]", "notes.mp4", SOON).unwrap();
    fs::remove_file(&text).unwrap();

    let pasted = video(home.path(), "pasted.mov", 2);
    display.copy_files(home, &[&pasted]).unwrap();
    windows.run("document.activeElement?.blur();", &[]).unwrap();
    let library = shown.window("the library", |window| window.at.width > 600).unwrap();
    let middle = (library.at.x + library.at.width.cast_signed() / 2, library.at.y + 8);
    display.drag(home, middle, middle).unwrap();
    display.press(home, "ctrl+v").unwrap();
    hold(&shown, &pasted);

    let alone = home.path().join("alone");
    fs::create_dir(&alone).unwrap();
    let dropped = video(&alone, "dropped.mkv", 3);
    let at = Rectangle { x: 760, y: 320, width: 500, height: 360 };
    let _manager = shown.desk.file_manager(&alone, at).unwrap();
    let to = (library.at.x + 200, library.at.y + library.at.height.cast_signed() / 2);
    display.carry(home, (at.x + ICON.0, at.y + ICON.1), to).unwrap();
    hold(&shown, &dropped);
    assert!(
        [chosen, pasted, dropped].iter().all(|file| file.is_file()),
        "they stay where they are"
    );
}

/// Chooses a file by "Upload a file…" and the system's dialog.
fn choose(shown: &Demonstration, file: &Path) {
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let windows = &shown.windows().unwrap().session;
    windows.press("[data-testid=import]", SOON).unwrap();
    let is_dialog = |window: &Window| window.name == "Upload files";
    let dialog = shown.window("the files' dialog", is_dialog).unwrap();
    display.settled("the files' dialog to be drawn", dialog.at, None, SOON).unwrap();
    display.press(home, "ctrl+l").unwrap();
    display.write(home, file.to_str().unwrap()).unwrap();
    display.settled("the file to be found", dialog.at, None, SOON).unwrap();
    display.press(home, "Return").unwrap();
    shown.no_window("the files' dialog to go", is_dialog).unwrap();
}
