//! The app's requests, in the form of either document.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Profile;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InitRequest {
    pub filename: String,
    pub timestamp: Timestamp,
    pub fps: u32,
    pub codec: String,
    pub bitrate: u64,
    pub resolution: Resolution,
    /// Ours: makes the link known before anything is sent, and init idempotent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_id: Option<Uuid>,
    /// Ours: the secret from which the id was made ([`crate::recording_id_of`]), as hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording_secret: Option<String>,
    /// Ours: the title that people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// `"2024-01-15T10-30-45"` (000) or `1705314645000` (004).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Timestamp {
    Number(i64),
    Text(String),
}

/// `{"width": 1920, "height": 1080}` (000) or `"1920x1080"` (004).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Resolution {
    Object { width: u32, height: u32 },
    Text(String),
}

impl Resolution {
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
    Whole(u64),
    Fraction(f64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FinalizeRequest {
    pub session_id: String,
    pub total_chunks: u32,
    pub uploaded_chunks: Vec<u32>,
    pub duration: Duration,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Value>,
}

/// Holds the facts about a recording that both documents need, before a profile determines the form.
#[derive(Clone, Debug)]
pub struct Media {
    pub filename: String,
    /// Local time in the form of 000: `2024-01-15T10-30-45`.
    pub started_text: String,
    pub started_unix_ms: i64,
    pub fps: u32,
    pub bitrate: u64,
    pub width: u32,
    pub height: u32,
}

impl InitRequest {
    pub fn new(profile: Profile, media: &Media, recording_id: Option<Uuid>) -> Self {
        let (timestamp, codec, resolution) = match profile {
            Profile::Spec | Profile::SpecStandalone => (
                Timestamp::Text(media.started_text.clone()),
                "video/webm;codecs=vp9",
                Resolution::Object { width: media.width, height: media.height },
            ),
            Profile::Snaplark => (
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
        }
    }
}

impl FinalizeRequest {
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
                Profile::Snaplark => Duration::Fraction(duration_ms as f64 / 1000.0),
            },
            metadata: serde_json::to_value(InitRequest {
                recording_id: None,
                recording_secret: None,
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
