//! The chooser: shows a frozen picture of the screen on which a person chooses a source, for a recording or
//! for a screenshot.

use serde::{Deserialize, Serialize};
use snaplark_core::capture::Source;
use snaplark_core::still::{PixelRect, SourceList, StillPicture};
use ts_rs::TS;

use super::place::Rect;
use crate::{Microphone, Settings, SettingsChange};

/// The kind of source that the chooser offers first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum ChooserKind {
    /// A part of a display.
    Area,
    /// A window.
    Window,
    /// A whole display.
    Display,
}

impl ChooserKind {
    /// Returns the source to request if the desktop asks what to share. Portals offer displays and windows;
    /// some list parts of a display among the displays.
    pub(crate) fn desktops_source(self) -> Source {
        match self {
            // Any window will do, since the source has no name before the answer.
            ChooserKind::Window => Source::Window(0),
            ChooserKind::Area | ChooserKind::Display => Source::Display(None),
        }
    }
}

/// The use of a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum ChooserPurpose {
    /// A recording of it begins.
    Record,
    /// It is cut from the frozen screen.
    Screenshot,
}

/// The content of the chooser.
#[derive(Debug)]
pub struct ChooserContent {
    /// The kind that it offers first.
    pub kind: ChooserKind,
    /// The use of what is chosen.
    pub purpose: ChooserPurpose,
    /// All displays, as they were when the person asked for the chooser.
    pub picture: StillPicture,
    /// The displays and windows to choose from.
    pub sources: SourceList,
}

impl ChooserContent {
    /// Returns the part of the frozen picture that a person chose on that display. `None` if it is gone from
    /// the lists, or shows nothing.
    pub(crate) fn chosen(
        &self,
        source: &ChosenSource,
        display: &ChosenDisplay,
    ) -> Option<StillPicture> {
        let screens = &self.sources.screens;
        let area = match source {
            ChosenSource::Display => screens.get(display.number as usize)?.at,
            ChosenSource::Window { id } => {
                let id = id.parse::<u64>().ok()?;
                let window = self.sources.windows.iter().find(|window| window.id == id)?;
                window.without_shadow
            }
            ChosenSource::Area { at } => {
                PixelRect { x: at.x, y: at.y, width: at.width, height: at.height }
            }
        };
        self.picture.crop(area)
    }
}

/// The chosen source, and how it is to be recorded.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Choice {
    /// The source to record.
    pub source: ChosenSource,
    /// Which microphone is recorded.
    pub microphone: Microphone,
    /// The sound that this computer plays is recorded.
    pub system_sound: bool,
    /// The webcam is shown.
    pub webcam: bool,
    /// How long the countdown is; 0 is none.
    pub countdown_seconds: u32,
}

/// The display, window or area that the person chose.
#[derive(Clone, Debug, Deserialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum ChosenSource {
    /// The display on which the chooser is.
    Display,
    /// A window. The id is the system's.
    Window {
        /// The number by which captures name it.
        id: String,
    },
    /// A part of that display.
    Area {
        /// The place of the area.
        at: Rect,
    },
}

/// The display on which the person chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenDisplay {
    /// The name by which its last area is remembered.
    pub name: String,
    /// Its number, as captures count displays.
    pub number: u32,
    /// It is the first one, which captures take without a number.
    pub is_first: bool,
}

impl Choice {
    pub(crate) fn source_on(&self, display: &ChosenDisplay) -> Source {
        match &self.source {
            ChosenSource::Display if display.is_first => Source::Display(None),
            ChosenSource::Display => Source::Display(Some(display.number)),
            ChosenSource::Window { id } => Source::Window(id.parse().unwrap_or_default()),
            ChosenSource::Area { at } => {
                Source::Region { x: at.x, y: at.y, width: at.width, height: at.height }
            }
        }
    }

    /// Returns the area as it is stored for the next time.
    pub(crate) fn area_to_remember(&self) -> Option<String> {
        match &self.source {
            ChosenSource::Area { at } => serde_json::to_string(at).ok(),
            ChosenSource::Display | ChosenSource::Window { .. } => None,
        }
    }

    /// Returns the change that makes the chosen options the settings of the next recording.
    pub(crate) fn change_of(self, before: &Settings) -> SettingsChange {
        let mut after = before.clone();
        after.recording.microphone = self.microphone;
        after.recording.system_sound = self.system_sound;
        after.recording.webcam.shown = self.webcam;
        after.recording.countdown_seconds = self.countdown_seconds;
        SettingsChange::between(before, &after)
    }
}

/// Returns the key under which the area that was chosen last on a display is stored.
pub fn remembered(display: &str) -> String {
    format!("region-{display}")
}
