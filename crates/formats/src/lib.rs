//! File formats as bytes: takes bytes and returns bytes, without I/O.
//!
//! | Module | Formats |
//! |---|---|
//! | [`webm`] | WebM: written, read, finished, scanned as it arrives |
//! | [`mp4`] | MP4 and QuickTime: duration and picture size, and fragments as they arrive |
//! | [`animation`] | the frames of GIF, animated WebP and APNG, counted |
//! | [`ChapterMark`] | the chapters of a WebM or MP4 file |
//! | [`images`] | the width and height in an image's header |
//! | [`metadata`] | PNG, JPEG, WebP and GIF without EXIF, XMP, comments and what follows their end |
//! | [`pointer`] | positions and clicks of the pointer during a segment |
//! | [`ogg`] | Opus in Ogg, written |
//! | [`webp_animation`] | animated WebP, written around pictures that are encoded already |
//! | [`sniff`] | the kind of a file, by its first bytes |
//!
//! All bytes are untrusted. No reader panics, recurses, or allocates by a claimed size. This crate is one
//! because the recorder writes these bytes, the app finishes and checks them, and the cloud reads and
//! serves them.

#![warn(missing_docs, unreachable_pub)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod animation;
mod chapters;
pub mod images;
mod intake;
pub mod metadata;
pub mod mp4;
pub mod ogg;
pub mod pointer;
pub mod sniff;
pub mod webm;
pub mod webp_animation;

pub use chapters::ChapterMark;
