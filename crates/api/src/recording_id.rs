//! Makes a recording's id as a commitment to a secret.
//!
//! A link is handed out before its upload begins, and it contains the recording's id. So that a person
//! who sees the link can't begin an upload under it, the id is made from a secret that only the app has
//! and that it sends to the server with `init`:
//!
//! ```text
//! recordingId = UUIDv8 of the first 16 bytes of SHA-256("snaplark recording " || secret)
//! ```
//! A server that supports this refuses an id of version 8 without its secret. Ids of other versions
//! belong to the first upload that uses them, as in the documents.

use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// The length of a secret in bytes; as text it is twice as many hexadecimal digits.
pub const RECORDING_SECRET_BYTES: usize = 32;
const CONTEXT: &[u8] = b"snaplark recording ";
/// The version of ids that are made from a secret (RFC 9562: "custom").
const VERSION: usize = 8;

/// Returns the id that belongs to a secret.
pub fn recording_id_of(secret: &[u8; RECORDING_SECRET_BYTES]) -> Uuid {
    let digest = Sha256::new().chain_update(CONTEXT).chain_update(secret).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// Returns whether an id can be used only with its secret.
pub fn is_claimed_by_secret(id: Uuid) -> bool {
    id.get_version_num() == VERSION
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fixed example, so that neither side changes the scheme alone.
    #[test]
    fn an_id_is_made_from_its_secret_as_it_always_was() {
        for (byte, id) in [
            (0, "4707ee1c-fac0-8789-96dc-4014a76cf6d2"),
            (7, "c3c9df2f-0714-803f-a6a1-2d614e0ebfc8"),
        ] {
            let made = recording_id_of(&[byte; RECORDING_SECRET_BYTES]);
            assert_eq!(made.to_string(), id);
            assert!(is_claimed_by_secret(made));
        }
        assert!(!is_claimed_by_secret(Uuid::from_u128(1 << 76 | 2 << 62)));
    }
}
