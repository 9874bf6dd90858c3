//! What the person does with mouse and keyboard, to be seen. On the eye's thread alone, which asks
//! for it at each look: nobody is waited for, and what happened since is in its order.
//!
//! What is typed is in no log, no event and no file; it is here for as long as it is shown, as are
//! its pixels in the recording.

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

/// A button went down, at that place of the screen.
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

/// What input tells, in its order.
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
    /// `None`: none are wanted. Or why there can be none.
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

    /// Takes in what happened since it was asked last. An error: there will be nothing more.
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

    /// What happened in a pause is not recorded, and what was shown before it is over.
    pub fn forget(&mut self) {
        self.clicks.clear();
        self.hands.forget();
        #[cfg(target_os = "linux")]
        self.input.forget();
    }

    pub fn clicks(&self) -> &[Click] {
        &self.clicks
    }

    /// What was typed, and how long ago.
    pub fn typed(&self, now: Instant) -> Option<(&Typed, Duration)> {
        self.hands.shown(now)
    }
}

/// Whether clicks and keys can be seen that way, or why not.
pub fn check(way: &Way) -> Result<(), String> {
    match way {
        #[cfg(target_os = "linux")]
        Way::X11(display) => input::check(display),
        _ => Err(UNSEEN.to_owned()),
    }
}

const UNSEEN: &str = "Wayland lets no program see them";
