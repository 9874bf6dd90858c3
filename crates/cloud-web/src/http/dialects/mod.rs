//! The endpoints of older specifications, on top of the same core: their fields, limits and answers,
//! word for word. Translation only.

mod poster;
mod storage;

use axum::Router;
use axum::extract::DefaultBodyLimit;

#[cfg(test)]
use super::api::Routes;
use super::app::App;

pub(crate) fn routes() -> Router<App> {
    let routes = poster::table().into_iter().chain(storage::routes());
    let router = routes.fold(Router::new(), |router, (path, methods)| router.route(path, methods));
    // Each handler has its own, smaller limit.
    router.layer(DefaultBodyLimit::disable())
}

/// Used by the test of the OpenAPI document.
#[cfg(test)]
pub(crate) fn table() -> Routes {
    poster::table().into_iter().chain(storage::table()).collect()
}

#[cfg(test)]
pub(crate) fn operations() -> utoipa::openapi::OpenApi {
    let mut operations = poster::operations();
    operations.merge(storage::operations());
    operations
}
