//! Captions that the owner uploaded. No job makes them.

use snaplark_cloud_data::db::ProductName;

use super::kind::ProductKind;

/// WebVTT, which the player shows with the video.
pub static CAPTIONS: ProductKind = ProductKind {
    name: ProductName::new("captions.vtt"),
    mime: "text/vtt; charset=utf-8",
    is_served: true,
};
