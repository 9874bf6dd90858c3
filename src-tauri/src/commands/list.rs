//! The list of the windows' commands. The build script reads it for the permissions, the shell for the
//! handlers, and a test writes their names for the windows.

/// Passes the paths of all commands to a macro.
macro_rules! with_commands {
    ($take:ident) => {
        $take! {
            commands::windows::act,
            commands::recordings::snapshot,
            commands::settings::desktop,
            commands::recordings::media,
            commands::preview::preview,
            commands::preview::share_preview,
            commands::preview::discard_preview,
            commands::recorder::hear_microphone,
            commands::recorder::fit_bar,
            commands::recorder::drag_bar,
            commands::recorder::fit_quick,
            commands::recorder::close_quick,
            commands::recorder::chooser,
            commands::recorder::show_chooser,
            commands::recorder::close_chooser,
            commands::recorder::pass_chooser,
            commands::recorder::choose,
            commands::recorder::take_screenshot,
            commands::recorder::countdown,
            commands::recorder::meter_microphone,
            commands::recordings::rename,
            commands::recordings::delete_recordings,
            commands::recordings::undo_delete,
            commands::recordings::dismiss_rebuilt,
            commands::recordings::copy_links,
            commands::recordings::recents,
            commands::recordings::drag_files,
            commands::pictures::picture,
            commands::pictures::save_drawing,
            commands::pictures::copy_picture,
            commands::pictures::save_picture,
            commands::pictures::publish_picture,
            commands::pictures::copy_picture_markdown,
            commands::pictures::recognize_picture,
            commands::pictures::import_picture,
            commands::pictures::import_pictures,
            commands::pictures::paste_picture,
            commands::pictures::delete_picture,
            commands::pictures::open_editor,
            commands::pictures::show_picture,
            commands::pictures::drag_picture,
            commands::cuts::cut_view,
            commands::cuts::save_cut,
            commands::cuts::cut_waveform,
            commands::cuts::rename_cut,
            commands::cuts::export_cut,
            commands::cuts::copy_cut,
            commands::cuts::publish_cut,
            commands::cuts::cut_export_size,
            commands::cuts::cancel_cut_export,
            commands::cuts::dismiss_cut_export,
            commands::cuts::show_cut_export,
            commands::windows::dismiss_toast,
            commands::windows::fit_toasts,
            commands::recordings::pause_upload,
            commands::recordings::resume_upload,
            commands::account::sign_in,
            commands::account::sign_in_state,
            commands::account::sign_in_with_token,
            commands::account::leave_sign_in,
            commands::account::sign_out,
            commands::account::sign_out_at,
            commands::account::use_server,
            commands::account::start_cloud,
            commands::account::share_on_local_network,
            commands::settings::settings,
            commands::settings::change_settings,
            commands::settings::hold_shortcuts,
            commands::settings::ask_for_shortcuts,
            commands::settings::microphones,
            commands::settings::cameras,
            camera::camera_picture,
            camera::close_camera,
            commands::settings::choose_save_folder,
            commands::settings::starts_at_login,
            commands::settings::set_starts_at_login,
            commands::windows::leave_welcome,
            editor::close_editor,
            editor::copy_text,
            cutter::close_cutter,
            pin::pin_picture,
            pin::pinned_picture,
            pin::drag_pin,
            pin::close_pin,
            updates::update_state,
            updates::look_for_update,
            updates::fetch_update,
            updates::install_update,
            about::about,
            about::works_here,
            about::test_connection,
            about::set_profile,
            about::copy_diagnostics,
            about::open_logs,
            about::last_crash,
            about::forget_crash,
        }
    };
}
#[allow(unused_imports)] // The build script needs the names only.
pub(crate) use with_commands;

macro_rules! texts {
    ($($($part:ident)::+),* $(,)?) => { vec![$(stringify!($($part)::+)),*] };
}

/// Returns the names by which windows call the commands.
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) fn names() -> Vec<&'static str> {
    let paths: Vec<&'static str> = with_commands!(texts);
    paths.into_iter().map(|path| path.rsplit(':').next().unwrap_or(path).trim()).collect()
}
