//! Makes a method of each string in `assets/strings/pages`, so that a page can say none that a language lacks.
//!
//! A string with parameters (`{time}`) becomes a method that takes them, in the order of the English text. A string
//! with the plural forms of its language becomes one that takes the count first. Strings that begin with `script_`
//! are for the pages' scripts, which get them as JSON.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

/// The languages in the order of `PageLanguage` in `src/words.rs`, with the forms of their plurals (Unicode CLDR).
const LANGUAGES: [(&str, &[&str]); 3] = [
    ("en", &["one", "other"]),
    ("de", &["one", "other"]),
    ("ar", &["zero", "one", "two", "few", "many", "other"]),
];
const FOLDER: &str = "../../assets/strings/pages";
const OF_SCRIPTS: &str = "script_";

type Strings = BTreeMap<String, Value>;

fn main() {
    println!("cargo:rerun-if-changed={FOLDER}");
    println!("cargo:rerun-if-changed=build.rs");
    if let Err(error) = write() {
        eprintln!("The strings in assets/strings/pages can't be used: {error}");
        std::process::exit(1);
    }
}

fn write() -> Result<(), String> {
    let read = |(language, _): (&str, _)| {
        let path = format!("{FOLDER}/{language}.json");
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        serde_json::from_str::<Strings>(&text).map_err(|error| format!("{path}: {error}"))
    };
    let languages = LANGUAGES.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let made = methods(&languages)? + &script_words(&languages)?;
    let folder = std::env::var("OUT_DIR").map_err(|error| error.to_string())?;
    std::fs::write(Path::new(&folder).join("words.rs"), made).map_err(|error| error.to_string())
}

fn methods(languages: &[Strings]) -> Result<String, String> {
    let english = languages.first().ok_or("there are no files")?;
    let mut made = "impl PageWords {\n".to_owned();
    for (strings, (language, _)) in languages.iter().zip(LANGUAGES) {
        if let Some(key) = strings.keys().find(|key| !english.contains_key(*key)) {
            return Err(format!("{language} has '{key}' alone"));
        }
    }
    for (key, words) in english {
        let mut texts = Vec::new();
        for (strings, (language, forms)) in languages.iter().zip(LANGUAGES) {
            let theirs = strings.get(key).ok_or_else(|| format!("{language} lacks '{key}'"))?;
            let fault = |what: &str| format!("'{key}' in {language} {what}");
            match (words, theirs) {
                (Value::String(english), Value::String(text)) => {
                    if names(english) != names(text) {
                        return Err(fault("has other parameters than in English"));
                    }
                    texts.push(format!("{text:?}"));
                }
                (Value::Object(english), Value::Object(by_form)) => {
                    let has_all = forms.iter().all(|form| by_form.contains_key(*form));
                    if !has_all || by_form.len() != forms.len() {
                        return Err(fault("doesn't have the plural forms of its language"));
                    }
                    let other = |by_form: &serde_json::Map<String, Value>| {
                        by_form.get("other").and_then(Value::as_str).unwrap_or_default().to_owned()
                    };
                    if names(&other(english)) != names(&other(by_form)) {
                        return Err(fault("has other parameters than in English"));
                    }
                    let pairs = by_form.iter().map(|(form, text)| {
                        format!("({form:?}, {:?})", text.as_str().unwrap_or_default())
                    });
                    texts.push(format!("&[{}]", pairs.collect::<Vec<_>>().join(", ")));
                }
                _ => return Err(fault("has plurals in one language alone")),
            }
        }
        if !key.starts_with(OF_SCRIPTS) {
            write_method(&mut made, key, words, &texts.join(", "));
        }
    }
    Ok(made + "}\n")
}

fn write_method(made: &mut String, key: &str, words: &Value, texts: &str) {
    let (text, is_plural) = match words.as_str() {
        Some(text) => (text, false),
        None => (words.get("other").and_then(Value::as_str).unwrap_or_default(), true),
    };
    let mut parameters: Vec<&str> = Vec::new();
    for name in in_order(text) {
        if !(parameters.contains(&name) || is_plural && name == "count") {
            parameters.push(name);
        }
    }
    let taken: String =
        parameters.iter().map(|name| format!(", {name}: impl Into<FilledValue>")).collect();
    let given: Vec<String> =
        parameters.iter().map(|name| format!("({name:?}, {name}.into())")).collect();
    let given = given.join(", ");
    let method = match (is_plural, parameters.is_empty()) {
        (false, true) => format!("{key}(self) -> &'static str {{ self.pick([{texts}]) }}"),
        (false, false) => {
            format!("{key}(self{taken}) -> Filled {{ self.filled([{texts}], vec![{given}]) }}")
        }
        (true, _) => format!(
            "{key}(self, count: u64{taken}) -> Filled {{ self.counted([{texts}], count, vec![{given}]) }}"
        ),
    };
    writeln!(made, "    pub(crate) fn {method}").expect("a string can be written to");
}

/// Returns the strings of the scripts as one JSON object for each language.
fn script_words(languages: &[Strings]) -> Result<String, String> {
    let mut objects = Vec::new();
    for strings in languages {
        let of_scripts = strings.iter().filter_map(|(key, words)| {
            Some((key.strip_prefix(OF_SCRIPTS)?.to_owned(), words.clone()))
        });
        let object: Strings = of_scripts.collect();
        let json = serde_json::to_string(&object).map_err(|error| error.to_string())?;
        objects.push(format!("{json:?}"));
    }
    let count = objects.len();
    let objects = objects.join(", ");
    Ok(format!("pub(crate) static SCRIPT_WORDS: [&str; {count}] = [{objects}];\n"))
}

/// Returns the names of the parameters as they come.
fn in_order(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0))
}

fn names(text: &str) -> Vec<&str> {
    let mut names: Vec<&str> = in_order(text).collect();
    names.sort_unstable();
    names.dedup();
    names
}
