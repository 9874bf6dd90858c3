//! Patches of the settings: the fields that a window, the tray, a shortcut or a command changes, and
//! nothing else.
//!
//! The event loop applies a patch to the current settings, so two shells that change different settings at
//! the same time never undo each other. A patch is a tree of the fields to change, such as `{"recording":
//! {"fps": 30}}`. It differs from a JSON merge patch (RFC 7396) in one thing: `null` is a value (no limit,
//! no folder) and removes nothing.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::settings::{COUNTDOWN_SECONDS_MAX, HOLD_BACK_SECONDS, JPEG_QUALITY};
use crate::webhook::is_webhook_address;
use crate::{AppError, KEEP_SECONDS, Settings};

/// A change of some settings. [`App::change_settings`](crate::App::change_settings) applies it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SettingsChange(Map<String, Value>);

impl SettingsChange {
    /// Returns the change of one field, named by its path: `["recording", "fps"]`.
    pub fn of(path: &[&str], value: impl Into<Value>) -> Self {
        let value = path.iter().rev().fold(value.into(), |value, name| {
            Value::Object(Map::from_iter([((*name).to_owned(), value)]))
        });
        match value {
            Value::Object(fields) => SettingsChange(fields),
            _ => SettingsChange::default(),
        }
    }

    /// Returns the smallest change that turns `before` into `after`.
    pub fn between(before: &Settings, after: &Settings) -> Self {
        SettingsChange(difference(&fields_of(before), &fields_of(after)))
    }

    /// Returns whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the settings with this change applied, or an error naming the first invalid field.
    pub fn apply(&self, settings: &Settings) -> Result<Settings, AppError> {
        let mut fields = fields_of(settings);
        let mut changed = settings.clone();
        for (path, value) in leaves(&self.0, &fields)? {
            let name = path.join(".");
            set(&mut fields, &path, value);
            let refused = |reason| AppError::BadChange { name: name.clone(), reason };
            changed = serde_json::from_value(Value::Object(fields.clone()))
                .map_err(|error| refused(error.to_string()))?;
            check_range(&name, &changed).map_err(refused)?;
        }
        match changed.desktop.shortcuts.clash() {
            Some(keys) => Err(AppError::KeysTwice { keys: keys.to_owned() }),
            None => Ok(changed),
        }
    }
}

fn fields_of(settings: &Settings) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        // Settings are plain data: they always convert to a JSON object.
        Ok(_) | Err(_) => Map::new(),
    }
}

/// Returns the fields that are changed one by one. The fields of a group count separately, while a choice
/// with a value of its own (`{"kind": "named", "name": …}`) is one field.
fn leaves(
    change: &Map<String, Value>,
    fields: &Map<String, Value>,
) -> Result<Vec<(Vec<String>, Value)>, AppError> {
    let mut found = Vec::new();
    for (name, value) in change {
        let Some(now) = fields.get(name) else {
            return Err(AppError::UnknownSetting { name: name.clone() });
        };
        match (value, now) {
            (Value::Object(change), Value::Object(group)) if !is_choice(group) => {
                let inner = leaves(change, group).map_err(|error| below(name, error))?;
                let named = |(mut path, value): (Vec<String>, Value)| {
                    path.insert(0, name.clone());
                    (path, value)
                };
                found.extend(inner.into_iter().map(named));
            }
            (value, _) => found.push((vec![name.clone()], value.clone())),
        }
    }
    Ok(found)
}

fn below(group: &str, error: AppError) -> AppError {
    match error {
        AppError::UnknownSetting { name } => {
            AppError::UnknownSetting { name: format!("{group}.{name}") }
        }
        other => other,
    }
}

fn is_choice(group: &Map<String, Value>) -> bool {
    group.contains_key("kind")
}

fn set(fields: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [name] => drop(fields.insert(name.clone(), value)),
        [group, path @ ..] => {
            if let Some(Value::Object(group)) = fields.get_mut(group) {
                set(group, path, value);
            }
        }
    }
}

fn difference(before: &Map<String, Value>, after: &Map<String, Value>) -> Map<String, Value> {
    let changed = after.iter().filter(|(name, value)| before.get(*name) != Some(value));
    let part = |(name, value): (&String, &Value)| {
        let part = match (before.get(name), value) {
            (Some(Value::Object(before)), Value::Object(after)) if !is_choice(before) => {
                Value::Object(difference(before, after))
            }
            _ => value.clone(),
        };
        (name.clone(), part)
    };
    changed.map(part).collect()
}

/// Refuses numbers that their types allow but that make no sense.
fn check_range(name: &str, settings: &Settings) -> Result<(), String> {
    let recording = &settings.recording;
    let webcam = &recording.webcam;
    let permille = 0..=1_000;
    match name {
        "recording.countdownSeconds" => {
            within(recording.countdown_seconds, 0..=COUNTDOWN_SECONDS_MAX)
        }
        "screenshots.jpegQuality" => within(settings.screenshots.jpeg_quality.into(), JPEG_QUALITY),
        "upload.holdBackSeconds" => within(settings.upload.hold_back_seconds, HOLD_BACK_SECONDS),
        "upload.webhook" | "upload.webhookPlainHttp" => {
            let Some(address) = &settings.upload.webhook else { return Ok(()) };
            match is_webhook_address(address, settings.upload.webhook_plain_http) {
                true => Ok(()),
                false => Err("A webhook needs an address that begins with https://".to_owned()),
            }
        }
        "recording.keepLastSeconds" => within(recording.keep_last_seconds, KEEP_SECONDS),
        "recording.webcam.rightPermille" => within(webcam.right_permille.into(), permille),
        "recording.webcam.downPermille" => within(webcam.down_permille.into(), permille),
        "recording.webcam.heightPermille" => within(webcam.height_permille.into(), permille),
        _ => Ok(()),
    }
}

fn within(number: u32, range: RangeInclusive<u32>) -> Result<(), String> {
    match range.contains(&number) {
        true => Ok(()),
        false => Err(format!("{number} is not between {} and {}", range.start(), range.end())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Fps, Microphone, Theme};

    fn change(value: Value) -> SettingsChange {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn change_leaves_every_other_field_as_it_is() {
        let mut before = Settings::default();
        before.recording.webcam.shown = true;
        before.desktop.theme = Theme::Dark;
        let after = change(json!({ "recording": { "fps": 60, "webcam": { "mirrored": false } } }))
            .apply(&before)
            .unwrap();
        let mut want = before.clone();
        want.recording.fps = Fps::Fps60;
        want.recording.webcam.mirrored = false;
        assert_eq!(after, want);
    }

    #[test]
    fn two_changes_made_from_the_same_settings_both_hold() {
        let seen = Settings::default();
        let mut with_webcam = seen.clone();
        with_webcam.recording.webcam.shown = true;
        let mut with_sound = seen.clone();
        with_sound.recording.system_sound = true;
        let first = SettingsChange::between(&seen, &with_webcam);
        let second = SettingsChange::between(&seen, &with_sound);
        let both = second.apply(&first.apply(&seen).unwrap()).unwrap();
        assert!(both.recording.webcam.shown && both.recording.system_sound);
    }

    #[test]
    fn difference_names_only_what_changed() {
        let before = Settings::default();
        let mut after = before.clone();
        after.recording.microphone = Microphone::Named("Desk".into());
        after.upload.keep_local_days = None;
        after.desktop.shortcuts.record = "F9".into();
        let between = SettingsChange::between(&before, &after);
        let want = json!({
            "recording": { "microphone": { "kind": "named", "name": "Desk" } },
            "upload": { "keepLocalDays": null },
            "desktop": { "shortcuts": { "record": "F9" } },
        });
        assert_eq!(serde_json::to_value(&between).unwrap(), want);
        assert_eq!(between.apply(&before).unwrap(), after);
        assert!(SettingsChange::between(&after, &after).is_empty());
    }

    #[test]
    fn microphone_is_replaced_as_a_whole() {
        let mut before = Settings::default();
        before.recording.microphone = Microphone::Named("Desk".into());
        let path = ["recording", "microphone"];
        let after = SettingsChange::of(&path, json!({ "kind": "default" })).apply(&before).unwrap();
        assert_eq!(after.recording.microphone, Microphone::Default);
    }

    #[test]
    fn unknown_and_senseless_fields_are_refused_by_name() {
        let settings = Settings::default();
        for (value, code, name) in [
            (json!({ "recording": { "fsp": 30 } }), "unknown-setting", "recording.fsp"),
            (json!({ "recorder": {} }), "unknown-setting", "recorder"),
            (json!({ "recording": { "fps": 31 } }), "bad-setting", "recording.fps"),
            (json!({ "recording": 3 }), "bad-setting", "recording"),
            (
                json!({ "recording": { "keepLastSeconds": 5 } }),
                "bad-setting",
                "recording.keepLastSeconds",
            ),
            (
                json!({ "recording": { "webcam": { "rightPermille": 1001 } } }),
                "bad-setting",
                "recording.webcam.rightPermille",
            ),
        ] {
            let refused = change(value).apply(&settings).unwrap_err();
            assert_eq!(refused.code().as_str(), code, "{refused}");
            assert!(refused.to_string().contains(&format!("'{name}'")), "{refused}");
        }
        let twice = change(json!({ "desktop": { "shortcuts": { "webcam": "Alt+R" } } }));
        assert_eq!(twice.apply(&settings).unwrap_err().code().as_str(), "keys-twice");
    }
}
