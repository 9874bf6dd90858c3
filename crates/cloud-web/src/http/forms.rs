//! Parses the JSON bodies of init, finalize and others, in the format of either specification, and
//! reports every invalid field. The rules are those of the request classes of seed 000.

use std::ops::RangeInclusive;

use axum::http::StatusCode;
use serde_json::{Value, json};
use snaplark_api::{
    KeptBytes, PiecesRequest, RECORDING_SECRET_BYTES, ScreenshotFields, ShownStretch,
    VersionChapter, VersionPiece, codes, is_claimed_by_secret, limits, recording_id_of,
};
use snaplark_formats::sniff::MediaKind;
use uuid::Uuid;

use super::app::App;
use super::errors::{ApiError, FieldErrors};
use super::json_form::{JsonForm, secret_of, small, whole};
use super::multipart::{Admitted, ChunkFields, Texts, required};
use snaplark_cloud::shares::{self, ShareAsk};
use snaplark_cloud::uploads::FinalizeAsk;
use snaplark_cloud_data::db::{NewUpload, SessionId, UserId, Visibility};

/// Seed 000 states no limit for these short texts.
const WORD_CHARS_MAX: usize = 255;

pub(crate) fn init(body: &Value, user: UserId) -> Result<NewUpload, ApiError> {
    let mut form = JsonForm::of(body)?;
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
    form.optional_text("description", shares::DESCRIPTION_CHARS_MAX);
    let version = form.version();
    let is_file = form.optional_whole("fileBytes", FILE_BYTES).is_some();
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
        // Without an id each upload is a new video, and a version means nothing.
        version: recording_id.map_or(1, |_| version),
        // A file that exists already is cut anywhere, and shows its type by its first part and at the end.
        media: if is_file { MediaKind::Unknown } else { MediaKind::Webm },
        filename,
        width,
        height,
        fps: small(fps),
        metadata,
        may_replace: secret.is_some(),
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
            codes::RECORDING_SECRET_NEEDED,
            "Recording secret needed",
            "A recordingId of version 8 is made from a secret. Send it as recordingSecret, or use another id.",
        ),
        (id, Some(secret)) if id != Some(recording_id_of(&secret)) => refused(
            codes::RECORDING_SECRET_WRONG,
            "Recording secret is wrong",
            "The recordingId is not the one that this recordingSecret makes.",
        ),
        (None, None) | (Some(_), None | Some(_)) | (None, Some(_)) => Ok(()),
    }
}

/// The optional fields of a screenshot's form.
#[derive(Debug)]
pub(crate) struct ScreenshotAsk {
    pub(crate) recording_id: Option<Uuid>,
    pub(crate) version: u32,
    pub(crate) title: Option<String>,
    /// The client has shown the secret from which the id is made.
    pub(crate) is_proved: bool,
}

/// Reads the optional fields of a screenshot's form. Without an id each upload is a new screenshot, and a
/// version means nothing.
pub(crate) fn screenshot(texts: &Texts) -> Result<ScreenshotAsk, ApiError> {
    let mut errors = FieldErrors::new();
    let mut wrong = |name: &str, sentence: String| {
        errors.insert(name.to_owned(), vec![sentence]);
    };
    let id = texts.get(ScreenshotFields::RECORDING_ID);
    let recording_id = id.and_then(|id| id.parse().ok()).filter(|id: &Uuid| !id.is_nil());
    if id.is_some() && recording_id.is_none() {
        wrong(ScreenshotFields::RECORDING_ID, "The recordingId field must be a UUID.".to_owned());
    }
    let secret_text = texts.get(ScreenshotFields::RECORDING_SECRET);
    let secret = secret_text.and_then(secret_of);
    if secret_text.is_some() && secret.is_none() {
        let digits = RECORDING_SECRET_BYTES * 2;
        let sentence = format!("The recordingSecret field must be {digits} hexadecimal digits.");
        wrong(ScreenshotFields::RECORDING_SECRET, sentence);
    }
    let title = texts.get(ScreenshotFields::TITLE).map(str::to_owned);
    if title.as_ref().is_some_and(|title| title.chars().count() > shares::TITLE_CHARS_MAX) {
        let max = shares::TITLE_CHARS_MAX;
        let sentence = format!("The title field must be a string of at most {max} characters.");
        wrong(ScreenshotFields::TITLE, sentence);
    }
    let range = limits::SCREENSHOT_VERSIONS;
    let version = match texts.get(ScreenshotFields::VERSION).filter(|_| id.is_some()) {
        None => Some(*range.start()),
        Some(text) => text.parse().ok().filter(|version| range.contains(version)),
    };
    if version.is_none() {
        let sentence =
            format!("The version field must be between {} and {}.", range.start(), range.end());
        wrong(ScreenshotFields::VERSION, sentence);
    }
    let Some(version) = version.filter(|_| errors.is_empty()) else {
        return Err(ApiError::invalid(errors));
    };
    check_claim(recording_id, secret)?;
    Ok(ScreenshotAsk { recording_id, version, title, is_proved: secret.is_some() })
}

pub(crate) fn finalize(body: &Value) -> Result<(SessionId, FinalizeAsk), ApiError> {
    let mut form = JsonForm::of(body)?;
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

/// Parses the list of pieces of a version.
pub(crate) fn pieces(body: &Value) -> Result<PiecesRequest, ApiError> {
    let mut form = JsonForm::of(body)?;
    let range = limits::VIDEO_VERSIONS;
    let from_version =
        form.whole("fromVersion", i64::from(*range.start())..=i64::from(*range.end()));
    let pieces = form.objects("pieces", limits::PIECES_MAX as usize, piece);
    if pieces.is_empty() && form.errors.is_empty() {
        form.wrong("pieces", required("pieces"));
    }
    let parts = pieces.iter().fold(0, |sum: u32, piece| sum.saturating_add(piece.parts_count()));
    if parts > limits::PIECES_MAX {
        let sentence = format!("The pieces field may have at most {} parts.", limits::PIECES_MAX);
        form.wrong("pieces", sentence);
    }
    let times = form.objects("times", limits::STRETCHES_MAX, stretch);
    let mut by_source: Vec<_> = times.iter().map(|it| (it.from_ms, it.to_ms)).collect();
    by_source.sort_unstable();
    let in_order = times.windows(2).all(|two| {
        two[0].at_ms.saturating_add(two[0].to_ms.saturating_sub(two[0].from_ms)) <= two[1].at_ms
    });
    if !in_order || by_source.windows(2).any(|two| two[0].1 > two[1].0) {
        let sentence = "The times field must list stretches in the order of atMs, without overlap.";
        form.wrong("times", sentence.to_owned());
    }
    let chapters = form.objects("chapters", limits::CHAPTERS_MAX, chapter);
    let Some(from_version) = from_version else { return Err(form.refused()) };
    form.end()?;
    Ok(PiecesRequest { from_version: small(from_version), pieces, times, chapters })
}

/// The sizes of files that can be sent at all.
const FILE_BYTES: RangeInclusive<i64> =
    1..=limits::PARTS_MAX as i64 * limits::PART_BYTES_MAX as i64;
const TIME: RangeInclusive<i64> = 0..=limits::TIME_MS_MAX as i64;
/// Above the size of every object.
const OFFSET: RangeInclusive<i64> = 0..=1 << 40;
const SHA256_DIGITS: usize = 64;

fn piece(item: &mut JsonForm<'_>) -> Option<VersionPiece> {
    let shift = -(limits::TIME_MS_MAX as i64)..=limits::TIME_MS_MAX as i64;
    let shift_ms = match item.fields.get("shiftMs") {
        None => Some(0),
        Some(value) => item.check_whole("shiftMs", whole(value), &shift),
    };
    let keep = match item.fields.get("keep") {
        None | Some(Value::Null) => None,
        Some(Value::Object(fields)) => {
            let mut inner = item.inner("keep", fields);
            let keep = kept_range(&mut inner);
            let errors = inner.errors;
            item.errors.extend(errors);
            Some(keep?)
        }
        Some(_) => {
            item.wrong("keep", "The keep field must be an object.".to_owned());
            return None;
        }
    };
    Some(VersionPiece { keep, shift_ms: shift_ms? })
}

fn kept_range(item: &mut JsonForm<'_>) -> Option<KeptBytes> {
    let chunk_index = item.whole("chunkIndex", 0..=i64::from(limits::PARTS_MAX) - 1);
    let start = item.whole("start", OFFSET);
    let end = item.whole("end", OFFSET);
    let sha256 = item.text("sha256", SHA256_DIGITS)?;
    if sha256.len() != SHA256_DIGITS || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        item.wrong(
            "sha256",
            format!("The sha256 field must be {SHA256_DIGITS} hexadecimal digits."),
        );
    }
    let (start, end) = (start?.unsigned_abs(), end?.unsigned_abs());
    if start >= end {
        item.wrong("end", "The end field must be greater than start.".to_owned());
    }
    let more_parts = match item.fields.get("moreParts") {
        None => Some(0),
        Some(value) => {
            let range = 0..=i64::from(limits::PARTS_MAX) - 1;
            item.check_whole("moreParts", whole(value), &range)
        }
    };
    let more_parts = small(more_parts?);
    if more_parts > 0 && start > 0 {
        item.wrong("start", "The start field must be 0 where several parts are kept.".to_owned());
    }
    Some(KeptBytes { chunk_index: small(chunk_index?), start, end, sha256, more_parts })
}

fn stretch(item: &mut JsonForm<'_>) -> Option<ShownStretch> {
    let from_ms = item.whole("fromMs", TIME);
    let to_ms = item.whole("toMs", TIME);
    let at_ms = item.whole("atMs", TIME)?.unsigned_abs();
    let (from_ms, to_ms) = (from_ms?.unsigned_abs(), to_ms?.unsigned_abs());
    if from_ms >= to_ms {
        item.wrong("toMs", "The toMs field must be greater than fromMs.".to_owned());
    }
    Some(ShownStretch { from_ms, to_ms, at_ms })
}

fn chapter(item: &mut JsonForm<'_>) -> Option<VersionChapter> {
    let source_ms = item.whole("sourceMs", TIME);
    let title = item.text("title", limits::CHAPTER_CHARS_MAX)?;
    Some(VersionChapter { source_ms: source_ms?.unsigned_abs(), title })
}

/// Parses a change of a link's settings. An absent field stays as it is; `expiresUnixMs: null`
/// removes the expiry.
pub(crate) fn share(body: &Value) -> Result<ShareAsk, ApiError> {
    let mut form = JsonForm::of(body)?;
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
    let downloads = form.optional_flag("downloads");
    let counts_watching = form.optional_flag("countsWatching");
    form.end()?;
    Ok(ShareAsk {
        title,
        description,
        visibility,
        password,
        expires_ms,
        downloads,
        counts_watching,
    })
}

/// Seed 000: `POST /videos/chunk`.
pub(crate) struct VideoChunk;

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
pub(crate) fn session_id(text: &str) -> Result<SessionId, ApiError> {
    text.trim().parse().map(SessionId).map_err(|_| ApiError::not_found())
}

/// Seed 000: `regex:/^\d+$/`.
pub(crate) fn chunk_index(text: &str, name: &str) -> Result<u32, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err(format!("The {name} field must be a whole number, 0 or above."));
    }
    text.parse()
        .ok()
        .filter(|index| *index < limits::PARTS_MAX)
        .ok_or_else(|| format!("The {name} field must be less than {}.", limits::PARTS_MAX))
}

/// Returns a file name without its folders and control characters. It is displayed, and never used as
/// a path.
pub(crate) fn plain_name(name: String) -> String {
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
    fn every_wrong_field_of_a_piece_is_named() {
        let sha256 = "ab".repeat(32);
        let keep = json!({"chunkIndex": 3, "start": 0, "end": 9, "sha256": sha256});
        let fine = json!({
            "fromVersion": 1, "pieces": [{"keep": keep, "shiftMs": -4}, {"shiftMs": 5}, {}],
            "times": [{"fromMs": 5, "toMs": 9, "atMs": 0}, {"fromMs": 0, "toMs": 5, "atMs": 4}],
            "chapters": [{"sourceMs": 5, "title": "a"}],
        });
        let read = pieces(&fine).unwrap();
        assert_eq!((read.pieces[0].shift_ms, read.pieces[1].shift_ms), (-4, 5));
        assert_eq!(read.pieces[0].keep.as_ref().unwrap().end, 9);
        assert_eq!((read.times[1].at_ms, read.chapters[0].source_ms), (4, 5));
        for (wrong, names) in [
            (json!({}), &["fromVersion"][..]),
            (json!({"fromVersion": 1, "pieces": []}), &["pieces"]),
            (json!({"fromVersion": 0, "pieces": [1]}), &["fromVersion", "pieces.0"]),
            (
                json!({"fromVersion": 1, "pieces": [{}, {"shiftMs": "x", "keep": {"sha256": "g"}}]}),
                &[
                    "pieces.1.keep.chunkIndex",
                    "pieces.1.keep.end",
                    "pieces.1.keep.sha256",
                    "pieces.1.keep.start",
                    "pieces.1.shiftMs",
                ],
            ),
            (
                json!({"fromVersion": 1, "pieces": [{}],
                    "times": [{"fromMs": 0, "toMs": 5, "atMs": 0}, {"fromMs": 4, "toMs": 9, "atMs": 5}]}),
                &["times"],
            ),
            (
                json!({"fromVersion": 1, "pieces": [{}], "times": [{"fromMs": 5, "toMs": 5, "atMs": 0}],
                    "chapters": [{"sourceMs": -1, "title": " "}]}),
                &["chapters.0.sourceMs", "chapters.0.title", "times.0.toMs"],
            ),
        ] {
            assert_eq!(errors(pieces(&wrong).unwrap_err()), names, "{wrong}");
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
