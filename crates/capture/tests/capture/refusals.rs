//! A source that can't be recorded is refused at the start with a reason, and nothing is left running.

use std::process::Command;

use crate::common::*;
use snaplark_capture::SystemCapture;
use snaplark_core::capture::*;
use snaplark_core::devices::Devices as _;

fn refusal(capture: &SystemCapture, request: CaptureRequest) -> CaptureError {
    let sink: CaptureSink = Box::new(|event| panic!("a refused recording said {event:?}"));
    match capture.start(request, sink) {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error,
    }
}

#[test]
fn start_fails_without_a_display() {
    let folder = Folder::new();
    for name in [":50001", ":64001", "nonsense", ""] {
        let capture = SystemCapture::on_display(name);
        let error = refusal(&capture, request(&folder.0, Source::Display(None)));
        assert!(matches!(error, CaptureError::NoDisplay { .. }), "{error:?}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn start_fails_when_the_folder_is_unwritable() {
    let display = Xvfb::start("320x240x24");
    let capture = SystemCapture::on_display(&display.name);
    let folder = Folder::new();
    let file = folder.0.join("file");
    std::fs::write(&file, "").unwrap();
    for folder in [file, folder.0.join("missing")] {
        let error = refusal(&capture, request(&folder, Source::Display(None)));
        assert!(matches!(error, CaptureError::FolderUnwritable { .. }), "{error:?}");
    }
}

#[test]
fn start_fails_when_the_source_is_missing() {
    let display = Xvfb::start("320x240x24");
    let painter = display.connect();
    let window = painter.window(0, 0, 8, 8);
    let capture = SystemCapture::on_display(&display.name);
    for source in [
        Source::Window(0x7F_FF_FF),
        Source::Window(u64::MAX),
        Source::Display(Some(9)),
        Source::Region { x: 320, y: 0, width: 100, height: 100 },
        Source::Region { x: 0, y: 0, width: 0, height: 100 },
        // Too small.
        Source::Window(u64::from(window)),
        Source::Region { x: 310, y: 230, width: 100, height: 100 },
    ] {
        let folder = Folder::new();
        let error = refusal(&capture, request(&folder.0, source.clone()));
        assert!(matches!(error, CaptureError::SourceMissing { .. }), "{source:?}: {error:?}");
    }
}

#[test]
fn mirrored_displays_are_listed_once() {
    let display = Xvfb::start("640x240x24");
    let half = (320, 0, 320, 240);
    display.connect().divide_into_monitors(&[(0, 0, 320, 240), half, half]);
    let folder = Folder::new();
    let capture = SystemCapture::on_display(&display.name);
    let error = refusal(&capture, request(&folder.0, Source::Display(Some(2)))).to_string();
    assert!(error.contains("there are 2"), "{error}");
}

/// GStreamer reads its plugins once a process, so this one runs itself again.
#[test]
fn start_fails_without_an_encoder() {
    const AGAIN: &str = "SNAPLARK_TEST_WITHOUT_PLUGINS";
    if std::env::var_os(AGAIN).is_some() {
        let folder = Folder::new();
        let capture = SystemCapture::on_display(":50001");
        let error = refusal(&capture, request(&folder.0, Source::Display(None)));
        let CaptureError::EncoderMissing { remedy, .. } = &error else { panic!("{error:?}") };
        assert!(remedy.contains("gstreamer1.0-plugins-base"), "{remedy}");
        assert!(SystemCapture::new().probe().encoder.is_err());
        return;
    }
    let empty = Folder::new();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "refusals::no_encoder", "--nocapture"])
        .env(AGAIN, "1")
        .env("GST_PLUGIN_SYSTEM_PATH_1_0", &empty.0)
        .env("GST_REGISTRY_1_0", empty.0.join("registry"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn probe_lists_what_works() {
    let found = SystemCapture::new().probe();
    assert_eq!(found.encoder.unwrap(), "vp9enc");
    assert!(found.gstreamer.starts_with("GStreamer 1."), "{}", found.gstreamer);
}
