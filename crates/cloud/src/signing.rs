//! Signed URLs (HMAC-SHA256, RFC 2104): for a limited time, anyone who has one needs no token. The
//! key is stored in the database, so that a URL signed by one node is valid on every node.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use crate::accounts::AccountError;
use crate::secrets;
use snaplark_cloud_data::db::{Db, VideoId};

const KEY_NAME: &str = "signing";
/// The lifetime of a URL: long enough to begin a large transfer, and short enough that one in a log
/// is soon worthless.
pub const ADDRESS_AGE: Duration = Duration::from_secs(60 * 60);

/// Creates and checks signatures, with the key that all nodes share.
#[derive(Clone, Debug)]
pub struct Signing {
    key: Vec<u8>,
}

/// The length of the key in a link for the local network.
const LINK_KEY_BYTES: usize = 16;
const UUID_CHARS: usize = 36;

/// The query parameters of a signed URL.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct AddressSignature {
    #[serde(default)]
    until: i64,
    #[serde(default)]
    signature: String,
}

impl Signing {
    /// Reads the key. The first start makes it.
    pub async fn open(db: &Db) -> Result<Self, AccountError> {
        let (_, fresh) = secrets::new_secret()?;
        Ok(Signing { key: db.key(KEY_NAME, &fresh).await? })
    }

    /// Returns `path` with a signature that is valid until then, for this method only.
    pub fn address(&self, method: &str, path: &str, until_ms: i64) -> String {
        let mac = self.mac(method, path, until_ms).finalize().into_bytes();
        format!("{path}?until={until_ms}&signature={}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// Returns whether the signature is ours, for this method and path, and not over.
    pub fn is_good(
        &self,
        method: &str,
        path: &str,
        signed: &AddressSignature,
        now_ms: i64,
    ) -> bool {
        let Ok(signature) = URL_SAFE_NO_PAD.decode(&signed.signature) else { return false };
        // The comparison takes constant time.
        let fits = self.mac(method, path, signed.until).verify_slice(&signature).is_ok();
        fits && signed.until > now_ms
    }

    /// Returns an id that is derived from these words and that only this server can compute.
    pub fn id(&self, words: &[&str]) -> uuid::Uuid {
        let mut mac = self.keyed("id");
        words.iter().for_each(|word| {
            mac.update(&(word.len() as u64).to_be_bytes());
            mac.update(word.as_bytes());
        });
        let bytes = mac.finalize().into_bytes();
        let half = bytes.first_chunk::<16>().expect("the hash has 32 bytes");
        uuid::Builder::from_custom_bytes(*half).into_uuid()
    }

    /// Returns how a link for the local network names a video: the id, and a key that only this
    /// server can compute from it. 128 bits of a MAC can't be guessed, nor derived from other links.
    pub fn link_segment(&self, video: VideoId) -> String {
        let mac = self.link_mac(video).finalize().into_bytes();
        format!("{video}-{}", URL_SAFE_NO_PAD.encode(&mac[..LINK_KEY_BYTES]))
    }

    /// Returns the video that a segment names, or `None` if its key is wrong.
    pub fn video_of_segment(&self, segment: &str) -> Option<VideoId> {
        let (id, key) = segment.split_at_checked(UUID_CHARS)?;
        let video = VideoId(uuid::Uuid::try_parse(id).ok()?);
        let key = URL_SAFE_NO_PAD.decode(key.strip_prefix('-')?).ok()?;
        // The comparison takes constant time.
        let fits =
            key.len() == LINK_KEY_BYTES && self.link_mac(video).verify_truncated_left(&key).is_ok();
        // Only the canonical form of the id is accepted, so that the id in pages is the same as in
        // the link.
        (fits && id == video.to_string()).then_some(video)
    }

    fn link_mac(&self, video: VideoId) -> Hmac<Sha256> {
        let mut mac = self.keyed("local network");
        mac.update(video.0.as_bytes());
        mac
    }

    fn mac(&self, method: &str, path: &str, until_ms: i64) -> Hmac<Sha256> {
        let mut mac = self.keyed("address");
        mac.update(format!("{method} {path} {until_ms}").as_bytes());
        mac
    }

    fn keyed(&self, purpose: &str) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        mac.update(b"\n");
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_good_for_what_it_was_signed_for() {
        let signing = Signing { key: vec![7; 32] };
        let address = signing.address("PUT", "/a/b", 1000);
        let signature = address.split("signature=").nth(1).unwrap().to_owned();
        let signed = AddressSignature { until: 1000, signature };
        assert!(signing.is_good("PUT", "/a/b", &signed, 999));
        assert!(!signing.is_good("PUT", "/a/b", &signed, 1000), "it is over");
        assert!(!signing.is_good("GET", "/a/b", &signed, 0), "another method");
        assert!(!signing.is_good("PUT", "/a/c", &signed, 0), "another path");
        assert!(!signing.is_good(
            "PUT",
            "/a/b",
            &AddressSignature { until: 2000, ..signed.clone() },
            0
        ));
        let other = Signing { key: vec![8; 32] };
        assert!(!other.is_good("PUT", "/a/b", &signed, 0), "another server");
        for signature in ["", "x", "AAAA", "%%%"] {
            let signed = AddressSignature { until: 1000, signature: signature.to_owned() };
            assert!(!signing.is_good("PUT", "/a/b", &signed, 0), "{signature}");
        }
    }

    #[test]
    fn a_segment_opens_with_its_own_key_alone() {
        let signing = Signing { key: vec![7; 32] };
        let (one, other) = (VideoId(uuid::Uuid::from_u128(1)), VideoId(uuid::Uuid::from_u128(2)));
        let segment = signing.link_segment(one);
        assert_eq!(signing.video_of_segment(&segment), Some(one));
        let key = segment.strip_prefix(&format!("{one}-")).unwrap();
        assert_eq!(key.len(), 22);
        let upper = format!("{}-{key}", one.to_string().to_uppercase());
        for wrong in [
            one.to_string(),
            format!("{one}-"),
            format!("{one}-{}", &key[..21]),
            format!("{one}-AAAAAAAAAAAAAAAAAAAAAA"),
            format!("{other}-{key}"),
            format!("{one}{key}"),
            upper.replace("00000000", "0000000A"),
            String::new(),
            "é".repeat(40),
        ] {
            assert_eq!(signing.video_of_segment(&wrong), None, "{wrong}");
        }
        assert_eq!(Signing { key: vec![8; 32] }.video_of_segment(&segment), None, "another server");
    }

    #[test]
    fn ids_are_of_all_their_words() {
        let signing = Signing { key: vec![7; 32] };
        assert_eq!(signing.id(&["a", "b"]), signing.id(&["a", "b"]));
        assert_ne!(signing.id(&["a", "b"]), signing.id(&["ab", ""]));
        assert_ne!(signing.id(&["a", "b"]), Signing { key: vec![8; 32] }.id(&["a", "b"]));
    }
}
