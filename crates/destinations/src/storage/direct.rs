//! Direct uploads: the server gives an address, and the file is put there in one request.
//!
//! The address is a permission by itself and good for an hour or so, so it is kept in memory only; after a restart the
//! server is asked for another. The session names the file, and the receipt of the only part is what finishing needs.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use serde_json::json;
use snaplark_api::untrusted::is_web_link;
use snaplark_core::SessionId;
use snaplark_core::upload::{Failure, Receipt};

use super::{Storage, StoredFile, failure, web_link};
use crate::http::{Answer, in_time, small, stream};
use crate::whole_file::name_and_mime;
use crate::{Completion, Opening, OutgoingPart};

const DIRECT_URL: &str = "/api/storage/get-direct-upload-url";
/// Ours: the document's server learns by itself that the file has come.
const COMPLETE_DIRECT: &str = "/api/storage/complete-direct-upload";
/// The session of a direct upload: this, the item's id, and the query that asks for an address.
const DIRECT: &str = "direct/";
const MIME: &str = "contentType";

pub(super) type AddressesOfRun = BTreeMap<SessionId, DirectAddresses>;

/// The addresses of a direct upload.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DirectAddresses {
    /// Where the file is then.
    url: String,
    /// Where it is put.
    upload_url: String,
    /// The name of the upload. Ours.
    #[serde(default)]
    upload_id: Option<String>,
}

/// The receipt of a file that was put.
#[derive(Serialize, Deserialize)]
struct PutFile {
    url: String,
    upload_id: Option<String>,
}

/// Returns whether the session is that of a direct upload.
pub(super) fn is_direct(session: &SessionId) -> bool {
    session.0.starts_with(DIRECT)
}

impl Storage {
    /// Opens a direct upload. Returns `None` if the server offers none.
    pub(super) async fn open_direct(
        &self,
        opening: &Opening,
    ) -> Result<Option<SessionId>, Failure> {
        let (filename, mime) = name_and_mime(opening.file.as_ref(), &opening.media);
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("fileName", filename)
            .append_pair(MIME, mime)
            .finish();
        let session = SessionId(format!("{DIRECT}{}?{query}", opening.item.simple()));
        let is_offered = self.ask_addresses(&session).await?.is_some();
        Ok(is_offered.then_some(session))
    }

    /// Puts the file.
    pub(super) async fn send_direct(
        &self,
        session: &SessionId,
        part: OutgoingPart,
    ) -> Result<Receipt, Failure> {
        let OutgoingPart { pieces, size_bytes, part_count, sent, .. } = part;
        // The parts were planned anew, since this one was too large.
        if part_count != Some(1) {
            return Err(Failure::SessionUnknown);
        }
        let known = self.addresses().get(session).cloned();
        let addresses = match known {
            Some(addresses) => addresses,
            None => self.ask_addresses(session).await?.ok_or(Failure::SessionUnknown)?,
        };
        let body = reqwest::Body::wrap_stream(stream(pieces, sent.clone(), self.throttle.clone()));
        // The address is the permission: the token stays with the server that it is for.
        let request = self.client.put(&addresses.upload_url).header(CONTENT_TYPE, mime_of(session));
        let request = request.header(CONTENT_LENGTH, size_bytes).body(body);
        let answer = in_time(&sent, size_bytes, Answer::to(request)).await?;
        let DirectAddresses { url, upload_id, .. } = addresses;
        match answer.status {
            200..=299 => {}
            413 => return Err(Failure::PartTooLarge),
            // The address takes nothing any more: its time is over, or the file came when an answer was lost.
            400 | 401 | 403 | 404 | 409 | 410 => {
                self.addresses().remove(session);
                let has_come = match &upload_id {
                    Some(upload_id) => self.complete_direct(upload_id).await.is_ok(),
                    None => false,
                };
                if !has_come {
                    let detail = format!("the address isn't good any more ({})", answer.status);
                    return Err(Failure::TryAgain { detail, retry_after_ms: None });
                }
            }
            _ => return Err(answer.failure()),
        }
        // Plain data: it always has a JSON form.
        Ok(Receipt(serde_json::to_string(&PutFile { url, upload_id }).unwrap_or_default()))
    }

    /// Returns the link of the file that was put.
    pub(super) async fn finish_direct(
        &self,
        session: &SessionId,
        end: &Completion,
    ) -> Result<Option<String>, Failure> {
        let receipt = end.receipts.first().and_then(|Receipt(it)| serde_json::from_str(it).ok());
        let Some(PutFile { url, upload_id }) = receipt else { return Err(Failure::SessionUnknown) };
        let link = match upload_id {
            Some(upload_id) => self.complete_direct(&upload_id).await?,
            None => url,
        };
        self.addresses().remove(session);
        Ok(web_link(Some(link)))
    }

    /// Has our cloud take over a file, and returns its address. A repetition returns the same.
    async fn complete_direct(&self, upload_id: &str) -> Result<String, Failure> {
        let request = self.post(COMPLETE_DIRECT).timeout(small());
        let answer = Answer::to(request.json(&json!({"uploadId": upload_id}))).await?;
        match answer.success::<StoredFile>() {
            Some(done) if done.success => Ok(done.url),
            Some(_) => Err(Failure::NotTheApi { detail: "the end isn't confirmed".into() }),
            None => Err(failure(&answer)),
        }
    }

    /// Asks for the addresses of the file that the session names, and keeps them.
    async fn ask_addresses(&self, session: &SessionId) -> Result<Option<DirectAddresses>, Failure> {
        let url = self.url(&format!("{DIRECT_URL}?{}", query_of(session)));
        let answer = Answer::to(self.signed(self.client.get(url)).timeout(small())).await?;
        let addresses: DirectAddresses = match (answer.success(), answer.status) {
            (Some(addresses), _) => addresses,
            // The document's server fails so where it has no storage for direct uploads.
            (None, 404 | 405 | 500 | 501) => return Ok(None),
            (None, _) => return Err(answer.failure()),
        };
        if !self.may_put_to(&addresses.upload_url) {
            return Err(Failure::NotTheApi { detail: "the address for the file is none".into() });
        }
        self.addresses().insert(session.clone(), addresses.clone());
        Ok(Some(addresses))
    }

    /// Returns whether a file may go to that address: encrypted, if requests to the server are.
    fn may_put_to(&self, url: &str) -> bool {
        is_web_link(url) && (url.starts_with("https://") || !self.root.starts_with("https://"))
    }

    fn addresses(&self) -> MutexGuard<'_, AddressesOfRun> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn query_of(session: &SessionId) -> &str {
    session.0.split_once('?').map_or("", |(_, query)| query)
}

fn mime_of(session: &SessionId) -> String {
    let mut pairs = form_urlencoded::parse(query_of(session).as_bytes());
    let found = pairs.find(|(name, _)| name == MIME).map(|(_, mime)| mime.into_owned());
    found.unwrap_or_else(|| "application/octet-stream".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_goes_unencrypted_only_where_requests_do() {
        let storage = |root: &str| Storage::new(root.to_owned(), None, Default::default()).unwrap();
        let (secure, plain) = (storage("https://host"), storage("http://host"));
        for (url, to_secure, to_plain) in [
            ("https://bucket/x?signature=1", true, true),
            ("http://bucket/x", false, true),
            ("file:///etc/passwd", false, false),
        ] {
            let may = (secure.may_put_to(url), plain.may_put_to(url));
            assert_eq!(may, (to_secure, to_plain), "{url}");
        }
    }
}
