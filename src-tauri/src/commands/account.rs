//! The commands for the account, the sign-in and the embedded cloud.

use snaplark_app::desktop::SignInView;
use snaplark_app::{App, NewPlace, SettingsChange, Token};
use snaplark_command_macro::command;
use tauri::{State, WebviewWindow};

use super::Answer;
use crate::desktop_shell::DesktopController;
use crate::program::DesktopProgram;
use crate::toast;

/// Starts a sign-in. Windows learn its outcome by an event.
#[command]
pub async fn sign_in(
    window: WebviewWindow,
    desktop: State<'_, DesktopController>,
    server: Option<String>,
    remember: bool,
    allow_http: bool,
) -> Answer {
    let from_toast = window.label() == toast::LABEL;
    desktop.sign_in(server, remember, allow_http, from_toast).await;
    Ok(())
}

#[command]
pub fn sign_in_state(desktop: State<'_, DesktopController>) -> SignInView {
    desktop.sign_in_view()
}

#[command]
pub async fn sign_in_with_token(
    desktop: State<'_, DesktopController>,
    server: String,
    token: String,
    remember: bool,
) -> Answer {
    desktop.sign_in_with_token(server, Token::new(token.trim()), remember).await;
    Ok(())
}

/// Sends new items to a bucket, a folder or a server of an older dialect. Windows learn the outcome by an event.
#[command]
pub async fn add_place(
    desktop: State<'_, DesktopController>,
    place: NewPlace,
    remember: bool,
    allow_http: bool,
) -> Answer {
    desktop.add_place(place, remember, allow_http).await;
    Ok(())
}

#[command]
pub fn leave_sign_in(desktop: State<'_, DesktopController>) {
    desktop.leave_sign_in();
}

#[command]
pub async fn sign_out(program: State<'_, DesktopProgram>) -> Answer {
    Ok(program.sign_out().await?)
}

/// Signs out at another server than the current one. Its uploads wait for a sign-in there.
#[command]
pub async fn sign_out_at(app: State<'_, App>, server: String) -> Answer {
    Ok(app.sign_out_at(&server).await?)
}

/// Sends new recordings to another server at which the person is signed in still.
#[command]
pub async fn use_server(app: State<'_, App>, server: String) -> Answer {
    Ok(app.use_server(&server).await?)
}

/// Retries starting the embedded cloud, which did not start before.
#[command]
pub async fn start_cloud(program: State<'_, DesktopProgram>) -> Answer {
    Ok(program.start_cloud().await?)
}

/// Sets whether others on the local network can open links to this computer. Changes nothing else.
#[command]
pub async fn share_on_local_network(app: State<'_, App>, shared: bool) -> Answer {
    let change = SettingsChange::of(&["upload", "shareOnLocalNetwork"], shared);
    app.change_settings(change).await?;
    Ok(())
}
