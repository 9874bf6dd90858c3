//! What the store has to know of media files. The app implements it over the WebM crate, which the
//! store doesn't depend on; tests implement it over short texts.

/// What a segment's file is found to be by one who can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    pub start_ms: u64,
    pub duration_ms: u64,
    pub sha256: [u8; 32],
}

/// Lets a segment begin at that time, and says what it is then; `None` where it is none.
pub type Retime<'a> = dyn Fn(&mut [u8], u64) -> Option<Judged> + 'a;

pub trait Format {
    /// Reads a segment's bytes; `None` where they are no whole segment.
    fn judge(&self, bytes: &[u8]) -> Option<Judged>;

    /// Reads a picture's width and height from an init.
    fn size(&self, init: &[u8]) -> Option<(u32, u32)>;

    /// Lets a segment begin at that time, and reads it; `None` where it is none.
    fn retime(&self, bytes: &mut [u8], start_ms: u64) -> Option<Judged>;

    /// Returns a segment that stands for one that is lost, of about `size_bytes`; `None` where the
    /// init doesn't allow one.
    fn placeholder(
        &self,
        init: &[u8],
        start_ms: u64,
        duration_ms: u64,
        size_bytes: u64,
    ) -> Option<Vec<u8>>;

    /// Returns a title and the local time as `2024-01-15T10-30-45`, of a recording that began then.
    fn names(&self, started_unix_ms: i64) -> (String, String);
}
