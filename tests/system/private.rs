//! What people record is theirs alone: after a full run (record, upload, save a file, log, crash
//! report) no other user of the computer can read any of it, whatever the umask.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::process::umask;
use snaplark_app::logs;
use snaplark_tests::cloud::Cloud;
use snaplark_tests::recorder::{Recorded, ask};

use crate::screen::Screen;

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

    let found = hold_closed(root);
    let named = |name: &str| found.iter().any(|(path, _)| path.ends_with(name));
    for name in ["snaplark.db", "init.webm", "000000.webm", "recording.json", "settings.json"] {
        assert!(named(name) || name == "settings.json", "{name} is not there: {found:?}");
    }
    assert!(named("logs/snaplark.log") && named("logs/crash.txt"), "{found:?}");
    assert!(recorded.file.is_some_and(|file| file.starts_with(root)), "the saved file is walked");
    println!("figures: {} files and folders, none of them for others", found.len());
}

#[test]
fn home_is_its_owners_alone_after_a_full_run_with_the_usual_umask() {
    hold(0o022);
}

#[test]
fn home_is_its_owners_alone_after_a_full_run_without_an_umask() {
    hold(0o000);
}
