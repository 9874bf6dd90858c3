//! The limits of the webhook, with their reasons.

use std::time::Duration;

/// The waits after the first, second, … failed try: seconds for a deployment, hours for a night, three days in all for
/// a weekend. Then the event is given up, and the person is told.
pub(super) const WAITS_MS: [i64; 10] = [
    5_000,
    60_000,
    5 * 60_000,
    30 * 60_000,
    2 * HOUR_MS,
    5 * HOUR_MS,
    10 * HOUR_MS,
    14 * HOUR_MS,
    18 * HOUR_MS,
    24 * HOUR_MS,
];
/// The longest wait, whatever the server asks for.
pub(super) const WAIT_MS_MAX: i64 = 24 * HOUR_MS;
/// The time for one request. Standard Webhooks asks receivers to answer within 15 to 30 seconds.
pub(super) const REQUEST_MAX: Duration = Duration::from_secs(20);
/// How long to wait for the keyring, which may ask a person to unlock it.
pub(super) const KEYRING_MAX: Duration = Duration::from_secs(30);
/// The length of a new secret, which is that of the hash.
pub(super) const SECRET_BYTES: usize = 32;

const HOUR_MS: i64 = 60 * 60_000;
