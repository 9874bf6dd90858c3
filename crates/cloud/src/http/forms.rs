//! Parses the JSON bodies of init, finalize and others, in the format of either specification, and
//! reports every invalid field. The rules are those of the request classes of seed 000. It reads a
//! `Value`, because serde stops at the first invalid field.

use std::ops::RangeInclusive;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use snaplark_api::{
    RECORDING_SECRET_BYTES, Resolution, is_claimed_by_secret, limits, recording_id_of,
};
use uuid::Uuid;

use super::App;
use super::errors::{ApiError, FieldErrors};
use super::multipart::{Admitted, ChunkFields, Texts, required};
use crate::db::{NewUpload, SessionId, UserId, Visibility};
use crate::media::Media;
use crate::shares::{self, ShareAsk};
use crate::uploads::FinalizeAsk;

/// Seed 000 states no limit for these short texts.
const WORD_CHARS_MAX: usize = 255;
/// A `duration` above this, more than eleven days, can't be in seconds.
const SECONDS_MAX: u64 = 1_000_000;

pub fn init(body: &Value, user: UserId) -> Result<NewUpload, ApiError> {
    let mut form = Form::of(body)?;
    let filename = form.text("filename", limits::FILENAME_CHARS_MAX).map(plain_name);
    if filename.as_deref() == Some("") {
        form.wrong("filename", "The filename field must be a name.".to_owned());
    }
    match form.present("timestamp") {
        Some(Value::String(text)) if text.chars().count() > WORD_CHARS_MAX => {
            let sentence =
                format!("The timestamp field must not be longer than {WORD_CHARS_MAX} characters.");
            form.wrong("timestamp", sentence);
        }
        Some(Value::String(_) | Value::Number(_)) | None => {}
        Some(_) => form.wrong("timestamp", "The timestamp field must be a string.".to_owned()),
    }
    let fps = form.whole("fps", limits::FPS);
    let codec = form.text("codec", WORD_CHARS_MAX);
    let bitrate = form.whole("bitrate", limits::BITRATE);
    let (width, height) = form.resolution();
    let recording_id = form.optional_uuid("recordingId");
    let secret = form.optional_secret("recordingSecret");
    form.optional_text("title", shares::TITLE_CHARS_MAX);
    // Only the fields of the specifications are kept. A client may send secrets or a megabyte of
    // other data along.
    let metadata = json!({
        "timestamp": form.fields.get("timestamp"), "codec": codec, "bitrate": bitrate, "fps": fps,
        "resolution": {"width": width, "height": height},
    })
    .to_string();
    let (Some(filename), Some(fps)) = (filename, fps) else { return Err(form.refused()) };
    form.end()?;
    check_claim(recording_id, secret)?;
    Ok(NewUpload {
        user_id: user,
        recording_id,
        media: Media::Webm,
        filename,
        width,
        height,
        fps: small(fps),
        metadata,
    })
}

/// Checks that an id that was made from a secret matches the secret. So a link that is known from the
/// first second belongs to its creator alone.
fn check_claim(
    id: Option<Uuid>,
    secret: Option<[u8; RECORDING_SECRET_BYTES]>,
) -> Result<(), ApiError> {
    let refused = |code: &str, error: &str, message: &str| {
        Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, error, message).coded(code))
    };
    match (id, secret) {
        (Some(id), None) if is_claimed_by_secret(id) => refused(
            "recording_secret_needed",
            "Recording secret needed",
            "A recordingId of version 8 is made from a secret. Send it as recordingSecret, or use another id.",
        ),
        (id, Some(secret)) if id != Some(recording_id_of(&secret)) => refused(
            "recording_secret_wrong",
            "Recording secret is wrong",
            "The recordingId is not the one that this recordingSecret makes.",
        ),
        (None, None) | (Some(_), None | Some(_)) | (None, Some(_)) => Ok(()),
    }
}

pub fn finalize(body: &Value) -> Result<(SessionId, FinalizeAsk), ApiError> {
    let mut form = Form::of(body)?;
    let session = form.text("sessionId", WORD_CHARS_MAX);
    let total = form.whole("totalChunks", 1..=i64::from(limits::PARTS_MAX));
    let uploaded = form.indices("uploadedChunks");
    let duration_hint_ms = form.duration("duration");
    if let Some(metadata) = form.fields.get("metadata")
        && !matches!(metadata, Value::Object(_) | Value::Array(_) | Value::Null)
    {
        form.wrong("metadata", "The metadata field must be an object.".to_owned());
    }
    let (Some(session), Some(total)) = (session, total) else { return Err(form.refused()) };
    form.end()?;
    let ask = FinalizeAsk { parts_total: small(total), uploaded, duration_hint_ms, filename: None };
    Ok((session_id(&session)?, ask))
}

/// Parses a change of a link's settings. An absent field stays as it is; `expiresUnixMs: null`
/// removes the expiry.
pub fn share(body: &Value) -> Result<ShareAsk, ApiError> {
    let mut form = Form::of(body)?;
    let title = form.optional_text("title", shares::TITLE_CHARS_MAX);
    let description = form.optional_text("description", shares::DESCRIPTION_CHARS_MAX);
    let password = form.optional_text("password", WORD_CHARS_MAX);
    let word = form.optional_text("visibility", WORD_CHARS_MAX);
    let visibility =
        Visibility::ALL.into_iter().find(|known| word.as_deref() == Some(known.name()));
    if word.is_some() && visibility.is_none() {
        let names = Visibility::ALL.map(Visibility::name).join(", ");
        form.wrong("visibility", format!("The visibility field must be one of {names}."));
    }
    let expires_ms = match form.fields.get("expiresUnixMs") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(value) => Some(form.check_whole("expiresUnixMs", whole(value), &(0..=i64::MAX))),
    };
    form.end()?;
    Ok(ShareAsk { title, description, visibility, password, expires_ms })
}

/// Seed 000: `POST /videos/chunk`.
pub struct VideoChunk;

impl ChunkFields for VideoChunk {
    const TEXTS: &'static [&'static str] = &["sessionId", "chunkIndex"];
    const IS_ANNOUNCED: bool = false;

    async fn admit(app: &App, user: UserId, texts: &Texts) -> Result<Admitted, ApiError> {
        let mut errors = FieldErrors::new();
        let mut wrong = |name: &str, sentence: String| {
            errors.insert(name.to_owned(), vec![sentence]);
        };
        let session = texts.get("sessionId");
        if session.is_none() {
            wrong("sessionId", required("sessionId"));
        }
        let index = match texts.get("chunkIndex") {
            Some(text) => chunk_index(text, "chunkIndex"),
            None => Err(required("chunkIndex")),
        };
        if let Err(sentence) = &index {
            wrong("chunkIndex", sentence.clone());
        }
        let (Some(session), Ok(index)) = (session, index) else {
            return Err(ApiError::invalid(errors));
        };
        let (upload, allowance) = app.uploads.admit(user, session_id(session)?, index).await?;
        Ok(Admitted { upload, index, allowance })
    }
}

/// Parses a session id. An id that is not a UUID names no session.
pub fn session_id(text: &str) -> Result<SessionId, ApiError> {
    text.trim().parse().map(SessionId).map_err(|_| ApiError::not_found())
}

/// Seed 000: `regex:/^\d+$/`.
pub fn chunk_index(text: &str, name: &str) -> Result<u32, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err(format!("The {name} field must be a whole number, 0 or above."));
    }
    text.parse()
        .ok()
        .filter(|index| *index < limits::PARTS_MAX)
        .ok_or_else(|| format!("The {name} field must be less than {}.", limits::PARTS_MAX))
}

/// A JSON object that is read field by field. It collects an error for every invalid field.
pub struct Form<'a> {
    fields: &'a Map<String, Value>,
    errors: FieldErrors,
}

impl<'a> Form<'a> {
    pub fn of(body: &'a Value) -> Result<Self, ApiError> {
        match body {
            Value::Object(fields) => Ok(Form { fields, errors: FieldErrors::new() }),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(ApiError::field("body", "The body must be a JSON object.")),
        }
    }

    pub fn wrong(&mut self, name: &str, sentence: String) {
        self.errors.entry(name.to_owned()).or_default().push(sentence);
    }

    pub fn refused(self) -> ApiError {
        ApiError::invalid(self.errors)
    }

    pub fn end(self) -> Result<(), ApiError> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.refused()) }
    }

    /// Returns a required field, which must not be absent, null or an empty text.
    fn present(&mut self, name: &str) -> Option<&'a Value> {
        let value = self.fields.get(name).filter(|value| !is_empty(value));
        if value.is_none() {
            self.wrong(name, format!("The {name} field is required."));
        }
        value
    }

    pub fn text(&mut self, name: &str, chars_max: usize) -> Option<String> {
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

    pub fn optional_text(&mut self, name: &str, chars_max: usize) -> Option<String> {
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

    pub fn whole(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.present(name)?;
        self.check_whole(name, whole(value), &range)
    }

    fn check_whole(
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
    fn resolution(&mut self) -> (u32, u32) {
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

    fn optional_uuid(&mut self, name: &str) -> Option<Uuid> {
        let value = self.fields.get(name).filter(|value| !value.is_null())?;
        let uuid =
            value.as_str().and_then(|text| text.parse().ok()).filter(|id: &Uuid| !id.is_nil());
        if uuid.is_none() {
            self.wrong(name, format!("The {name} field must be a UUID."));
        }
        uuid
    }

    fn optional_secret(&mut self, name: &str) -> Option<[u8; RECORDING_SECRET_BYTES]> {
        let value = self.fields.get(name).filter(|value| !value.is_null())?;
        let secret = value.as_str().and_then(secret_of);
        if secret.is_none() {
            let digits = RECORDING_SECRET_BYTES * 2;
            self.wrong(name, format!("The {name} field must be {digits} hexadecimal digits."));
        }
        secret
    }

    fn indices(&mut self, name: &str) -> Vec<u32> {
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
    fn duration(&mut self, name: &str) -> u64 {
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

fn secret_of(text: &str) -> Option<[u8; RECORDING_SECRET_BYTES]> {
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
fn whole(value: &Value) -> Option<i64> {
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
fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// Returns a file name without its folders and control characters. It is displayed, and never used as
/// a path.
pub fn plain_name(name: String) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = last.chars().filter(|c| !c.is_control()).take(limits::FILENAME_CHARS_MAX);
    let plain: String = plain.collect();
    let plain = plain.trim();
    if plain.bytes().all(|b| b == b'.') { String::new() } else { plain.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn user() -> UserId {
        UserId(Uuid::from_u128(1))
    }

    fn errors(refused: ApiError) -> Vec<String> {
        refused.fields().keys().cloned().collect()
    }

    #[test]
    fn every_wrong_field_is_named() {
        let refused = init(&json!({}), user()).unwrap_err();
        assert_eq!(
            errors(refused),
            ["bitrate", "codec", "filename", "fps", "resolution", "timestamp"]
        );
        let refused = init(
            &json!({"filename": "a".repeat(256), "timestamp": [], "fps": 121, "codec": 9,
                "bitrate": 99_999, "resolution": {"width": 0, "height": 4321}, "recordingId": "x"}),
            user(),
        )
        .unwrap_err();
        assert_eq!(
            errors(refused),
            [
                "bitrate",
                "codec",
                "filename",
                "fps",
                "recordingId",
                "resolution.height",
                "resolution.width",
                "timestamp"
            ]
        );
    }

    #[test]
    fn names_lose_their_folders() {
        for (name, plain) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\videos\\a.webm", "a.webm"),
            ("a\u{0}b\n.webm", "ab.webm"),
            ("..", ""),
            ("a/", ""),
        ] {
            assert_eq!(plain_name(name.to_owned()), plain);
        }
    }

    #[test]
    fn indices_are_digits() {
        assert_eq!(chunk_index("0", "x"), Ok(0));
        assert_eq!(chunk_index("9999", "x"), Ok(9999));
        for text in ["", "-1", "+1", "1.0", "one", "10000", "99999999999999999999", "٣"] {
            assert!(chunk_index(text, "x").is_err(), "{text}");
        }
    }

    #[test]
    fn finalize_takes_both_documents_durations() {
        let body = |duration: Value| {
            json!({"sessionId": Uuid::from_u128(7).to_string(), "totalChunks": 1, "uploadedChunks": [0],
                "duration": duration})
        };
        assert_eq!(finalize(&body(json!(300_000))).unwrap().1.duration_hint_ms, 300_000);
        assert_eq!(finalize(&body(json!(30.5))).unwrap().1.duration_hint_ms, 30_500);
        for wrong in [json!(-1), json!("soon"), json!(null), json!([])] {
            assert_eq!(errors(finalize(&body(wrong)).unwrap_err()), ["duration"]);
        }
    }
}
