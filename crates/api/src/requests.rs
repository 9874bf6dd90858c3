//! The app's requests, in the form of either document.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Profile;

/// The request of `POST /videos/init`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({
    "filename": "recording_2024-01-15T10-30-45.webm", "timestamp": "2024-01-15T10-30-45",
    "fps": 30, "codec": "video/webm;codecs=vp9", "bitrate": 2_500_000,
    "resolution": {"width": 1920, "height": 1080}
})))]
#[serde(rename_all = "camelCase")]
pub struct InitRequest {
    /// The name under which the file is offered for download.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255, pattern = "\\S"))]
    pub filename: String,
    /// When the recording began.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::timestamp))]
    pub timestamp: Timestamp,
    /// The frame rate that was asked for. The video's own may vary below it.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 120))]
    pub fps: u32,
    /// The MIME type with its codec (000), or the codec alone (004).
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255, pattern = "\\S"))]
    pub codec: String,
    /// The bitrate that was asked for, in bits per second.
    #[cfg_attr(feature = "openapi", schema(minimum = 100_000, maximum = 10_000_000))]
    pub bitrate: u64,
    /// The size of the picture.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::resolution))]
    pub resolution: Resolution,
    /// Ours: makes the link known before anything is sent, and init idempotent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_id: Option<Uuid>,
    /// Ours: the secret from which the id was made ([`crate::recording_id_of`]), as hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-fA-F]{64}$"))]
    pub recording_secret: Option<String>,
    /// Ours: the title that people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub title: Option<String>,
    /// Ours: 1, 2, …: a greater version replaces the video behind the link once it is finished. Absent
    /// means 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000))]
    pub version: Option<u32>,
    /// Ours: the size of the whole file, if it is a file that exists already. Its type is then told by its content,
    /// its parts may be cut anywhere, and it is refused now if it is too large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub file_bytes: Option<u64>,
    /// Ours: what the person wrote about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 2000))]
    pub description: Option<String>,
}

/// `"2024-01-15T10-30-45"` (000) or `1705314645000` (004).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Timestamp {
    /// Milliseconds since 1970.
    Number(i64),
    /// The local time to the second, with hyphens only.
    Text(String),
}

/// `{"width": 1920, "height": 1080}` (000) or `"1920x1080"` (004).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Resolution {
    /// Two numbers.
    Object {
        /// The width in pixels.
        width: u32,
        /// The height in pixels.
        height: u32,
    },
    /// Both numbers with an `x` between them.
    Text(String),
}

impl Resolution {
    /// Returns width and height, unless the text is malformed.
    pub fn size(&self) -> Option<(u32, u32)> {
        match self {
            Resolution::Object { width, height } => Some((*width, *height)),
            Resolution::Text(text) => {
                let (width, height) = text.split_once('x')?;
                Some((width.parse().ok()?, height.parse().ok()?))
            }
        }
    }
}

/// Whole milliseconds (000) or seconds (004). The number alone doesn't show which, so the cloud
/// computes the duration from the media.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Duration {
    /// Milliseconds.
    Whole(u64),
    /// Seconds.
    Fraction(f64),
}

/// The request of `POST /videos/finalize`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FinalizeRequest {
    /// The upload to complete.
    #[cfg_attr(feature = "openapi", schema(value_type = uuid::Uuid))]
    pub session_id: String,
    /// How many parts there are. For a version with `pieces`, `uploadedChunks` may leave out those that are kept.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 10_000))]
    pub total_chunks: u32,
    /// Their indices, which must be all of them, or all that were sent for a version with `pieces`.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::part_indices))]
    pub uploaded_chunks: Vec<u32>,
    /// The length of the recording.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::duration))]
    pub duration: Duration,
    /// The request of init, for servers that keep nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::metadata, required = false))]
    pub metadata: Option<serde_json::Value>,
}

/// The optional text fields of the form of `POST /screenshots/upload`, beside its `file`. The document
/// (004) knows none of them, and its servers skip them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScreenshotFields {
    /// Makes the link known before the upload, and the upload idempotent.
    pub recording_id: Option<Uuid>,
    /// The secret from which the id was made ([`crate::recording_id_of`]), as hexadecimal digits.
    pub recording_secret: Option<String>,
    /// The title that people see. Only the first one counts; later ones are the owner's to set.
    pub title: Option<String>,
    /// 1, 2, …: a greater version replaces the picture behind the link. Absent means 1.
    pub version: Option<u32>,
}

impl ScreenshotFields {
    /// The name of [`ScreenshotFields::recording_id`] in the form.
    pub const RECORDING_ID: &'static str = "recordingId";
    /// The name of [`ScreenshotFields::recording_secret`] in the form.
    pub const RECORDING_SECRET: &'static str = "recordingSecret";
    /// The name of [`ScreenshotFields::title`] in the form.
    pub const TITLE: &'static str = "title";
    /// The name of [`ScreenshotFields::version`] in the form.
    pub const VERSION: &'static str = "version";
    /// All names.
    pub const NAMES: [&'static str; 4] =
        [Self::RECORDING_ID, Self::RECORDING_SECRET, Self::TITLE, Self::VERSION];

    /// Returns the name and text of each field that is set. They are sent before the file, so that the
    /// server can refuse it early.
    pub fn texts(&self) -> Vec<(&'static str, String)> {
        let fields = [
            (Self::RECORDING_ID, self.recording_id.map(|id| id.to_string())),
            (Self::RECORDING_SECRET, self.recording_secret.clone()),
            (Self::TITLE, self.title.clone()),
            (Self::VERSION, self.version.map(|version| version.to_string())),
        ];
        fields.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
    }
}

/// Holds the facts about a recording that both documents need, before a profile determines the form.
#[derive(Clone, Debug)]
pub struct Media {
    /// The name under which the file is offered for download.
    pub filename: String,
    /// The local time in the form of 000: `2024-01-15T10-30-45`.
    pub started_text: String,
    /// When the recording began.
    pub started_unix_ms: i64,
    /// The frame rate that was asked for.
    pub fps: u32,
    /// The bitrate that was asked for, in bits per second.
    pub bitrate: u64,
    /// The picture's width in pixels.
    pub width: u32,
    /// The picture's height in pixels.
    pub height: u32,
}

impl InitRequest {
    /// Makes a request in the form of the profile's document.
    pub fn new(profile: Profile, media: &Media, recording_id: Option<Uuid>) -> Self {
        let (timestamp, codec, resolution) = match profile {
            Profile::Spec | Profile::SpecStandalone => (
                Timestamp::Text(media.started_text.clone()),
                "video/webm;codecs=vp9",
                Resolution::Object { width: media.width, height: media.height },
            ),
            // The others don't send it.
            Profile::Snaplark
            | Profile::Poster
            | Profile::Storage
            | Profile::S3
            | Profile::Folder => (
                Timestamp::Number(media.started_unix_ms),
                "vp9",
                Resolution::Text(format!("{}x{}", media.width, media.height)),
            ),
        };
        InitRequest {
            filename: media.filename.clone(),
            timestamp,
            fps: media.fps,
            codec: codec.to_owned(),
            bitrate: media.bitrate,
            resolution,
            recording_id,
            recording_secret: None,
            title: None,
            version: None,
            file_bytes: None,
            description: None,
        }
    }
}

impl FinalizeRequest {
    /// Lists the parts that were sent, for a version that keeps parts of the one before. The list is never empty.
    pub fn list_sent(&mut self, is_sent: impl IntoIterator<Item = bool>) {
        let sent = (0..).zip(is_sent).filter_map(|(index, is_sent)| is_sent.then_some(index));
        self.uploaded_chunks = sent.collect();
        if self.uploaded_chunks.is_empty() {
            self.uploaded_chunks.push(0);
        }
    }

    /// Makes a request in the form of the profile's document. It lists all parts and repeats what init
    /// said, without the recording's secret.
    pub fn new(
        profile: Profile,
        session_id: String,
        part_count: u32,
        duration_ms: u64,
        init: &InitRequest,
    ) -> Self {
        FinalizeRequest {
            session_id,
            total_chunks: part_count,
            uploaded_chunks: (0..part_count).collect(),
            duration: match profile {
                Profile::Spec | Profile::SpecStandalone => Duration::Whole(duration_ms),
                Profile::Snaplark
                | Profile::Poster
                | Profile::Storage
                | Profile::S3
                | Profile::Folder => Duration::Fraction(duration_ms as f64 / 1000.0),
            },
            metadata: serde_json::to_value(InitRequest {
                recording_id: None,
                recording_secret: None,
                version: None,
                file_bytes: None,
                description: None,
                ..init.clone()
            })
            .ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media() -> Media {
        Media {
            filename: "recording_2024-01-15T10-30-45.webm".into(),
            started_text: "2024-01-15T10-30-45".into(),
            started_unix_ms: 1_705_314_645_000,
            fps: 30,
            bitrate: 2_500_000,
            width: 1920,
            height: 1080,
        }
    }

    #[test]
    fn spec_writes_what_document_000_shows() {
        let init = InitRequest::new(Profile::Spec, &media(), None);
        assert_eq!(
            serde_json::to_value(&init).unwrap(),
            serde_json::json!({
                "filename": "recording_2024-01-15T10-30-45.webm",
                "timestamp": "2024-01-15T10-30-45",
                "fps": 30,
                "codec": "video/webm;codecs=vp9",
                "bitrate": 2_500_000,
                "resolution": {"width": 1920, "height": 1080}
            })
        );
        let finalize = FinalizeRequest::new(Profile::Spec, "abc".into(), 3, 300_000, &init);
        assert_eq!(
            serde_json::to_value(&finalize).unwrap(),
            serde_json::json!({
                "sessionId": "abc", "totalChunks": 3, "uploadedChunks": [0, 1, 2],
                "duration": 300_000, "metadata": serde_json::to_value(&init).unwrap()
            })
        );
    }

    #[test]
    fn snaplark_writes_what_document_004_shows() {
        let init = InitRequest::new(Profile::Snaplark, &media(), None);
        let json = serde_json::to_value(&init).unwrap();
        assert_eq!(json["timestamp"], 1_705_314_645_000_i64);
        assert_eq!(json["codec"], "vp9");
        assert_eq!(json["resolution"], "1920x1080");
        let finalize = FinalizeRequest::new(Profile::Snaplark, "abc".into(), 1, 30_500, &init);
        assert_eq!(serde_json::to_value(&finalize).unwrap()["duration"], 30.5);
    }

    #[test]
    fn either_form_is_read() {
        for (text, size) in [
            (r#"{"width":64,"height":36}"#, Some((64, 36))),
            (r#""64x36""#, Some((64, 36))),
            (r#""wide""#, None),
        ] {
            let resolution: Resolution = serde_json::from_str(text).unwrap();
            assert_eq!(resolution.size(), size);
        }
    }
}
