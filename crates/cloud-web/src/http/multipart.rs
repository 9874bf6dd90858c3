//! Parses forms with a file, field by field as they arrive: the file is streamed to storage.
//!
//! If the text fields come before the file, the upload is looked up first, and a file for which there
//! is no upload isn't written. If they come after the file, the file is written under a temporary
//! name and then renamed to its part's name. The names of the text fields and the checks on them
//! depend on the API dialect (`ChunkFields`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream::poll_fn;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use snaplark_api::{ScreenshotFields, limits};
use snaplark_formats::sniff::MediaKind;
use tokio::time::timeout;

use super::app::App;
use super::body::{SharedBody, is_too_slow};
use super::errors::ApiError;
use snaplark_cloud::parts;
use snaplark_cloud::rate::Allowance;
use snaplark_cloud::staging::Staged;
use snaplark_cloud::uploads::UploadError;
use snaplark_cloud_data::db::{Upload, UserId, VideoId};
use snaplark_cloud_data::storage::Written;

/// The text fields are ids, numbers and titles.
const TEXT_BYTES_MAX: usize = 1024;
/// Unknown fields are read and discarded, up to this size.
const OTHER_BYTES_MAX: u64 = 1024 * 1024;
/// An allowance for boundaries, headers and small fields besides the file.
const BESIDE_BYTES_MAX: u64 = 2 * OTHER_BYTES_MAX;
/// A client that sends nothing for this long is gone, or only occupies a connection.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// The fields of a form that carries a part, and how they are checked.
pub(crate) trait ChunkFields: Sync {
    /// The text fields that must be known before the file can be written to its final place.
    const TEXTS: &'static [&'static str];
    const FILE: &'static str = "chunk";
    const BYTES_MAX: u64 = limits::PART_BYTES_MAX;
    /// True if clients of this specification announce the file's type.
    const IS_ANNOUNCED: bool = true;

    /// Returns the upload that the part belongs to, or an error that lists everything missing or
    /// invalid.
    fn admit(
        app: &App,
        user: UserId,
        texts: &Texts,
    ) -> impl Future<Output = Result<Admitted, ApiError>> + Send;

    fn no_file() -> ApiError {
        ApiError::field(Self::FILE, &required(Self::FILE))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Texts(BTreeMap<&'static str, String>);

impl Texts {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }
}

pub(crate) fn required(name: &str) -> String {
    format!("The {name} field is required.")
}

/// The upload and index of a part that was admitted, with the rate limit's state.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    pub(crate) upload: Upload,
    pub(crate) index: u32,
    pub(crate) allowance: Allowance,
}

/// A part whose file is durable, and whose upload exists.
#[derive(Debug)]
pub(crate) struct ChunkForm {
    pub(crate) upload: Upload,
    pub(crate) index: u32,
    pub(crate) written: Written,
    pub(crate) sha256_claimed: Option<[u8; 32]>,
    pub(crate) allowance: Allowance,
    /// Counts the bytes until their row does.
    _staged: Option<Staged>,
}

pub(crate) async fn read_chunk<F: ChunkFields>(
    app: &App,
    user: UserId,
    request: Request,
) -> Result<ChunkForm, ApiError> {
    check_announced(request.headers(), F::BYTES_MAX)?;
    let whole_claimed = claimed_sha256(request.headers())?;
    let (request, whole) = match whole_claimed {
        None => (request, None),
        Some(claimed) => {
            let (request, whole) = hashed(request);
            (request, Some((claimed, whole)))
        }
    };
    let multipart = opened(request).await?;
    let mut form = ChunkFormReader {
        app,
        user,
        texts: Texts::default(),
        admitted: None,
        written: None,
        staged: None,
        claimed: None,
    };
    let mut read = form.read::<F>(multipart).await;
    if let (Ok(()), Some((claimed, whole))) = (&read, whole) {
        read = whole.sha256().await.and_then(|is| match is == claimed {
            true => Ok(()),
            false => Err(UploadError::DigestMismatch.into()),
        });
    }
    match read {
        Ok(()) => form.finish::<F>().await,
        Err(error) => {
            form.discard().await;
            Err(error)
        }
    }
}

/// Refuses a body that is announced as too large, before any of it is read.
pub(crate) fn check_announced(headers: &HeaderMap, bytes_max: u64) -> Result<(), ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let is_too_large = announced.is_some_and(|bytes| bytes > bytes_max + BESIDE_BYTES_MAX);
    if is_too_large { Err(ApiError::too_large(bytes_max)) } else { Ok(()) }
}

async fn opened(request: Request) -> Result<Multipart, ApiError> {
    let (head, body) = request.into_parts();
    let body = Body::from_stream(one_piece_a_look(body.into_data_stream()));
    Multipart::from_request(Request::from_parts(head, body), &()).await.map_err(|_| {
        ApiError::unsupported("A file is sent as multipart/form-data with a boundary.")
    })
}

/// Holds back what follows a piece until it is looked at again. The form's reader (multer 3.1.0) looks at the body twice
/// while it waits for the first boundary, and refuses a whole form as one that ends early if the second look brings
/// all of it and its end.
fn one_piece_a_look<B: Stream + Unpin>(mut body: B) -> impl Stream<Item = B::Item> {
    let mut has_given = false;
    poll_fn(move |cx| {
        if std::mem::take(&mut has_given) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = body.poll_next_unpin(cx);
        has_given = matches!(piece, Poll::Ready(Some(_)));
        piece
    })
}

struct ChunkFormReader<'a> {
    app: &'a App,
    user: UserId,
    texts: Texts,
    admitted: Option<Admitted>,
    written: Option<Written>,
    staged: Option<Staged>,
    claimed: Option<[u8; 32]>,
}

impl ChunkFormReader<'_> {
    async fn read<F: ChunkFields>(&mut self, mut multipart: Multipart) -> Result<(), ApiError> {
        let mut other_bytes = 0;
        while let Some(field) = awaited(multipart.next_field()).await? {
            let name = field.name().unwrap_or_default();
            if let Some(name) = F::TEXTS.iter().find(|known| **known == name) {
                self.texts.0.insert(name, text(field, name).await?);
            } else if name != F::FILE {
                other_bytes = skip(field, other_bytes).await?;
            } else if self.written.is_none() {
                self.file::<F>(field).await?;
            } else {
                let sentence = format!("The {} field must be one file.", F::FILE);
                return Err(ApiError::field(F::FILE, &sentence));
            }
        }
        Ok(())
    }

    async fn file<F: ChunkFields>(&mut self, mut field: Field<'_>) -> Result<(), ApiError> {
        if F::TEXTS.iter().all(|name| self.texts.0.contains_key(name)) {
            self.admit::<F>().await?;
        }
        self.claimed = claimed_sha256(field.headers())?;
        let part = self.admitted.as_ref().map(|a| (a.upload.session_id.0, a.index));
        let awaited_as = self.admitted.as_ref().map(|a| (a.upload.media, a.index));
        let staged = self.staged.insert(self.app.uploads.stage(self.user).await?);
        let mut writer = self.app.uploads.storage.writer(part);
        while let Some(bytes) = awaited(field.chunk()).await? {
            if writer.size_bytes() + bytes.len() as u64 > F::BYTES_MAX {
                return Err(ApiError::too_large(F::BYTES_MAX));
            }
            let first = writer.size_bytes() == 0 && bytes.len() >= parts::SNIFF_BYTES;
            if let (true, Some((media, index))) = (first, awaited_as)
                && !parts::may_be_part(media, index, &bytes[..parts::SNIFF_BYTES])
                && (F::IS_ANNOUNCED || index > 0 || !parts::is_mp4(&bytes))
            {
                return Err(other_kind(media));
            }
            if !staged.add(bytes.len() as u64) {
                return Err(UploadError::TooMuchAtOnce.into());
            }
            writer.write(bytes).await?;
        }
        self.written = Some(writer.finish().await?);
        Ok(())
    }

    async fn admit<F: ChunkFields>(&mut self) -> Result<Admitted, ApiError> {
        if let Some(admitted) = &self.admitted {
            return Ok(admitted.clone());
        }
        let admitted = F::admit(self.app, self.user, &self.texts).await?;
        self.admitted = Some(admitted.clone());
        Ok(admitted)
    }

    async fn finish<F: ChunkFields>(mut self) -> Result<ChunkForm, ApiError> {
        let was_admitted = self.admitted.is_some();
        let admitted = match (self.admit::<F>().await, &self.written) {
            (Ok(admitted), Some(_)) => Ok(admitted),
            (Ok(_), None) => Err(F::no_file()),
            (Err(error), Some(_)) => Err(error),
            (Err(error), None) => Err(error.and_field(F::FILE, &required(F::FILE))),
        };
        let Admitted { upload, index, allowance } = match admitted {
            Ok(admitted) => admitted,
            Err(error) => {
                self.discard().await;
                return Err(error);
            }
        };
        let mut written = self.written.take().ok_or_else(ApiError::not_found)?;
        if !was_admitted {
            let part = (upload.session_id.0, index);
            written.key = self.app.uploads.storage.rename(&written.key, part).await?;
        }
        let _staged = self.staged.take();
        Ok(ChunkForm { upload, index, written, sha256_claimed: self.claimed, allowance, _staged })
    }

    async fn discard(&mut self) {
        if let Some(written) = self.written.take() {
            self.app.uploads.discard(&written.key).await;
        }
    }
}

fn other_kind(media: MediaKind) -> ApiError {
    match media {
        MediaKind::Webm => UploadError::NotWebm.into(),
        other => UploadError::OtherKind(other).into(),
    }
}

/// A file that is durable, and the media type that its bytes show.
#[derive(Debug)]
pub(crate) struct FileForm {
    pub(crate) written: Written,
    pub(crate) media: MediaKind,
    pub(crate) filename: String,
    pub(crate) sha256_claimed: Option<[u8; 32]>,
    /// The text fields that the rules name.
    pub(crate) texts: Texts,
    /// Counts the bytes until their row does.
    _staged: Staged,
}

/// Finds the id and version of a picture in the fields of its form.
type FindPicture = fn(&Texts) -> Option<(VideoId, u32)>;

/// The permitted content of a form with a single file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileRules {
    /// The accepted names of the field. Errors mention the first, which is the specification's.
    names: &'static [&'static str],
    /// The text fields that are read. All others are skipped.
    texts: &'static [&'static str],
    bytes_max: u64,
    is_good: fn(MediaKind) -> bool,
    /// The media type that errors mention as expected.
    media: MediaKind,
    /// The function that finds the id and version of a picture in the fields before its file.
    known_picture: Option<FindPicture>,
}

/// Returns the rules for a picture. `known` reads its id and version.
pub(crate) const fn image(known: FindPicture) -> FileRules {
    FileRules {
        names: &["file", "capture"],
        texts: &ScreenshotFields::NAMES,
        bytes_max: limits::SCREENSHOT_BYTES_MAX,
        is_good: MediaKind::is_image,
        media: MediaKind::Png,
        known_picture: Some(known),
    }
}

/// Seed 003: "max 500MB".
pub(crate) const VIDEO: FileRules = FileRules {
    names: &["file"],
    texts: &[],
    bytes_max: 500 * 1024 * 1024,
    is_good: |media| !media.is_image() && media != MediaKind::Unknown,
    media: MediaKind::Webm,
    known_picture: None,
};

pub(crate) async fn read_file(
    app: &App,
    user: UserId,
    request: Request,
    wanted: FileRules,
) -> Result<FileForm, ApiError> {
    check_announced(request.headers(), wanted.bytes_max)?;
    let mut multipart = opened(request).await?;
    let mut image: Option<FileForm> = None;
    let (mut texts, mut other_bytes) = (Texts::default(), 0);
    let read = async {
        while let Some(field) = awaited(multipart.next_field()).await? {
            let text_name = wanted.texts.iter().find(|known| field.name() == Some(**known));
            if let Some(name) = text_name {
                texts.0.insert(name, text(field, name).await?);
            } else if !field.name().is_some_and(|name| wanted.names.contains(&name)) {
                other_bytes = skip(field, other_bytes).await?;
            } else if image.is_some() {
                return Err(ApiError::field("file", "The file field must be one file."));
            } else {
                admit_file(app, user, &texts, wanted).await?;
                image = Some(file_of(app, user, field, wanted).await?);
            }
        }
        Ok(())
    };
    let read = read.await;
    match (read, image) {
        (Ok(()), Some(image)) => Ok(FileForm { texts, ..image }),
        (Ok(()), None) => Err(ApiError::field("file", &required("file"))),
        (Err(error), image) => {
            if let Some(image) = image {
                app.uploads.discard(&image.written.key).await;
            }
            Err(error)
        }
    }
}

/// Checks, before the file is read, that there is space for it. The id and version of a picture are known
/// here if their fields came first.
async fn admit_file(
    app: &App,
    user: UserId,
    texts: &Texts,
    wanted: FileRules,
) -> Result<(), ApiError> {
    match wanted.known_picture {
        None => app.uploads.admit_another(user).await?,
        Some(known) => app.uploads.admit_picture(&app.accounts.guesses, user, known(texts)).await?,
    }
    Ok(())
}

async fn file_of(
    app: &App,
    user: UserId,
    mut field: Field<'_>,
    wanted: FileRules,
) -> Result<FileForm, ApiError> {
    let bytes_max = wanted.bytes_max;
    let filename = field.file_name().unwrap_or_default().to_owned();
    let sha256_claimed = claimed_sha256(field.headers())?;
    let mut staged = app.uploads.stage(user).await?;
    let mut writer = app.uploads.storage.image_writer();
    let mut head = Vec::new();
    while let Some(bytes) = awaited(field.chunk()).await? {
        if writer.size_bytes() + bytes.len() as u64 > bytes_max {
            return Err(ApiError::too_large(bytes_max));
        }
        let room = parts::SNIFF_BYTES.saturating_sub(head.len()).min(bytes.len());
        head.extend_from_slice(&bytes[..room]);
        if !staged.add(bytes.len() as u64) {
            return Err(UploadError::TooMuchAtOnce.into());
        }
        writer.write(bytes).await?;
    }
    let Some(media) = MediaKind::of_bytes(&head).filter(|media| (wanted.is_good)(*media)) else {
        return Err(UploadError::OtherKind(wanted.media).into());
    };
    let written = writer.finish().await?;
    let texts = Texts::default();
    Ok(FileForm { written, media, filename, sha256_claimed, texts, _staged: staged })
}

async fn text(mut field: Field<'_>, name: &str) -> Result<String, ApiError> {
    let mut text = Vec::new();
    while let Some(bytes) = awaited(field.chunk()).await? {
        text.extend_from_slice(&bytes);
        if text.len() > TEXT_BYTES_MAX {
            return Err(ApiError::field(name, &format!("The {name} field is too long.")));
        }
    }
    String::from_utf8(text)
        .map(|text| text.trim().to_owned())
        .map_err(|_| ApiError::field(name, &format!("The {name} field must be a string.")))
}

async fn skip(mut field: Field<'_>, mut total: u64) -> Result<u64, ApiError> {
    while let Some(bytes) = awaited(field.chunk()).await? {
        total += bytes.len() as u64;
        if total > OTHER_BYTES_MAX {
            return Err(ApiError::too_large(OTHER_BYTES_MAX));
        }
    }
    Ok(total)
}

/// Waits for the next bytes, with a timeout.
pub(crate) async fn silence<T>(next: impl Future<Output = T>) -> Result<T, ApiError> {
    timeout(SILENCE_MAX, next).await.map_err(|_| ApiError::slow())
}

async fn awaited<T>(next: impl Future<Output = Result<T, MultipartError>>) -> Result<T, ApiError> {
    match timeout(SILENCE_MAX, next).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(ApiError::too_large(limits::PART_BYTES_MAX))
        }
        Ok(Err(error)) if is_too_slow(&error) => Err(ApiError::slow()),
        Ok(Err(error)) => {
            tracing::info!(?error, "A form can't be read");
            Err(broken())
        }
        Err(_) => Err(ApiError::slow()),
    }
}

fn broken() -> ApiError {
    ApiError::field("body", "The form ends early or is not well formed.")
}

/// Parses RFC 9530's `Content-Digest: sha-256=:BASE64:`, perhaps among other algorithms. In the
/// request's headers it covers the whole form, in the field's headers only the file.
fn claimed_sha256(headers: &HeaderMap) -> Result<Option<[u8; 32]>, ApiError> {
    let Some(value) = headers.get("content-digest") else { return Ok(None) };
    let unreadable = || {
        ApiError::field("Content-Digest", "The Content-Digest header must hold sha-256=:BASE64:.")
    };
    let value = value.to_str().map_err(|_| unreadable())?;
    let Some(digest) = value.split(',').find_map(|d| d.trim().strip_prefix("sha-256=")) else {
        return Ok(None);
    };
    let base64 =
        digest.strip_prefix(':').and_then(|d| d.strip_suffix(':')).ok_or_else(unreadable)?;
    let bytes = STANDARD.decode(base64).map_err(|_| unreadable())?;
    bytes.try_into().map(Some).map_err(|_| unreadable())
}

/// Hashes a body while it is read.
struct WholeHash {
    hash: Arc<Mutex<Sha256>>,
    rest: SharedBody,
}

impl WholeHash {
    /// Returns the hash of the whole body. The form's reader stops at the last boundary, but the
    /// digest includes what follows it.
    async fn sha256(mut self) -> Result<[u8; 32], ApiError> {
        let mut left = OTHER_BYTES_MAX;
        while let Some(bytes) =
            timeout(SILENCE_MAX, self.rest.next()).await.map_err(|_| ApiError::slow())?
        {
            let bytes = bytes.map_err(|_| broken())?;
            left = left
                .checked_sub(bytes.len() as u64)
                .ok_or_else(|| ApiError::too_large(OTHER_BYTES_MAX))?;
            update(&self.hash, &bytes);
        }
        let hash = self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(hash.clone().finalize().into())
    }
}

fn hashed(request: Request) -> (Request, WholeHash) {
    let hash = Arc::new(Mutex::new(Sha256::new()));
    let (head, body) = request.into_parts();
    let body = SharedBody::new(body);
    let rest = body.clone();
    let counted = Arc::clone(&hash);
    let stream = body.inspect(move |bytes| {
        if let Ok(bytes) = bytes {
            update(&counted, bytes);
        }
    });
    (Request::from_parts(head, Body::from_stream(stream)), WholeHash { hash, rest })
}

fn update(hash: &Mutex<Sha256>, bytes: &[u8]) {
    hash.lock().unwrap_or_else(PoisonError::into_inner).update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_as_the_rfc_writes_them() {
        let of = |text: &str| {
            let headers =
                HeaderMap::from_iter([("content-digest".parse().unwrap(), text.parse().unwrap())]);
            claimed_sha256(&headers)
        };
        let empty: [u8; 32] = Sha256::digest(b"").into();
        let text = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        assert_eq!(of(text).unwrap(), Some(empty));
        assert_eq!(of(&format!("sha-512=:AAAA:, {text}")).unwrap(), Some(empty));
        assert_eq!(of("sha-512=:AAAA:").unwrap(), None);
        assert!(of("sha-256=47DEQ").is_err());
        assert!(of("sha-256=:AAAA:").is_err());
    }

    /// Bytes that begin like a boundary, in pieces that end anywhere.
    #[tokio::test]
    async fn file_of_a_form_is_read_however_its_bytes_arrive() {
        const BOUNDARY: &str = "----WebKitFormBoundary7MA4";
        let mut state = 0x5EED_u64;
        let mut below = move |end: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % end as u64) as usize
        };
        for _ in 0..500 {
            let mut file = Vec::new();
            for _ in 0..below(30) {
                let begun = format!("\r\n--{BOUNDARY}");
                match below(3) {
                    0 => file.extend_from_slice(&begun.as_bytes()[..below(begun.len())]),
                    1 => file.push(b"\r\n-W\0"[below(5)]),
                    _ => file.extend(std::iter::repeat_n(b'x', below(60))),
                }
            }
            let head = "content-disposition: form-data; name=\"chunk\"; filename=\"a\"";
            let form = [
                format!("--{BOUNDARY}\r\n{head}\r\n\r\n").as_bytes(),
                &file,
                format!("\r\n--{BOUNDARY}--\r\n").as_bytes(),
            ]
            .concat();
            let pieces: Vec<usize> = (0..form.len()).map(|_| 1 + below(70)).collect();
            let (mut from, to) = tokio::io::duplex(8_192);
            let sent = form.clone();
            tokio::spawn(async move {
                let mut rest = &sent[..];
                for piece in pieces {
                    let (now, later) = rest.split_at(piece.min(rest.len()));
                    tokio::io::AsyncWriteExt::write_all(&mut from, now).await.unwrap();
                    tokio::task::yield_now().await;
                    rest = later;
                }
            });
            let body = axum::body::Body::from_stream(tokio_util::io::ReaderStream::new(to));
            let request = Request::builder()
                .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
                .body(body)
                .unwrap();
            let mut multipart = opened(request).await.unwrap();
            let mut field = awaited(multipart.next_field()).await.unwrap().unwrap();
            let mut read = Vec::new();
            while let Some(bytes) = awaited(field.chunk()).await.unwrap() {
                read.extend_from_slice(&bytes);
            }
            drop(field);
            assert_eq!(read, file, "of {}", form.escape_ascii());
            assert!(awaited(multipart.next_field()).await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn form_that_arrives_all_at_once_while_it_is_waited_for_is_read() {
        let form = "--b\r\ncontent-disposition: form-data; name=\"n\"\r\n\r\nv\r\n--b--\r\n";
        let mut looks = 0;
        let body = poll_fn(move |cx| {
            looks += 1;
            cx.waker().wake_by_ref();
            match looks {
                1 => Poll::Pending,
                2 => Poll::Ready(Some(Ok::<_, std::io::Error>(form))),
                _ => Poll::Ready(None),
            }
        });
        let request = Request::builder()
            .header("content-type", "multipart/form-data; boundary=b")
            .body(Body::from_stream(body))
            .unwrap();
        let mut multipart = opened(request).await.unwrap();
        let field = awaited(multipart.next_field()).await.unwrap().unwrap();
        assert_eq!(text(field, "n").await.unwrap(), "v");
        assert!(awaited(multipart.next_field()).await.unwrap().is_none());
    }
}
