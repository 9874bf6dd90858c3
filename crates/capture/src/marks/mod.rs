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

#[cfg(target_os = "linux")]
pub(crate) use input::PointerInput;
pub(crate) use keys::Typed;

use self::keys::{KeyDisplay, KeyPress};
use crate::policy::CLICK_SHOWN;
use crate::source::Backend;

/// A button was pressed, at that position of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Click {
    pub button: Button,
    pub at: (i32, i32),
    pub since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Button {
    Left,
    Middle,
    Right,
}

/// An input event.
enum InputEvent {
    Clicked(Button, (i32, i32)),
    Pressed(KeyPress),
}

pub(crate) struct MarkReader {
    #[cfg(target_os = "linux")]
    input: input::XInputReader,
    clicks: Vec<Click>,
    keys: KeyDisplay,
}

impl MarkReader {
    /// Starts to read input. Returns `None` if no marks are wanted, and an error that says why they are
    /// impossible.
    pub(crate) fn open(
        wanted: Wanted,
        backend: &Backend,
        recorded: &Recorded,
    ) -> Result<Option<Self>, String> {
        if wanted.is_none() {
            return Ok(None);
        }
        #[cfg(target_os = "linux")]
        if let Backend::X11(display) = backend {
            let input = input::XInputReader::open(display, wanted, recorded)?;
            return Ok(Some(MarkReader {
                input,
                clicks: Vec::new(),
                keys: KeyDisplay::new(wanted.keys),
            }));
        }
        let _ = (backend, recorded);
        Err(UNREAD_REASON.to_owned())
    }

    /// Handles the events since the last call. After an error there will be no more events.
    pub(crate) fn poll(&mut self, now: Instant) -> Result<(), String> {
        self.clicks.retain(|click| now.duration_since(click.since) < CLICK_SHOWN);
        #[cfg(target_os = "linux")]
        for event in self.input.read_events()? {
            match event {
                InputEvent::Clicked(button, at) => {
                    self.clicks.push(Click { button, at, since: now });
                }
                InputEvent::Pressed(press) => self.keys.press(press, now),
            }
        }
        Ok(())
    }

    /// Discards the input of a pause, and hides what was shown before it.
    pub(crate) fn forget(&mut self) {
        self.clicks.clear();
        self.keys.forget();
        #[cfg(target_os = "linux")]
        self.input.forget();
    }

    pub(crate) fn clicks(&self) -> &[Click] {
        &self.clicks
    }

    /// Returns what was typed, and how long ago.
    pub(crate) fn typed(&self, now: Instant) -> Option<(&Typed, Duration)> {
        self.keys.shown(now)
    }
}

/// Checks whether clicks and keys can be read on this system. The error says why not.
pub(crate) fn check(backend: &Backend) -> Result<(), String> {
    match backend {
        #[cfg(target_os = "linux")]
        Backend::X11(display) => input::check(display),
        _ => Err(UNREAD_REASON.to_owned()),
    }
}

const UNREAD_REASON: &str = if cfg!(target_os = "linux") {
    "Wayland lets no program see them"
} else {
    "Snaplark can't read them on this system yet"
};
