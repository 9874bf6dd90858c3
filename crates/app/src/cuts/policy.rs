//! The numbers of the recording editor, each with its reason.

use std::time::Duration;

/// The most pieces of an edit. An hour in which every pause between two sentences is cut has some hundreds.
pub(super) const PIECES_MAX: usize = 2_000;
/// The most covers of an edit. Each is computed on every frame that it is over.
pub(super) const COVERS_MAX: usize = 200;
/// The most chapters of an edit. A page lists all of them.
pub(super) const CHAPTERS_MAX: usize = 500;
/// The most bytes of a chapter's title: what fits beside its time in a list.
pub(super) const CHAPTER_BYTES_MAX: usize = 400;
/// How long publishing waits until it is known what the server supports: a probe takes a moment, and without an answer
/// the upload finds it out.
pub(super) const SERVER_KNOWN_MAX: Duration = Duration::from_secs(5);
/// How often one publishing plans a version. While it renders, the upload may end, or a version may get another number;
/// more changes than that have a cause that doesn't pass.
pub(super) const PLANS_MAX: usize = 4;
/// The longest stretch whose waveform is asked for at once: it is decoded within a second, and its segments fit
/// into memory.
pub(super) const WAVEFORM_MS_MAX: u64 = 120_000;
