//! Gives the windows their permissions: each own command gets one, and `capabilities/` says which
//! window has which. A command that is not listed here can't be called from any window.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use tauri_build::{AppManifest, Attributes};

const COMMANDS: &[&str] = &[
    "snapshot",
    "desktop",
    "media",
    "share_last",
    "preview",
    "share_preview",
    "discard_preview",
    "start_cloud",
    "open_account",
    "share_on_local_network",
    "start_recording",
    "stop_recording",
    "pause_recording",
    "mute_microphone",
    "switch_webcam",
    "switch_microphone",
    "hear_microphone",
    "cancel_recording",
    "restart_recording",
    "record_here",
    "fit_bar",
    "drag_bar",
    "hide_bar",
    "show_bar",
    "fit_quick",
    "close_quick",
    "open_chooser",
    "chooser",
    "show_chooser",
    "close_chooser",
    "pass_chooser",
    "choose",
    "meter_microphone",
    "retry",
    "rename",
    "delete_recordings",
    "undo_delete",
    "dismiss_rebuilt",
    "copy_link",
    "copy_links",
    "recents",
    "open_link",
    "reveal_file",
    "drag_files",
    "open_library",
    "dismiss_toast",
    "fit_toasts",
    "pause_upload",
    "resume_upload",
    "sign_in",
    "sign_in_state",
    "sign_in_with_token",
    "leave_sign_in",
    "sign_out",
    "open_settings",
    "settings",
    "change_settings",
    "hold_shortcuts",
    "ask_for_shortcuts",
    "microphones",
    "cameras",
    "camera_picture",
    "close_camera",
    "choose_save_folder",
    "starts_at_login",
    "set_starts_at_login",
    "leave_welcome",
    "update_state",
    "look_for_update",
    "fetch_update",
    "install_update",
    "about",
    "works_here",
    "test_connection",
    "set_profile",
    "copy_diagnostics",
    "open_logs",
    "last_crash",
    "forget_crash",
];

fn main() {
    // Cargo looks at the whole package where nothing is named; these are what the build reads.
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    println!("cargo:rerun-if-changed=src-tauri/icons");
    println!("cargo:rerun-if-changed=tauri.conf.json");
    println!("cargo:rerun-if-changed=ui/dist");
    let attributes = Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*")
        .windows_attributes(
            tauri_build::WindowsAttributes::new().window_icon_path("src-tauri/icons/icon.ico"),
        )
        .app_manifest(AppManifest::new().commands(COMMANDS));
    if let Err(error) = tauri_build::try_build(attributes) {
        eprintln!("{error:#}");
        std::process::exit(1);
    }
}
