//! The form of `POST /videos/chunk`, field by field as it comes: the file goes straight to storage.
//!
//! `sessionId` and `chunkIndex` before the file: the upload is looked up first, and a file that
//! nobody awaits is not written. Behind the file: it is written under a name of its own and gets
//! its part's name after.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use snaplark_api::limits;
use tokio::time::timeout;

use super::App;
use super::body::SharedBody;
use super::errors::{ApiError, FieldErrors};
use super::forms;
use crate::db::{Upload, UserId};
use crate::parts;
use crate::rate::Allowance;
use crate::storage::Written;
use crate::uploads::UploadError;

/// The two texts are a UUID and a number.
const TEXT_BYTES_MAX: usize = 256;
/// Fields that we don't know are read and dropped, up to this.
const OTHER_BYTES_MAX: u64 = 1024 * 1024;
/// Boundaries, headers and small fields beside a part of the largest size.
const FORM_BYTES_MAX: u64 = limits::PART_BYTES_MAX + 2 * OTHER_BYTES_MAX;
/// A client that sends nothing for so long is gone, or holds a connection for nothing.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A chunk whose file is durable, and whose upload awaits it.
#[derive(Debug)]
pub struct ChunkForm {
    pub upload: Upload,
    pub index: u32,
    pub written: Written,
    pub sha256_claimed: Option<[u8; 32]>,
    pub allowance: Allowance,
}

pub async fn read_chunk(app: &App, user: UserId, request: Request) -> Result<ChunkForm, ApiError> {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > FORM_BYTES_MAX) {
        return Err(ApiError::too_large());
    }
    let whole_claimed = claimed_sha256(request.headers())?;
    let (request, whole) = match whole_claimed {
        None => (request, None),
        Some(claimed) => {
            let (request, whole) = hashed(request);
            (request, Some((claimed, whole)))
        }
    };
    let multipart = Multipart::from_request(request, app).await.map_err(|_| {
        ApiError::unsupported("A chunk is sent as multipart/form-data with a boundary.")
    })?;
    let mut form = Form {
        app,
        user,
        session: None,
        index: None,
        admitted: None,
        written: None,
        claimed: None,
    };
    let mut read = form.read(multipart).await;
    if let (Ok(()), Some((claimed, whole))) = (&read, whole) {
        read = whole.sha256().await.and_then(|is| match is == claimed {
            true => Ok(()),
            false => Err(UploadError::DigestMismatch.into()),
        });
    }
    match read {
        Ok(()) => form.finish().await,
        Err(error) => {
            form.discard().await;
            Err(error)
        }
    }
}

struct Form<'a> {
    app: &'a App,
    user: UserId,
    session: Option<String>,
    index: Option<String>,
    admitted: Option<Admitted>,
    written: Option<Written>,
    claimed: Option<[u8; 32]>,
}

#[derive(Clone)]
struct Admitted {
    upload: Upload,
    index: u32,
    allowance: Allowance,
}

impl Form<'_> {
    async fn read(&mut self, mut multipart: Multipart) -> Result<(), ApiError> {
        let mut other_bytes = 0;
        while let Some(field) = awaited(multipart.next_field()).await? {
            match field.name().unwrap_or_default() {
                "sessionId" => self.session = Some(text(field, "sessionId").await?),
                "chunkIndex" => self.index = Some(text(field, "chunkIndex").await?),
                "chunk" if self.written.is_none() => self.file(field).await?,
                "chunk" => {
                    return Err(ApiError::field("chunk", "The chunk field must be one file."));
                }
                _ => other_bytes = skip(field, other_bytes).await?,
            }
        }
        Ok(())
    }

    async fn file(&mut self, mut field: Field<'_>) -> Result<(), ApiError> {
        if self.session.is_some() && self.index.is_some() {
            self.admit().await?;
        }
        self.claimed = claimed_sha256(field.headers())?;
        let part = self.admitted.as_ref().map(|a| (a.upload.session_id.0, a.index));
        let mut writer = self.app.uploads.storage.writer(part);
        while let Some(bytes) = awaited(field.chunk()).await? {
            if writer.size_bytes() + bytes.len() as u64 > limits::PART_BYTES_MAX {
                return Err(ApiError::too_large());
            }
            let first = writer.size_bytes() == 0 && bytes.len() >= parts::SNIFF_BYTES;
            if let (true, Some((_, index))) = (first, part)
                && !parts::may_be_part(index, &bytes[..parts::SNIFF_BYTES])
            {
                return Err(UploadError::NotWebm.into());
            }
            writer.write(bytes).await?;
        }
        self.written = Some(writer.finish().await?);
        Ok(())
    }

    /// Names every field that is missing or wrong; then asks for the upload.
    async fn admit(&mut self) -> Result<Admitted, ApiError> {
        if let Some(admitted) = &self.admitted {
            return Ok(admitted.clone());
        }
        let mut errors = FieldErrors::new();
        let mut wrong = |name: &str, sentence: String| {
            errors.insert(name.to_owned(), vec![sentence]);
        };
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let session = filled(&self.session);
        if session.is_none() {
            wrong("sessionId", "The sessionId field is required.".to_owned());
        }
        let index = match filled(&self.index) {
            None => Err("The chunkIndex field is required.".to_owned()),
            Some(text) => forms::chunk_index(&text),
        };
        if let Err(sentence) = &index {
            wrong("chunkIndex", sentence.clone());
        }
        let (Some(session), Ok(index)) = (session, index) else {
            return Err(ApiError::invalid(errors));
        };
        let session = forms::session_id(&session)?;
        let (upload, allowance) = self.app.uploads.admit(self.user, session, index).await?;
        let admitted = Admitted { upload, index, allowance };
        self.admitted = Some(admitted.clone());
        Ok(admitted)
    }

    async fn finish(mut self) -> Result<ChunkForm, ApiError> {
        let was_admitted = self.admitted.is_some();
        let admitted = match (self.admit().await, &self.written) {
            (Ok(admitted), Some(_)) => Ok(admitted),
            (Ok(_), None) => Err(ApiError::field("chunk", "The chunk field is required.")),
            (Err(error), Some(_)) => Err(error),
            (Err(error), None) => Err(error.and_field("chunk", "The chunk field is required.")),
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
        Ok(ChunkForm { upload, index, written, sha256_claimed: self.claimed, allowance })
    }

    async fn discard(&mut self) {
        if let Some(written) = self.written.take() {
            self.app.uploads.discard(&written.key).await;
        }
    }
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
            return Err(ApiError::too_large());
        }
    }
    Ok(total)
}

async fn awaited<T>(next: impl Future<Output = Result<T, MultipartError>>) -> Result<T, ApiError> {
    match timeout(SILENCE_MAX, next).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(ApiError::too_large())
        }
        Ok(Err(_)) => Err(broken()),
        Err(_) => Err(ApiError::slow()),
    }
}

fn broken() -> ApiError {
    ApiError::field("body", "The form ends early or is not well formed.")
}

/// RFC 9530: `Content-Digest: sha-256=:BASE64:`, perhaps beside other algorithms. Of the form as a
/// whole where it stands on the request, of the file where it stands on the field.
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

/// A body whose bytes are hashed as they are read.
struct WholeHash {
    hash: Arc<Mutex<Sha256>>,
    rest: SharedBody,
}

impl WholeHash {
    /// Of the whole body: the form's reader stops at the last boundary, a digest does not.
    async fn sha256(mut self) -> Result<[u8; 32], ApiError> {
        let mut left = OTHER_BYTES_MAX;
        while let Some(bytes) =
            timeout(SILENCE_MAX, self.rest.next()).await.map_err(|_| ApiError::slow())?
        {
            let bytes = bytes.map_err(|_| broken())?;
            left = left.checked_sub(bytes.len() as u64).ok_or_else(ApiError::too_large)?;
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
}
