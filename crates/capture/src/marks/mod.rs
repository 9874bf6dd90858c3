//! Shows the person's mouse clicks and key presses. Runs on the frame grabber's thread only, which
//! polls for them at each look: nothing blocks, and events keep their order.
//!
//! Typed text is in no log, no event and no file. It is held only while it is shown, apart from its
//! pixels in the recording.

#[cfg(target_os = "linux")]
mod input;
#[cfg(target_os = "linux")]
mod keymap;
mod keys;

use std::time::{Duration, Instant};

use snaplark_core::capture::Source as Recorded;
use snaplark_core::overlay::Marks as Wanted;

pub use keys::Typed;

use self::keys::{Hands, Press};
use crate::policy::CLICK_SHOWN;
use crate::source::Way;

/// A button was pressed, at that position of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Click {
    pub button: Button,
    pub at: (i32, i32),
    pub since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    Left,
    Middle,
    Right,
}

/// An input event.
enum Happened {
    Clicked(Button, (i32, i32)),
    Pressed(Press),
}

pub struct Marks {
    #[cfg(target_os = "linux")]
    input: input::Input,
    clicks: Vec<Click>,
    hands: Hands,
}

impl Marks {
    /// Starts to read input. Returns `None` if no marks are wanted, and an error that says why they are
    /// impossible.
    pub fn open(wanted: Wanted, way: &Way, recorded: &Recorded) -> Result<Option<Self>, String> {
        if wanted.is_none() {
            return Ok(None);
        }
        #[cfg(target_os = "linux")]
        if let Way::X11(display) = way {
            let input = input::Input::open(display, wanted, recorded)?;
            return Ok(Some(Marks { input, clicks: Vec::new(), hands: Hands::new(wanted.keys) }));
        }
        let _ = (way, recorded);
        Err(UNSEEN.to_owned())
    }

    /// Handles the events since the last call. After an error there will be no more events.
    pub fn look(&mut self, now: Instant) -> Result<(), String> {
        self.clicks.retain(|click| now.duration_since(click.since) < CLICK_SHOWN);
        #[cfg(target_os = "linux")]
        for happened in self.input.take()? {
            match happened {
                Happened::Clicked(button, at) => {
                    self.clicks.push(Click { button, at, since: now });
                }
                Happened::Pressed(press) => self.hands.press(press, now),
            }
        }
        Ok(())
    }

    /// Discards the input of a pause, and hides what was shown before it.
    pub fn forget(&mut self) {
        self.clicks.clear();
        self.hands.forget();
        #[cfg(target_os = "linux")]
        self.input.forget();
    }

    pub fn clicks(&self) -> &[Click] {
        &self.clicks
    }

    /// Returns what was typed, and how long ago.
    pub fn typed(&self, now: Instant) -> Option<(&Typed, Duration)> {
        self.hands.shown(now)
    }
}

/// Checks whether clicks and keys can be read on this system. The error says why not.
pub fn check(way: &Way) -> Result<(), String> {
    match way {
        #[cfg(target_os = "linux")]
        Way::X11(display) => input::check(display),
        _ => Err(UNSEEN.to_owned()),
    }
}

const UNSEEN: &str = "Wayland lets no program see them";
