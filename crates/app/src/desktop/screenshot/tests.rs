//! Screenshots with a fake shell, on two displays whose pixels say where they are.

use std::sync::atomic::Ordering;
use std::time::Duration;

use snaplark_core::Action;
use snaplark_core::capture::Permission;

use super::*;
use crate::desktop::fake::{DesktopRig, ShellCall, WINDOW, png};
use crate::{ErrorCode, SettingsChange};

/// Far more than any of these takes.
const LIMIT: Duration = Duration::from_secs(20);

fn area(x: i32, y: i32, width: u32, height: u32) -> Rect {
    Rect { x, y, width, height }
}

fn second_display() -> ChosenDisplay {
    ChosenDisplay { name: "DP-2".to_owned(), number: 1, is_first: false }
}

async fn set_after(rig: &DesktopRig, after: &str) {
    let change = SettingsChange::of(&["screenshots", "after"], after);
    rig.app.change_settings(change).await.unwrap();
    let quiet = SettingsChange::of(&["screenshots", "sound"], false);
    rig.app.change_settings(quiet).await.unwrap();
    rig.shell().taken();
}

fn sources(rig: &DesktopRig) -> Vec<StillSource> {
    rig.stills.requests().iter().map(|request| request.source).collect()
}

async fn freeze(rig: &DesktopRig) {
    rig.controller.ask(Action::ScreenshotArea, Way::Shortcut).await.unwrap();
    let opened = ShellCall::OpenChooser(ChooserKind::Area, ChooserPurpose::Screenshot);
    assert_eq!(rig.shell().taken(), [opened]);
}

#[tokio::test]
async fn screen_is_frozen_by_the_key_and_the_same_key_closes_the_chooser() {
    let rig = DesktopRig::open().await;
    freeze(&rig).await;
    assert_eq!(sources(&rig), [StillSource::All]);
    let content = rig.shell().chooser_content().unwrap();
    assert_eq!((content.picture.width, content.picture.height), (240, 90));
    rig.controller.ask(Action::ScreenshotArea, Way::Shortcut).await.unwrap();
    assert_eq!(rig.shell().taken(), [ShellCall::CloseChooser]);
    assert_eq!(sources(&rig).len(), 1, "closing takes no picture");
    rig.close().await;
}

#[tokio::test]
async fn chosen_area_is_cut_from_the_frozen_picture_and_taken_again_on_request() {
    let rig = DesktopRig::open().await;
    set_after(&rig, "copy").await;
    freeze(&rig).await;
    // Nothing can be taken any more: what is kept was taken before.
    *rig.stills.fails.lock().unwrap() = Some(StillError::Failed { reason: "too late".to_owned() });
    let at = area(150, 5, 30, 20);
    let chosen = ChosenSource::Area { at };
    rig.controller.keep_chosen(chosen, second_display(), None).await.unwrap();
    let copied = ShellCall::CopyPicture(png(30, 20, [150, 5]));
    assert_eq!(rig.shell().taken(), [ShellCall::CloseChooser, copied]);
    let pictures = rig.app.snapshot().await.unwrap().pictures;
    assert_eq!(pictures.len(), 1);
    assert_eq!((pictures[0].width, pictures[0].height), (30, 20));

    *rig.stills.fails.lock().unwrap() = None;
    rig.controller.ask(Action::ScreenshotLastArea, Way::Tray).await.unwrap();
    let last = PixelRect { x: 150, y: 5, width: 30, height: 20 };
    assert_eq!(sources(&rig), [StillSource::All, StillSource::Area(last)]);
    assert_eq!(rig.shell().taken(), [ShellCall::CopyPicture(png(30, 20, [150, 5]))]);
    rig.close().await;
}

#[tokio::test]
async fn chosen_window_is_cut_without_its_shadow_and_a_display_as_a_whole() {
    let rig = DesktopRig::open().await;
    set_after(&rig, "copy").await;
    for (chosen, size, first) in [
        (ChosenSource::Window { id: WINDOW.to_string() }, (60, 40), [20, 10]),
        (ChosenSource::Display, (80, 60), [160, 0]),
    ] {
        freeze(&rig).await;
        rig.controller.keep_chosen(chosen, second_display(), None).await.unwrap();
        let copied = ShellCall::CopyPicture(png(size.0, size.1, first));
        assert_eq!(rig.shell().taken(), [ShellCall::CloseChooser, copied]);
    }
    rig.close().await;
}

#[tokio::test]
async fn settings_say_what_happens_after_taking_unless_the_person_chose_it() {
    let rig = DesktopRig::open().await;
    let copied = || ShellCall::CopyPicture(png(240, 90, [0, 0]));
    for (after, want) in
        [("editor", vec![ShellCall::OpenEditor]), ("copy", vec![copied()]), ("nothing", vec![])]
    {
        set_after(&rig, after).await;
        rig.controller.ask(Action::ScreenshotAll, Way::Quick).await.unwrap();
        assert_eq!(rig.shell().taken(), want, "{after}");
    }
    freeze(&rig).await;
    let whole = ChosenSource::Area { at: area(0, 0, 240, 90) };
    let after = Some(AfterScreenshot::Copy);
    rig.controller.keep_chosen(whole, second_display(), after).await.unwrap();
    assert_eq!(rig.shell().taken(), [ShellCall::CloseChooser, copied()]);
    let sound = SettingsChange::of(&["screenshots", "sound"], true);
    rig.app.change_settings(sound).await.unwrap();
    rig.shell().taken();
    rig.controller.ask(Action::ScreenshotAll, Way::Quick).await.unwrap();
    assert_eq!(rig.shell().taken(), [ShellCall::PlayShutter]);
    rig.close().await;
}

#[tokio::test]
async fn editor_is_prepared_while_the_person_chooses_and_opens_with_that_id() {
    let rig = DesktopRig::open().await;
    set_after(&rig, "editor").await;
    freeze(&rig).await;
    // Each display's window is shown.
    rig.controller.chooser_shown().await.unwrap();
    rig.controller.chooser_shown().await.unwrap();
    assert_eq!(rig.shell().taken(), [ShellCall::PrepareEditor]);
    let prepared = rig.shell().prepared.lock().unwrap().unwrap();
    let whole = || ChosenSource::Area { at: area(0, 0, 240, 90) };
    rig.controller.keep_chosen(whole(), second_display(), None).await.unwrap();
    // It appears at once, and asks for what it shows.
    assert_eq!(rig.shell().taken(), [ShellCall::CloseChooser, ShellCall::OpenEditor]);
    let taken = &rig.app.snapshot().await.unwrap().pictures[0];
    assert_eq!(taken.id, prepared.to_string());

    // The next one has another id, and nothing waits if no editor follows.
    freeze(&rig).await;
    rig.controller.chooser_shown().await.unwrap();
    assert_ne!(*rig.shell().prepared.lock().unwrap(), Some(prepared));
    let after = Some(AfterScreenshot::Nothing);
    rig.controller.keep_chosen(whole(), second_display(), after).await.unwrap();
    let [prepare, close, discard] =
        [ShellCall::PrepareEditor, ShellCall::CloseChooser, ShellCall::DiscardEditor];
    assert_eq!(rig.shell().taken(), [prepare.clone(), close.clone(), discard.clone()]);
    freeze(&rig).await;
    rig.controller.chooser_shown().await.unwrap();
    rig.controller.close_chooser().await;
    assert_eq!(rig.shell().taken(), [prepare, close, discard]);
    rig.close().await;
}

#[tokio::test]
async fn no_editor_is_prepared_for_a_recording_or_without_need() {
    let rig = DesktopRig::open().await;
    set_after(&rig, "copy").await;
    freeze(&rig).await;
    rig.controller.chooser_shown().await.unwrap();
    rig.controller.close_chooser().await;
    assert_eq!(rig.shell().taken(), [ShellCall::CloseChooser]);
    set_after(&rig, "editor").await;
    rig.controller.ask(Action::ChooseArea, Way::Shortcut).await.unwrap();
    rig.shell().taken();
    rig.controller.chooser_shown().await.unwrap();
    assert_eq!(rig.shell().taken(), []);
    rig.close().await;
}

#[tokio::test]
async fn display_with_the_pointer_is_taken_with_the_pointer_if_the_settings_say_so() {
    let rig = DesktopRig::open().await;
    set_after(&rig, "nothing").await;
    *rig.shell().pointer_on.lock().unwrap() = Some(1);
    rig.controller.ask(Action::ScreenshotDisplay, Way::Tray).await.unwrap();
    let pointer = SettingsChange::of(&["screenshots", "pointer"], true);
    rig.app.change_settings(pointer).await.unwrap();
    rig.controller.ask(Action::ScreenshotDisplay, Way::Tray).await.unwrap();
    assert_eq!(sources(&rig), [StillSource::Display(Some(1)); 2]);
    let pointers: Vec<bool> = rig.stills.requests().iter().map(|it| it.pointer).collect();
    assert_eq!(pointers, [false, true]);
    rig.close().await;
}

#[tokio::test]
async fn countdown_is_shown_until_the_screen_freezes() {
    let rig = DesktopRig::open().await;
    rig.controller.ask(Action::ScreenshotDelayed(0), Way::Tray).await.unwrap();
    let wanted = [
        ShellCall::ShowCountdown(true),
        ShellCall::DrawBar,
        ShellCall::ShowCountdown(false),
        ShellCall::DrawBar,
        ShellCall::OpenChooser(ChooserKind::Area, ChooserPurpose::Screenshot),
    ];
    assert_eq!(rig.shell().taken(), wanted);
    rig.close().await;
}

#[tokio::test]
async fn nothing_is_taken_when_the_countdown_is_cancelled() {
    let rig = DesktopRig::open().await;
    let controller = rig.controller.clone();
    let delayed =
        tokio::spawn(async move { controller.ask(Action::ScreenshotDelayed(60), Way::Tray).await });
    let shown = async {
        while !rig.shell().taken().contains(&ShellCall::DrawBar) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, shown).await.expect("no countdown was shown");
    rig.controller.ask(Action::CancelCountdown, Way::Bar).await.unwrap();
    tokio::time::timeout(LIMIT, delayed).await.expect("it goes on").unwrap().unwrap();
    assert_eq!(rig.shell().taken(), [ShellCall::ShowCountdown(false), ShellCall::DrawBar]);
    assert_eq!(sources(&rig), []);
    rig.close().await;
}

#[tokio::test]
async fn failure_is_shown_and_a_closed_dialog_is_not() {
    let rig = DesktopRig::open().await;
    let reason = "gone".to_owned();
    for (fails, want) in [
        (StillError::SourceMissing { reason }, vec![ShellCall::Warn(ErrorCode::NoScreenshot)]),
        (StillError::Silent, vec![ShellCall::Warn(ErrorCode::NoSharing)]),
        (StillError::Declined, vec![]),
    ] {
        *rig.stills.fails.lock().unwrap() = Some(fails);
        for action in [Action::ScreenshotAll, Action::ScreenshotArea] {
            rig.controller.ask(action, Way::Tray).await.unwrap();
            assert_eq!(rig.shell().taken(), want);
        }
    }
    rig.close().await;
}

#[tokio::test]
async fn desktop_that_asks_is_asked_for_areas_and_not_again_for_a_permitted_display() {
    let rig = DesktopRig::open().await;
    set_after(&rig, "nothing").await;
    rig.shell().desktop_asks.store(true, Ordering::SeqCst);
    rig.controller.ask(Action::ScreenshotArea, Way::Shortcut).await.unwrap();
    rig.controller.ask(Action::ScreenshotWindow, Way::Tray).await.unwrap();
    let given = Permission("first".to_owned());
    let display = Source::Display(None);
    rig.app.permission(&display, Some(given.clone())).await.unwrap();
    let newer = Permission("second".to_owned());
    *rig.stills.gives.lock().unwrap() = Some(newer.clone());
    rig.controller.ask(Action::ScreenshotDisplay, Way::Tray).await.unwrap();
    let asked: Vec<_> = rig.stills.requests().into_iter().collect();
    let how: Vec<_> = asked.iter().map(|it| (it.interactive, it.permission.clone())).collect();
    assert_eq!(how, [(true, None), (true, None), (false, Some(given))]);
    assert_eq!(rig.app.permission(&display, None).await.unwrap(), Some(newer));
    assert_eq!(rig.shell().taken(), [], "there is no chooser");
    rig.close().await;
}

#[tokio::test]
async fn bar_and_toasts_are_hidden_while_a_screenshot_is_taken_unless_they_are_wanted() {
    let rig = DesktopRig::open().await;
    let hidden = || std::mem::take(&mut *rig.shell().hidden.lock().unwrap());
    rig.controller.ask(Action::ScreenshotArea, Way::Shortcut).await.unwrap();
    assert_eq!(hidden(), [true, false], "shown again before the person chooses");
    rig.controller.ask(Action::ScreenshotArea, Way::Shortcut).await.unwrap();
    rig.controller.ask(Action::ScreenshotAll, Way::Quick).await.unwrap();
    assert_eq!(hidden(), [true, false]);
    rig.controller.ask(Action::ChooseArea, Way::Shortcut).await.unwrap();
    assert!(hidden().is_empty(), "a recording hides them itself");
    rig.controller.ask(Action::ChooseArea, Way::Shortcut).await.unwrap();
    let wanted = SettingsChange::of(&["desktop", "barInRecordings"], true);
    rig.app.change_settings(wanted).await.unwrap();
    rig.controller.ask(Action::ScreenshotAll, Way::Quick).await.unwrap();
    assert!(hidden().is_empty());
    rig.close().await;
}
