//! Part of the build: makes a constant of each string in `assets/strings`, so that Rust can name none that is
//! missing. The strings of all languages are checked here, those of the windows too.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

/// One language's strings by key. A string with plural forms is a list.
type Strings = BTreeMap<String, Value>;

/// Returns the constants of a `Word` type, or what is wrong with the files. Each file is given with its name,
/// English first; a constant has its texts in the order of the files.
///
/// A string whose only parameter is `{count}` becomes a constant of `CountedWord`. Left out are strings with plurals
/// or other parameters, which only the windows can put together.
pub fn constants(files: &[(&str, &str)]) -> Result<String, String> {
    let mut languages: Vec<(&str, Strings)> = Vec::new();
    for (name, text) in files {
        let mut strings: Strings =
            serde_json::from_str(text).map_err(|error| format!("{name}: {error}"))?;
        strings.remove("$schema");
        languages.push((*name, strings));
    }
    let mut faults = String::new();
    for ((one, has), (other, lacks)) in pairs(&languages) {
        for key in has.keys().filter(|key| !lacks.contains_key(*key)) {
            writeln!(faults, "{other} lacks '{key}', which is in {one}").expect("a string");
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let (mut plain, mut counted) = (String::new(), String::new());
    let (_, english) = languages.first().ok_or("there are no files")?;
    for key in english.keys() {
        let texts: Option<Vec<&str>> = languages.iter().map(|(_, it)| it[key].as_str()).collect();
        let Some(texts) = texts else { continue };
        let name = key.to_ascii_uppercase();
        if texts.iter().all(|text| !text.contains('{')) {
            writeln!(plain, "    pub const {name}: Word = Word({texts:?});").expect("a string");
        } else if texts.iter().all(|text| !text.replacen("{count}", "", 1).contains('{')) {
            writeln!(counted, "    pub const {name}: CountedWord = CountedWord({texts:?});")
                .expect("a string");
        }
    }
    Ok(format!("impl Word {{\n{plain}}}\nimpl CountedWord {{\n{counted}}}\n"))
}

/// Returns English with each other language, both ways.
fn pairs<T>(languages: &[T]) -> impl Iterator<Item = (&T, &T)> {
    let english = languages.iter().take(1);
    english.flat_map(|english| {
        languages[1..].iter().flat_map(move |other| [(english, other), (other, english)])
    })
}
