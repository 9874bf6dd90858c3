//! Pictures in the library: taken, brought in, drawn on, exported, published.
//!
//! - What leaves is rendered from the source and its drawing (`flatten`), so neither covered pixels nor metadata
//!   leave. A picture that was brought in and has no drawing is published as it is, without its metadata, and so an
//!   animation moves (`animation`). A drawing makes a still of it.
//! - Rendering, and writing what was rendered, runs outside of the event loop; rows are written inside of it.
//! - Publishing makes the flattened picture durable before its row, and the row before the upload. A drawing
//!   that was changed is published again as the next version, behind the same link.
//!
//! Length: one method for each thing that a person does with a picture.

mod animation;
mod arriving;
/// The clipboard's pictures.
pub mod clipboard;
mod drag;
mod flatten;
pub(crate) mod name;
mod pixels;
mod policy;
pub(crate) mod rows;
mod shelf;
pub(crate) mod toasts;
pub mod view;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use snaplark_core::edit::{Area, Drawing};
use snaplark_core::render::{PictureFormat, PictureRecipe, Recognized, Render, RenderProgress};
use snaplark_core::{ItemId, ItemKind, RecordingId};
use snaplark_files as files;
use snaplark_formats::sniff::MediaKind;
use snaplark_store::{NewItem, NewVersion, WrittenItem, WrittenVersion};
use tokio::sync::oneshot;

use crate::messages::{EngineCommand, Reply};
use crate::settings::ScreenshotSettings;
use crate::{App, AppError, ErrorCode, Language, titles};

pub use arriving::Arrival;
pub(crate) use arriving::Arrivals;
pub(crate) use drag::sweep;
pub use flatten::ExportedPicture;
use flatten::{Flatten, read_source};
use rows::{PictureRow, ReadyVersion, ToPublish};
pub(crate) use shelf::PictureShelf;
use view::PictureView;

/// A picture before it is in the library.
#[derive(Clone, Debug)]
pub struct NewPicture {
    /// PNG, JPEG, WebP or GIF.
    pub bytes: Vec<u8>,
    /// The title, such as that of the window that was taken. `None`: the date.
    pub title: Option<String>,
}

/// Describes a screenshot that is not in the library yet.
#[derive(Clone, Debug)]
pub struct AnnouncedPicture {
    /// The title, as [`NewPicture`] has it.
    pub title: Option<String>,
    /// The width.
    pub width: u32,
    /// The height.
    pub height: u32,
}

/// The bytes of an original or a thumbnail, as windows get them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureBytes {
    /// The file's bytes.
    pub bytes: Vec<u8>,
    /// Their media type.
    pub mime: &'static str,
}

/// A request of pictures to the event loop.
pub(crate) enum PictureCommand {
    Add {
        written: Box<WrittenItem>,
        reply: Reply<ItemId>,
    },
    Read {
        item: ItemId,
        reply: Reply<PictureRow>,
    },
    /// Saves the drawing; `None` discards it.
    SaveDrawing {
        item: ItemId,
        drawing: Option<Drawing>,
        reply: Reply<()>,
    },
    Publish {
        item: ItemId,
        version: PublishedVersion,
        reply: Reply<Option<String>>,
    },
    /// Sends the picture to one more place, as it was rendered.
    SendTo {
        item: ItemId,
        server: String,
        ready: Box<ReadyVersion>,
        reply: Reply<RecordingId>,
    },
    /// Something was done that the person gets told.
    Say {
        item: ItemId,
        said: view::PictureSaid,
    },
}

/// The version that is published.
pub(crate) enum PublishedVersion {
    /// The last one, which is online or on its way.
    AsItIs,
    /// The last one, whose upload has failed.
    Again,
    /// A new one, with the least number that it may have.
    Next { ready: ReadyVersion, number_min: u32 },
}

impl PictureCommand {
    /// Returns whether the command only reads.
    pub(crate) fn is_question(&self) -> bool {
        match self {
            PictureCommand::Read { .. } => true,
            PictureCommand::Add { .. }
            | PictureCommand::SaveDrawing { .. }
            | PictureCommand::Publish { .. }
            | PictureCommand::SendTo { .. }
            | PictureCommand::Say { .. } => false,
        }
    }
}

/// The pictures of the library. Clones are handles to the same program.
#[derive(Clone)]
pub struct Pictures {
    app: App,
    render: Arc<dyn Render>,
}

impl Pictures {
    pub(crate) fn new(app: App, render: Arc<dyn Render>) -> Self {
        Pictures { app, render }
    }

    /// Returns the id of a picture that is added later.
    pub fn new_id() -> ItemId {
        ItemId(uuid::Uuid::now_v7())
    }

    /// Adds a screenshot. It is durable when this returns.
    pub async fn add(&self, new: NewPicture) -> Result<ItemId, AppError> {
        self.add_as(Self::new_id(), new).await
    }

    /// Adds a screenshot under an id of [`Pictures::new_id`].
    pub async fn add_as(&self, id: ItemId, new: NewPicture) -> Result<ItemId, AppError> {
        self.bring_in(id, ItemKind::Screenshot, new).await
    }

    /// Announces a screenshot that is added under an id of [`Pictures::new_id`] as soon as it is encoded, so that its
    /// editor shows a glance of it meanwhile. What else the editor asks for waits until the arrival is dropped.
    pub async fn announce(
        &self,
        id: ItemId,
        new: AnnouncedPicture,
        glance: impl Future<Output = Option<Vec<u8>>> + Send + 'static,
    ) -> Result<Arrival, AppError> {
        let now = jiff::Zoned::now();
        let title = self.title(new.title.as_deref(), &now).await?;
        let (size, now) = ((new.width, new.height), now.timestamp().as_millisecond());
        Ok(self.app.arrivals.begin(id, PictureView::arriving(id, title, size, now), glance))
    }

    /// Returns the title of a picture: a given one, or else the date.
    async fn title(&self, given: Option<&str>, now: &jiff::Zoned) -> Result<String, AppError> {
        let language = self.app.settings().await?.desktop.language;
        Ok(given.and_then(titles::given).unwrap_or_else(|| name::dated_title(now, language)))
    }

    /// Brings in a picture from elsewhere, such as one that was pasted. `name` is its file's name.
    pub async fn import_bytes(
        &self,
        bytes: Vec<u8>,
        name: Option<&str>,
    ) -> Result<ItemId, AppError> {
        let stem = name.and_then(|name| Path::new(name).file_stem()?.to_str());
        let title = stem.and_then(titles::given);
        self.bring_in(Self::new_id(), ItemKind::Import, NewPicture { bytes, title }).await
    }

    /// Brings in a picture from a file, which stays where it is.
    pub async fn import_file(&self, file: PathBuf) -> Result<ItemId, AppError> {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
        let bytes = read(file).await?;
        self.import_bytes(bytes, name.as_deref()).await
    }

    async fn bring_in(
        &self,
        id: ItemId,
        kind: ItemKind,
        new: NewPicture,
    ) -> Result<ItemId, AppError> {
        let NewPicture { bytes, title } = new;
        check_size(bytes.len() as u64)?;
        let media = known_kind(&bytes)?;
        let name = title.clone();
        let render = self.render.clone();
        let now = jiff::Zoned::now();
        let title = self.title(title.as_deref(), &now).await?;
        let home = self.app.home.root.clone();
        let written = blocking(move || {
            let refused = |refusal| {
                let name = name.clone().unwrap_or_else(|| media.name().to_uppercase());
                AppError::FileRefused { name, refusal }
            };
            let frames = animation::frames(&bytes).map_err(refused)?;
            let (width, height) = render.picture_size(&bytes)?;
            let is_animated = animation::check(frames, (width, height)).map_err(refused)?;
            let new = NewItem {
                id,
                kind,
                title,
                started_text: now.strftime("%Y-%m-%dT%H-%M-%S").to_string(),
                started_unix_ms: now.timestamp().as_millisecond(),
                width,
                height,
                extension: animation::extension(media, is_animated),
                size_bytes: bytes.len() as u64,
                sha256: Sha256::digest(&bytes).into(),
            };
            Ok(rows::write(&home, new, &bytes)?)
        })
        .await?;
        self.ask(|reply| PictureCommand::Add { written, reply }).await
    }

    /// Returns what the editor shows, also of a picture that is announced.
    pub async fn open(&self, item: ItemId) -> Result<PictureView, AppError> {
        let arrivals = &self.app.arrivals;
        if let Some(view) = arrivals.view(item) {
            return Ok(view);
        }
        let view = PictureView::of(self.row(item).await?);
        let glance_url = arrivals.has(item).then(|| view::glance_url(&view.id));
        Ok(PictureView { glance_url, ..view })
    }

    /// Returns whether this is a picture.
    pub async fn has(&self, item: ItemId) -> bool {
        self.row(item).await.is_ok()
    }

    /// Saves what was drawn, in place of what was drawn before. A drawing that changes nothing is discarded.
    pub async fn save_drawing(&self, item: ItemId, drawing: Drawing) -> Result<(), AppError> {
        drawing.check().map_err(|error| AppError::told(ErrorCode::BadDrawing, error))?;
        let drawing = Some(drawing).filter(|drawing| *drawing != Drawing::default());
        self.app.arrivals.wait_for(item).await;
        self.ask(|reply| PictureCommand::SaveDrawing { item, drawing, reply }).await
    }

    /// Returns the picture with its drawing, in the format of the settings or another. Without a format that was asked for,
    /// an animation on which nothing is drawn stays one.
    pub async fn export(
        &self,
        item: ItemId,
        format: Option<PictureFormat>,
    ) -> Result<ExportedPicture, AppError> {
        let settings = self.app.settings().await?.screenshots;
        let row = self.row(item).await?;
        if format.is_none()
            && let Some(moving) = self.moving_file(&row).await?
        {
            return Ok(moving);
        }
        self.flatten(&row, format.unwrap_or_else(|| settings.picture_format()), &settings).await
    }

    /// Returns an animation on which nothing is drawn, as it leaves this computer. `None` for every other picture.
    async fn moving_file(&self, row: &PictureRow) -> Result<Option<ExportedPicture>, AppError> {
        if !animation::moves(row) {
            return Ok(None);
        }
        let row = row.clone();
        blocking(move || flatten::unchanged(&row)).await
    }

    /// Returns the picture with its drawing as PNG, for a clipboard.
    pub async fn copy(&self, item: ItemId) -> Result<Vec<u8>, AppError> {
        Ok(self.export(item, Some(PictureFormat::Png)).await?.bytes)
    }

    /// Writes the picture with its drawing to a file, in the format of its ending or else of the settings.
    pub async fn save_as(&self, item: ItemId, to: PathBuf) -> Result<(), AppError> {
        let settings = self.app.settings().await?.screenshots;
        let format = format_of(&to, &settings);
        let bytes = self.export(item, format).await?.bytes;
        blocking(move || write_file(&to, &bytes)).await
    }

    /// Writes the picture with its drawing to the folder of the settings, under a name that is free there.
    /// Returns the file.
    pub async fn save(
        &self,
        item: ItemId,
        format: Option<PictureFormat>,
    ) -> Result<PathBuf, AppError> {
        let exported = self.export(item, format).await?;
        let folder = self.folder().await?;
        blocking(move || {
            files::make_folder(&folder).map_err(|error| unwritable(&folder, &error))?;
            let same = folder.join(&exported.filename);
            if std::fs::read(&same).is_ok_and(|there| there == exported.bytes) {
                return Ok(same);
            }
            let to = name::free_in(&folder, &exported.filename);
            write_file(&to, &exported.bytes)?;
            Ok(to)
        })
        .await
    }

    /// Writes the picture with its drawing to a file that is dragged out of a window. It is removed by a later
    /// drag or start, when whoever it was dropped on has read it.
    pub async fn drag_file(&self, item: ItemId) -> Result<PathBuf, AppError> {
        let exported = self.export(item, None).await?;
        let home = self.app.home.root.clone();
        blocking(move || drag::write(&home, &exported)).await
    }

    /// Returns where [`Pictures::save`] would write, for a dialog that asks.
    pub async fn proposed_file(
        &self,
        item: ItemId,
        format: Option<PictureFormat>,
    ) -> Result<PathBuf, AppError> {
        let settings = self.app.settings().await?.screenshots;
        let row = self.row(item).await?;
        if format.is_none()
            && let Some(moving) = self.moving_file(&row).await?
        {
            return Ok(self.folder().await?.join(moving.filename));
        }
        let format = format.unwrap_or_else(|| settings.picture_format());
        Ok(self.folder().await?.join(flatten::filename(&row, format, &settings)))
    }

    async fn folder(&self) -> Result<PathBuf, AppError> {
        let chosen = self.app.settings().await?.screenshots.save_folder;
        Ok(chosen.unwrap_or_else(|| self.app.home.pictures_folder()))
    }

    /// Publishes the picture as it is now. Returns its link, if that is known already; without a connection
    /// it is known later. The link is put on the clipboard as soon as it is known (`Notice::CopyLink`). What is shown
    /// under the link already is not sent again, and a version that failed is not rendered again.
    pub async fn publish(&self, item: ItemId) -> Result<Option<String>, AppError> {
        let settings = self.app.settings().await?.screenshots;
        let row = self.row(item).await?;
        let version = match row.to_publish() {
            ToPublish::Nothing => PublishedVersion::AsItIs,
            ToPublish::SameVersion => PublishedVersion::Again,
            ToPublish::NextVersion { number_min } => {
                let ready = self.ready(row, &settings).await?;
                PublishedVersion::Next { ready, number_min }
            }
        };
        self.ask(|reply| PictureCommand::Publish { item, version, reply }).await
    }

    /// Sends the picture as it is now to the account at this address, whatever other places have it. Returns the id of
    /// the upload.
    pub(crate) async fn send_to(
        &self,
        item: ItemId,
        server: String,
    ) -> Result<RecordingId, AppError> {
        let settings = self.app.settings().await?.screenshots;
        let ready = Box::new(self.ready(self.row(item).await?, &settings).await?);
        self.ask(|reply| PictureCommand::SendTo { item, server, ready, reply }).await
    }

    /// Renders the picture as it is now and writes it into its folder.
    async fn ready(
        &self,
        row: PictureRow,
        settings: &ScreenshotSettings,
    ) -> Result<ReadyVersion, AppError> {
        let of = row.clone();
        let exported = match blocking(move || flatten::unchanged(&of)).await? {
            Some(exported) => exported,
            None => self.flatten(&row, settings.picture_format(), settings).await?,
        };
        let home = self.app.home.root.clone();
        blocking(move || {
            let new = NewVersion {
                edit: row.edit.as_ref(),
                extension: exported.extension,
                bytes: &exported.bytes,
                sha256: Sha256::digest(&exported.bytes).into(),
            };
            let written = WrittenVersion::write(&home, row.item.id, &new)?;
            Ok(ReadyVersion { edit: row.edit, written })
        })
        .await
    }

    /// Reads the text and the codes in the picture or in an area of it, in the original's pixels. What is covered
    /// is not read.
    pub async fn recognize(
        &self,
        item: ItemId,
        area: Option<Area>,
    ) -> Result<Recognized, AppError> {
        let row = self.row(item).await?;
        let languages = languages(self.app.settings().await?.desktop.language);
        let render = self.render.clone();
        blocking(move || {
            let picture = flatten::to_read(&row, &*render)?;
            let read = render.recognize(&picture, area, &languages);
            read.map_err(|error| AppError::told(ErrorCode::NoRecognition, error))
        })
        .await
    }

    /// Returns the original, for the editor alone.
    pub async fn source(&self, item: ItemId) -> Result<PictureBytes, AppError> {
        let row = self.row(item).await?;
        let read = blocking(move || {
            let bytes = read_source(&row)?;
            let mime = known_kind(&bytes)?.mime();
            Ok(PictureBytes { bytes, mime })
        })
        .await?;
        self.app.arrivals.forget(item);
        Ok(read)
    }

    /// Returns the first frame of the original as PNG, for the editor alone: what is drawn on it is drawn on a still.
    pub async fn first_frame(&self, item: ItemId) -> Result<PictureBytes, AppError> {
        let (row, render) = (self.row(item).await?, self.render.clone());
        blocking(move || {
            let (source, drawing) = (read_source(&row)?, Drawing::default());
            let format = PictureFormat::Png;
            let recipe = PictureRecipe { source: &source, drawing: &drawing, format };
            let bytes = render.picture(&recipe, &RenderProgress::default())?;
            Ok(PictureBytes { bytes, mime: MediaKind::Png.mime() })
        })
        .await
    }

    /// Returns an animation on which nothing is drawn, without its metadata, for a card that shows it move. One on which
    /// something is drawn doesn't move.
    pub async fn moving(&self, item: ItemId) -> Result<PictureBytes, AppError> {
        let row = self.row(item).await?;
        let moving = self.moving_file(&row).await?;
        let moving =
            moving.ok_or_else(|| AppError::told(ErrorCode::NoPicture, "it doesn't move"))?;
        Ok(PictureBytes { bytes: moving.bytes, mime: moving.mime })
    }

    /// Returns a glance at the original of a picture that was announced, for the editor alone. There is one until the
    /// original was read.
    pub async fn glance(&self, item: ItemId) -> Result<PictureBytes, AppError> {
        let png = self.app.arrivals.glance(item).await;
        let png = png.ok_or_else(|| AppError::told(ErrorCode::NoPicture, "there is no glance"))?;
        Ok(PictureBytes { bytes: Arc::unwrap_or_clone(png), mime: MediaKind::Png.mime() })
    }

    /// Returns a small picture of the item with its drawing. It is made once for each drawing.
    pub async fn thumbnail(&self, item: ItemId) -> Result<PictureBytes, AppError> {
        let mut row = self.row(item).await?;
        for _ in 0..policy::THUMBNAIL_TRIES_MAX {
            let (render, revision) = (self.render.clone(), row.revision);
            let (of, folder) = (row.clone(), row.folder());
            let bytes = blocking(move || flatten::thumbnail(&of, &*render)).await?;
            row = self.row(item).await?;
            if row.revision == revision {
                return Ok(PictureBytes { bytes, mime: "image/jpeg" });
            }
            // The drawing was saved meanwhile: what was rendered may show what is covered now.
            blocking(move || {
                folder.iter().for_each(|folder| flatten::forget_thumbnail(folder, revision));
                Ok(())
            })
            .await?;
        }
        Err(AppError::told(ErrorCode::NoPicture, "its drawing changes all the time"))
    }

    /// Tells the person of something that was done with a picture.
    pub async fn say(&self, item: ItemId, said: view::PictureSaid) -> Result<(), AppError> {
        let command = PictureCommand::Say { item, said };
        self.app.send(EngineCommand::Picture(command)).await
    }

    async fn flatten(
        &self,
        row: &PictureRow,
        format: PictureFormat,
        settings: &ScreenshotSettings,
    ) -> Result<ExportedPicture, AppError> {
        let render = self.render.clone();
        let (row, settings) = (row.clone(), settings.clone());
        let progress = RenderProgress::default();
        blocking(move || {
            Flatten { row: &row, format, settings: &settings }.run(&*render, &progress)
        })
        .await
    }

    async fn row(&self, item: ItemId) -> Result<PictureRow, AppError> {
        self.app.arrivals.wait_for(item).await;
        self.ask(|reply| PictureCommand::Read { item, reply }).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, AppError>>) -> PictureCommand,
    ) -> Result<T, AppError> {
        self.app.ask(|reply| EngineCommand::Picture(command(reply))).await?
    }
}

/// Runs something that reads files or renders on a thread that may block.
async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    tokio::task::spawn_blocking(act).await.map_err(|_| AppError::Closing)?
}

/// Reads a file that may be a picture.
pub(crate) async fn read(file: PathBuf) -> Result<Vec<u8>, AppError> {
    blocking(move || read_bounded(&file)).await
}

/// Returns the kind of a picture that can be opened here.
fn known_kind(bytes: &[u8]) -> Result<MediaKind, AppError> {
    match MediaKind::of_bytes(bytes) {
        Some(media) if media.is_image() => Ok(media),
        Some(_) | None => {
            Err(AppError::told(ErrorCode::NoPicture, "it is neither PNG, JPEG, WebP nor GIF"))
        }
    }
}

fn read_bounded(file: &Path) -> Result<Vec<u8>, AppError> {
    let refused = |error| AppError::told(ErrorCode::NoPicture, error);
    let file = File::open(file).map_err(|error| refused(error.to_string()))?;
    // A file may grow while it is read, and a pipe has no size.
    let mut bytes = Vec::new();
    let read = file.take(policy::PICTURE_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| refused(error.to_string()))?;
    check_size(bytes.len() as u64)?;
    Ok(bytes)
}

/// Refuses what is larger than a picture may be.
pub fn check_size(size_bytes: u64) -> Result<(), AppError> {
    match size_bytes > policy::PICTURE_BYTES_MAX {
        true => Err(AppError::told(ErrorCode::NoPicture, "the file is too large")),
        false => Ok(()),
    }
}

/// Writes a person's own file. A larger one of that name is replaced as a whole, so nothing of it is left.
fn write_file(to: &Path, bytes: &[u8]) -> Result<(), AppError> {
    files::write_beside(to, bytes).map_err(|error| unwritable(to, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> AppError {
    AppError::told(ErrorCode::FolderUnwritable, format!("{}: {error}", path.display()))
}

/// Returns the format that the ending of a file's name asks for.
fn format_of(file: &Path, settings: &ScreenshotSettings) -> Option<PictureFormat> {
    let ending = file.extension()?.to_str()?.to_ascii_lowercase();
    match ending.as_str() {
        "png" => Some(PictureFormat::Png),
        "jpg" | "jpeg" => Some(PictureFormat::Jpeg { quality: settings.jpeg_quality }),
        "webp" => Some(PictureFormat::WebpLossless),
        _ => None,
    }
}

/// Returns the languages that a text may have: English, which is everywhere, and the person's own.
fn languages(language: Language) -> Vec<snaplark_core::render::TextLanguage> {
    use snaplark_core::render::TextLanguage::{Arabic, English, German};
    match titles::spoken(language) {
        Language::De => vec![German, English],
        Language::Ar => vec![Arabic, English],
        Language::En | Language::System => vec![English],
    }
}

impl App {
    /// Returns the pictures of the library.
    pub fn pictures(&self) -> Pictures {
        Pictures::new(self.clone(), self.render.clone())
    }
}

#[cfg(test)]
mod tests;
