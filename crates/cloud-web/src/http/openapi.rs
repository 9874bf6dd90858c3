//! Serves the API's OpenAPI document (`docs/openapi.json`).
//!
//! Tests generate the document from the handlers: each has an attribute `utoipa::path`, and
//! [`endpoints`] lists it. `cargo xtask tidy --fix` writes the file, and `cargo xtask tidy` compares it.
//! The program only serves the file, so that neither the server nor the app contains the generator.

#[cfg(test)]
mod document;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod schemas;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

#[cfg(test)]
pub(crate) use refused::{RefusedStatus, StorageRefused};
#[cfg(test)]
pub(crate) use schemas::*;

const DOCUMENT: &str = include_str!("../../../../docs/openapi.json");

/// Declares a module's endpoints once: the table from which the router is built, and in tests the
/// operations of the document.
macro_rules! endpoints {
    ($($path:expr => $($method:ident($($handler:ident)::+)),+;)+) => {
        pub(crate) fn table() -> $crate::http::api::Routes {
            vec![$((
                $path,
                axum::routing::MethodRouter::new()$(.$method($($handler)::+))+,
            )),+]
        }

        #[cfg(test)]
        pub(crate) fn operations() -> utoipa::openapi::OpenApi {
            #[derive(utoipa::OpenApi)]
            #[openapi(paths($($($($handler)::+),+),+))]
            struct Operations;
            <Operations as utoipa::OpenApi>::openapi()
        }
    };
}
pub(super) use endpoints;

#[cfg_attr(test, utoipa::path(
    get, path = "/api/v1/openapi.json", operation_id = "getDocument", tag = "Snaplark",
    summary = "Get this document", security(),
    responses((status = 200, description = "The document", body = Object)),
))]
pub(crate) async fn serve() -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], DOCUMENT).into_response()
}
