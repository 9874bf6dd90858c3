//! Older documents' addresses over the same core: their fields, limits and answers, word for word.
//! Translation only.

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
    // Each handler has its own, smaller one.
    router.layer(DefaultBodyLimit::disable())
}

/// For the document of all addresses.
#[cfg(test)]
pub fn table() -> Routes {
    poster::routes().into_iter().chain(storage::routes()).collect()
}
