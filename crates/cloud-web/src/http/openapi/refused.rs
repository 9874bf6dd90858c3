//! The documented errors. An operation lists the statuses that it answers with; words and schema are
//! the same for all.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

/// An error status in the format of the API.
pub(crate) struct RefusedStatus<const STATUS: u16>;

/// An error status in the format of seed 003.
pub(crate) struct StorageRefused<const STATUS: u16>;

impl<const STATUS: u16> IntoResponses for RefusedStatus<STATUS> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusal(STATUS, "Error")
    }
}

impl<const STATUS: u16> IntoResponses for StorageRefused<STATUS> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusal(STATUS, "StorageError")
    }
}

fn refusal(status: u16, schema: &str) -> BTreeMap<String, RefOr<Response>> {
    let schema = Ref::from_schema_name(schema);
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response =
        ResponseBuilder::new().description(words(status)).content("application/json", content);
    BTreeMap::from([(status.to_string(), response.build().into())])
}

fn words(status: u16) -> &'static str {
    match status {
        400 => "A field is missing or invalid",
        401 => "There is no token, or it is invalid",
        403 => "The scopes of the token do not allow this, or the upload is another user's",
        404 => "There is nothing of this id, it is another user's, or it has expired",
        405 => "The address does not take this method",
        408 => "No data arrived for 30 s",
        409 => "Chunks are missing, or the id is taken",
        413 => "The body is too large",
        415 => "The content type or the bytes are of an unsupported kind",
        422 => "Everything arrived, but it is not a valid file",
        429 => "Too many requests; Retry-After tells when to retry",
        500 => "The server has an error of its own",
        507 => "There is no room left",
        other => panic!("status {other} has no description"),
    }
}
