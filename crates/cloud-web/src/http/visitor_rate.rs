//! Limits the requests of one address, whatever they are for: a token bucket for each, in the memory of
//! this process.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::auth::{bearer, by_token};
use super::cors;
use super::errors::ApiError;
use super::visitor::from;
use snaplark_cloud::guesses::place;

/// The limit of the server. An office whose people share one address may watch together: a player asks a
/// few times a second, and a page with its media is a dozen requests.
const REQUESTS_PER_SECOND: f64 = 200.0;
const REQUESTS_AT_ONCE: f64 = 2_000.0;
/// With more addresses than this, those whose bucket is full again are forgotten.
const ADDRESSES_KEPT_MAX: usize = 4_096;
/// By then any bucket has some requests again.
const RETRY_AFTER_S: u64 = 1;

/// Rate limiter of visitors: a token bucket for each address.
#[derive(Debug)]
pub(crate) struct VisitorRate {
    per_second: f64,
    at_once: f64,
    buckets: Mutex<HashMap<IpAddr, (f64, Instant)>>,
}

impl VisitorRate {
    pub(crate) fn new(per_second: f64, at_once: f64) -> Self {
        VisitorRate { per_second, at_once, buckets: Mutex::default() }
    }

    /// Takes one request from an address's allowance.
    pub(crate) fn admits(&self, from: IpAddr, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = |(left, at): (f64, Instant)| {
            let passed = now.saturating_duration_since(at).as_secs_f64();
            (left + passed * self.per_second).min(self.at_once)
        };
        if buckets.len() >= ADDRESSES_KEPT_MAX {
            buckets.retain(|_, bucket| filled(*bucket) < self.at_once);
        }
        let bucket = buckets.entry(from).or_insert((self.at_once, now));
        let left = filled(*bucket);
        let admits = left >= 1.0;
        *bucket = (left - f64::from(u8::from(admits)), now);
        admits
    }
}

/// The state that [`admit`] needs.
#[derive(Clone)]
pub(super) struct VisitorLimit {
    app: App,
    rate: Arc<VisitorRate>,
}

impl VisitorLimit {
    pub(super) fn new(app: App) -> Self {
        let rate = Arc::new(VisitorRate::new(REQUESTS_PER_SECOND, REQUESTS_AT_ONCE));
        VisitorLimit { app, rate }
    }
}

/// Refuses an address that asks too often. A program with a good token is never refused, so that nobody
/// who shares its address can keep it from sending.
pub(super) async fn admit(
    State(limit): State<VisitorLimit>,
    request: Request,
    next: Next,
) -> Response {
    let VisitorLimit { app, rate } = &limit;
    // The body can't be shared between threads.
    let (parts, body) = request.into_parts();
    let from = from(app, &parts.headers, &parts.extensions);
    let refused = if rate.admits(place(from), Instant::now()) {
        None
    } else if bearer(&parts.headers).is_none() {
        Some(refused(parts.uri.path()))
    } else {
        match by_token(app, &parts.headers).await {
            Ok(Some(_)) => None,
            Ok(None) => Some(match app.accounts.wrong_token(from).await {
                Ok(()) => refused(parts.uri.path()),
                Err(error) => ApiError::from(error).into_response(),
            }),
            Err(error) => Some(error.into_response()),
        }
    };
    match refused {
        Some(refused) => refused,
        None => next.run(Request::from_parts(parts, body)).await,
    }
}

fn refused(path: &str) -> Response {
    if cors::is_open_to_all(path) {
        return ApiError::too_many(RETRY_AFTER_S).into_response();
    }
    let again = [(header::RETRY_AFTER, RETRY_AFTER_S.to_string())];
    let text = "Too many requests. Wait a second, then reload the page.\n";
    (StatusCode::TOO_MANY_REQUESTS, again, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_visitor_has_a_rate_of_its_own() {
        let rate = VisitorRate::new(50.0, 200.0);
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let now = Instant::now();
        let admitted = (0..1_000).filter(|_| rate.admits(one, now)).count();
        assert_eq!(admitted, 200);
        assert!(rate.admits(other, now));
        let later = now + Duration::from_secs(1);
        let again = (0..1_000).filter(|_| rate.admits(one, later)).count();
        assert_eq!(again, 50);
    }
}
