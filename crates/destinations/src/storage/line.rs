//! The network test of seed 003: how fast zeros come from the server tells how large parts should be, and how many
//! are sent at once.

use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use snaplark_api::Profile;
use snaplark_core::policy;
use snaplark_core::upload::{MeasuredLine, ProbeVerdict};

use crate::http;

const NETWORK_TEST: &str = "/api/storage/network-test";

/// Returns the parts that suit a line of that speed: each takes some seconds, so that little is lost with it.
fn line_of(bytes_per_second: u64) -> MeasuredLine {
    let wanted = bytes_per_second.saturating_mul(policy::MEASURED_PART_SECONDS);
    let least = policy::MEASURED_PART_BYTES_MIN;
    // Whole steps: two measurements of one line mostly give the same parts.
    let part_bytes = wanted.clamp(least, policy::MEASURED_PART_BYTES_MAX) / least * least;
    let parts_in_flight_max = match bytes_per_second < policy::ONE_PART_BYTES_PER_SECOND {
        true => 1,
        false => Profile::Storage.parts_in_flight_max(),
    };
    MeasuredLine { part_bytes, parts_in_flight_max }
}

/// The findings of a test.
pub(super) struct LineTest {
    pub(super) verdict: ProbeVerdict,
    /// Present if the server has such a test.
    pub(super) line: Option<MeasuredLine>,
}

/// How many zeros have come, and how long that took.
#[derive(Clone, Copy)]
struct ZerosRead {
    read_bytes: u64,
    time: Duration,
}

impl ZerosRead {
    fn bytes_per_second(self) -> u64 {
        self.read_bytes * 1_000 / (self.time.as_millis() as u64).max(1)
    }
}

/// Measures the line to a server. The zeros also prove that it is the server: no captive portal sends them.
pub(super) async fn measure(client: &Client, root: &str) -> LineTest {
    let (verdict, took) = zeros(client, root, policy::LINE_TEST_BYTES).await;
    let Some(mut took) = took else { return LineTest { verdict, line: None } };
    // On a quick line the first test measures mostly the round trip.
    if took.time < Duration::from_millis(policy::LINE_TEST_MS_MIN)
        && let (_, Some(larger)) = zeros(client, root, policy::LINE_TEST_BYTES_MAX).await
    {
        took = larger;
    }
    LineTest { verdict, line: Some(line_of(took.bytes_per_second())) }
}

/// Checks that the server is there, with the smallest test.
pub(super) async fn probe(client: &Client, root: &str) -> ProbeVerdict {
    zeros(client, root, 1).await.0
}

/// Downloads so many zeros, or as many as come in the time of a test. Returns what that took, if the server has such a
/// test.
async fn zeros(client: &Client, root: &str, size_bytes: u64) -> (ProbeVerdict, Option<ZerosRead>) {
    let offline = |detail: String| (ProbeVerdict::Offline { detail }, None);
    let url = format!("{root}{NETWORK_TEST}?size={size_bytes}");
    let began = Instant::now();
    let mut response = match client.get(url).timeout(http::small()).send().await {
        Ok(response) => response,
        Err(error) => return offline(http::chain(&error)),
    };
    if response.status() != StatusCode::OK {
        return (http::verdict_of(response.status().as_u16()), None);
    }
    let is_over = || began.elapsed() >= Duration::from_millis(policy::LINE_TEST_MS_MAX);
    let mut read_bytes = 0;
    while read_bytes < size_bytes && !(read_bytes > 0 && is_over()) {
        match response.chunk().await {
            Ok(Some(bytes)) if bytes.iter().all(|byte| *byte == 0) => {
                read_bytes += bytes.len() as u64;
            }
            Ok(Some(_) | None) => return offline("another server answered (200)".into()),
            Err(error) => return offline(http::chain(&error)),
        }
    }
    let took = ZerosRead { read_bytes, time: began.elapsed() };
    (ProbeVerdict::Online { capabilities: None }, Some(took))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn parts_grow_with_the_line_between_their_limits() {
        let suits = |bytes_per_second| {
            let line = line_of(bytes_per_second);
            (line.part_bytes / MIB, line.parts_in_flight_max)
        };
        assert_eq!(suits(0), (1, 1));
        assert_eq!(suits(100 * 1024), (1, 1));
        assert_eq!(suits(600 * 1024), (2, 2));
        assert_eq!(suits(u64::MAX), (8, 2));
        for bytes_per_second in [1, 777_777, 5_000_000] {
            assert_eq!(line_of(bytes_per_second).part_bytes % MIB, 0);
        }
    }
}
