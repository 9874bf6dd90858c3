//! The facts about a product that its name stands for.

use snaplark_cloud_data::db::ProductName;

/// A kind of file that belongs to a finished video: made from it, or added by its owner.
#[derive(Debug, PartialEq, Eq)]
pub struct ProductKind {
    /// Its name in rows and at the end of its URL. The ending tells ffmpeg what to write.
    pub name: ProductName,
    /// Its content type.
    pub mime: &'static str,
    /// Whether visitors get it at a URL of its own. The others are parts of the video.
    pub is_served: bool,
}
