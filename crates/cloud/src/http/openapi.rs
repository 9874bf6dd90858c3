//! Serves the API's OpenAPI document from the repository (`docs/openapi.json`).

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

const DOCUMENT: &str = include_str!("../../../../docs/openapi.json");

pub async fn serve() -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], DOCUMENT).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;
    use snaplark_api::routes;

    use super::DOCUMENT;
    use crate::http::{api, dialects};

    /// `tests/cloud/openapi.rs` compares the actual responses with the document.
    #[test]
    fn every_address_of_the_router_is_in_the_document_and_no_other() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let told: BTreeSet<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
        let api = api::table().into_iter().map(|(path, _)| format!("{}{path}", routes::PREFIX));
        let dialects = dialects::table().into_iter().map(|(path, _)| path.to_owned());
        assert_eq!(told, api.chain(dialects).collect());
    }
}
