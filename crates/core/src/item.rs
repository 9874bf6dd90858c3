//! The items of a library: recordings, screenshots and imports. Types only.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::RecordingId;

/// The id of anything in the library: a UUIDv7 made by the app. It names the item's folder. A recording's
/// id is the id of its item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ItemId(pub Uuid);

impl From<RecordingId> for ItemId {
    fn from(recording: RecordingId) -> Self {
        ItemId(recording.0)
    }
}

impl From<ItemId> for RecordingId {
    /// Returns the id under which the rows and the uploads of any item are kept.
    fn from(item: ItemId) -> Self {
        RecordingId(item.0)
    }
}

impl std::fmt::Display for ItemId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for ItemId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(ItemId)
    }
}

/// The kinds of items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemKind {
    /// A video that the app made, in segments.
    #[default]
    Recording,
    /// A picture that the app took, in one file.
    Screenshot,
    /// A file that a person brought in, kept as it is.
    Import,
}

impl ItemKind {
    /// Every kind.
    pub const ALL: [ItemKind; 3] = [ItemKind::Recording, ItemKind::Screenshot, ItemKind::Import];

    /// Returns the kind's name in rows and JSON.
    pub fn name(self) -> &'static str {
        match self {
            ItemKind::Recording => "recording",
            ItemKind::Screenshot => "screenshot",
            ItemKind::Import => "import",
        }
    }

    /// Returns the kind with that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_read_back_from_its_name() {
        for kind in ItemKind::ALL {
            assert_eq!(ItemKind::parse(kind.name()), Some(kind));
        }
        assert_eq!(ItemKind::parse("Recording"), None);
    }

    #[test]
    fn id_of_a_recording_is_the_id_of_its_item() {
        let recording = RecordingId(Uuid::from_u128(7));
        assert_eq!(ItemId::from(recording).to_string(), recording.to_string());
    }
}
