//! The endpoints of older specifications, on top of the same core: their fields, limits and answers,
//! word for word. Translation only.

mod poster;
mod storage;

use axum::Router;
use axum::extract::DefaultBodyLimit;

use super::App;
#[cfg(test)]
use super::api::Routes;

pub use storage::arrived;

pub fn routes() -> Router<App> {
    let routes = poster::routes().into_iter().chain(storage::routes());
    let router = routes.fold(Router::new(), |router, (path, methods)| router.route(path, methods));
    // Each handler has its own, smaller limit.
    router.layer(DefaultBodyLimit::disable())
}

/// Used by the test of the OpenAPI document.
#[cfg(test)]
pub fn table() -> Routes {
    poster::routes().into_iter().chain(storage::routes()).collect()
}
