//! The renderer of this crate's tests. It renders no pixels; what it makes says what it was asked for.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use snaplark_core::cut::{self, SourceSegment};
use snaplark_core::edit::{Area, Drawing, Edit};
use snaplark_core::render::{
    CutFiles, PictureFormat, PictureRecipe, Recipe, RecognizeError, Recognized, Render,
    RenderError, RenderProgress, SegmentReader, Still, TextLanguage,
};

/// A renderer whose stills are the segments it was given, whose pictures are texts or the source as it is, which cuts at
/// segments only, and whose exports are texts that say what was kept.
#[derive(Default)]
pub(crate) struct FakeRender {
    /// How many stills and waveforms were made.
    pub(crate) stills: AtomicUsize,
    /// How many pictures were rendered.
    pub(crate) pictures: AtomicUsize,
    /// How many thumbnails were made.
    pub(crate) thumbnails: AtomicUsize,
    /// Runs while the next thumbnail is made.
    pub(crate) meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    /// Cuts and exports end as if they were cancelled. A cut has written something by then.
    pub(crate) cancels: AtomicBool,
    /// Stills of earlier times are blank.
    blank_until_ms: u64,
    /// The only picture that is rendered, into a text with the format and the number of shapes. `None`: any
    /// picture, which stays as it is.
    original: Option<&'static [u8]>,
}

impl FakeRender {
    /// Returns one whose stills of earlier times are blank.
    pub(crate) fn blank_until(ms: u64) -> Self {
        FakeRender { blank_until_ms: ms, ..FakeRender::default() }
    }

    /// Returns one that renders this picture alone, and never into its own bytes.
    pub(crate) fn only_of(original: &'static [u8]) -> Self {
        FakeRender { original: Some(original), ..FakeRender::default() }
    }
}

/// Returns the bytes of a picture with that drawing.
pub(crate) fn text(drawing: &Drawing, format: &str) -> Vec<u8> {
    format!("{format} with {} shapes", drawing.shapes.len()).into_bytes()
}

impl Render for FakeRender {
    fn still(&self, init: &[u8], segment: &[u8]) -> Result<Still, RenderError> {
        self.stills.fetch_add(1, Ordering::Relaxed);
        snaplark_formats::webm::read_init(init).unwrap();
        let at_ms = snaplark_formats::webm::index(segment).unwrap().clusters[0].start_ms;
        Ok(Still { jpeg: segment.to_vec(), blank: at_ms < self.blank_until_ms })
    }

    fn render(&self, recipe: &Recipe<'_>, _: &RenderProgress) -> Result<PathBuf, RenderError> {
        match recipe {
            Recipe::Export { edit, file, .. } if !self.cancels.load(Ordering::SeqCst) => {
                let kept_ms = edit.and_then(|edit| edit.duration_ms());
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, format!("{kept_ms:?}")).unwrap();
                Ok(file.to_path_buf())
            }
            Recipe::Export { .. } | Recipe::OwnFile { .. } => Err(RenderError::Cancelled),
        }
    }

    fn cut(
        &self,
        segments: &dyn SegmentReader,
        edit: &Edit,
        folder: &Path,
        _: &RenderProgress,
    ) -> Result<CutFiles, RenderError> {
        std::fs::write(folder.join("half-done"), "").unwrap();
        if self.cancels.load(Ordering::SeqCst) {
            return Err(RenderError::Cancelled);
        }
        let Edit::Cuts { keep, covers, .. } = edit else { panic!("it is no edit of a video") };
        let list: Vec<SourceSegment> = segments.list().iter().map(SourceSegment::from).collect();
        let frames = list.iter().map(|one| (one.index, vec![one.start_ms])).collect();
        let plan = cut::plan(&list, keep, covers, false, &frames).unwrap();
        assert_eq!(plan.rendered().count(), 0, "cut at segments only");
        Ok(CutFiles { plan, files: Vec::new() })
    }

    fn picture(
        &self,
        recipe: &PictureRecipe<'_>,
        _: &RenderProgress,
    ) -> Result<Vec<u8>, RenderError> {
        self.pictures.fetch_add(1, Ordering::Relaxed);
        let Some(original) = self.original else { return Ok(recipe.source.to_vec()) };
        assert_eq!(recipe.source, original, "the original is what is rendered");
        let format = match recipe.format {
            PictureFormat::Png => "png",
            PictureFormat::Jpeg { .. } => "jpeg",
            PictureFormat::WebpLossless => "webp",
        };
        Ok(text(recipe.drawing, format))
    }

    fn thumbnail(&self, _: &[u8], drawing: &Drawing, _: u32) -> Result<Vec<u8>, RenderError> {
        self.thumbnails.fetch_add(1, Ordering::Relaxed);
        let meanwhile = self.meanwhile.lock().unwrap().take();
        meanwhile.into_iter().for_each(|act| act());
        Ok(text(drawing, "thumbnail"))
    }

    /// Returns the stretch in seconds.
    fn waveform(
        &self,
        _: &[u8],
        clusters: &[u8],
        during_ms: Range<u64>,
    ) -> Result<Vec<u8>, RenderError> {
        self.stills.fetch_add(1, Ordering::Relaxed);
        snaplark_formats::webm::index(clusters).unwrap();
        Ok([during_ms.start, during_ms.end].map(|ms| (ms / 1_000) as u8).to_vec())
    }

    fn picture_size(&self, source: &[u8]) -> Result<(u32, u32), RenderError> {
        if self.original.is_some() {
            return Ok((1920, 1080));
        }
        // The header of a PNG, which always comes first.
        let side = |at: usize| u32::from_be_bytes(source[at..at + 4].try_into().unwrap());
        Ok((side(16), side(20)))
    }

    fn recognize(
        &self,
        picture: &[u8],
        _: Option<Area>,
        _: &[TextLanguage],
    ) -> Result<Recognized, RecognizeError> {
        let text = String::from_utf8_lossy(picture).into_owned();
        Ok(Recognized { text, ..Recognized::default() })
    }
}
