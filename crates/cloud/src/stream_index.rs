//! The positions of the clusters in parts that were cut at arbitrary positions, as a browser's
//! recorder does. A job reads the parts once and stores the index as an object. With it the parts can
//! be served as a seekable video without copying them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use snaplark_formats::webm::{Cluster, Scanned, WebmError, cluster_header, finish};

use crate::media_map::MediaMap;
use snaplark_cloud_data::db::StoredPart;

/// The index of a video, as its object stores it in JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StreamIndex {
    /// Base64, like `cues`.
    head: String,
    cues: String,
    /// Start and end of each cluster's content, as offsets in the concatenated parts. The cluster's
    /// header is written anew, because the original may state no size.
    clusters: Vec<(u64, u64)>,
    /// The length of the video.
    pub duration_ms: u64,
    /// The size of the file that the index describes.
    pub size_bytes: u64,
}

impl StreamIndex {
    /// Computes the head and the Cues of the seekable file.
    pub(crate) fn new(init: &[u8], scanned: &[Scanned]) -> Result<Self, WebmError> {
        let clusters: Vec<Cluster> = scanned.iter().map(|one| one.cluster).collect();
        if clusters.is_empty() {
            return Err(WebmError::Missing("cluster"));
        }
        let finished = finish(init, &clusters)?;
        Ok(StreamIndex {
            head: STANDARD.encode(&finished.head),
            cues: STANDARD.encode(&finished.cues),
            clusters: scanned.iter().map(|one| (one.data.start, one.data.end)).collect(),
            duration_ms: finished.duration_ms,
            size_bytes: finished.size_bytes,
        })
    }

    /// Parses the object. Returns `None` if another version wrote it.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Returns the bytes of the object.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Builds the video's map. Returns `None` if the index does not fit these parts.
    pub(crate) fn map(&self, parts: &[StoredPart]) -> Option<MediaMap> {
        let mut map = MediaMap::default();
        map.push_bytes(&STANDARD.decode(&self.head).ok()?);
        let mut parts = parts.iter();
        let (mut part, mut begins) = (parts.next()?, 0);
        for (start, end) in &self.clusters {
            map.push_bytes(&cluster_header(end.checked_sub(*start)?));
            let mut at = *start;
            while at < *end {
                while at >= begins + part.size_bytes {
                    begins += part.size_bytes;
                    part = parts.next()?;
                }
                let to = (*end).min(begins + part.size_bytes);
                map.push_object(&part.object_key, at.checked_sub(begins)?..to - begins);
                at = to;
            }
        }
        map.push_bytes(&STANDARD.decode(&self.cues).ok()?);
        Some(map)
    }
}
