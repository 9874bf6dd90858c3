//! Schemas of forms, and of bodies that handlers read and write without a type of their own. The test
//! `cloud openapi` compares every answer of the server with them.
#![expect(dead_code, reason = "only the shape of these types is used")]

use serde_json::json;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[schema(as = ChunkForm)]
pub(crate) struct ChunkFormSchema {
    session_id: Uuid,
    #[schema(pattern = "^[0-9]+$")]
    chunk_index: String,
    /// WebM, at most 10485760 bytes.
    #[schema(value_type = String, format = Binary)]
    chunk: Vec<u8>,
}

/// A change of a link's settings. An absent field stays as it is; `expiresUnixMs: null` removes the
/// expiry.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ShareRequest {
    #[schema(max_length = 200)]
    title: Option<String>,
    #[schema(max_length = 2000)]
    description: Option<String>,
    #[schema(schema_with = visibility_or_null, required = false)]
    visibility: Option<VisibilitySchema>,
    #[schema(min_length = 6)]
    password: Option<String>,
    expires_unix_ms: Option<i64>,
    /// Whether the page offers the video as a download. Only of videos.
    downloads: Option<bool>,
    /// Whether it is counted how far the video is watched. `false` also deletes what was counted.
    counts_watching: Option<bool>,
}

fn visibility_or_null() -> Schema {
    let json = json!({
        "type": ["string", "null"], "enum": ["link", "members", "password", null],
    });
    serde_json::from_value(json).expect("a JSON schema that is written above")
}

/// The people who may see a video.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[schema(as = Visibility)]
pub(crate) enum VisibilitySchema {
    Link,
    Members,
    Password,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[schema(as = JobState)]
pub(crate) enum JobStateSchema {
    Waiting,
    Running,
    Done,
    Failed,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Done {
    success: bool,
    session_id: Uuid,
    message: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[schema(as = Address)]
pub(crate) struct AddressSchema {
    success: bool,
    url: String,
    expires_unix_ms: u64,
}

#[derive(ToSchema)]
#[schema(as = User)]
pub(crate) struct UserSchema {
    id: Uuid,
    name: String,
    email: String,
}

/// A form with the image in one of the two fields. The image is stored without its metadata.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ScreenshotForm {
    /// PNG, JPEG, WebP or GIF, recognised by its bytes; at most 26214400 bytes.
    #[schema(value_type = String, format = Binary, required = false)]
    file: Vec<u8>,
    /// Another name of the same field.
    #[schema(value_type = String, format = Binary, required = false)]
    capture: Vec<u8>,
    /// Makes the link known before the upload, and the upload idempotent.
    #[schema(value_type = Uuid, required = false)]
    recording_id: Uuid,
    /// The secret from which an id of version 8 was made.
    #[schema(required = false, pattern = "^[0-9a-fA-F]{64}$")]
    recording_secret: String,
    /// The title that people see. Later ones are set by a change of the link's settings.
    #[schema(required = false, max_length = 200)]
    title: String,
    /// 1, 2, …: a greater version replaces the image behind the link of the recordingId.
    #[schema(required = false, pattern = "^[0-9]+$")]
    version: String,
}

#[derive(ToSchema)]
pub(crate) struct ScreenshotRemoved {
    success: bool,
    id: Uuid,
    message: String,
}

/// Any bytes.
pub(crate) struct Bytes;

impl PartialSchema for Bytes {
    fn schema() -> RefOr<Schema> {
        let json = json!({"type": "string", "format": "binary"});
        serde_json::from_value(json).expect("a JSON schema that is written above")
    }
}

impl ToSchema for Bytes {}

// --- seed 002 ---

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PosterChunkForm {
    /// At most 1048576 bytes.
    #[schema(value_type = String, format = Binary)]
    chunk: Vec<u8>,
    #[schema(pattern = "^[0-9]+$")]
    chunk_index: String,
    #[schema(min_length = 1, max_length = 255, pattern = "\\S")]
    upload_id: String,
    /// At most 50: 50 MB.
    #[schema(pattern = "^[0-9]+$")]
    total_chunks: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PosterChunkAnswer {
    success: bool,
    chunk_index: u32,
    received_chunks: u32,
    message: String,
}

/// A request with the file's name in one of the two fields.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PosterFinalizeRequest {
    #[schema(min_length = 1, max_length = 255, pattern = "\\S")]
    upload_id: String,
    #[schema(min_length = 1, max_length = 255, pattern = "\\S", required = false)]
    filename: String,
    /// The name of this field in seed 002's own client.
    #[schema(min_length = 1, max_length = 255, pattern = "\\S", required = false)]
    original_filename: String,
    /// If it is absent, it is the number of chunks that have arrived.
    #[schema(minimum = 1, maximum = 50, required = false)]
    total_chunks: u32,
}

#[derive(ToSchema)]
pub(crate) struct PosterFinalizeAnswer {
    success: bool,
    filename: String,
    url: String,
    message: String,
}

#[derive(ToSchema)]
pub(crate) struct MetadataRequest {
    #[schema(min_length = 1, max_length = 255, pattern = "\\S")]
    filename: String,
    #[schema(min_length = 1, max_length = 200, pattern = "\\S")]
    title: String,
    #[schema(max_length = 2000)]
    description: Option<String>,
}

#[derive(ToSchema)]
pub(crate) struct MetadataAnswer {
    success: bool,
    video: MetadataVideo,
}

#[derive(ToSchema)]
pub(crate) struct MetadataVideo {
    id: Uuid,
    filename: String,
    title: String,
    #[schema(required = true)]
    description: Option<String>,
    url: String,
}

// --- seed 003 ---

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[schema(as = StorageError)]
pub(crate) struct StorageErrorSchema {
    error: String,
    #[schema(required = false)]
    message: String,
    #[schema(required = false)]
    received_chunks: u32,
    #[schema(required = false)]
    total_chunks: u32,
}

#[derive(ToSchema)]
pub(crate) enum VideoType {
    #[schema(rename = "video/mp4")]
    Mp4,
    #[schema(rename = "video/quicktime")]
    QuickTime,
    #[schema(rename = "video/webm")]
    Webm,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct DirectUrlAnswer {
    url: String,
    upload_url: String,
    upload_id: Uuid,
}

#[derive(ToSchema)]
pub(crate) struct DirectAnswer {
    success: bool,
    url: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct DirectCompleteRequest {
    #[schema(value_type = String, format = Uuid, min_length = 36, max_length = 36)]
    upload_id: Uuid,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct StorageCompleted {
    success: bool,
    /// The URL of the file itself.
    url: String,
    content_type: VideoType,
    size: u64,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct StorageInitRequest {
    #[schema(min_length = 1, max_length = 255, pattern = "\\S")]
    file_name: String,
    #[schema(minimum = 1, maximum = 524_288_000)]
    file_size: u64,
    content_type: VideoType,
    #[schema(minimum = 1, maximum = 1000)]
    total_chunks: u32,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct StorageInitAnswer {
    upload_id: Uuid,
    #[schema(format = DateTime)]
    expires_at: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct StorageChunkForm {
    #[schema(value_type = String, format = Uuid, min_length = 36, max_length = 36)]
    upload_id: Uuid,
    #[schema(pattern = "^[0-9]+$")]
    chunk_index: String,
    /// At most 52428800 bytes.
    #[schema(value_type = String, format = Binary)]
    chunk: Vec<u8>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct StorageChunkAnswer {
    success: bool,
    chunk_index: u32,
    received: bool,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct StorageCompleteRequest {
    #[schema(value_type = String, format = Uuid, min_length = 36, max_length = 36)]
    upload_id: Uuid,
    #[schema(min_length = 1, max_length = 255, pattern = "\\S")]
    file_name: String,
    content_type: VideoType,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct StorageStatus {
    upload_id: Uuid,
    file_name: String,
    file_size: u64,
    content_type: VideoType,
    status: StorageState,
    total_chunks: u32,
    received_chunks: Vec<u32>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    last_activity_at: String,
    #[schema(format = DateTime, required = false)]
    completed_at: String,
    #[schema(required = false)]
    url: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum StorageState {
    Initialized,
    InProgress,
    Completed,
    Failed,
}

#[derive(ToSchema)]
pub(crate) struct VideoFileForm {
    /// WebM, MP4 or QuickTime, recognised by its bytes; at most 524288000 bytes.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}
