//! The profiles of the two documents, one of which each account has.

use serde::{Deserialize, Serialize};

use crate::limits;

/// The document that the account's server implements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// The backend specification (seeds 000 and 001), with parts that can be concatenated.
    Spec,
    /// The same, for servers that probe each part or join parts with `ffmpeg -f concat`.
    SpecStandalone,
    /// Cloud Upload (seed 004): 5 MiB parts in order.
    Snaplark,
    /// The chunked video upload (seed 002): a whole file in chunks of 1 MiB.
    Poster,
    /// The storage service (seed 003): a whole file, directly where the server offers it, else in chunks.
    Storage,
    /// A bucket that speaks the S3 protocol.
    S3,
    /// A folder on this computer, or one that is mounted or synced.
    Folder,
}

/// States what each part begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// Part 0 is the init and segments, the others are segments only; concatenated they are one WebM.
    Stream,
    /// Every part is the init and segments, so that each can be played by itself.
    Standalone,
}

/// When a part is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartSize {
    /// One segment for each part, as soon as it is sealed.
    Realtime,
    /// Consecutive segments up to at least 5 MiB; only the last part may be smaller.
    Multipart,
    /// The same size for every part but the last, cut anywhere. The init counts as bytes of part 0.
    Fixed(u64),
}

impl Profile {
    /// Every profile.
    pub const ALL: [Profile; 7] = [
        Profile::Spec,
        Profile::SpecStandalone,
        Profile::Snaplark,
        Profile::Poster,
        Profile::Storage,
        Profile::S3,
        Profile::Folder,
    ];

    /// Returns what each part begins with.
    pub const fn framing(self) -> Framing {
        match self {
            Profile::Spec
            | Profile::Snaplark
            | Profile::Poster
            | Profile::Storage
            | Profile::S3
            | Profile::Folder => Framing::Stream,
            Profile::SpecStandalone => Framing::Standalone,
        }
    }

    /// Returns when a part is full.
    pub const fn part_size(self) -> PartSize {
        match self {
            Profile::Spec | Profile::SpecStandalone | Profile::Folder => PartSize::Realtime,
            Profile::Snaplark => PartSize::Multipart,
            Profile::Poster => PartSize::Fixed(1024 * 1024),
            Profile::Storage | Profile::S3 => PartSize::Fixed(5 * 1024 * 1024),
        }
    }

    /// Returns the least size to which fixed parts may shrink where a proxy refuses larger ones. S3 refuses smaller
    /// parts than this itself.
    pub const fn fixed_part_bytes_min(self) -> u64 {
        match self {
            Profile::S3 => limits::MULTIPART_PART_BYTES_MIN,
            Profile::Spec
            | Profile::SpecStandalone
            | Profile::Snaplark
            | Profile::Poster
            | Profile::Storage
            | Profile::Folder => 256 * 1024,
        }
    }

    /// Returns how many parts of one upload may be in flight at once.
    pub const fn parts_in_flight_max(self) -> usize {
        match self {
            Profile::Spec | Profile::SpecStandalone | Profile::Storage | Profile::S3 => 2,
            Profile::Snaplark | Profile::Poster | Profile::Folder => 1,
        }
    }

    /// Returns the largest file that servers of the profile take, if its document states one.
    pub const fn file_bytes_max(self) -> Option<u64> {
        match self {
            Profile::Poster => Some(50 * 1024 * 1024),
            Profile::Storage => Some(500 * 1024 * 1024),
            Profile::Spec
            | Profile::SpecStandalone
            | Profile::Snaplark
            | Profile::S3
            | Profile::Folder => None,
        }
    }

    /// Returns whether an upload can begin only when the whole file is there, since each part names how many there
    /// are.
    pub const fn needs_whole_file(self) -> bool {
        match self {
            Profile::Poster | Profile::Storage => true,
            Profile::Spec
            | Profile::SpecStandalone
            | Profile::Snaplark
            | Profile::S3
            | Profile::Folder => false,
        }
    }

    /// Returns the profile's name in settings and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Profile::Spec => "spec",
            Profile::SpecStandalone => "spec-standalone",
            Profile::Snaplark => "snaplark",
            Profile::Poster => "poster",
            Profile::Storage => "storage",
            Profile::S3 => "s3",
            Profile::Folder => "folder",
        }
    }
}

impl std::str::FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Profile::ALL.into_iter().find(|profile| profile.name() == text).ok_or_else(|| {
            let names = Profile::ALL.map(Profile::name).join(", ");
            format!("there is no profile '{text}'; it is one of {names}")
        })
    }
}
