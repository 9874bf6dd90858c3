//! Exports everything of a user as one tar file, streamed. Sizes are known before the first byte, so
//! a browser can show the progress, as the account page does (`export_progress`), and no recording is held in
//! memory.
//!
//! ```text
//! index.json   titles, descriptions, dates, links, and the names of the files below
//! videos/…     each recording and screenshot, byte for byte as it came
//! captions/…   WebVTT
//! ```
//! Recordings that are damaged or never arrived are listed in the index with the reason, and have no
//! file. If a recording is deleted during the export, the download is aborted, and the browser says
//! so.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::Serialize;

use crate::http::api::cursor_of;
use crate::http::app::App;
use crate::http::errors::{ApiError, internal};
use crate::pages::{self, ExportCounts};
use snaplark_api::VideoState;
use snaplark_cloud::media_map::MediaMap;
use snaplark_cloud::products::CAPTIONS;
use snaplark_cloud::stream_pieces;
use snaplark_cloud::uploads::{UploadError, Watchable};
use snaplark_cloud_data::db::{Cursor, Listing, SessionId, Upload, User};

/// The number of uploads that are read from the database at once.
const PAGE: u32 = 200;
/// The longest title in a file name. The index holds the whole title.
const NAME_CHARS_MAX: usize = 80;
const BLOCK: u64 = 512;
/// The longest file name that tar stores without an extended header.
const PLAIN_NAME_BYTES_MAX: usize = 100;
/// Two empty blocks end the archive.
const END: [u8; 1024] = [0; 1024];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    account: String,
    exported: String,
    recordings: Vec<ExportedRecording>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportedRecording {
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    kind: &'static str,
    link: String,
    original_filename: String,
    created: String,
    created_unix_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    width: u32,
    height: u32,
    views: u64,
    visibility: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_unix_ms: Option<i64>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    size_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    captions: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'static str>,
}

/// A file of the archive.
struct ArchiveEntry {
    head: Vec<u8>,
    content: Content,
    size_bytes: u64,
}

enum Content {
    Text(Vec<u8>),
    /// A recording as received. Bytes that arrive after its size was determined are left out.
    Original(SessionId),
    Captions(SessionId),
}

/// Counts what an export would hold. Of a recording that is still coming in, no size is known.
pub(crate) async fn counts(app: &App, user: &User) -> Result<ExportCounts, ApiError> {
    let mut counts = ExportCounts::default();
    let mut behind = None;
    loop {
        let uploads = page_of(app, user, behind).await?;
        for upload in &uploads {
            if upload.state == VideoState::Initialized || upload.parts_damaged > 0 {
                counts.left_out += 1;
            } else if upload.media.is_image() {
                counts.screenshots += 1;
            } else {
                counts.recordings += 1;
            }
            counts.captions += u64::from(upload.has(&CAPTIONS.name));
            counts.size_bytes += upload.finished.as_ref().map_or(0, |it| it.size_bytes);
        }
        match next_page(&uploads) {
            Some(next) => behind = Some(next),
            None => return Ok(counts),
        }
    }
}

async fn page_of(app: &App, user: &User, behind: Option<Cursor>) -> Result<Vec<Upload>, ApiError> {
    let listing = Listing { matching: "", behind, limit: PAGE, with_images: true };
    Ok(app.uploads.list(user.id, listing).await?)
}

fn next_page(uploads: &[Upload]) -> Option<Cursor> {
    uploads.last().filter(|_| uploads.len() == PAGE as usize).map(cursor_of)
}

pub(crate) async fn everything(app: &App, user: &User) -> Result<Response, ApiError> {
    let now_ms = app.uploads.clock.now_ms();
    let mut recordings = Vec::new();
    let mut entries = Vec::new();
    let mut behind = None;
    loop {
        let uploads = page_of(app, user, behind).await?;
        for upload in &uploads {
            recordings.push(add(app, upload, &mut entries).await?);
        }
        match next_page(&uploads) {
            Some(next) => behind = Some(next),
            None => break,
        }
    }
    let index = Index { account: user.email.clone(), exported: time(now_ms), recordings };
    let index = serde_json::to_vec_pretty(&index).expect("texts and numbers are JSON");
    let size_bytes = index.len() as u64;
    let head = head("index.json", size_bytes, now_ms)?;
    entries.insert(0, ArchiveEntry { head, content: Content::Text(index), size_bytes });

    let len: u64 = entries.iter().map(ArchiveEntry::len_bytes).sum::<u64>() + END.len() as u64;
    let running = Arc::new(app.exports.begin(user.id, entries.len() as u64, len));
    let app = App::clone(app);
    let (begun, sent) = (Arc::clone(&running), Arc::clone(&running));
    let files = stream::iter(entries)
        .inspect(move |_| begun.begin_file())
        .then(move |entry| entry.bytes(App::clone(&app)))
        .try_flatten()
        .inspect_err(|error| tracing::warn!(%error, "An export broke off"));
    let end = stream::once(async { Ok(Bytes::from_static(&END)) });
    // What counts is what the connection has taken, with the last block of it.
    let bytes = files.chain(end).inspect_ok(move |bytes| sent.send(bytes.len() as u64));
    let day = Timestamp::from_millisecond(now_ms).unwrap_or_default().strftime("%Y-%m-%d");
    let name = format!("attachment; filename=\"snaplark-export-{day}.tar\"");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-tar")),
        (header::CONTENT_LENGTH, len.into()),
        (header::CONTENT_DISPOSITION, name.parse().expect("digits and letters are a header")),
    ];
    Ok((StatusCode::OK, headers, Body::from_stream(bytes)).into_response())
}

/// Describes an upload for the index, and adds its files to the archive.
async fn add(
    app: &App,
    upload: &Upload,
    entries: &mut Vec<ArchiveEntry>,
) -> Result<ExportedRecording, ApiError> {
    let stem = stem(upload);
    let mut recording = describe(&app.public_url, upload);
    match app.uploads.original(upload).await {
        Ok(Watchable { map, .. }) if map.len_bytes() == 0 => {
            recording.problem = Some("nothing has arrived");
        }
        Ok(Watchable { map, .. }) => {
            let size_bytes = map.len_bytes();
            let name = format!("videos/{stem}.{}", upload.media.name());
            let head = head(&name, size_bytes, upload.created_ms)?;
            entries.push(ArchiveEntry {
                head,
                content: Content::Original(upload.session_id),
                size_bytes,
            });
            recording.size_bytes = size_bytes;
            recording.file = Some(name);
        }
        Err(UploadError::Damaged) => {
            recording.problem = Some("some of its bytes are damaged on the server");
        }
        Err(error) => return Err(error.into()),
    }
    if upload.has(&CAPTIONS.name)
        && let Some(made) = app.uploads.product(upload.session_id, &CAPTIONS).await?
    {
        let name = format!("captions/{stem}.vtt");
        let head = head(&name, made.size_bytes, upload.created_ms)?;
        let content = Content::Captions(upload.session_id);
        entries.push(ArchiveEntry { head, content, size_bytes: made.size_bytes });
        recording.captions = Some(name);
    }
    Ok(recording)
}

fn describe(public_url: &str, upload: &Upload) -> ExportedRecording {
    ExportedRecording {
        title: pages::shown_title(upload),
        description: upload.share.description.clone(),
        kind: pages::noun(upload),
        link: format!("{public_url}{}", pages::page_path(upload)),
        original_filename: upload.filename.clone(),
        created: time(upload.created_ms),
        created_unix_ms: upload.created_ms,
        duration_ms: upload
            .finished
            .as_ref()
            .filter(|_| !upload.media.is_image())
            .map(|it| it.duration_ms),
        width: upload.width,
        height: upload.height,
        views: upload.share.views,
        visibility: upload.share.visibility.name(),
        expires_unix_ms: upload.share.expires_ms,
        state: upload.state.name(),
        file: None,
        size_bytes: 0,
        captions: None,
        problem: None,
    }
}

impl ArchiveEntry {
    fn len_bytes(&self) -> u64 {
        self.head.len() as u64 + self.size_bytes.next_multiple_of(BLOCK)
    }

    /// Returns header, content, and zeros up to the next block.
    async fn bytes(self, app: App) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
        let ArchiveEntry { head, content, size_bytes } = self;
        let content = match content {
            Content::Text(text) => stream::once(async { Ok(Bytes::from(text)) }).boxed(),
            Content::Original(session) => {
                let upload = app.uploads.by_session(session).await.map_err(io::Error::other)?;
                let upload = upload.filter(|upload| !upload.removed).ok_or_else(is_gone)?;
                let Watchable { map, .. } =
                    app.uploads.original(&upload).await.map_err(io::Error::other)?;
                served(&app, &map, size_bytes)?
            }
            Content::Captions(session) => {
                let made = app.uploads.product(session, &CAPTIONS).await;
                let made = made.map_err(io::Error::other)?.ok_or_else(is_gone)?;
                let mut map = MediaMap::default();
                map.push_object(&made.object_key, 0..made.size_bytes);
                served(&app, &Arc::new(map), size_bytes)?
            }
        };
        let padding = (size_bytes.next_multiple_of(BLOCK) - size_bytes) as usize;
        let padding = Bytes::from_static(&END[..padding]);
        let head = stream::once(async { Ok(Bytes::from(head)) });
        Ok(head.chain(content).chain(stream::once(async { Ok(padding) })).boxed())
    }
}

/// Returns exactly as many bytes as the header announces, or an error.
fn served(
    app: &App,
    map: &Arc<MediaMap>,
    size_bytes: u64,
) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
    if map.len_bytes() < size_bytes {
        return Err(is_gone());
    }
    let pieces = map.pieces(0..size_bytes);
    Ok(stream_pieces(&app.uploads.storage, pieces).map_err(io::Error::other).boxed())
}

fn is_gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "a recording was changed or deleted meanwhile")
}

/// Returns a file name such as `2026-11-28 14.03 Checkout bug 0192f0c1`: sorted by date, and unique.
fn stem(upload: &Upload) -> String {
    let at = Timestamp::from_millisecond(upload.created_ms).unwrap_or_default();
    let is_plain = |c: &char| !c.is_control() && !r#"/\:*?"<>|"#.contains(*c);
    let title: String = pages::shown_title(upload).chars().filter(is_plain).collect();
    let title: String = title.trim().chars().take(NAME_CHARS_MAX).collect();
    let id = upload.session_id.to_string();
    format!("{} {} {}", at.strftime("%Y-%m-%d %H.%M"), title.trim(), &id[..8])
}

fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or_default().to_string()
}

/// Returns the tar header of a file. Before it comes a pax header if the name is long or has
/// non-ASCII characters.
fn head(name: &str, size_bytes: u64, modified_ms: i64) -> Result<Vec<u8>, ApiError> {
    let failed = |error: io::Error| internal(&error, false);
    let mut archive = tar::Builder::new(Vec::new());
    let is_plain = name.is_ascii() && name.len() <= PLAIN_NAME_BYTES_MAX;
    if !is_plain {
        archive.append_pax_extensions([("path", name.as_bytes())]).map_err(failed)?;
    }
    let mut head = tar::Header::new_ustar();
    let short: String = name.chars().filter(char::is_ascii).take(PLAIN_NAME_BYTES_MAX).collect();
    head.set_path(short).map_err(failed)?;
    head.set_size(size_bytes);
    head.set_mode(0o644);
    head.set_mtime(u64::try_from(modified_ms / 1000).unwrap_or(0));
    head.set_cksum();
    let mut blocks = std::mem::take(archive.get_mut());
    blocks.extend_from_slice(head.as_bytes());
    Ok(blocks)
}
