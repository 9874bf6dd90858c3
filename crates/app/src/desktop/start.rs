//! The windows of a start, and what a second start asks of the program that runs.

use std::sync::Arc;

use super::deep_link::linked;
use super::{Controller, DesktopWindow, Shell};
use crate::{SettingsChange, Way, asked_by_flag};

/// The argument that starts the program without a window, in the tray only, as at login.
pub const HIDDEN_FLAG: &str = "--hidden";

impl<S: Shell> Controller<S> {
    /// Opens what a start with these arguments shows: the welcome at the first start, else the window that a link
    /// names, and in any case a preview that an earlier run left neither shared nor discarded.
    pub async fn started(&self, arguments: Arc<[String]>) {
        if !arguments.iter().any(|argument| argument == HIDDEN_FLAG) {
            let settings = self.app.settings().await;
            let is_welcomed = settings.is_ok_and(|settings| settings.desktop.welcomed);
            let linked = linked(arguments.iter().map(String::as_str));
            self.show(match is_welcomed {
                true => linked.unwrap_or(DesktopWindow::Library),
                false => DesktopWindow::Welcome,
            })
            .await;
            // The welcome was shown, even if it is only closed.
            let noted = SettingsChange::of(&["desktop", "welcomed"], true);
            if let Err(error) = self.app.change_settings(noted).await {
                tracing::warn!(%error, "the welcome will be shown again");
            }
        }
        if matches!(self.app.preview().await, Ok(Some(_))) {
            self.show(DesktopWindow::Preview).await;
        }
    }

    /// Carries out what a second start asks for: an action by its flag, else the window that a link names.
    pub async fn started_again(&self, arguments: Arc<[String]>) {
        match asked_by_flag(&arguments) {
            Some(action) => {
                if let Err(error) = self.ask(action, Way::SecondStart).await {
                    tracing::warn!(%error, %action, "Action of a second start failed");
                }
            }
            None => {
                let linked = linked(arguments.iter().map(String::as_str));
                self.show(linked.unwrap_or(DesktopWindow::Library)).await;
            }
        }
    }

    /// Opens a window that nobody waits for.
    async fn show(&self, window: DesktopWindow) {
        if let Err(error) = self.shell.open_window(window).await {
            tracing::error!(%error, ?window, "a window can't be opened");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::{DesktopRig, ShellCall};
    use super::*;

    const ID: &str = "0198c0de-0000-7000-8000-0000000000c1";

    fn arguments(given: &[&str]) -> Arc<[String]> {
        given.iter().map(|&argument| argument.to_owned()).collect()
    }

    fn opened(window: DesktopWindow) -> ShellCall {
        ShellCall::OpenWindow(window)
    }

    /// Returns the windows that were opened; the change of the settings is followed meanwhile.
    fn windows(rig: &DesktopRig) -> Vec<ShellCall> {
        let mut taken = rig.shell().taken();
        taken.retain(|call| matches!(call, ShellCall::OpenWindow(_)));
        taken
    }

    #[tokio::test]
    async fn first_start_shows_the_welcome_and_later_ones_the_library_or_what_a_link_names() {
        let rig = DesktopRig::open().await;
        let link = format!("snaplark://open/{ID}");
        rig.controller.started(arguments(&["--hidden"])).await;
        assert_eq!(windows(&rig), []);
        rig.controller.started(arguments(&[&link])).await;
        assert_eq!(windows(&rig), [opened(DesktopWindow::Welcome)]);
        rig.controller.started(arguments(&[])).await;
        assert_eq!(windows(&rig), [opened(DesktopWindow::Library)]);
        rig.controller.started(arguments(&[&link])).await;
        assert_eq!(windows(&rig), [opened(DesktopWindow::LibraryAt(ID.parse().unwrap()))]);
        rig.close().await;
    }

    #[tokio::test]
    async fn second_start_shows_what_its_link_names_and_nothing_records_by_a_link() {
        let rig = DesktopRig::open().await;
        for (given, window) in [
            ("snaplark://account", DesktopWindow::Account),
            ("snaplark://toggle", DesktopWindow::Library),
            ("--hidden", DesktopWindow::Library),
        ] {
            rig.controller.started_again(arguments(&[given])).await;
            assert_eq!(windows(&rig), [opened(window)], "{given}");
        }
        assert_eq!(rig.capture.sources(), []);
        rig.close().await;
    }

    #[tokio::test]
    async fn second_start_with_a_flag_asks_for_its_action() {
        let rig = DesktopRig::open().await;
        rig.controller.started_again(arguments(&["--quick-menu"])).await;
        assert_eq!(rig.shell().taken(), [ShellCall::ToggleQuickMenu]);
        rig.close().await;
    }
}
