//! Pictures: `POST /screenshots/upload`, one request for each version.
//!
//! A server that reports it ([`ScreenshotCapabilities`]) gets the claimed id, the version and the title, so
//! that each version replaces the one before behind the same link. Each other server gets the `file` of the
//! documents alone, and each version has the link of its answer.

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::multipart::{Form, Part as FormPart};
use snaplark_api::{
    Capabilities, ScreenshotAnswer, ScreenshotCapabilities, ScreenshotFields, hex, routes,
};
use snaplark_core::SessionId;
use snaplark_core::upload::{Failure, Receipt};

use super::status::RequestKind;
use super::{CONTENT_DIGEST, Snaplark, content_digest, read_answer};
use crate::http::{in_time, stream, unreachable_server};
use crate::{OpenedUpload, OutgoingPicture, Sent};

/// The bytes of a picture.
pub(super) struct PictureFile {
    pub(super) pieces: Vec<Bytes>,
    pub(super) size_bytes: u64,
    pub(super) sha256: [u8; 32],
    pub(super) sent: Sent,
}

/// Returns the session of a picture, which exists only here: its upload is a single request. Where the link
/// is known beforehand, the machine makes it from the server's template.
pub(super) fn opened(version: u32) -> OpenedUpload {
    OpenedUpload { session: SessionId(format!("picture-{version}")), link: None }
}

/// Returns the link that the upload was answered with.
pub(super) fn link_of(receipts: &[Receipt]) -> Option<String> {
    receipts.first().map(|Receipt(link)| link.clone()).filter(|link| !link.is_empty())
}

impl Snaplark {
    pub(super) async fn send_picture(
        &self,
        file: PictureFile,
        picture: OutgoingPicture,
    ) -> Result<Receipt, Failure> {
        let PictureFile { pieces, size_bytes, sha256, sent } = file;
        if let Some(able) = self.screenshots() {
            check_size(size_bytes, able.bytes_max)?;
        }
        let digest = content_digest(&sha256)?;
        let body = reqwest::Body::wrap_stream(stream(pieces, sent.clone(), self.throttle.clone()));
        let part = FormPart::stream_with_length(body, size_bytes)
            .file_name(picture.filename.clone())
            .mime_str(&picture.mime)
            .map_err(unreachable_server)?
            .headers(HeaderMap::from_iter([(CONTENT_DIGEST, digest)]));
        let texts = fields(&picture, self.screenshots().as_ref()).texts();
        let form = texts.into_iter().fold(Form::new(), |form, (name, text)| form.text(name, text));
        let url = self.url(routes::SCREENSHOTS);
        let request = self.signed(self.client.post(url)).multipart(form.part("file", part));
        let answer = async {
            let response = request.send().await.map_err(unreachable_server)?;
            read_answer::<ScreenshotAnswer>(RequestKind::Picture, response).await
        };
        let answer = in_time(&sent, size_bytes, answer).await?;
        if answer.success == Some(false) {
            return Err(Failure::NotTheApi { detail: "the picture isn't confirmed".into() });
        }
        match answer.link() {
            Some(link) => Ok(Receipt(link.to_owned())),
            None => Err(Failure::NotTheApi { detail: "no link in the answer".into() }),
        }
    }

    fn screenshots(&self) -> Option<ScreenshotCapabilities> {
        let known = self.capabilities.lock().ok()?;
        known.as_ref().and_then(|able: &Capabilities| able.screenshots.clone())
    }
}

/// Refuses a picture above the server's limit before its first byte is sent. 0 is a server that states none.
fn check_size(size_bytes: u64, bytes_max: u64) -> Result<(), Failure> {
    if bytes_max == 0 || size_bytes <= bytes_max {
        return Ok(());
    }
    // Rounded so that a picture above the limit never seems to be as large as it.
    let (is, most) = (size_bytes.div_ceil(1024 * 1024), bytes_max / (1024 * 1024));
    let detail = format!("the picture has {is} MB, and this server takes {most} MB at most");
    Err(Failure::Refused { detail })
}

/// Returns the fields that the server takes.
fn fields(picture: &OutgoingPicture, able: Option<&ScreenshotCapabilities>) -> ScreenshotFields {
    let Some(able) = able else { return ScreenshotFields::default() };
    let address = picture.address.as_ref().filter(|_| able.claims);
    let secret = address.and_then(|address| address.secret);
    ScreenshotFields {
        recording_id: address.map(|address| address.id),
        recording_secret: secret.map(|secret| hex(&secret)),
        title: picture.title.clone(),
        version: Some(picture.version).filter(|_| able.versions && address.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;

    #[test]
    fn picture_above_the_servers_limit_is_refused_with_both_sizes() {
        let limit = 25 * 1024 * 1024;
        assert_eq!(check_size(limit, limit), Ok(()));
        assert_eq!(check_size(u64::MAX, 0), Ok(()), "it states no limit");
        let refused = check_size(limit + 1, limit).unwrap_err().to_string();
        assert!(refused.contains("26 MB") && refused.contains("25 MB"), "{refused}");
    }

    #[test]
    fn server_gets_only_the_fields_that_it_takes() {
        let address = Address { id: uuid::Uuid::from_u128(1), secret: Some([7; 32]) };
        let picture = OutgoingPicture {
            filename: "a.png".into(),
            mime: "image/png".into(),
            title: Some("Checkout".into()),
            address: Some(address),
            version: 2,
        };
        let names = |able: Option<ScreenshotCapabilities>| -> Vec<&str> {
            let texts = fields(&picture, able.as_ref()).texts();
            texts.into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(
            names(None),
            Vec::<&str>::new(),
            "a server of the documents gets the file alone"
        );
        let all = ScreenshotCapabilities { claims: true, versions: true, ..Default::default() };
        assert_eq!(
            names(Some(all.clone())),
            ["recordingId", "recordingSecret", "title", "version"]
        );
        let unclaimed = ScreenshotCapabilities { claims: false, ..all };
        assert_eq!(names(Some(unclaimed)), ["title"], "a version means nothing without an id");
    }
}
