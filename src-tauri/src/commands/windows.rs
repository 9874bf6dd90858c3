//! The command by which windows ask for actions, and those about the windows themselves.

use snaplark_app::{Action, App, AppError, ErrorCode, Way};
use snaplark_command_macro::command;
use tauri::{AppHandle, State, WebviewWindow};

use super::{Answer, CommandError};
use crate::desktop_shell::DesktopController;
use crate::panel::Card;
use crate::{bar, pages, quick, toast};

/// Carries out an action and answers when it is done. Which window may ask for which action is said in
/// `snaplark_core::action`.
#[command]
pub async fn act(
    window: WebviewWindow,
    desktop: State<'_, DesktopController>,
    action: Action,
) -> Answer {
    let way = way_of(window.label()).ok_or(AppError::NotOffered { action })?;
    Ok(desktop.ask(action, way).await?)
}

fn way_of(label: &str) -> Option<Way> {
    let windows = [
        (bar::LABEL, Way::Bar),
        (quick::LABEL, Way::Quick),
        (toast::LABEL, Way::Toasts),
        (pages::LIBRARY.label, Way::Library),
        (pages::SETTINGS.label, Way::Settings),
        (pages::WELCOME.label, Way::Welcome),
    ];
    windows.into_iter().find(|(window, _)| *window == label).map(|(_, way)| way)
}

#[command]
pub fn leave_welcome(handle: AppHandle) -> Answer {
    pages::leave_welcome(&handle).map_err(|error| CommandError::new(ErrorCode::NoWindow, error))
}

#[command]
pub async fn dismiss_toast(app: State<'_, App>, id: String) -> Answer {
    Ok(app.dismiss_toast(id).await?)
}

/// Shows the toasts. While the desktop is in do-not-disturb mode they stay hidden; those that need the
/// person are still there afterwards.
#[command]
pub async fn fit_toasts(
    handle: AppHandle,
    desktop: State<'_, DesktopController>,
    height: f64,
    cards: Vec<Card>,
) -> Answer {
    desktop.show_toasts(height > 0.0, |_| toast::fit(&handle, height, cards)).await;
    Ok(())
}
