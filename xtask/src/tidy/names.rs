//! Checks that one name means one type. Two types may share a name only where docs/glossary.md lists it,
//! as deliberate or as work to be done; and the glossary lists no name that nothing shares.
//!
//! Types of one file count once: Rust allows two of a name there only for different platforms
//! (`#[cfg]`) or in inner modules. Types of tests don't count.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::files;
use crate::Place;

const GLOSSARY: &str = "docs/glossary.md";
/// The section of the glossary that lists shared names: in the first column of its table, and as the
/// first word of its bullets.
const SECTION: &str = "## Names that several types share";

pub fn check(place: &Place) -> Result<Vec<String>> {
    let mut sources = Vec::new();
    for file in files(place)? {
        if is_source(&file) {
            let text = std::fs::read_to_string(place.root.join(&file))?;
            sources.push((file, text));
        }
    }
    let glossary = std::fs::read_to_string(place.root.join(GLOSSARY)).context(GLOSSARY)?;
    let listed = listed(&glossary).with_context(|| format!("{GLOSSARY} has no '{SECTION}'"))?;
    Ok(findings(&shared(&sources), &listed))
}

fn is_source(file: &str) -> bool {
    let is_ours = file.starts_with("src-tauri/src/")
        || file.strip_prefix("crates/").is_some_and(|rest| rest.split('/').nth(1) == Some("src"));
    is_ours && file.ends_with(".rs") && !file.ends_with("/tests.rs")
}

/// Returns the names that several types share, each with the files that declare it.
fn shared(sources: &[(String, String)]) -> BTreeMap<String, BTreeSet<String>> {
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in sources {
        for name in types(text) {
            places.entry(name.to_owned()).or_default().insert(file.clone());
        }
    }
    places.retain(|_, files| files.len() > 1);
    places
}

/// Returns the names of the types that a file declares before its tests.
fn types(text: &str) -> impl Iterator<Item = &str> {
    let tests = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    text[..tests].lines().filter_map(declared)
}

fn declared(line: &str) -> Option<&str> {
    let mut line = line.trim_start();
    if let Some(rest) = line.strip_prefix("pub") {
        let rest = match rest.strip_prefix('(') {
            Some(scope) => scope.split_once(')')?.1,
            None => rest,
        };
        line = rest.strip_prefix(' ')?;
    }
    line = line.strip_prefix("unsafe ").unwrap_or(line);
    let rest = ["struct ", "enum ", "trait ", "union "]
        .iter()
        .find_map(|keyword| line.strip_prefix(keyword))?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let name = &rest[..end];
    name.starts_with(char::is_uppercase).then_some(name)
}

/// Returns the names that the glossary lists as shared. `None` if it lacks the section.
fn listed(glossary: &str) -> Option<BTreeSet<String>> {
    let section = &glossary[glossary.find(SECTION)? + SECTION.len()..];
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let names = section.lines().filter_map(|line| {
        let entry = line.strip_prefix("| `").or_else(|| line.strip_prefix("- `"))?;
        Some(entry.split_once('`')?.0.to_owned())
    });
    Some(names.collect())
}

fn findings(shared: &BTreeMap<String, BTreeSet<String>>, listed: &BTreeSet<String>) -> Vec<String> {
    let unlisted = shared.iter().filter(|(name, _)| !listed.contains(*name)).map(|(name, files)| {
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        format!(
            "{name}: {} types share this name ({}); rename them, or list it in {GLOSSARY} with the \
             reason why it is deliberate",
            files.len(),
            files.join(", ")
        )
    });
    let stale = listed.iter().filter(|name| !shared.contains_key(*name)).map(|name| {
        format!("{name}: no two types share this name any more; delete its entry in {GLOSSARY}")
    });
    unlisted.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, &str)]) -> BTreeMap<String, BTreeSet<String>> {
        let owned = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
        shared(&owned.collect::<Vec<_>>())
    }

    fn glossary(entries: &str) -> BTreeSet<String> {
        listed(&format!("| `Row` | of another section |\n\n{SECTION} today\n\n{entries}\n"))
            .unwrap()
    }

    #[test]
    fn name_is_reported_when_two_files_declare_it_and_the_glossary_does_not() {
        let shared = sources(&[("a.rs", "pub struct Part;"), ("b.rs", "pub(crate) enum Part {")]);
        let findings = findings(&shared, &glossary(""));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].starts_with("Part: 2 types share this name (a.rs, b.rs)"));
    }

    #[test]
    fn name_is_accepted_when_the_glossary_lists_it_in_a_row_or_bullet() {
        let shared = sources(&[
            ("a.rs", "struct Part;\ntrait Pools {"),
            ("b.rs", "enum Part {}\nstruct Pools("),
        ]);
        let listed = glossary("- `Pools`: one interface, two databases\n\n| `Part` | two things |");
        assert_eq!(findings(&shared, &listed), [""; 0]);
    }

    #[test]
    fn entry_is_reported_when_nothing_shares_its_name() {
        let findings =
            findings(&sources(&[("a.rs", "struct Part;")]), &glossary("| `Part` | gone |"));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].starts_with("Part: no two types"));
    }

    #[test]
    fn twins_of_one_file_and_types_of_tests_count_once() {
        let twins = "#[cfg(unix)]\nstruct Line;\n#[cfg(not(unix))]\nenum Line {}\n";
        let tests = "struct Other;\n#[cfg(test)]\nmod tests {\n    struct Line;\n}\n";
        assert!(sources(&[("a.rs", twins), ("b.rs", tests)]).is_empty());
    }

    #[test]
    fn declarations_are_found_behind_any_visibility() {
        for line in [
            "struct Name {",
            "pub struct Name<'a> {",
            "    pub(in crate::x) enum Name {",
            "pub(super) trait Name: Send {",
            "struct Name(u8);",
            "struct Name;",
            "pub unsafe trait Name {",
        ] {
            assert_eq!(declared(line), Some("Name"), "{line}");
        }
        for line in [
            "/// struct Name",
            "public struct Name",
            "let structure = 1;",
            "impl Name {",
            "struct name",
        ] {
            assert_eq!(declared(line), None, "{line}");
        }
    }

    #[test]
    fn sources_of_crates_and_desktop_are_checked_and_tests_are_not() {
        assert!(is_source("crates/formats/src/read.rs") && is_source("src-tauri/src/bar.rs"));
        for file in [
            "crates/formats/tests/parts.rs",
            "tests/src/desk.rs",
            "xtask/src/main.rs",
            "crates/cloud-web/src/local_network/tests.rs",
            "crates/core/src/a.md",
        ] {
            assert!(!is_source(file), "{file}");
        }
    }
}
