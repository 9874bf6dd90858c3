//! Makes what leaves: the picture with its drawing, as one image.

use std::io;
use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use sha2::{Digest as _, Sha256};
use snaplark_core::ItemKind;
use snaplark_core::edit::{Canvas, Drawing};
use snaplark_core::render::{PictureFormat, PictureRecipe, Render, RenderProgress};
use snaplark_files as files;
use snaplark_formats::metadata::without_metadata;

use super::rows::PictureRow;
use super::{name, policy};
use crate::settings::ScreenshotSettings;
use crate::{AppError, ErrorCode};

const THUMBNAIL: &str = "thumbnail-";

/// A picture with its drawing, ready to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedPicture {
    /// The file's bytes, without metadata.
    pub bytes: Vec<u8>,
    /// The ending of its name, without a dot.
    pub extension: &'static str,
    /// The media type.
    pub mime: &'static str,
    /// The name of the file, with its ending.
    pub filename: String,
}

/// The input of a rendering.
pub(super) struct Flatten<'a> {
    pub row: &'a PictureRow,
    pub format: PictureFormat,
    pub settings: &'a ScreenshotSettings,
}

impl Flatten<'_> {
    pub(super) fn run(
        &self,
        render: &dyn Render,
        progress: &RenderProgress,
    ) -> Result<ExportedPicture, AppError> {
        let source = read_source(self.row)?;
        let drawing = drawing_of(self.row)?;
        let recipe = PictureRecipe { source: &source, drawing: &drawing, format: self.format };
        let bytes = render.picture(&recipe, progress)?;
        let (extension, mime) = ending_of(self.format);
        let filename = filename(self.row, self.format, self.settings);
        Ok(ExportedPicture { bytes, extension, mime, filename })
    }
}

/// Returns a picture that was brought in and has no drawing as it is, but for its metadata: its pixels are not encoded
/// again, and an animation stays one. `None` for every other picture, and for a file that can't be taken apart.
pub(super) fn unchanged(row: &PictureRow) -> Result<Option<ExportedPicture>, AppError> {
    if row.item.kind != ItemKind::Import || drawing_of(row)? != Drawing::default() {
        return Ok(None);
    }
    let source = read_source(row)?;
    let Ok(bytes) = without_metadata(&source) else { return Ok(None) };
    let media = super::known_kind(&bytes)?;
    let (extension, mime) = (media.name(), media.mime());
    let filename =
        format!("{}.{extension}", name::of_file("{title}", &row.item.title, &taken(row)));
    Ok(Some(ExportedPicture { bytes, extension, mime, filename }))
}

/// Returns the drawing, which is empty if there is none. A drawing of a newer version of Snaplark is refused:
/// it may cover something, and the picture without it must not leave.
fn drawing_of(row: &PictureRow) -> Result<Drawing, AppError> {
    match row.drawing() {
        Ok(drawing) => Ok(drawing.cloned().unwrap_or_default()),
        Err(()) => Err(AppError::told(
            ErrorCode::NewerDrawing,
            "what is drawn on it was made with a newer version of Snaplark",
        )),
    }
}

/// Returns the picture whose text is read: uncropped, so that positions are those of the original, and with
/// everything that is drawn on it, so that nothing is read that is covered.
pub(super) fn to_read(row: &PictureRow, render: &dyn Render) -> Result<Vec<u8>, AppError> {
    let source = read_source(row)?;
    let drawing = Drawing { canvas: Canvas::default(), ..drawing_of(row)? };
    if drawing.shapes.is_empty() {
        return Ok(source);
    }
    let recipe = PictureRecipe { source: &source, drawing: &drawing, format: PictureFormat::Png };
    Ok(render.picture(&recipe, &RenderProgress::default())?)
}

/// Reads the original, if its bytes are those that were added.
pub(super) fn read_source(row: &PictureRow) -> Result<Vec<u8>, AppError> {
    let missing = |reason: String| AppError::told(ErrorCode::NoFile, reason);
    let source = row.item.source.as_ref().ok_or_else(|| missing(row.item.id.to_string()))?;
    let bytes = std::fs::read(&source.path).map_err(|error| missing(error.to_string()))?;
    match Sha256::digest(&bytes).as_slice() == source.sha256 {
        true => Ok(bytes),
        false => Err(missing("the file of the picture is damaged".to_owned())),
    }
}

pub(super) fn ending_of(format: PictureFormat) -> (&'static str, &'static str) {
    match format {
        PictureFormat::Png => ("png", "image/png"),
        PictureFormat::Jpeg { .. } => ("jpg", "image/jpeg"),
        PictureFormat::WebpLossless => ("webp", "image/webp"),
    }
}

pub(super) fn filename(
    row: &PictureRow,
    format: PictureFormat,
    settings: &ScreenshotSettings,
) -> String {
    let stem = name::of_file(&settings.file_name, &row.item.title, &taken(row));
    format!("{stem}.{}", ending_of(format).0)
}

/// Returns when a picture was taken or brought in.
fn taken(row: &PictureRow) -> Zoned {
    let taken = Timestamp::from_millisecond(row.item.started_unix_ms).unwrap_or_default();
    taken.to_zoned(TimeZone::system())
}

/// Returns the small picture of the item with its drawing. It is kept in the item's folder under the revision of
/// the drawing, and those of earlier revisions are removed: they may show what is covered now.
pub(super) fn thumbnail(row: &PictureRow, render: &dyn Render) -> Result<Vec<u8>, AppError> {
    let name = format!("{THUMBNAIL}{}.jpg", row.revision);
    let folder = row.item.source.as_ref().and_then(|source| source.path.parent());
    let kept = folder.map(|folder| folder.join(&name));
    if let Some(bytes) = kept.as_ref().and_then(|kept| std::fs::read(kept).ok()) {
        return Ok(bytes);
    }
    let (source, drawing) = (read_source(row)?, drawing_of(row)?);
    let bytes = render.thumbnail(&source, &drawing, policy::THUMBNAIL_PX)?;
    if let (Some(folder), Some(kept)) = (folder, kept) {
        // It can be made again at any time.
        let written = files::write_durably(&kept, &bytes)
            .and_then(|()| remove_thumbnails(folder, |revision| revision < row.revision));
        if let Err(error) = written {
            tracing::debug!(%error, "A thumbnail could not be kept");
        }
    }
    Ok(bytes)
}

/// Removes the thumbnails of these revisions.
fn remove_thumbnails(folder: &Path, is_removed: impl Fn(u32) -> bool) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let revision = name.to_str().and_then(|name| name.strip_prefix(THUMBNAIL));
        let revision = revision.and_then(|name| name.strip_suffix(".jpg")?.parse().ok());
        if revision.is_some_and(&is_removed) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Removes every thumbnail of a picture, since the drawing has changed.
pub(super) fn forget_thumbnails(folder: &Path) {
    forget(folder, |_| true);
}

/// Removes the thumbnail of one revision of the drawing.
pub(super) fn forget_thumbnail(folder: &Path, revision: u32) {
    forget(folder, |other| other == revision);
}

fn forget(folder: &Path, is_removed: impl Fn(u32) -> bool) {
    if let Err(error) = remove_thumbnails(folder, is_removed) {
        tracing::debug!(%error, "Thumbnails of an earlier drawing could not be removed");
    }
}
