//! Makes pictures and files out of recordings, and flat pictures out of a picture and its drawing: the
//! product's implementation of `Render`.
//!
//! | Module | Makes |
//! |---|---|
//! | `still` | the thumbnail of a recording (GStreamer) |
//! | `own_file` | the person's own file, without encoding anything |
//! | `cut` | the pieces of a cut that are encoded again: pictures up to the frame, sound without a click |
//! | `export` | an edit as a file of its own, and recordings in other formats |
//! | `codec` | nothing of its own: VP9 and Opus, packet by packet, for `cut` and `export` (GStreamer) |
//! | `picture` | a picture with what was drawn onto it, for files, links, clipboard and cards |
//! | `recognize` | the text and the QR codes of a picture |
//! | `waveform` | how loud a recording is, for the editor's timeline (GStreamer) |
//!
//! Each recipe of `snaplark_core::render` has a module here. What a module makes is written beside its
//! target, synced and renamed, so it is there as a whole or not at all. The bytes of formats (a finished
//! head, Cues, retimed clusters) are made by `snaplark-formats`.

#![warn(missing_docs, unreachable_pub)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod codec;
mod cut;
mod export;
mod own_file;
mod picture;
mod recognize;
mod still;
mod waveform;

use std::ops::Range;
use std::path::{Path, PathBuf};

use snaplark_core::edit::{Area, Drawing, Edit};
use snaplark_core::render::{
    CutFiles, ExportOptions, PictureRecipe, Recipe, RecognizeError, Recognized, Render,
    RenderError, RenderProgress, SegmentReader, Still, TextLanguage,
};

pub use own_file::write as write_own_file;
pub use picture::svg_of;

/// Renders on this computer.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRender;

impl Render for SystemRender {
    fn still(&self, init: &[u8], segment: &[u8]) -> Result<Still, RenderError> {
        still::of(init, segment).map_err(|reason| RenderError::NoStill { reason })
    }

    fn render(
        &self,
        recipe: &Recipe<'_>,
        progress: &RenderProgress,
    ) -> Result<PathBuf, RenderError> {
        match *recipe {
            Recipe::OwnFile { segments, folder, name } => {
                own_file::write(segments, folder, name, progress)
            }
            Recipe::Export { segments, edit, options, file, part } => {
                let target = export::ExportPaths { file, part };
                export::export(segments, edit, options, target, progress)
            }
        }
    }

    fn cut(
        &self,
        segments: &dyn SegmentReader,
        edit: &Edit,
        folder: &Path,
        progress: &RenderProgress,
    ) -> Result<CutFiles, RenderError> {
        cut::cut(segments, edit, folder, progress)
    }

    fn joined(
        &self,
        init: &[u8],
        before: &[u8],
        segment: &[u8],
    ) -> Result<Option<Vec<u8>>, RenderError> {
        cut::joined(init, before, segment)
    }

    fn export_size(
        &self,
        segments: &dyn SegmentReader,
        edit: Option<&Edit>,
        options: &ExportOptions,
    ) -> Result<u64, RenderError> {
        export::size(segments, edit, options)
    }

    fn picture(
        &self,
        recipe: &PictureRecipe<'_>,
        progress: &RenderProgress,
    ) -> Result<Vec<u8>, RenderError> {
        picture::render(recipe, progress)
    }

    fn thumbnail(
        &self,
        source: &[u8],
        drawing: &Drawing,
        longest_side_px: u32,
    ) -> Result<Vec<u8>, RenderError> {
        picture::thumbnail(source, drawing, longest_side_px)
    }

    fn waveform(
        &self,
        init: &[u8],
        clusters: &[u8],
        during_ms: Range<u64>,
    ) -> Result<Vec<u8>, RenderError> {
        waveform::of(init, clusters, during_ms).map_err(|reason| RenderError::NoWaveform { reason })
    }

    fn picture_size(&self, source: &[u8]) -> Result<(u32, u32), RenderError> {
        picture::size(source)
    }

    fn recognize(
        &self,
        picture: &[u8],
        area: Option<Area>,
        languages: &[TextLanguage],
    ) -> Result<Recognized, RecognizeError> {
        recognize::recognize(picture, area, languages)
    }
}
