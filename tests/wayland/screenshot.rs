//! Screenshots of a Wayland desktop: through its Screenshot portal, or as one frame of a sharing that was
//! permitted before.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use snaplark_tests::failure::hold;
use snaplark_tests::process::{Process, finish};
use snaplark_tests::recorder::{ask, ask_json, snaplark};
use snaplark_tests::sway::MONITOR;
use snaplark_tests::wait;
use snaplark_tests::wayland::Session;
use snaplark_tests::{media, numbers};

use crate::{LIMIT, NUMBERS};

const SIZE: (u32, u32) = (1280, 720);

/// Takes a screenshot into a file, which has to show the numbered screen.
fn take_and_read(session: &Session, args: &[&str]) {
    let file = session.home.path().join("taken.png");
    let file = file.to_str().unwrap();
    let out = ["screenshot", "--json", "--no-upload", "--force", "--out", file];
    let taken = ask_json(&session.home, None, &[&out[..], args].concat()).unwrap();
    assert_eq!((&taken["width"], &taken["height"]), (&SIZE.0.into(), &SIZE.1.into()), "{taken}");
    let field = numbers::field(SIZE.0, SIZE.1);
    let rgb = media::picture(file, 0.0).unwrap();
    let grey: Vec<u8> = (field.y..field.y + field.height.cast_signed())
        .flat_map(|y| (field.x..field.x + field.width.cast_signed()).map(move |x| (x, y)))
        .map(|(x, y)| rgb[(y as usize * SIZE.0 as usize + x as usize) * 3])
        .collect();
    assert!(numbers::read(&grey).is_some(), "{file} shows no number");
}

#[test]
fn permitted_monitor_is_taken_without_a_question() {
    let session = Session::start(&["1280x720"], NUMBERS).unwrap();
    take_and_read(&session, &[]);
}

#[test]
fn gnome_shell_takes_screenshots_through_its_portal() {
    let session = Session::gnome_shell(NUMBERS).unwrap();
    session.permit_screenshots().unwrap();
    take_and_read(&session, &["--all"]);
    // The desktop's own copy is removed.
    let left = walk(session.home.path(), "Screenshot");
    assert_eq!(left, 0, "a file of the desktop's is left");
}

/// Counts the files below that folder whose names begin so.
fn walk(folder: &Path, name: &str) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), name),
            Ok(_) => usize::from(entry.file_name().to_string_lossy().starts_with(name)),
            Err(_) => 0,
        })
        .sum()
}

/// Sway scales each display by itself. What the compositor gives without a portal is the truth.
#[test]
fn shared_display_is_taken_in_its_own_pixels_beside_one_of_another_scale() {
    let screen = ["--managed", "--width", "640", "--height", "400", "--fps", "5"];
    let (mut session, sway) = Session::sway(&screen, true).unwrap();
    session.last().send_signal(Signal::STOP);
    let home = &session.home;
    sway.order(home, &["create_output"]).unwrap();
    // Whole numbers of pixels at each scale.
    let (width, height) = (1200, 600);
    for (scale, other) in [("1", "2"), ("1.25", "1"), ("1.5", "2"), ("2", "1.5")] {
        for (name, place, scale) in [(MONITOR, "0 0", scale), ("HEADLESS-2", "1200 0", other)] {
            let order =
                format!("output {name} resolution {width}x{height} scale {scale} position {place}");
            sway.order(home, &order.split(' ').collect::<Vec<_>>()).unwrap();
        }
        let truth = home.path().join("truth.png");
        let shown = || {
            sway.picture(home, &truth)?;
            media::picture(truth.to_str().unwrap(), 0.0)
        };
        let want = wait::until("a screen that stands still", LIMIT, || {
            let before = shown()?;
            wait::pass("a moment", Duration::from_millis(300))?;
            Ok(Some(shown()?).filter(|now| *now == before))
        })
        .unwrap();
        assert!(want.iter().any(|one| *one != want[0]), "there is something to compare");
        let file = home.path().join("scaled.png");
        let file = file.to_str().unwrap();
        let args = ["screenshot", "--json", "--no-upload", "--force", "--out", file];
        // A portal of wlroots sends a picture only when something is drawn, so the same is drawn again meanwhile.
        let taken = std::thread::scope(|scope| {
            let asked = scope.spawn(|| ask_json(home, None, &args));
            while !asked.is_finished() {
                let again = format!("output {MONITOR} scale {scale}");
                sway.order(home, &again.split(' ').collect::<Vec<_>>()).unwrap();
                wait::pass("a moment", Duration::from_millis(200)).unwrap();
            }
            asked.join().unwrap().unwrap()
        });
        assert_eq!((&taken["width"], &taken["height"]), (&width.into(), &height.into()), "{taken}");
        let seen = media::picture(file, 0.0).unwrap();
        assert!(seen == want, "other pixels than the display's at {scale}, beside {other}");
    }
    // A stopped program can't be asked to end.
    session.last().send_signal(Signal::CONT);
}

#[test]
fn desktop_without_the_screenshot_portal_is_asked_once_to_share() {
    let mut session = Session::with_stand_in("accept").unwrap();
    for asks in ["asked for screens", "restored"] {
        let args = ["screenshot", "--json", "--no-upload"];
        let taken = ask_json(&session.home, None, &args).unwrap();
        assert_eq!(session.last().line(LIMIT).unwrap(), asks);
        assert_eq!((&taken["width"], &taken["height"]), (&640.into(), &360.into()));
    }
}

#[test]
fn refusals_of_the_desktop_are_sentences() {
    for (answer, words) in [
        ("cancel", "because the desktop's dialog was closed"),
        ("fail", "doesn't let snaplark take pictures"),
        ("hang-at-once", "portal isn't responding"),
    ] {
        let session = Session::with_stand_in(answer).unwrap();
        let args = ["screenshot", "--no-upload"];
        hold(&ask(&session.home, None, &args).unwrap(), &[words]);
    }
    let session = Session::with_stand_in("accept").unwrap();
    let mut alone = snaplark(&session.home, None, &["screenshot", "--no-upload"]).unwrap();
    alone.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    hold(&finish(&mut alone, LIMIT).unwrap(), &["there is no session bus"]);
}

#[test]
fn unanswered_question_ends_with_ctrl_c() {
    let mut session = Session::with_stand_in("hang-asking").unwrap();
    let take = snaplark(&session.home, None, &["screenshot", "--no-upload"]).unwrap();
    let mut take = Process::start(&session.home, "snaplark", take).unwrap();
    assert_eq!(session.last().line(LIMIT).unwrap(), "asked for screens");
    take.terminate();
    wait::until("the end", LIMIT, || Ok((!take.is_running()).then_some(()))).unwrap();
    assert!(take.complaints().contains("No picture was taken"), "{}", take.complaints());
}
