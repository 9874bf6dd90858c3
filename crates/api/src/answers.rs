//! The cloud's responses, with the union of both documents' fields. A server of one document sends half
//! of them, so the app treats every field as optional and reads them through the methods.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::untrusted::is_web_link;

/// The response of `POST /videos/init`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct InitAnswer {
    /// True, from servers of 000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// The upload's id, which every later request names.
    #[cfg_attr(feature = "openapi", schema(value_type = uuid::Uuid))]
    pub session_id: String,
    /// The id of the video that the upload becomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = uuid::Uuid))]
    pub video_id: Option<String>,
    /// The address of the video's page, which exists from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_url: Option<String>,
    /// A sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The response of `POST /videos/chunk`. 000 echoes the index as `receivedChunkIndex`, 004 as `chunkIndex`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ChunkAnswer {
    /// True, from servers of 000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// The index of the stored part, from servers of 000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received_chunk_index: Option<u32>,
    /// The upload to which the part belongs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = uuid::Uuid))]
    pub session_id: Option<String>,
    /// How many parts of the upload the server has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_chunks_received: Option<u32>,
    /// True, from servers of 004.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<bool>,
    /// The index of the stored part, from servers of 004.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk_index: Option<u32>,
    /// A sentence for people.
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

/// The response of `POST /videos/finalize`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct FinalizeAnswer {
    /// True, from servers of 000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// The upload that is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = uuid::Uuid))]
    pub session_id: Option<String>,
    /// The id of the video.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = uuid::Uuid))]
    pub video_id: Option<String>,
    /// The address of the video's page, from servers of 000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_url: Option<String>,
    /// The file's name in the server's storage, from servers of 004.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The file's own address, from servers of 004.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Ours: the version that is behind the link now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// A sentence for people.
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ScreenshotAnswer {
    /// True, from our servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// The screenshot's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = uuid::Uuid))]
    pub id: Option<String>,
    /// The address to share.
    pub url: String,
    /// The address of the image alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,
    /// Ours: the page that shows it, subject to the owner's sharing settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_url: Option<String>,
    /// The image's width in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// The image's height in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// The size of the stored image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Ours: the version that is behind the link now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// A sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl ScreenshotAnswer {
    /// Returns the address to share: the page if there is one, else the image's own. A link that is
    /// not an http(s) address is ignored.
    pub fn link(&self) -> Option<&str> {
        let links = [self.page_url.as_deref(), Some(self.url.as_str())];
        links.into_iter().flatten().find(|link| is_web_link(link))
    }
}

/// Every response that is not a 2xx.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Error))]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorAnswer {
    /// Always false.
    #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::always_false, required = true))]
    pub success: bool,
    /// A few words that name the kind of error.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub error: String,
    /// Ours: a code for programs, for cases in which the status alone doesn't say what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Option<String>,
    /// A sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = true))]
    pub message: Option<String>,
    /// The problem of each field of a form, by the field's name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, Vec<String>>,
    /// The parts that finalize lacks, by their index.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing_chunks: Vec<u32>,
    /// Ours: the version of the picture that is behind the link, with the code `newerVersion`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = u32))]
    pub served_version: Option<u32>,
}

/// How far an upload has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum VideoState {
    /// The upload has an address and no parts yet.
    Initialized,
    /// At least one part has arrived.
    Uploading,
    /// All parts are there, and the video is being put together.
    Finalizing,
    /// The video is complete.
    Completed,
    /// The video could not be put together.
    Failed,
    /// Nothing was sent for a day, so the parts were deleted.
    Expired,
}

impl VideoState {
    /// All states, in the order in which an upload passes through them.
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VideoStatus {
    /// Always true.
    pub success: bool,
    /// The upload's id.
    #[cfg_attr(feature = "openapi", schema(value_type = uuid::Uuid))]
    pub session_id: String,
    /// The id of the video that the upload becomes.
    #[cfg_attr(feature = "openapi", schema(value_type = uuid::Uuid))]
    pub video_id: String,
    /// The address of the video's page.
    pub video_url: String,
    /// How far the upload has come.
    pub state: VideoState,
    /// The parts that the server has, by their index.
    pub received_chunks: Vec<u32>,
    /// How many parts there are, once the upload is finalized.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = u32))]
    pub total_chunks: Option<u32>,
    /// The size of all parts that the server has.
    pub size_bytes: u64,
    /// The length of what the server has.
    pub duration_ms: u64,
    /// The name that the app gave the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = true))]
    pub filename: Option<String>,
    /// When the upload began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = u64, required = true))]
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
    /// Always true.
    pub success: bool,
    /// The videos of this page.
    pub videos: Vec<VideoStatus>,
    /// The cursor of the next page, if there are more: `GET /videos?cursor=…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screenshots_link_is_its_page_or_else_the_image() {
        let of = |text: &str| {
            let answer: ScreenshotAnswer = serde_json::from_str(text).unwrap();
            answer.link().map(str::to_owned)
        };
        // 004's answer has only `url`.
        assert_eq!(of(r#"{"url":"https://a/b.png"}"#).as_deref(), Some("https://a/b.png"));
        let both = r#"{"url":"https://a/b.png","pageUrl":"https://a/b","version":2}"#;
        assert_eq!(of(both).as_deref(), Some("https://a/b"));
        assert_eq!(of(r#"{"url":"javascript:alert(1)","pageUrl":"file:///etc"}"#), None);
        assert_eq!(of("{}"), None);
    }

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
