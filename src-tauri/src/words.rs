//! The tray's words, from the same file as the windows'.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

const ENGLISH: &str = include_str!("../../assets/strings/en.json");

static WORDS: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    let all: HashMap<String, Value> =
        serde_json::from_str(ENGLISH).expect("the test reads the same file");
    all.into_iter()
        .filter_map(|(key, value)| match value {
            Value::String(text) => Some((key, text)),
            // Words with a plural belong to the windows.
            Value::Array(_) => None,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
        })
        .collect()
});

/// The words for a key; the key itself where there are none, which a test forbids for ours.
pub fn word(key: &'static str) -> &'static str {
    WORDS.get(key).map_or(key, String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_rust_names_has_words() {
        let sources = [
            include_str!("tray.rs"),
            include_str!("pages.rs"),
            include_str!("toast.rs"),
            include_str!("shell.rs"),
        ];
        let named: Vec<&str> = sources
            .iter()
            .flat_map(|source| source.split("word(\"").skip(1))
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert!(named.len() >= 8, "the search above finds no keys any more: {named:?}");
        for key in named {
            assert!(WORDS.contains_key(key), "no words for '{key}'");
        }
    }
}
