//! Reads a JSON object field by field, and names every invalid field. It reads a `Value`, because serde
//! stops at the first invalid field.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};
use snaplark_api::{RECORDING_SECRET_BYTES, Resolution, limits};
use uuid::Uuid;

use super::errors::{ApiError, FieldErrors};

/// A `duration` above this, more than eleven days, can't be in seconds.
const SECONDS_MAX: u64 = 1_000_000;

/// A JSON object that is read field by field. It collects an error for every invalid field.
pub(crate) struct JsonForm<'a> {
    pub(super) fields: &'a Map<String, Value>,
    pub(super) errors: FieldErrors,
    /// The name of the object that this is inside of, with a dot; empty for the body itself.
    within: String,
}

impl<'a> JsonForm<'a> {
    pub(crate) fn of(body: &'a Value) -> Result<Self, ApiError> {
        match body {
            Value::Object(fields) => {
                Ok(JsonForm { fields, errors: FieldErrors::new(), within: String::new() })
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(ApiError::field("body", "The body must be a JSON object.")),
        }
    }

    pub(crate) fn wrong(&mut self, name: &str, sentence: String) {
        self.errors.entry(format!("{}{name}", self.within)).or_default().push(sentence);
    }

    pub(crate) fn refused(self) -> ApiError {
        ApiError::invalid(self.errors)
    }

    pub(crate) fn end(self) -> Result<(), ApiError> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.refused()) }
    }

    /// Returns a required field, which must not be absent, null or an empty text.
    pub(super) fn present(&mut self, name: &str) -> Option<&'a Value> {
        let value = self.fields.get(name).filter(|value| !is_empty(value));
        if value.is_none() {
            self.wrong(name, format!("The {name} field is required."));
        }
        value
    }

    pub(crate) fn text(&mut self, name: &str, chars_max: usize) -> Option<String> {
        let Value::String(text) = self.present(name)? else {
            self.wrong(name, format!("The {name} field must be a string."));
            return None;
        };
        if text.chars().count() > chars_max {
            let sentence =
                format!("The {name} field must not be longer than {chars_max} characters.");
            self.wrong(name, sentence);
            return None;
        }
        Some(text.clone())
    }

    pub(crate) fn optional_text(&mut self, name: &str, chars_max: usize) -> Option<String> {
        match self.fields.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.chars().count() <= chars_max => Some(text.clone()),
            Some(_) => {
                let sentence =
                    format!("The {name} field must be a string of at most {chars_max} characters.");
                self.wrong(name, sentence);
                None
            }
        }
    }

    pub(crate) fn optional_flag(&mut self, name: &str) -> Option<bool> {
        match self.fields.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::Bool(is_on)) => Some(*is_on),
            Some(_) => {
                self.wrong(name, format!("The {name} field must be true or false."));
                None
            }
        }
    }

    pub(crate) fn optional_whole(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.fields.get(name).filter(|value| !value.is_null())?;
        self.check_whole(name, whole(value), &range)
    }

    pub(crate) fn whole(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.present(name)?;
        self.check_whole(name, whole(value), &range)
    }

    pub(super) fn check_whole(
        &mut self,
        name: &str,
        number: Option<i64>,
        range: &RangeInclusive<i64>,
    ) -> Option<i64> {
        let sentence = match number {
            None => format!("The {name} field must be an integer."),
            Some(number) if range.contains(&number) => return Some(number),
            Some(_) => {
                format!("The {name} field must be between {} and {}.", range.start(), range.end())
            }
        };
        self.wrong(name, sentence);
        None
    }

    /// Reads `{width, height}` or `"1920x1080"`. Errors name the fields as seed 000 does.
    pub(super) fn resolution(&mut self) -> (u32, u32) {
        let Some(value) = self.present("resolution") else { return (0, 0) };
        let (width, height) = match value {
            Value::Object(fields) => {
                let half = |name: &str| fields.get(name).and_then(whole);
                (half("width"), half("height"))
            }
            Value::String(text) => match Resolution::Text(text.clone()).size() {
                Some((width, height)) => (Some(width.into()), Some(height.into())),
                None => (None, None),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => (None, None),
        };
        let width = self.check_whole("resolution.width", width, &limits::WIDTH);
        let height = self.check_whole("resolution.height", height, &limits::HEIGHT);
        (small(width.unwrap_or(0)), small(height.unwrap_or(0)))
    }

    /// Reads a list of objects, which may be absent. Errors are named by the place in the list.
    pub(super) fn objects<T>(
        &mut self,
        name: &str,
        count_max: usize,
        read: impl Fn(&mut JsonForm<'_>) -> Option<T>,
    ) -> Vec<T> {
        let items = match self.fields.get(name) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(items)) if items.len() <= count_max => items,
            Some(_) => {
                let sentence =
                    format!("The {name} field must be an array of at most {count_max} items.");
                self.wrong(name, sentence);
                return Vec::new();
            }
        };
        let mut objects = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let at = format!("{name}.{place}");
            let Value::Object(fields) = item else {
                self.wrong(&at, format!("The {at} field must be an object."));
                continue;
            };
            let mut inner = self.inner(&at, fields);
            objects.extend(read(&mut inner));
            let errors = inner.errors;
            self.errors.extend(errors);
        }
        objects
    }

    /// Returns a form of an object inside of this one.
    pub(super) fn inner<'b>(&self, name: &str, fields: &'b Map<String, Value>) -> JsonForm<'b> {
        JsonForm { fields, errors: FieldErrors::new(), within: format!("{}{name}.", self.within) }
    }

    /// Reads the optional version of an upload.
    pub(super) fn version(&mut self) -> u32 {
        let range = limits::VIDEO_VERSIONS;
        let range = i64::from(*range.start())..=i64::from(*range.end());
        match self.fields.get("version") {
            None | Some(Value::Null) => 1,
            Some(value) => small(self.check_whole("version", whole(value), &range).unwrap_or(1)),
        }
    }

    pub(super) fn optional_uuid(&mut self, name: &str) -> Option<Uuid> {
        let value = self.fields.get(name).filter(|value| !value.is_null())?;
        let uuid =
            value.as_str().and_then(|text| text.parse().ok()).filter(|id: &Uuid| !id.is_nil());
        if uuid.is_none() {
            self.wrong(name, format!("The {name} field must be a UUID."));
        }
        uuid
    }

    pub(super) fn optional_secret(&mut self, name: &str) -> Option<[u8; RECORDING_SECRET_BYTES]> {
        let value = self.fields.get(name).filter(|value| !value.is_null())?;
        let secret = value.as_str().and_then(secret_of);
        if secret.is_none() {
            let digits = RECORDING_SECRET_BYTES * 2;
            self.wrong(name, format!("The {name} field must be {digits} hexadecimal digits."));
        }
        secret
    }

    pub(super) fn indices(&mut self, name: &str) -> Vec<u32> {
        let Some(value) = self.present(name) else { return Vec::new() };
        let Value::Array(values) = value else {
            self.wrong(name, format!("The {name} field must be an array."));
            return Vec::new();
        };
        let max = i64::from(limits::PARTS_MAX);
        if values.len() as u64 > u64::from(limits::PARTS_MAX) {
            self.wrong(name, format!("The {name} field must not have more than {max} items."));
            return Vec::new();
        }
        let mut indices = Vec::with_capacity(values.len());
        for (place, value) in values.iter().enumerate() {
            match whole(value).filter(|index| (0..max).contains(index)) {
                Some(index) => indices.push(small(index)),
                None => {
                    let item = format!("{name}.{place}");
                    let sentence = format!(
                        "The {item} field must be an integer of at least 0 and less than {max}."
                    );
                    self.wrong(&item, sentence);
                }
            }
        }
        indices
    }

    /// Reads a duration in whole milliseconds or in seconds. A number with a fraction is in seconds;
    /// a whole number is ambiguous and counts as milliseconds. The result is only a hint, for media
    /// that doesn't give its duration.
    pub(super) fn duration(&mut self, name: &str) -> u64 {
        let number = self.present(name).map(|value| match value {
            Value::String(text) => text.parse().ok(),
            other => other.as_f64(),
        });
        match number {
            None => 0,
            Some(Some(number)) if number >= 0.0 => {
                let fraction = number.fract() != 0.0 && number < SECONDS_MAX as f64;
                (if fraction { number * 1000.0 } else { number }) as u64
            }
            Some(_) => {
                self.wrong(name, format!("The {name} field must be a number of at least 0."));
                0
            }
        }
    }
}

pub(super) fn secret_of(text: &str) -> Option<[u8; RECORDING_SECRET_BYTES]> {
    let mut secret = [0; RECORDING_SECRET_BYTES];
    let digits = text.as_bytes();
    if digits.len() != secret.len() * 2 {
        return None;
    }
    for (byte, pair) in secret.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(secret)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// Reads a whole number, also as text or as `30.0`, as the validator of the specifications does.
pub(super) fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?;
            (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Converts a number that was already checked against a range.
pub(super) fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
