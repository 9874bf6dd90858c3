//! The cloud's responses, with the union of both documents' fields. A server of one document sends half
//! of them, so the app treats every field as optional and reads them through the methods.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::untrusted::is_web_link;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InitAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    pub session_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChunkAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_chunk_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_chunks_received: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl ChunkAnswer {
    /// Returns whether this acknowledges that part: the index is echoed, the session is not another
    /// one, and no field denies it. A captive portal's page or a proxy's own JSON does not pass.
    pub fn acknowledges(&self, session_id: &str, index: u32) -> bool {
        self.received_chunk_index.or(self.chunk_index) == Some(index)
            && self.session_id.as_deref().is_none_or(|echo| echo == session_id)
            && self.success != Some(false)
            && self.received != Some(false)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FinalizeAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl FinalizeAnswer {
    /// Returns the address to share: the page if there is one, else the file's own. A link that is not
    /// an http(s) address is ignored.
    pub fn link(&self) -> Option<&str> {
        let links = [self.video_url.as_deref(), self.url.as_deref()];
        links.into_iter().flatten().find(|link| is_web_link(link))
    }
}

/// The response of `POST /screenshots/upload`. A server of 004 alone sends only `url`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScreenshotAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The address to share.
    pub url: String,
    /// The address of the image alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// Ours: the page that shows it, subject to the owner's sharing settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Every response that is not a 2xx.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorAnswer {
    pub success: bool,
    pub error: String,
    /// Ours: a code for programs, for cases in which the status alone doesn't say what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_chunks: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VideoState {
    Initialized,
    Uploading,
    Finalizing,
    Completed,
    Failed,
    Expired,
}

impl VideoState {
    pub const ALL: [VideoState; 6] = [
        VideoState::Initialized,
        VideoState::Uploading,
        VideoState::Finalizing,
        VideoState::Completed,
        VideoState::Failed,
        VideoState::Expired,
    ];

    /// Returns the documents' name of the state, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            VideoState::Initialized => "initialized",
            VideoState::Uploading => "uploading",
            VideoState::Finalizing => "finalizing",
            VideoState::Completed => "completed",
            VideoState::Failed => "failed",
            VideoState::Expired => "expired",
        }
    }
}

/// The response of `GET /videos/{sessionId}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VideoStatus {
    pub success: bool,
    pub session_id: String,
    pub video_id: String,
    pub video_url: String,
    pub state: VideoState,
    pub received_chunks: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_chunks: Option<u32>,
    pub size_bytes: u64,
    pub duration_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_unix_ms: Option<i64>,
    /// Parts that the server's storage has damaged: the same bytes must be sent again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub damaged_chunks: Vec<u32>,
}

/// The response of `GET /videos`: the account's own videos, newest first. In a list `received_chunks`
/// is empty. So is `damaged_chunks`, except with `?damaged=true`, which lists only damaged videos.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VideoList {
    pub success: bool,
    pub videos: Vec<VideoStatus>,
    /// The cursor of the next page, if there are more: `GET /videos?cursor=…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_documents_chunk_answer_acknowledges() {
        for text in [
            r#"{"success":true,"receivedChunkIndex":3,"sessionId":"s","totalChunksReceived":1,"message":"Chunk received"}"#,
            r#"{"received":true,"chunkIndex":3}"#,
        ] {
            let answer: ChunkAnswer = serde_json::from_str(text).unwrap();
            assert!(answer.acknowledges("s", 3), "{text}");
            assert!(!answer.acknowledges("s", 4), "{text}");
        }
    }

    #[test]
    fn what_echoes_nothing_does_not_acknowledge() {
        for text in [
            "{}",
            r#"{"success":true}"#,
            r#"{"receivedChunkIndex":3,"sessionId":"other"}"#,
            r#"{"received":false,"chunkIndex":3}"#,
        ] {
            let answer: ChunkAnswer = serde_json::from_str(text).unwrap();
            assert!(!answer.acknowledges("s", 3), "{text}");
        }
    }
}
