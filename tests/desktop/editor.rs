//! The editor in the app's own WebView: a picture is taken or brought in, drawn on with every tool, undone, and opened
//! again as it was left, also after the app was killed; uploaded, also offline; copied and pasted elsewhere, also after
//! the app has ended. What the editor shows is compared with what leaves.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use snaplark_tests::browser::Browser;
use snaplark_tests::cloud::Cloud;
use snaplark_tests::demonstration::{Demonstration, SIZE};
use snaplark_tests::display::{Display, Rectangle, Window};
use snaplark_tests::fault_proxy::FaultProxy;
use snaplark_tests::home::Home;
use snaplark_tests::process::{command, output, program};
use snaplark_tests::recorder::ask_json;
use snaplark_tests::webdriver::Session;
use snaplark_tests::{media, wait};

use crate::{SHOW, SOON, pictures};

/// The time limit on a busy machine.
const SAVED: Duration = Duration::from_secs(20);
/// Every tool that draws with one drag, in the order of the bar.
const TOOLS: [&str; 11] = [
    "arrow",
    "line",
    "box",
    "ellipse",
    "pen",
    "marker",
    "step",
    "cover",
    "pixelate",
    "blur",
    "spotlight",
];
const DRAWN: &str = "return document.querySelectorAll('[data-testid=object]').length";

/// Brings in a picture of 640x400 pixels that the page draws itself, and opens it. Returns its id.
fn bring_in(windows: &Session) -> String {
    bring_in_sized(windows, (640, 400))
}

/// Brings in a picture of another size.
pub(crate) fn bring_in_sized(windows: &Session, (width, height): (u32, u32)) -> String {
    let script = "window.brought = null;
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = arguments;
        const context = canvas.getContext('2d');
        for (let n = 0; n < canvas.width / 10; n += 1) {
            context.fillStyle = `hsl(${n * 5} 70% 60%)`;
            context.fillRect(n * 10, 0, 10, canvas.height);
        }
        const invoke = window.__TAURI_INTERNALS__.invoke;
        canvas.toBlob(async (blob) => {
            try {
                const bytes = new Uint8Array(await blob.arrayBuffer());
                const id = await invoke('import_picture', bytes, {headers: {name: 'Colors.png'}});
                await invoke('open_editor', {id});
                window.brought = id;
            } catch (error) {
                window.brought = `failed: ${JSON.stringify(error)}`;
            }
        });";
    windows.run(script, &[json!(width), json!(height)]).unwrap();
    let id =
        windows.until("the picture to be brought in", SAVED, "return window.brought;").unwrap();
    let id = id.as_str().unwrap().to_owned();
    assert!(!id.starts_with("failed"), "{id}");
    id
}

pub(crate) fn enter(windows: &Session) {
    windows.enter_window_at("windows/editor", SOON).unwrap();
    windows.find("[data-testid=stage][data-loaded=true]", SAVED).unwrap();
    let is_open = "return document.querySelector('[data-testid=panel-objects]') !== null;";
    if windows.run(is_open, &[]).unwrap() == json!(false) {
        windows.press("[data-testid=objects]", SOON).unwrap();
    }
}

/// Drags on the picture, between two places in hundredths of the stage.
pub(crate) fn drag(windows: &Session, from: (u32, u32), to: (u32, u32)) {
    let script = "const [from, to] = arguments;
        const stage = document.querySelector('[data-testid=stage]');
        stage.setPointerCapture = () => {};
        const {left, top, width, height} = stage.getBoundingClientRect();
        const at = ([x, y]) => ({clientX: left + width * x / 100, clientY: top + height * y / 100,
            pointerId: 1, button: 0, bubbles: true, cancelable: true});
        stage.dispatchEvent(new PointerEvent('pointerdown', at(from)));
        for (const share of [0.3, 0.6, 1]) {
            const point = [0, 1].map((n) => from[n] + (to[n] - from[n]) * share);
            stage.dispatchEvent(new PointerEvent('pointermove', at(point)));
        }
        stage.dispatchEvent(new PointerEvent('pointerup', at(to)));";
    windows.run(script, &[json!([from.0, from.1]), json!([to.0, to.1])]).unwrap();
}

pub(crate) fn count(windows: &Session, objects: usize) {
    let script = format!("{DRAWN} === {objects};");
    windows.until(&format!("{objects} objects"), SOON, &script).unwrap();
}

/// Returns the drawing as the app has stored it.
fn stored(windows: &Session, id: &str) -> Value {
    let script = "window.stored = null;
        window.__TAURI_INTERNALS__.invoke('picture', {id: arguments[0]})
            .then((view) => (window.stored = JSON.stringify(view.drawing)));";
    windows.run(script, &[json!(id)]).unwrap();
    let text = windows.until("the stored drawing", SAVED, "return window.stored;").unwrap();
    serde_json::from_str(text.as_str().unwrap()).unwrap()
}

/// Waits until so many shapes are stored, and returns the drawing.
fn saved(windows: &Session, id: &str, shapes: usize) -> Value {
    snaplark_tests::wait::until(&format!("{shapes} stored shapes"), SAVED, || {
        let drawing = stored(windows, id);
        let count = drawing["shapes"].as_array().map_or(0, Vec::len);
        Ok((count == shapes).then_some(drawing))
    })
    .unwrap()
}

#[test]
fn every_tool_draws_is_undone_and_opens_again_as_it_was_left() {
    let folder = pictures("editor");
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &folder).unwrap();
    let windows = &shown.windows().unwrap().session;
    shown.open_library().unwrap();
    windows.enter_window_at("windows/library", SOON).unwrap();
    let id = bring_in(windows);
    enter(windows);
    for (n, tool) in TOOLS.iter().enumerate() {
        windows.press(&format!("[data-testid=tool-{tool}]"), SOON).unwrap();
        let column = 30 + 4 * u32::try_from(n).unwrap();
        drag(windows, (column, 40), (column + 3, 60));
        count(windows, n + 1);
    }
    let drawn = saved(windows, &id, TOOLS.len());
    shown.desk.display.picture(&shown.desk.home, &folder.join("drawn.png"), None).unwrap();

    for _ in TOOLS {
        windows.press("[data-testid=undo]", SOON).unwrap();
    }
    count(windows, 0);
    saved(windows, &id, 0);
    for _ in TOOLS {
        windows.press("[data-testid=redo]", SOON).unwrap();
    }
    assert_eq!(saved(windows, &id, TOOLS.len()), drawn);

    // Loaded anew, as after days.
    windows.run("location.reload();", &[]).unwrap();
    enter(windows);
    count(windows, TOOLS.len());
    assert_eq!(stored(windows, &id), drawn);
}

pub(crate) fn settle(home: &Home, settings: &[(&str, &str)]) {
    for (name, value) in settings {
        ask_json(home, None, &["settings", name, value, "--json"]).unwrap();
    }
}

/// Returns red, green and blue of a PNG file.
fn pixels_of(png: &Path) -> Vec<u8> {
    media::picture(png.to_str().unwrap(), 0.0).unwrap()
}

/// Returns the picture that another program pastes.
fn pasted(home: &Home, name: &str) -> Vec<u8> {
    let file = home.path().join(name);
    let mut xclip = command(home, "sh");
    xclip.args(["-c", "exec xclip -selection clipboard -t image/png -o > \"$0\""]).arg(&file);
    output(xclip, SOON).unwrap();
    pixels_of(&file)
}

/// Waits for the only file of a folder, and takes it away.
pub(crate) fn saved_file(folder: &Path) -> Vec<u8> {
    let whole = |path: &Path| media::picture(path.to_str()?, 0.0).ok();
    let (path, pixels) = wait::until("the saved file", SHOW, || {
        let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
        let mut pngs = files.filter(|path| path.extension().is_some_and(|end| end == "png"));
        Ok(pngs.find_map(|path| whole(&path).map(|pixels| (path, pixels))))
    })
    .unwrap();
    fs::remove_file(path).unwrap();
    pixels
}

pub(crate) fn is_editor(window: &Window) -> bool {
    window.name.contains("Edit") && window.at.width > 400
}

fn write_text(windows: &Session) {
    windows.press("[data-testid=tool-text]", SOON).unwrap();
    drag(windows, (40, 75), (40, 75));
    windows.find("[data-testid=text-field]", SOON).unwrap();
    let types = "const field = document.querySelector('[data-testid=text-field]');
        field.value = 'Look here';
        field.dispatchEvent(new Event('input', {bubbles: true}));
        field.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', bubbles: true, cancelable: true}));";
    windows.run(types, &[]).unwrap();
    windows.gone("[data-testid=text-field]", SOON).unwrap();
}

#[test]
fn screenshot_by_key_is_drawn_on_uploaded_and_pasted_after_the_app_has_ended() {
    let home = Home::new().unwrap();
    let taken = home.path().join("taken");
    let folder = taken.to_str().unwrap();
    settle(
        &home,
        &[
            ("screenshots.after", "editor"),
            ("screenshots.sound", "no"),
            ("screenshots.save-folder", folder),
        ],
    );
    let shown = Demonstration::begin_driven(home, &pictures("editor")).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let windows = &shown.windows().unwrap().session;

    let pressed = Instant::now();
    display.press(home, "alt+s").unwrap();
    let covers = |window: &Window| (window.at.width, window.at.height) == SIZE;
    shown.window("the frozen screen", covers).unwrap();
    println!("figures: key to overlay {} ms", pressed.elapsed().as_millis());
    windows.enter_window_at("windows/chooser", SOON).unwrap();
    windows.find("[data-testid=stage]", SOON).unwrap();
    display.drag(home, (200, 120), (840, 519)).unwrap();
    windows.says("[data-testid=label]", "640", SOON).unwrap();
    let pressed = Instant::now();
    display.press(home, "Return").unwrap();
    let editor = shown.window("the editor", is_editor).unwrap();
    println!("figures: choice to editor's window {} ms", pressed.elapsed().as_millis());
    enter(windows);
    println!("figures: choice to the picture in the editor {} ms", pressed.elapsed().as_millis());

    for (n, tool) in TOOLS.iter().enumerate() {
        windows.press(&format!("[data-testid=tool-{tool}]"), SOON).unwrap();
        let column = 30 + 4 * u32::try_from(n).unwrap();
        drag(windows, (column, 40), (column + 3, 60));
        count(windows, n + 1);
    }
    write_text(windows);
    windows.press("[data-testid=tool-emoji]", SOON).unwrap();
    drag(windows, (60, 75), (60, 75));
    count(windows, TOOLS.len() + 2);

    // By keys, as a person does it.
    let middle = |at: Rectangle| (at.x + at.width.cast_signed() / 2, at.y + 12);
    display.drag(home, middle(editor.at), middle(editor.at)).unwrap();
    windows.press("[data-testid=tool-select]", SOON).unwrap();
    display.press(home, "ctrl+s").unwrap();
    let exported = saved_file(&taken);
    display.press(home, "alt+u").unwrap();
    let link = wait::until("the link on the clipboard", SAVED, || {
        Ok(display.clipboard(home)?.filter(|text| text.starts_with("http://127.0.0.1:")))
    })
    .unwrap();
    let page = wait::until("the picture behind the link", SAVED, || {
        Ok(media::picture(&format!("{link}/image.png"), 0.0).ok())
    })
    .unwrap();
    assert!(page == exported, "the page has other pixels than the file");

    display.press(home, "alt+c").unwrap();
    windows.says("[data-testid=editor-said]", "Copied", SAVED).unwrap();
    assert!(pasted(home, "open.png") == exported, "with the editor open");
    windows.run("window.__TAURI_INTERNALS__.invoke('close_editor');", &[]).unwrap();
    shown.no_window("the editor to go", is_editor).unwrap();
    assert!(pasted(home, "closed.png") == exported, "after the editor was closed");
    let desk = shown.without_app();
    wait::until("the app to end", SHOW, || Ok(programs(&desk.home).is_empty().then_some(())))
        .unwrap();
    assert!(pasted(&desk.home, "ended.png") == exported, "after the app has ended");
}

/// Returns the processes of this home's app, without those that hold a picture for the clipboard.
fn programs(home: &Home) -> Vec<i32> {
    let folder = home.path().to_str().unwrap().as_bytes();
    let has = |environ: &[u8], text: &[u8]| environ.windows(text.len()).any(|part| part == text);
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id: &i32| {
        let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        let lives = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        let holds = has(&lives, b"SNAPLARK_HOLDS_CLIPBOARD");
        name.starts_with("snaplark-deskto") && has(&lives, folder) && !holds
    })
    .collect()
}

fn listed(home: &Home) -> Value {
    ask_json(home, None, &["list", "--json"]).unwrap()["pictures"][0].clone()
}

#[test]
fn edit_survives_a_kill_and_its_upload_begins_offline_and_ends_after_a_restart() {
    let mut home = Home::new().unwrap();
    let cloud = Cloud::start(&home).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = cloud.address.strip_prefix("http://").unwrap().parse().unwrap();
    let proxy = runtime.block_on(FaultProxy::start(server)).unwrap();
    home.set("SNAPLARK_SERVER", &proxy.url());
    home.set("SNAPLARK_TOKEN", &cloud.token);
    let shown = Demonstration::begin_driven(home, &pictures("editor-offline")).unwrap();
    let windows = &shown.windows().unwrap().session;
    shown.open_library().unwrap();
    windows.enter_window_at("windows/library", SOON).unwrap();
    let id = bring_in(windows);
    assert_eq!(listed(&shown.desk.home)["title"], "Colors");
    assert_eq!(listed(&shown.desk.home)["kind"], "import");
    enter(windows);
    proxy.close();
    for (n, tool) in ["box", "cover"].iter().enumerate() {
        windows.press(&format!("[data-testid=tool-{tool}]"), SOON).unwrap();
        drag(windows, (40, 40), (55, 55));
        count(windows, n + 1);
    }
    windows.press("[data-testid=upload]", SOON).unwrap();
    windows.says("[data-testid=upload-state]", "ffline", SAVED).unwrap();
    let drawn = saved(windows, &id, 2);

    // Another object, and the program is gone as soon as it is stored.
    windows.press("[data-testid=tool-ellipse]", SOON).unwrap();
    drag(windows, (60, 60), (70, 70));
    let last = saved(windows, &id, 3);
    assert_eq!(last["shapes"].as_array().unwrap()[..2], drawn["shapes"].as_array().unwrap()[..]);
    for id in programs(&shown.desk.home) {
        kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).unwrap();
    }
    let desk = shown.without_app();
    let app = program("snaplark-desktop").unwrap();
    let again = Browser::app(&desk.home, &app, &["--hidden"]).unwrap();
    let windows = &again.session;
    let waiting = wait::until("the picture in the list", SHOW, || {
        let one = listed(&desk.home);
        Ok((one["state"]["kind"] == "waits").then_some(one))
    })
    .unwrap();
    assert_eq!((&waiting["isEdited"], &waiting["hasChanges"]), (&json!(true), &json!(true)));
    let second = command(&desk.home, &app);
    output(second, SHOW).unwrap();
    windows.enter_window_at("windows/library", SHOW).unwrap();
    let open = "window.__TAURI_INTERNALS__.invoke('open_editor', {id: arguments[0]});";
    windows.run(open, &[json!(id)]).unwrap();
    enter(windows);
    count(windows, 3);
    assert_eq!(stored(windows, &id), last, "what was drawn before the kill");

    runtime.block_on(proxy.reopen()).unwrap();
    let online = wait::until("the picture to be online", SHOW, || {
        let one = listed(&desk.home);
        Ok((one["state"]["kind"] == "done").then_some(one))
    })
    .unwrap();
    let link = online["link"].as_str().unwrap().to_owned();
    let first = media::picture(&format!("{link}/image.png"), 0.0).unwrap();
    // The third object is behind the same link with the next version.
    windows.press("[data-testid=upload]", SOON).unwrap();
    wait::until("the next version behind the link", SHOW, || {
        let one = listed(&desk.home);
        let is_there = one["state"]["kind"] == "done" && one["hasChanges"] == false;
        Ok((is_there && one["link"] == link.as_str()).then_some(()))
    })
    .unwrap();
    assert!(media::picture(&format!("{link}/image.png"), 0.0).unwrap() != first);
}

/// The most by which a channel may differ on average, and the share of pixels that may differ by more than
/// `EDGE`: the two renderers smooth edges and letters in their own ways. Measured: 0.45, and 0.33 % of the pixels.
const MEAN_MAX: f64 = 0.6;
const EDGE: u8 = 64;
const EDGES_MAX: f64 = 0.005;

#[test]
fn editor_shows_what_leaves() {
    let folder = pictures("editor-equals");
    let home = Home::new().unwrap();
    let taken = home.path().join("taken");
    settle(&home, &[("screenshots.save-folder", taken.to_str().unwrap())]);
    let shown = Demonstration::begin_driven(home, &folder).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let windows = &shown.windows().unwrap().session;
    shown.open_library().unwrap();
    windows.enter_window_at("windows/library", SOON).unwrap();
    bring_in(windows);
    let editor = shown.window("the editor", is_editor).unwrap();
    enter(windows);
    // Two rows: each effect once on the picture alone, and once above objects.
    for (n, tool) in ["box", "arrow", "pen", "marker", "ellipse", "step", "line"].iter().enumerate()
    {
        windows.press(&format!("[data-testid=tool-{tool}]"), SOON).unwrap();
        let column = 36 + 4 * u32::try_from(n).unwrap();
        drag(windows, (column, 40), (column + 6, 62));
    }
    for (tool, from, to) in [
        ("cover", (34, 66), (38, 72)),
        ("pixelate", (40, 45), (46, 58)),
        ("blur", (48, 42), (56, 64)),
        ("blur", (60, 66), (66, 72)),
        ("pixelate", (52, 60), (58, 70)),
    ] {
        windows.press(&format!("[data-testid=tool-{tool}]"), SOON).unwrap();
        drag(windows, from, to);
    }
    count(windows, 12);
    windows.press("[data-testid=tool-select]", SOON).unwrap();
    windows.press("[data-testid=zoom-one]", SOON).unwrap();
    windows.press("[data-testid=save]", SOON).unwrap();
    let exported = saved_file(&taken);
    let place = "const {x, y, width, height} = document.querySelector('[data-testid=stage] image')
        .getBoundingClientRect();
        return [x, y, width, height].map(Math.round);";
    let place = windows.run(place, &[]).unwrap();
    let px = |n: usize| i32::try_from(place[n].as_i64().unwrap()).unwrap();
    assert_eq!((px(2), px(3)), (640, 400), "one pixel is one pixel");
    let at = Rectangle { x: editor.at.x + px(0), y: editor.at.y + px(1), width: 640, height: 400 };
    display.point(home, (5, 5)).unwrap();
    display.settled("the editor to be drawn", at, None, SOON).unwrap();
    display.picture(home, &folder.join("shown.png"), Some(at)).unwrap();
    let seen: Vec<u8> = display.pixels(at).unwrap();
    let seen: Vec<u8> = seen.chunks_exact(4).flat_map(|px| [px[2], px[1], px[0]]).collect();
    assert_eq!(seen.len(), exported.len());
    let differences: Vec<u8> = seen.iter().zip(&exported).map(|(a, b)| a.abs_diff(*b)).collect();
    let mean =
        differences.iter().map(|one| f64::from(*one)).sum::<f64>() / differences.len() as f64;
    let edges = differences.chunks_exact(3).filter(|px| px.iter().any(|one| *one > EDGE)).count();
    let edges = edges as f64 / (differences.len() / 3) as f64;
    println!(
        "figures: editor and export differ by {mean:.2} of 255 on average, {edges:.4} of pixels by more than {EDGE}"
    );
    assert!(mean <= MEAN_MAX && edges <= EDGES_MAX, "mean {mean}, edges {edges}");
}

#[test]
fn picture_is_dragged_out_of_the_editor_as_it_is_drawn() {
    let home = Home::new().unwrap();
    let taken = home.path().join("taken");
    settle(&home, &[("screenshots.save-folder", taken.to_str().unwrap())]);
    let folder = pictures("editor-dragged");
    let shown = Demonstration::begin_driven(home, &folder).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let windows = &shown.windows().unwrap().session;
    shown.open_library().unwrap();
    windows.enter_window_at("windows/library", SOON).unwrap();
    let id = bring_in(windows);
    let editor = shown.window("the editor", is_editor).unwrap();
    enter(windows);
    windows.press("[data-testid=tool-cover]", SOON).unwrap();
    drag(windows, (40, 40), (60, 60));
    saved(windows, &id, 1);
    windows.press("[data-testid=save]", SOON).unwrap();
    let exported = saved_file(&taken);

    // A press raises the editor, so it must not lie where the file is dropped.
    let beside = Rectangle { x: 10, y: 60, width: 760, height: 560 };
    display.put(home, editor.id, beside).unwrap();
    windows.until("the smaller editor", SOON, "return window.innerWidth === 760;").unwrap();
    let editor = shown.window("the editor", is_editor).unwrap();
    let dropped = home.path().join("dropped");
    fs::create_dir(&dropped).unwrap();
    let at = Rectangle { x: 880, y: 420, width: 380, height: 280 };
    let _manager = shown.desk.file_manager(&dropped, at).unwrap();
    let place = "const {x, y, width, height} = document.querySelector('[data-testid=drag]')
        .getBoundingClientRect();
        return [x + width / 2, y + height / 2].map(Math.round);";
    let place = windows.run(place, &[]).unwrap();
    let px = |n: usize| i32::try_from(place[n].as_i64().unwrap()).unwrap();
    let from = (editor.at.x + px(0), editor.at.y + px(1));
    display.carry(home, from, (at.x + 250, at.y + 200)).unwrap();
    let file = wait::until("the picture where it was dropped", SHOW, || {
        let files = fs::read_dir(&dropped)?.flatten().map(|entry| entry.path());
        let is_whole = |file: &std::path::PathBuf| media::picture(file.to_str()?, 0.0).ok();
        Ok(files.into_iter().find(|file| is_whole(file).is_some()))
    })
    .unwrap_or_else(|error| {
        display.picture(home, &folder.join("not-dropped.png"), None).unwrap();
        panic!("{error:#}")
    });
    assert!(pixels_of(&file) == exported, "the dropped file has other pixels than the saved one");
}

/// Puts a PNG on the clipboard, as another program would.
fn copy_png(display: &Display, home: &Home, file: &Path) {
    let _ = display;
    let mut xclip = command(home, "sh");
    // xclip stays running to provide the picture, and would hold the outputs open.
    let script = "xclip -selection clipboard -t image/png -in \"$0\" > /dev/null 2>&1";
    xclip.args(["-c", script]).arg(file);
    output(xclip, SOON).unwrap();
}

#[test]
fn picture_is_pasted_and_dropped_into_the_library() {
    let folder = pictures("library-pictures");
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &folder).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let windows = &shown.windows().unwrap().session;
    let library = shown.open_library().unwrap();
    windows.enter_window_at("windows/library", SOON).unwrap();
    let there = home.path().join("there");
    fs::create_dir(&there).unwrap();
    let file = there.join("Invoice 2041.png");
    display.picture(home, &file, Some(Rectangle { x: 0, y: 0, width: 320, height: 200 })).unwrap();
    let count = |wanted: usize| {
        wait::until(&format!("{wanted} pictures"), SAVED, || {
            let listed = ask_json(home, None, &["list", "--json"])?["pictures"].clone();
            Ok((listed.as_array().map_or(0, Vec::len) == wanted).then_some(listed))
        })
    };

    copy_png(display, home, &file);
    let at = (library.at.x + 300, library.at.y + 300);
    display.drag(home, at, at).unwrap();
    display.press(home, "ctrl+v").unwrap();
    let listed = count(1).unwrap();
    assert_eq!((&listed[0]["width"], &listed[0]["height"]), (&json!(320), &json!(200)));
    let editor = shown.window("the editor", is_editor).unwrap();
    display.settled("the editor to be drawn", editor.at, None, SOON).unwrap();
    windows.enter_window_at("windows/editor", SOON).unwrap();
    windows.run("window.__TAURI_INTERNALS__.invoke('close_editor');", &[]).unwrap();
    shown.no_window("the editor to go", is_editor).unwrap();

    let at = Rectangle { x: 820, y: 320, width: 440, height: 360 };
    let _manager = shown.desk.file_manager(&there, at).unwrap();
    display.picture(home, &folder.join("manager.png"), None).unwrap();
    // The only file's icon, beside the list of places.
    let from = (at.x + ICON.0, at.y + ICON.1);
    display.carry(home, from, (library.at.x + 200, library.at.y + 400)).unwrap();
    let listed = count(2).unwrap_or_else(|error| {
        display.picture(home, &folder.join("not-dropped.png"), None).unwrap();
        panic!("{error:#}")
    });
    let titles: Vec<&str> =
        listed.as_array().unwrap().iter().filter_map(|one| one["title"].as_str()).collect();
    assert!(titles.contains(&"Invoice 2041"), "{titles:?}");
}

/// The place of the first icon in the file manager's window.
const ICON: (i32, i32) = (220, 100);
