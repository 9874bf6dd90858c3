//! Generates the document from the handlers, and compares it with `docs/openapi.json`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use snaplark_api::{ErrorAnswer, limits, routes};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{DOCUMENT, StorageErrorSchema};
use crate::http::{api, dialects};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Snaplark cloud",
        version = "1",
        description = "Uploads recordings while they are made, and serves their links. docs/cloud.md describes the server.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/")),
    security(("token" = [])),
    components(schemas(ErrorAnswer, StorageErrorSchema)),
    modifiers(&BearerToken),
)]
struct DocumentHead;

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// The answers that the app reads with every field optional, because a server of one specification
/// sends half of them. This server sends all of them.
const WHOLE_ANSWERS: [&str; 4] =
    ["InitAnswer", "ChunkAnswer", "FinalizeAnswer", "ScreenshotAnswer"];

fn generated() -> Value {
    let mut document = DocumentHead::openapi();
    document.merge(api::operations());
    document.merge(dialects::operations());
    let mut document = serde_json::to_value(document).unwrap();
    for path in document["paths"].as_object_mut().unwrap().values_mut() {
        for operation in path.as_object_mut().unwrap().values_mut() {
            // An operation for everyone has no requirement at all; utoipa writes an empty one.
            if operation["security"] == json!([{}]) {
                operation["security"] = json!([]);
            }
        }
    }
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    for name in schemas.keys().cloned().collect::<Vec<_>>() {
        let schema = merged(&schemas[&name], schemas);
        schemas[&name] = schema;
    }
    for name in WHOLE_ANSWERS {
        make_whole(schemas[name].as_object_mut().unwrap());
    }
    one_of_two(&mut schemas["ScreenshotForm"], ["file", "capture"]);
    one_of_two(&mut schemas["PosterFinalizeRequest"], ["filename", "originalFilename"]);
    for schema in schemas.values_mut() {
        drop_defaults(schema);
    }
    drop_unused(&mut document);
    close_answers(&mut document);
    document.sort_all_objects();
    document
}

/// Joins the parts of a flattened struct, which utoipa lists as `allOf`, into one object.
fn merged(schema: &Value, schemas: &Map<String, Value>) -> Value {
    let Some(parts) = schema.get("allOf").and_then(Value::as_array) else { return schema.clone() };
    let mut whole = json!({"type": "object", "properties": {}, "required": []});
    if let Some(description) = schema.get("description") {
        whole["description"] = description.clone();
    }
    for part in parts {
        let part = match part.get("$ref").and_then(Value::as_str) {
            Some(at) => &schemas[name_in(at)],
            None => part,
        };
        let properties = part["properties"].as_object().unwrap().clone();
        whole["properties"].as_object_mut().unwrap().extend(properties);
        let required = part["required"].as_array().cloned().unwrap_or_default();
        whole["required"].as_array_mut().unwrap().extend(required);
    }
    whole
}

fn make_whole(schema: &mut Map<String, Value>) {
    let properties = schema["properties"].as_object_mut().unwrap();
    for property in properties.values_mut() {
        if let Some(types) = property.get_mut("type").filter(|types| types.is_array()) {
            *types = types[0].clone();
        }
    }
    let names: Vec<_> = properties.keys().cloned().collect();
    schema.insert("required".to_owned(), json!(names));
}

/// Removes what the app puts in place of an absent field. The server has no such defaults.
fn drop_defaults(schema: &mut Value) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(Map::values_mut) {
        property.as_object_mut().unwrap().remove("default");
    }
}

/// Requires at least one of two fields.
fn one_of_two(schema: &mut Value, fields: [&str; 2]) {
    schema["anyOf"] = json!(fields.map(|field| json!({"required": [field]})));
}

/// Removes schemas that nothing refers to: the parts of flattened structs.
fn drop_unused(document: &mut Value) {
    let mut used = BTreeSet::new();
    collect_names(&document["paths"], &document["components"]["schemas"], &mut used);
    document["components"]["schemas"]
        .as_object_mut()
        .unwrap()
        .retain(|name, _| used.contains(name));
}

/// An answer has exactly the fields that the document names; a request may have more.
fn close_answers(document: &mut Value) {
    let (mut asked, mut answered) = (BTreeSet::new(), BTreeSet::new());
    let all = document["components"]["schemas"].clone();
    for path in document["paths"].as_object().unwrap().values() {
        for operation in path.as_object().unwrap().values() {
            collect_names(&operation["requestBody"], &all, &mut asked);
            collect_names(&operation["responses"], &all, &mut answered);
        }
    }
    for name in answered.difference(&asked) {
        let schema = &mut document["components"]["schemas"][name];
        if schema["type"] == "object" && schema.get("additionalProperties").is_none() {
            schema["additionalProperties"] = json!(false);
        }
    }
}

/// Collects the names of the schemas that a part of the document refers to.
fn collect_names(part: &Value, schemas: &Value, names: &mut BTreeSet<String>) {
    match part {
        Value::Object(fields) => {
            if let Some(at) = fields.get("$ref").and_then(Value::as_str) {
                let name = name_in(at);
                if names.insert(name.to_owned()) {
                    collect_names(&schemas[name], schemas, names);
                }
            }
            for value in fields.values() {
                collect_names(value, schemas, names);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect_names(item, schemas, names);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn name_in(reference: &str) -> &str {
    reference.strip_prefix("#/components/schemas/").expect("a reference to a schema")
}

/// With `SNAPLARK_WRITE_DOCS` (`cargo xtask tidy --fix`) it writes the file.
#[test]
fn openapi_document_is_what_the_handlers_say() {
    let document = generated();
    if std::env::var_os("SNAPLARK_WRITE_DOCS").is_some() {
        let text = serde_json::to_string_pretty(&document).unwrap();
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        std::fs::write(file, text + "\n").unwrap();
        return;
    }
    let kept: Value = serde_json::from_str(DOCUMENT).unwrap();
    assert!(
        kept == document,
        "docs/openapi.json is not what the handlers say; `cargo xtask tidy --fix` writes it"
    );
}

/// `tests/cloud/openapi.rs` compares the methods and the actual responses with the document.
#[test]
fn every_address_of_the_router_is_in_the_document_and_no_other() {
    let document = generated();
    let told: BTreeSet<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    let api = api::table().into_iter().map(|(path, _)| format!("{}{path}", routes::PREFIX));
    let dialects = dialects::table().into_iter().map(|(path, _)| path.to_owned());
    assert_eq!(told, api.chain(dialects).collect());
}

/// A generated client then refuses an empty id by itself.
#[test]
fn ids_of_uploads_are_never_empty() {
    let document = generated();
    for schema in ["StorageChunkForm", "StorageCompleteRequest", "DirectCompleteRequest"] {
        let id = &document["components"]["schemas"][schema]["properties"]["uploadId"];
        let told = (&id["type"], &id["format"], &id["minLength"]);
        assert_eq!(told, (&json!("string"), &json!("uuid"), &json!(36)), "{schema}: {id}");
    }
}

/// Attributes take numbers, not constants.
#[test]
fn limits_in_the_document_are_those_of_the_server() {
    let document = generated();
    let at = |schema: &str, field: &str, limit: &str| {
        document["components"]["schemas"][schema]["properties"][field][limit].as_i64()
    };
    let fits = |schema: &str, field: &str, range: std::ops::RangeInclusive<i64>| {
        let told = (at(schema, field, "minimum"), at(schema, field, "maximum"));
        assert_eq!(told, (Some(*range.start()), Some(*range.end())), "{schema}.{field}");
    };
    fits("InitRequest", "fps", limits::FPS);
    fits("InitRequest", "bitrate", limits::BITRATE);
    fits("FinalizeRequest", "totalChunks", 1..=i64::from(limits::PARTS_MAX));
    for (schema, field, most) in [
        ("InitRequest", "filename", limits::FILENAME_CHARS_MAX),
        ("InitRequest", "title", snaplark_cloud::shares::TITLE_CHARS_MAX),
        ("ShareRequest", "title", snaplark_cloud::shares::TITLE_CHARS_MAX),
        ("ShareRequest", "description", snaplark_cloud::shares::DESCRIPTION_CHARS_MAX),
    ] {
        assert_eq!(at(schema, field, "maxLength"), Some(most as i64), "{schema}.{field}");
    }
    let described = |schema: &str, field: &str, most: u64| {
        let text = &document["components"]["schemas"][schema]["properties"][field]["description"];
        assert!(text.as_str().unwrap().contains(&format!("at most {most} bytes")), "{text}");
    };
    described("ChunkForm", "chunk", limits::PART_BYTES_MAX);
    described("ScreenshotForm", "file", limits::SCREENSHOT_BYTES_MAX);
    let visibilities =
        snaplark_cloud_data::db::Visibility::ALL.map(snaplark_cloud_data::db::Visibility::name);
    assert_eq!(document["components"]["schemas"]["Visibility"]["enum"], json!(visibilities));
}
