//! Files that a person brings in: dropped, chosen, pasted, or named at the command line.
//!
//! - What a file is, its content says ([`inspect`]). A picture goes the way of pictures (`crate::pictures`).
//! - A video stays where it is, and is sent from there (`source`). It is never written, moved or deleted.
//! - The rows are committed before the upload begins, so a file that is in the library is uploaded, whatever ends in
//!   between.

mod inspect;
mod source;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use snaplark_api::{Media, limits};
use snaplark_core::ItemId;
use snaplark_core::render::RenderError;
use snaplark_destinations::FileFacts;
use snaplark_store::{ImportedFile, NewImport, Recording};

use crate::messages::{EngineCommand, Reply};
use crate::{App, AppError, titles};

pub use inspect::FileRefusal;
pub(crate) use inspect::{FileStamp, Inspected};
pub(crate) use source::{FilePart, FileSource};

/// The values of a file whose header doesn't say its own.
const USUAL_FPS: u32 = 30;
const USUAL_SIZE: (u32, u32) = (1920, 1080);

/// A person's own words about a file that is brought in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportOptions {
    /// The title. `None`: the file's name without its ending.
    pub title: Option<String>,
    /// The description, for destinations that take one.
    pub description: Option<String>,
}

/// A request about files to the event loop.
pub(crate) enum ImportCommand {
    /// Adds a video and begins its upload.
    Add { new: Box<NewImport>, reply: Reply<()> },
    /// Replies with the row of the video that an upload sends.
    Read { item: ItemId, reply: Reply<ImportedFile> },
    /// Uploads a file that has changed as it is now. The id is the upload's.
    Renew { item: ItemId, file: Box<ImportedFile>, reply: Reply<()> },
}

impl ImportCommand {
    /// Returns whether the command only reads.
    pub(crate) fn is_question(&self) -> bool {
        match self {
            ImportCommand::Read { .. } => true,
            ImportCommand::Add { .. } | ImportCommand::Renew { .. } => false,
        }
    }
}

/// The files that people bring in. Clones are handles to the same program.
#[derive(Clone)]
pub struct Imports {
    app: App,
}

impl Imports {
    /// Brings in a file and uploads it. It is in the library when this returns.
    pub async fn upload(&self, file: PathBuf, said: ImportOptions) -> Result<ItemId, AppError> {
        let path = absolute(file).await?;
        let found = look(path.clone()).await?;
        if found.media.is_image() {
            let pictures = self.app.pictures();
            let item = self.add_picture(path).await?;
            if let Some(title) = said.title.as_deref().and_then(titles::given) {
                self.app.rename(item.into(), title).await?;
            }
            pictures.publish(item).await?;
            return Ok(item);
        }
        self.add(path, found, said).await
    }

    /// Brings in a file that was dropped: a video is uploaded, a picture waits in the library, where it can be drawn
    /// on first. Returns its id, and whether it is a picture.
    pub async fn bring(&self, file: PathBuf) -> Result<(ItemId, bool), AppError> {
        let path = absolute(file).await?;
        let found = look(path.clone()).await?;
        match found.media.is_image() {
            true => Ok((self.add_picture(path).await?, true)),
            false => Ok((self.add(path, found, ImportOptions::default()).await?, false)),
        }
    }

    /// Tries a stopped upload again. A file that has changed is uploaded as it is now. Returns false for uploads that
    /// send no video of these.
    pub(crate) async fn renew(&self, item: ItemId) -> Result<bool, AppError> {
        let file = match self.ask(|reply| ImportCommand::Read { item, reply }).await {
            Ok(file) => file,
            Err(AppError::Store(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        let source = FileSource::new(&file);
        let is_there = blocking(move || Ok(source.is_there())).await?;
        if is_there {
            return Ok(false);
        }
        // A file that isn't there may still be found under another name, so only one that is there is looked at.
        let Ok(found) = look(file.path.clone()).await else { return Ok(false) };
        if found.media.is_image() {
            return Err(refused(&file.path, FileRefusal::OtherType));
        }
        let file = Box::new(ImportedFile {
            size_bytes: found.stamp.size_bytes,
            modified_ns: found.stamp.modified_ns,
            duration_ms: found.facts.duration_ms,
            mime: found.media.mime().to_owned(),
            is_wanted: true,
            ..file
        });
        self.ask(|reply| ImportCommand::Renew { item, file, reply }).await?;
        Ok(true)
    }

    /// Adds a picture. One that can't be opened is refused as other files are, by the name of its file.
    async fn add_picture(&self, path: PathBuf) -> Result<ItemId, AppError> {
        let added = self.app.pictures().import_file(path.clone()).await;
        added.map_err(|error| match error {
            AppError::FileRefused { refusal, .. } => refused(&path, refusal),
            AppError::Render(RenderError::NotAPicture { .. }) => {
                refused(&path, FileRefusal::CutOff)
            }
            AppError::Render(RenderError::PictureTooLarge { .. }) => {
                refused(&path, FileRefusal::PictureTooLarge)
            }
            other => other,
        })
    }

    async fn add(
        &self,
        path: PathBuf,
        found: Inspected,
        said: ImportOptions,
    ) -> Result<ItemId, AppError> {
        let now = jiff::Zoned::now();
        let id = ItemId(uuid::Uuid::now_v7());
        let language = self.app.settings().await?.desktop.language;
        let named = path.file_stem().and_then(|stem| titles::given(stem.to_str()?));
        let title = said.title.as_deref().and_then(titles::given).or(named);
        let FileStamp { size_bytes, modified_ns } = found.stamp;
        let new = NewImport {
            id,
            title: title.unwrap_or_else(|| crate::pictures::name::dated_title(&now, language)),
            started_text: now.strftime("%Y-%m-%dT%H-%M-%S").to_string(),
            started_unix_ms: now.timestamp().as_millisecond(),
            width: found.facts.width,
            height: found.facts.height,
            file: ImportedFile {
                path,
                size_bytes,
                modified_ns,
                duration_ms: found.facts.duration_ms,
                mime: found.media.mime().to_owned(),
                description: said.description.unwrap_or_default(),
                is_wanted: true,
            },
        };
        self.ask(|reply| ImportCommand::Add { new: Box::new(new), reply }).await?;
        Ok(id)
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> ImportCommand) -> Result<T, AppError> {
        self.app.ask(|reply| EngineCommand::Import(command(reply))).await?
    }
}

impl App {
    /// Returns the files that people bring in.
    pub fn imports(&self) -> Imports {
        Imports { app: self.clone() }
    }
}

/// Returns the facts about a file that destinations get.
pub(crate) fn facts(row: &Recording) -> Option<FileFacts> {
    let file = row.imported.as_ref()?;
    let filename = file.path.file_name().map(|name| name.to_string_lossy().into_owned());
    Some(FileFacts {
        filename: filename.unwrap_or_else(|| format!("video_{}", row.started_text)),
        mime: file.mime.clone(),
        description: Some(file.description.clone()).filter(|text| !text.is_empty()),
        size_bytes: file.size_bytes,
    })
}

/// Returns what the documents want to know of a recording, as far as a file's header says it.
pub(crate) fn media(row: &Recording, file: FileFacts) -> Media {
    let seconds = row.duration_ms.div_ceil(1_000).max(1);
    let bitrate = (file.size_bytes / seconds).saturating_mul(8);
    let within = |value: u64, range: RangeInclusive<i64>| {
        i64::try_from(value).unwrap_or(i64::MAX).clamp(*range.start(), *range.end())
    };
    // What isn't known is said to be usual: the documents take no 0.
    let (width, height) = match (row.width, row.height) {
        (0, _) | (_, 0) => USUAL_SIZE,
        known => known,
    };
    Media {
        filename: file.filename,
        started_text: row.started_text.clone(),
        started_unix_ms: row.started_unix_ms,
        fps: USUAL_FPS,
        bitrate: within(bitrate, limits::BITRATE) as u64,
        width: within(width.into(), limits::WIDTH) as u32,
        height: within(height.into(), limits::HEIGHT) as u32,
    }
}

async fn look(path: PathBuf) -> Result<Inspected, AppError> {
    blocking(move || inspect::inspect(&path).map_err(|refusal| refused(&path, refusal))).await
}

fn refused(path: &Path, refusal: FileRefusal) -> AppError {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    AppError::FileRefused { name, refusal }
}

/// Returns the path from the root, so that it holds whatever folder the next program runs in.
async fn absolute(file: PathBuf) -> Result<PathBuf, AppError> {
    blocking(move || {
        std::path::absolute(&file).map_err(|error| refused(&file, FileRefusal::of(&error)))
    })
    .await
}

/// Runs something that reads files on a thread that may block.
async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    tokio::task::spawn_blocking(act).await.map_err(|_| AppError::Closing)?
}

#[cfg(test)]
mod tests;
