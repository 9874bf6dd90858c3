//! The events that windows receive: names and payloads, declared once. The windows import the generated
//! type (`bindings/UiEvent.ts`), so that a name or a payload that differs doesn't compile there.

use serde::Serialize;
use serde_json::Value;
use snaplark_app::desktop::SignInView;
use snaplark_app::view::Levels;
use tauri::{AppHandle, Emitter, EventTarget};
use ts_rs::TS;

use crate::updates::UpdateView;

#[derive(Clone, Debug, Serialize, TS)]
#[serde(tag = "name", content = "payload", rename_all = "kebab-case")]
#[ts(export)]
pub enum UiEvent {
    /// There is a newer snapshot, with this change number.
    Changed(#[ts(type = "number")] u64),
    /// The language of all windows changed to the one with this tag.
    Language(String),
    /// The sound levels, for windows that show them.
    Levels(Levels),
    /// The desktop assigned other keys to the shortcuts.
    Shortcuts,
    Updates(UpdateView),
    /// There are new pictures to choose from. Chooser pages stay loaded in between.
    ChooserOpened,
    /// The picture of this editor is in the library: a page that waited for it opens it.
    PictureAdded,
    /// A countdown to a screenshot runs until this time; `null`: it has ended.
    Countdown(#[ts(type = "number | null")] Option<i64>),
    SignIn(SignInView),
}

impl UiEvent {
    /// Sends the event to all windows.
    pub fn send(&self, handle: &AppHandle) -> tauri::Result<()> {
        self.send_to(handle, EventTarget::Any)
    }

    /// Sends the event to one window.
    pub fn send_to(&self, handle: &AppHandle, to: impl Into<EventTarget>) -> tauri::Result<()> {
        let (name, payload) = self.parts()?;
        match to.into() {
            EventTarget::Any => handle.emit(&name, payload),
            one => handle.emit_to(one, &name, payload),
        }
    }

    /// Returns the name and the payload as they are serialized; `null` for an event without a payload.
    fn parts(&self) -> serde_json::Result<(String, Value)> {
        let mut event = serde_json::to_value(self)?;
        let name = event["name"].as_str().unwrap_or_default().to_owned();
        Ok((name, event["payload"].take()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_is_sent_under_its_name_with_its_payload() {
        let parts = |event: UiEvent| event.parts().unwrap();
        assert_eq!(parts(UiEvent::Changed(7)), ("changed".into(), Value::from(7)));
        assert_eq!(parts(UiEvent::ChooserOpened), ("chooser-opened".into(), Value::Null));
        let (name, payload) = parts(UiEvent::SignIn(SignInView::Idle));
        assert_eq!((name.as_str(), payload["phase"].as_str()), ("sign-in", Some("idle")));
    }
}
