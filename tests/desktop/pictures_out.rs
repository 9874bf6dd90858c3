//! The uses of a picture beside its file: pinned on the screen, as a link in Markdown; and how the library finds it
//! among recordings.

use std::time::Duration;

use serde_json::json;
use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::display::{Rectangle, Window};
use snaplark_tests::home::Home;
use snaplark_tests::wait;

use crate::editor::{bring_in_sized, count, drag, enter, is_editor, saved_file, settle};
use crate::{SHOW, SOON, pictures};

/// The time limit on a busy machine.
const DONE: Duration = Duration::from_secs(20);
/// A pin of this size is shown pixel by pixel on the display of the tests.
const SIZE: (u32, u32) = (400, 240);
/// How far the middle of a pin's button is from its upper right corner.
const CLOSE_PX: i32 = 18;
const CARDS: &str = "return document.querySelectorAll('[data-testid=recording]').length";

fn is_pin(window: &Window) -> bool {
    window.name.contains("Pin to screen")
}

fn middle(at: Rectangle) -> (i32, i32) {
    (at.x + at.width.cast_signed() / 2, at.y + at.height.cast_signed() / 2)
}

/// Starts the app with a picture in its editor, on which something is covered. Returns the editor's place.
fn begin(name: &str) -> (Demonstration, Rectangle) {
    let home = Home::new().unwrap();
    let taken = home.path().join("taken");
    settle(&home, &[("screenshots.save-folder", taken.to_str().unwrap())]);
    let shown = Demonstration::begin_driven(home, &pictures(name)).unwrap();
    let windows = &shown.windows().unwrap().session;
    shown.open_library().unwrap();
    windows.enter_window_at("windows/library", SOON).unwrap();
    bring_in_sized(windows, SIZE);
    let editor = shown.window("the editor", is_editor).unwrap();
    enter(windows);
    windows.press("[data-testid=tool-cover]", SOON).unwrap();
    drag(windows, (45, 45), (55, 55));
    count(windows, 1);
    windows.press("[data-testid=tool-select]", SOON).unwrap();
    // The keys go to the window that was pressed last.
    let bar = (editor.at.x + editor.at.width.cast_signed() / 2, editor.at.y + 12);
    shown.desk.display.drag(&shown.desk.home, bar, bar).unwrap();
    (shown, editor.at)
}

#[test]
fn pinned_picture_is_shown_as_it_is_drawn_moves_with_the_pointer_and_closes() {
    let (shown, _) = begin("pin");
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    display.press(home, "ctrl+s").unwrap();
    let exported = saved_file(&home.path().join("taken"));
    display.press(home, "alt+p").unwrap();
    let pin = shown.window("the pin", is_pin).unwrap();
    assert_eq!((pin.at.width, pin.at.height), SIZE);
    // Its button is shown while the pointer is on it.
    display.point(home, (5, 5)).unwrap();
    let rgb = |at: Rectangle| -> anyhow::Result<Vec<u8>> {
        let pixels = display.pixels(at)?;
        Ok(pixels.chunks_exact(4).flat_map(|px| [px[2], px[1], px[0]]).collect())
    };
    let shows_it = wait::until("the pin to show the file's pixels", DONE, || {
        Ok((rgb(pin.at)? == exported).then_some(()))
    });
    display.picture(home, &pictures("pin").join("pinned.png"), None).unwrap();
    shows_it.unwrap();

    let from = middle(pin.at);
    display.drag(home, from, (from.0 + 160, from.1 + 90)).unwrap();
    let moved = wait::until("the pin to move", DONE, || {
        let windows = display.windows(home, "snaplark")?;
        let now = windows.into_iter().find(is_pin).map(|window| window.at);
        Ok(now.filter(|now| (now.x, now.y) == (pin.at.x + 160, pin.at.y + 90)))
    })
    .unwrap();
    display.point(home, (5, 5)).unwrap();
    wait::until("the moved pin to show the same", DONE, || {
        Ok((rgb(moved)? == exported).then_some(()))
    })
    .unwrap();
    let close = (moved.x + moved.width.cast_signed() - CLOSE_PX, moved.y + CLOSE_PX);
    display.drag(home, close, close).unwrap();
    shown.no_window("the pin to go", is_pin).unwrap();
}

#[test]
fn uploaded_picture_is_copied_as_a_markdown_link_with_its_title() {
    let (shown, _) = begin("markdown");
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let windows = &shown.windows().unwrap().session;
    display.press(home, "alt+u").unwrap();
    let link = wait::until("the link on the clipboard", DONE, || {
        Ok(display.clipboard(home)?.filter(|text| text.starts_with("http://127.0.0.1:")))
    })
    .unwrap();
    display.press(home, "alt+m").unwrap();
    windows.says("[data-testid=editor-said]", "Markdown", DONE).unwrap();
    let copied = display.clipboard(home).unwrap();
    assert_eq!(copied.as_deref(), Some(format!("[Colors](<{link}>)").as_str()));
}

#[test]
fn library_shows_screenshots_recordings_or_both() {
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &pictures("filter")).unwrap();
    let windows = &shown.windows().unwrap().session;
    shown.start_recording().unwrap();
    wait::pass("the recording", Duration::from_secs(3)).unwrap();
    shown.stop_recording().unwrap();
    shown.open_library().unwrap();
    windows.enter_window_at("windows/library", SOON).unwrap();
    bring_in_sized(windows, SIZE);
    let editor = shown.window("the editor", is_editor).unwrap();
    windows.enter_window_at("windows/editor", SOON).unwrap();
    windows.run("window.__TAURI_INTERNALS__.invoke('close_editor');", &[]).unwrap();
    shown.no_window("the editor to go", |window| window.id == editor.id).unwrap();
    windows.enter_window_at("windows/library", SOON).unwrap();
    let cards = |what: &str, wanted: usize| {
        windows.until(what, SHOW, &format!("{CARDS} === {wanted};")).unwrap();
    };
    cards("both", 2);
    for (filter, title_is_the_pictures) in [("pictures", true), ("recordings", false)] {
        windows.press(&format!("[data-testid=filter-{filter}]"), SOON).unwrap();
        cards(filter, 1);
        let title = windows.text("[data-testid=recording-title]", SOON).unwrap();
        assert_eq!(title.contains("Colors"), title_is_the_pictures, "{filter}: '{title}'");
        let pressed =
            "return document.querySelector(`[data-testid=filter-${arguments[0]}]`).ariaPressed;";
        assert_eq!(windows.run(pressed, &[json!(filter)]).unwrap(), json!("true"), "{filter}");
    }
    windows.press("[data-testid=filter-all]", SOON).unwrap();
    cards("both again", 2);
}
