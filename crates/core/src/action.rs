//! Lists what a person can ask for, and by which way. Shortcut, tray, windows, command line and control socket all
//! speak [`Action`]. Its text (`Display`, `FromStr`, serde) is stable: it is the id of a menu item, the
//! request at the control socket, what windows send, and the `toggle` of `snaplark toggle`.
//!
//! The table below is the only place that says who may ask for what: [`Action::ways`]. Whoever receives an
//! action checks [`Action::may_come_by`] with the way on which it arrived.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::RecordingId;

/// Where a person asks for an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Keys that work in every program.
    Shortcut,
    /// The tray's menu.
    Tray,
    /// The quick menu's window.
    Quick,
    /// The recorder bar.
    Bar,
    /// The library's window.
    Library,
    /// The notifications' window.
    Toasts,
    /// The settings' window.
    Settings,
    /// The window of the first start.
    Welcome,
    /// `snaplark ACTION`, which sends it to the running program's control socket.
    CommandLine,
    /// `snaplark-desktop --ACTION`, for desktops without global shortcuts for programs.
    SecondStart,
}

/// The argument of an action, which is written behind the colon of its text.
trait Argument: Sized {
    fn write(&self) -> Option<String>;
    fn read(text: Option<&str>) -> Option<Self>;
    /// Returns the TypeScript types of the whole text.
    fn typescript(name: &str) -> String;
}

impl Argument for () {
    fn write(&self) -> Option<String> {
        None
    }

    fn read(text: Option<&str>) -> Option<Self> {
        text.is_none().then_some(())
    }

    fn typescript(name: &str) -> String {
        format!("\"{name}\"")
    }
}

impl Argument for u64 {
    fn write(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn read(text: Option<&str>) -> Option<Self> {
        text?.parse().ok()
    }

    fn typescript(name: &str) -> String {
        format!("`{name}:${{number}}`")
    }
}

impl Argument for Option<u64> {
    fn write(&self) -> Option<String> {
        self.map(|number| number.to_string())
    }

    fn read(text: Option<&str>) -> Option<Self> {
        text.map_or(Some(None), |text| text.parse().ok().map(Some))
    }

    fn typescript(name: &str) -> String {
        format!("{} | {}", <() as Argument>::typescript(name), u64::typescript(name))
    }
}

impl Argument for RecordingId {
    fn write(&self) -> Option<String> {
        Some(self.to_string())
    }

    fn read(text: Option<&str>) -> Option<Self> {
        text?.parse().ok()
    }

    fn typescript(name: &str) -> String {
        format!("`{name}:${{string}}`")
    }
}

/// A link, or the link at which the page plays from a time: `ID` or `ID@5000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkAt {
    /// The recording whose link it is.
    pub recording: RecordingId,
    /// The time at which the page begins to play.
    pub at_ms: Option<u64>,
}

impl Argument for LinkAt {
    fn write(&self) -> Option<String> {
        Some(match self.at_ms {
            Some(ms) => format!("{}@{ms}", self.recording),
            None => self.recording.to_string(),
        })
    }

    fn read(text: Option<&str>) -> Option<Self> {
        let (id, at) = text?.split_once('@').map_or((text?, None), |(id, at)| (id, Some(at)));
        let at_ms = at.map_or(Some(None), |at| at.parse().ok().map(Some))?;
        Some(LinkAt { recording: id.parse().ok()?, at_ms })
    }

    fn typescript(name: &str) -> String {
        RecordingId::typescript(name)
    }
}

/// An item, and the account that it is sent to: `ID@NUMBER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SendTarget {
    /// The item that is sent.
    pub recording: RecordingId,
    /// The number of the account in the snapshot.
    pub account: u64,
}

impl Argument for SendTarget {
    fn write(&self) -> Option<String> {
        Some(format!("{}@{}", self.recording, self.account))
    }

    fn read(text: Option<&str>) -> Option<Self> {
        let (id, account) = text?.split_once('@')?;
        Some(SendTarget { recording: id.parse().ok()?, account: account.parse().ok()? })
    }

    fn typescript(name: &str) -> String {
        format!("`{name}:${{string}}@${{number}}`")
    }
}

macro_rules! actions {
    ($($(#[doc = $part_doc:literal])* $part:ident $part_action:ident {
        $($(#[doc = $doc:literal])* $variant:ident $(($argument:ident: $type:ty))? = $name:literal, $($way:ident)|+;)*
    })*) => {
        /// An action that a person can ask for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub enum Action { $($($(#[doc = $doc])* $variant $(($type))?,)*)* }

        /// An action, sorted by the part of the program that carries it out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum CarriedOutBy { $($(#[doc = $part_doc])* $part($part_action),)* }

        $(
            $(#[doc = $part_doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum $part_action { $($(#[doc = $doc])* $variant $(($type))?,)* }
        )*

        impl Action {
            /// The names of all actions, in the order of their declaration.
            pub const NAMES: &[&str] = &[$($($name),*),*];

            /// Returns the name: the text without its argument.
            pub fn name(&self) -> &'static str {
                match self { $($(Action::$variant { .. } => $name,)*)* }
            }

            /// Returns the ways by which a person can ask for it.
            pub fn ways(&self) -> &'static [Way] {
                match self { $($(Action::$variant { .. } => &[$(Way::$way),+],)*)* }
            }

            /// Returns the same action under the part that carries it out.
            pub fn carried_out_by(self) -> CarriedOutBy {
                match self {
                    $($(Action::$variant $(($argument))? =>
                        CarriedOutBy::$part($part_action::$variant $(($argument))?),)*)*
                }
            }

            /// Returns a TypeScript type of all texts.
            pub fn typescript() -> String {
                [$($(<actions!(@type $($type)?) as Argument>::typescript($name)),*),*].join(" | ")
            }

            fn argument(&self) -> Option<String> {
                match self {
                    $($(Action::$variant $(($argument))? => None $(.or($argument.write()))?,)*)*
                }
            }

            fn read(name: &str, argument: Option<&str>) -> Option<Action> {
                match name {
                    $($($name => actions!(@read argument, $variant $(, $type)?),)*)*
                    _ => None,
                }
            }
        }
    };
    (@type) => { () };
    (@type $type:ty) => { $type };
    (@read $argument:ident, $variant:ident) => {
        <() as Argument>::read($argument).map(|()| Action::$variant)
    };
    (@read $argument:ident, $variant:ident, $type:ty) => {
        <$type as Argument>::read($argument).map(Action::$variant)
    };
}

actions! {
    /// An action that the engine carries out, with or without a desktop.
    Engine EngineAction {
        // The recorder.
        /// Starts a recording if none is running, else stops it.
        Toggle = "toggle", Shortcut | Tray | CommandLine;
        /// Starts a recording with the settings' source.
        Start = "start", Library | Welcome | CommandLine;
        /// Starts a recording that begins this many seconds ago, with segments from the ring buffer.
        StartAgo(seconds: u64) = "start-ago", CommandLine;
        /// Starts a recording that is appended to this one when it ends.
        RecordOn(recording: RecordingId) = "record-on", Library | CommandLine;
        /// Stops the recording, or its countdown.
        Stop = "stop", Quick | Bar | Library | Welcome | CommandLine;
        /// Pauses the recording; resumes it if it is paused.
        Pause = "pause", Shortcut | Tray | Quick | Bar | CommandLine;
        /// Resumes a paused recording.
        Resume = "resume", CommandLine;
        /// Mutes the microphone; unmutes it if it is muted.
        Mute = "mute", Shortcut | Tray | Quick | Bar | CommandLine;
        /// Switches the microphone off or on, in the current recording or else in the next one.
        SwitchMicrophone = "switch-microphone", Quick;
        /// Shows the webcam if it is hidden, else hides it.
        Webcam = "webcam", Shortcut | Tray | Quick | Bar | CommandLine;
        /// Strikes the last seconds from the recording, ten if no number is named.
        Strike(seconds: Option<u64>) = "strike", Shortcut | Tray | Quick | Bar | CommandLine;
        /// Ends the recording and deletes it. Whoever asks for it has asked the person; the same applies to
        /// `Restart`.
        Cancel = "cancel", Quick | Bar | CommandLine;
        /// Deletes the recording and starts another one with the same source.
        Restart = "restart", Quick | Bar | CommandLine;
        // The last minutes.
        /// Makes a recording of the ring buffer, or of its last seconds, without a preview.
        ShareLast(seconds: Option<u64>) = "share-last", CommandLine;
        // Recordings.
        /// Tries a failed upload again.
        Retry(recording: RecordingId) = "retry", Library | Toasts | CommandLine;
        /// Sends an item to a further place, or tries it again.
        SendTo(target: SendTarget) = "send-to", Library;
        /// Cancels an upload to a further place and forgets it. The id is the upload's.
        RemoveUpload(upload: RecordingId) = "remove-upload", Library;
        /// Ends background work. The number is the job's in the snapshot.
        CancelJob(job: u64) = "cancel-job", Library;
        /// Removes background work that has ended from the library.
        DismissJob(job: u64) = "dismiss-job", Library;
    }
    /// An action that needs a desktop: windows, a clipboard, a pointer.
    Desktop DesktopAction {
        // The recorder.
        /// Records the display with the pointer.
        RecordHere = "record-here", Quick;
        /// Opens the chooser for an area.
        ChooseArea = "choose-area", Shortcut | Tray | Quick | SecondStart;
        /// Opens the chooser for a window.
        ChooseWindow = "choose-window", Tray | Quick;
        /// Opens the chooser for a display.
        ChooseDisplay = "choose-display", Quick;
        // The last minutes.
        /// Shows the last minutes so that they can be shared, or shares them at once if the settings say so.
        PreviewLast = "preview-last", Shortcut | Tray | Quick | Library | SecondStart;
        // Screenshots.
        /// Freezes the screen, so that an area, a window or a display of it can be chosen.
        ScreenshotArea = "screenshot-area", Shortcut | Tray | Quick | SecondStart;
        /// Freezes the screen, so that a window of it can be chosen.
        ScreenshotWindow = "screenshot-window", Tray | Quick;
        /// Takes the display with the pointer.
        ScreenshotDisplay = "screenshot-display", Tray | Quick | SecondStart;
        /// Takes all displays in one picture.
        ScreenshotAll = "screenshot-all", Tray | Quick;
        /// Takes the area that was chosen last once more.
        ScreenshotLastArea = "screenshot-last-area", Tray | Quick | SecondStart;
        /// Freezes the screen after so many seconds.
        ScreenshotDelayed(seconds: u64) = "screenshot-delayed", Tray | Quick;
        /// Ends the countdown of `ScreenshotDelayed`.
        CancelCountdown = "cancel-countdown", Bar;
        // Windows.
        /// Opens the quick menu, or closes it.
        QuickMenu = "quick-menu", Shortcut | SecondStart;
        /// Shows the recorder bar.
        ShowBar = "show-bar", Tray | Quick;
        /// Hides the recorder bar until the next recording.
        HideBar = "hide-bar", Bar;
        /// Opens the library.
        OpenLibrary = "open-library", Shortcut | Tray | Quick | Toasts | Settings | SecondStart;
        /// Opens the settings.
        OpenSettings = "open-settings", Tray | Quick | Library;
        /// Opens the settings page that explains who can open links.
        OpenAccount = "open-account", Library | Toasts;
        // Files.
        /// Asks for files with the system's dialog and uploads them.
        UploadFile = "upload-file", Tray | Library | SecondStart;
        // Recordings.
        /// Copies the link of the newest recording that has one.
        CopyLastLink = "copy-last-link", Tray;
        /// Copies a recording's link.
        CopyLink(link: LinkAt) = "copy-link", Tray | Quick | Library | Toasts;
        /// Opens a recording's page in the browser.
        OpenLink(recording: RecordingId) = "open-link", Tray | Quick | Library | Toasts | Welcome;
        /// Opens a recording or a picture in its editor.
        Edit(recording: RecordingId) = "edit", Library;
        /// Shows the recording's file in the file manager.
        ShowFile(recording: RecordingId) = "show-file", Tray | Library;
        /// Shows the file that background work has written in the file manager.
        ShowJobFile(job: u64) = "show-job-file", Library;
        // The program.
        /// Quits the program, after a question if a recording runs.
        Quit = "quit", Tray;
    }
}

impl Action {
    /// Returns whether a person may ask for it by that way.
    pub fn may_come_by(&self, way: Way) -> bool {
        self.ways().contains(&way)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.argument() {
            Some(argument) => write!(f, "{}:{argument}", self.name()),
            None => f.write_str(self.name()),
        }
    }
}

/// The text names no action, or its argument is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no action '{0}'")]
pub struct NoSuchAction(String);

impl FromStr for Action {
    type Err = NoSuchAction;

    fn from_str(text: &str) -> Result<Self, NoSuchAction> {
        let (name, argument) =
            text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
        Action::read(name, argument).ok_or_else(|| NoSuchAction(text.to_owned()))
    }
}

impl TryFrom<String> for Action {
    type Error = NoSuchAction;

    fn try_from(text: String) -> Result<Self, NoSuchAction> {
        text.parse()
    }
}

impl From<Action> for String {
    fn from(action: Action) -> String {
        action.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0198c0de-0000-7000-8000-0000000000c1";

    #[test]
    fn text_of_an_action_reads_back_as_the_same_action() {
        let texts = Action::NAMES.iter().flat_map(|name| {
            [
                name.to_string(),
                format!("{name}:30"),
                format!("{name}:{ID}"),
                format!("{name}:{ID}@5000"),
            ]
        });
        let read: Vec<(String, Action)> =
            texts.filter_map(|text| Some((text.clone(), text.parse().ok()?))).collect();
        for (text, action) in &read {
            assert_eq!(action.to_string(), *text);
        }
        for name in Action::NAMES {
            assert!(read.iter().any(|(_, action)| action.name() == *name), "{name} can't be read");
        }
    }

    #[test]
    fn text_with_a_wrong_argument_is_no_action() {
        for text in [
            "",
            "record",
            "toggle:1",
            "toggle:",
            "start-ago",
            "start-ago:-1",
            "share-last:",
            "screenshot-area:1",
            "screenshot-delayed",
            "screenshot-delayed:soon",
            "copy-link",
            "copy-link:1",
            "open-link:x",
            "copy-link:@5",
        ] {
            assert_eq!(text.parse::<Action>(), Err(NoSuchAction(text.to_owned())));
        }
    }

    #[test]
    fn actions_that_delete_come_only_from_where_the_person_is_asked() {
        let asks = [Way::Quick, Way::Bar, Way::CommandLine];
        for action in [Action::Cancel, Action::Restart] {
            assert_eq!(action.ways(), asks);
        }
    }

    #[test]
    fn notifications_can_neither_record_nor_delete() {
        let allowed: Vec<&str> = Action::NAMES
            .iter()
            .filter_map(|name| name.parse().or_else(|_| format!("{name}:{ID}").parse()).ok())
            .filter(|action: &Action| action.may_come_by(Way::Toasts))
            .map(|action| action.name())
            .collect();
        assert_eq!(allowed, ["retry", "open-library", "open-account", "copy-link", "open-link"]);
    }
}
