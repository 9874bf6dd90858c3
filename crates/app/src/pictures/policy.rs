//! Sizes that pictures may have, and why.

/// A file above this is no picture that a person marks up; it would be held in memory several times over.
pub(super) const PICTURE_BYTES_MAX: u64 = 100 * 1024 * 1024;
/// The longest side of a thumbnail: a card on a display of twofold scale.
pub(super) const THUMBNAIL_PX: u32 = 640;
/// The longest name of a file without its ending. File systems allow 255 bytes, also of four-byte letters.
pub(super) const FILE_NAME_CHARS_MAX: usize = 60;
/// How often a thumbnail is made when the drawing is saved in between. A window saves a quarter of a second after a
/// change, and a thumbnail takes less.
pub(super) const THUMBNAIL_TRIES_MAX: u32 = 5;
/// How long a file that was dragged out is kept: whoever it was dropped on copies it at once, and a mail program
/// with the message.
pub(super) const DRAG_FILE_KEPT: std::time::Duration = std::time::Duration::from_secs(60 * 60);
