//! Says what the store needs to know about media files. The app implements it with the WebM crate, on which
//! the store doesn't depend; tests implement it with short texts.

/// The properties of a complete segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The time of its first frame.
    pub start_ms: u64,
    /// Its length.
    pub duration_ms: u64,
    /// The digest of its bytes.
    pub sha256: [u8; 32],
}

/// Makes a segment begin at that time and returns its properties; `None` if it is not a segment.
pub type Retime<'a> = dyn Fn(&mut [u8], u64) -> Option<Judged> + 'a;

/// Reads and changes media files.
pub trait Format {
    /// Reads a segment's properties; `None` if the bytes are not a complete segment.
    fn judge(&self, bytes: &[u8]) -> Option<Judged>;

    /// Reads a picture's width and height from an init.
    fn size(&self, init: &[u8]) -> Option<(u32, u32)>;

    /// Makes a segment begin at that time and reads its properties; `None` if it is not a segment.
    fn retime(&self, bytes: &mut [u8], start_ms: u64) -> Option<Judged>;

    /// Returns a placeholder for a lost segment, of about `size_bytes`; `None` if the init doesn't
    /// allow one.
    fn placeholder(
        &self,
        init: &[u8],
        start_ms: u64,
        duration_ms: u64,
        size_bytes: u64,
    ) -> Option<Vec<u8>>;

    /// Returns a title, and the local time as `2024-01-15T10-30-45`, for a recording that began at that
    /// time.
    fn names(&self, started_unix_ms: i64) -> (String, String);
}
