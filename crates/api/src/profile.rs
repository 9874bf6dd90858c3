//! The profiles of the two documents, one of which each account has.

use serde::{Deserialize, Serialize};

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
}

impl Profile {
    /// Returns what each part begins with.
    pub const fn framing(self) -> Framing {
        match self {
            Profile::Spec | Profile::Snaplark => Framing::Stream,
            Profile::SpecStandalone => Framing::Standalone,
        }
    }

    /// Returns when a part is full.
    pub const fn part_size(self) -> PartSize {
        match self {
            Profile::Spec | Profile::SpecStandalone => PartSize::Realtime,
            Profile::Snaplark => PartSize::Multipart,
        }
    }

    /// Returns how many parts of one upload may be in flight at once.
    pub const fn parts_in_flight_max(self) -> usize {
        match self {
            Profile::Spec | Profile::SpecStandalone => 2,
            Profile::Snaplark => 1,
        }
    }

    /// Returns the profile's name in settings and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Profile::Spec => "spec",
            Profile::SpecStandalone => "spec-standalone",
            Profile::Snaplark => "snaplark",
        }
    }
}

impl std::str::FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Profile::Spec, Profile::SpecStandalone, Profile::Snaplark]
            .into_iter()
            .find(|profile| profile.name() == text)
            .ok_or_else(|| {
                format!(
                    "there is no profile '{text}'; it is one of spec, spec-standalone, snaplark"
                )
            })
    }
}
