//! The quick menu, by keys alone.

use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::display::Window;
use snaplark_tests::home::Home;
use snaplark_tests::process::{command, output, program};
use snaplark_tests::wait;

use crate::{SHOW, SOON, pictures};

fn is_menu(window: &Window) -> bool {
    window.name.contains("menu")
}

#[test]
fn quick_menu_is_operated_by_keyboard_and_records() {
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &pictures("quick")).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let windows = &shown.windows().unwrap().session;
    let marked = |name: &str| {
        let script = "return document.querySelector('.entry.marked')?.dataset.testid ?? '';";
        wait::until(&format!("'{name}' to be marked"), SOON, || {
            Ok((windows.run(script, &[])? == format!("entry-{name}")).then_some(()))
        })
        .unwrap();
    };
    let picture = |name: &str| {
        let file = pictures("quick").join(format!("{name}.png"));
        display.picture(home, &file, None).unwrap();
    };
    let open = || {
        display.press(home, "alt+q").unwrap();
        shown.window("the quick menu", is_menu).unwrap();
    };
    display.point(home, (640, 300)).unwrap();
    open();
    windows.enter_window_at("windows/quick", SOON).unwrap();
    marked("record");
    picture("idle");
    display.press(home, "Down").unwrap();
    marked("area");
    display.press(home, "s").unwrap();
    marked("settings");
    display.press(home, "Escape").unwrap();
    shown.no_window("the quick menu to go", is_menu).unwrap();

    open();
    marked("record");
    shown.record_by("Return").unwrap();
    shown.no_window("the quick menu to go", is_menu).unwrap();
    open();
    marked("stop");
    picture("recording");
    // A look elsewhere closes it.
    output(command(home, program("snaplark-desktop").unwrap()), SHOW).unwrap();
    shown.no_window("the quick menu to go", is_menu).unwrap();
    shown.stop_recording().unwrap();
}
