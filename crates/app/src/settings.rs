//! What the person chose about uploads, kept in the store.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub(crate) const SETTING: &str = "upload";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(export)]
pub struct UploadSettings {
    /// `None`: as fast as the link is.
    #[ts(type = "number | null")]
    pub bytes_per_second_max: Option<u64>,
    pub wait_on_metered: bool,
    /// How long segments stay here after the server has confirmed the finished video and the
    /// person's own file is written. `None`: for ever.
    pub keep_local_days: Option<u32>,
}

impl Default for UploadSettings {
    fn default() -> Self {
        UploadSettings {
            bytes_per_second_max: None,
            wait_on_metered: false,
            keep_local_days: Some(7),
        }
    }
}
