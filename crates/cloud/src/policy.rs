//! The limits of this crate that are not those of one mechanism, and their reasons.

/// The number of ranges of one version that are copied by one request. An edit has about two for each cut;
/// more of them are sent by the client, so that no request takes minutes.
pub(crate) const COPIES_MAX: usize = 400;
/// How many numbers of versions the server tries when it publishes a version itself. Each that is taken
/// belongs to somebody who publishes another edit at the same moment.
pub(crate) const VERSIONS_TRIED_MAX: u32 = 5;
/// The number of such ranges that are copied at once. Each has up to 10 MB.
pub(crate) const COPIES_AT_ONCE: usize = 4;
