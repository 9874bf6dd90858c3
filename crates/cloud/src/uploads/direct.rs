//! Whole files that a client announces first, and may then write into the storage directly.

use serde::Deserialize;
use serde_json::json;
use snaplark_cloud_data::db::Upload;
use snaplark_cloud_data::storage::Storage;

use super::{FinalizeAsk, UploadError, Uploads};

/// The largest file that a client may write into the storage directly.
pub const DIRECT_BYTES_MAX: u64 = 500 * 1024 * 1024;

/// The properties of the file that the client stated when it began the upload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Announced {
    /// The name of the file.
    pub file_name: String,
    /// The size that the client announced.
    pub file_size: u64,
    /// The content type that the client announced.
    pub content_type: String,
    /// Zero if the client writes the file into the storage itself.
    pub total_chunks: u32,
}

impl Announced {
    /// Returns the form in which an upload stores it.
    pub fn to_metadata(&self) -> String {
        json!({
            "fileName": self.file_name, "fileSize": self.file_size,
            "contentType": self.content_type, "totalChunks": self.total_chunks,
        })
        .to_string()
    }
}

impl Uploads {
    /// Returns what was announced about the upload's file. Returns `None` if the upload began in
    /// another way.
    pub async fn announced(&self, upload: &Upload) -> Result<Option<Announced>, UploadError> {
        let metadata = self.db.metadata(upload.session_id).await?;
        Ok(serde_json::from_str(&metadata).ok())
    }

    /// Takes over a file that may have been written into the storage without a request that says so.
    pub async fn adopt_announced(&self, upload: &Upload) -> Result<Option<Upload>, UploadError> {
        let announced = self.announced(upload).await?;
        let is_direct = announced.is_some_and(|announced| {
            announced.total_chunks == 0 && !announced.content_type.is_empty()
        });
        if is_direct { self.adopt(upload).await } else { Ok(None) }
    }

    /// Takes over a file that its owner wrote into the storage directly, if it is there. The file is
    /// moved to where the owner can't write, then checked and finalized.
    pub async fn adopt(&self, upload: &Upload) -> Result<Option<Upload>, UploadError> {
        let bytes_max = DIRECT_BYTES_MAX;
        let incoming = Storage::incoming_key(upload.session_id.0);
        let Some(size_bytes) = self.storage.size(&incoming).await? else { return Ok(None) };
        if size_bytes == 0 || size_bytes > bytes_max {
            self.discard(&incoming).await;
            let too_large = UploadError::Size { size_bytes, bytes_max };
            return Err(if size_bytes == 0 { UploadError::Empty } else { too_large });
        }
        let part = (upload.session_id.0, 0);
        let key = match self.storage.rename(&incoming, part).await {
            // Another request was faster.
            Err(error) if error.is_missing() => return Ok(None),
            renamed => renamed?,
        };
        let written = self.storage.written(key).await?;
        self.receive(upload, 0, written, None).await?;
        let ask = FinalizeAsk { parts_total: 1, uploaded: vec![0], ..FinalizeAsk::default() };
        Ok(Some(self.finalize(upload.user_id, upload.session_id, &ask).await?))
    }
}
