//! Schemas of the fields that have two forms, for the API's document. The limits are those of
//! [`crate::limits`].

use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};

use crate::limits;

pub(crate) fn timestamp() -> Schema {
    schema(json!({"oneOf": [
        {"type": "string", "minLength": 1, "maxLength": 255},
        {"type": "number", "description": "Milliseconds since 1970"},
    ]}))
}

pub(crate) fn resolution() -> Schema {
    let side = |range: std::ops::RangeInclusive<i64>| json!({"type": "integer", "minimum": range.start(), "maximum": range.end()});
    schema(json!({"oneOf": [
        {
            "type": "object",
            "properties": {"width": side(limits::WIDTH), "height": side(limits::HEIGHT)},
            "required": ["height", "width"],
        },
        {"type": "string", "pattern": "^[0-9]+x[0-9]+$"},
    ]}))
}

pub(crate) fn part_indices() -> Schema {
    schema(json!({
        "type": "array",
        "items": {"type": "integer", "minimum": 0, "maximum": limits::PARTS_MAX - 1},
        "minItems": 1,
        "maxItems": limits::PARTS_MAX,
    }))
}

pub(crate) fn duration() -> Schema {
    schema(json!({
        "type": "number", "minimum": 0,
        "description": "Milliseconds, or seconds with a fraction. It is a hint: the duration of the media counts.",
    }))
}

pub(crate) fn metadata() -> Schema {
    let of_type = |schema_type: Type| ObjectBuilder::new().schema_type(schema_type);
    let anything = ObjectBuilder::new().schema_type(SchemaType::AnyValue).build();
    let schema = OneOfBuilder::new()
        .item(of_type(Type::Object))
        // A generator refuses an array that doesn't say what is in it.
        .item(ArrayBuilder::new().items(RefOr::T(Schema::Object(anything))))
        .item(of_type(Type::Null));
    schema.build().into()
}

pub(crate) fn always_false() -> Schema {
    schema(json!({"type": "boolean", "enum": [false]}))
}

fn schema(json: Value) -> Schema {
    serde_json::from_value(json).expect("a JSON schema that is written above")
}
