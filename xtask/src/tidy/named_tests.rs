//! Checks that the tests which docs/hardening.md and docs/threat-model.md name as proof are there.
//!
//! Their tables have a column "Test" with names in backticks: `PLACE MODULE::TEST`. The place is a package
//! (`snaplark-api`) or a folder of tests (`cloud`, `system`); it and the module may be missing. `…` stands
//! for any part of a name, and `*` for any test of a module.

use std::path::Path;

use anyhow::{Context, Result};

use super::files;
use crate::Place;

const DOCUMENTS: [&str; 2] = ["docs/hardening.md", "docs/threat-model.md"];
const COLUMN: &str = "Test";

pub fn check(place: &Place) -> Result<Vec<String>> {
    let files = files(place)?;
    let mut sources = Vec::new();
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        sources.push(Source::new(file, &std::fs::read_to_string(place.root.join(file))?));
    }
    let mut findings = Vec::new();
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(place.root.join(document)).context(document)?;
        for (line, name) in named(&text) {
            if !is_there(name, &files, &sources) {
                findings.push(format!("{document}:{line}: there is no test `{name}`"));
            }
        }
    }
    Ok(findings)
}

/// A file with the names of its functions and inner modules.
struct Source {
    file: String,
    functions: Vec<String>,
    modules: Vec<String>,
}

impl Source {
    fn new(file: &str, text: &str) -> Self {
        let after = |word: &str| {
            let names = text
                .lines()
                .filter_map(|line| line.split_once(word))
                .filter(|(before, _)| before.is_empty() || before.ends_with(' '));
            names.map(|(_, rest)| rest.chars().take_while(|c| is_of_name(*c)).collect()).collect()
        };
        Source { file: file.to_owned(), functions: after("fn "), modules: after("mod ") }
    }

    /// Returns whether the file is this module, lies in it, or holds it.
    fn is_in(&self, module: &str) -> bool {
        let path = Path::new(&self.file).with_extension("");
        path.iter().any(|part| part == module) || self.modules.iter().any(|inner| inner == module)
    }

    /// Returns whether the file belongs to a package or to a folder of tests.
    fn is_of(&self, place: &str) -> bool {
        let file = &self.file;
        match place.strip_prefix("snaplark-") {
            Some("desktop") => file.starts_with("src-tauri/"),
            Some(package) => file.starts_with(&format!("crates/{package}/")),
            None => {
                let suite = place.strip_prefix("tests/").unwrap_or(place);
                let tests = file.starts_with("tests/") || file.contains("/tests/");
                tests && self.is_in(suite)
            }
        }
    }
}

/// Returns the names in the column of tests, each with the number of its line.
fn named(text: &str) -> Vec<(usize, &str)> {
    let (mut names, mut column) = (Vec::new(), None);
    for (number, line) in text.lines().enumerate() {
        if !line.starts_with('|') {
            column = None;
            continue;
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let Some(found) = cells.iter().position(|cell| *cell == COLUMN) {
            column = Some(found);
        } else if let Some(cell) = column.and_then(|column| cells.get(column)) {
            let quoted = cell.split('`').skip(1).step_by(2);
            names.extend(quoted.filter(|name| is_name(name)).map(|name| (number + 1, name)));
        }
    }
    names
}

/// Returns whether it names a test, and not a command, an option or a package.
fn is_name(name: &str) -> bool {
    let (place, path) = name.rsplit_once(' ').unwrap_or(("", name));
    let is_place = |c: char| is_of_name(c) || c == '-' || c == '/';
    let is_path = path.ends_with(".test.ts")
        || path.chars().all(|c| is_of_name(c) || matches!(c, ':' | '…' | '*'));
    let has_package = place.starts_with("snaplark-") || !place.contains('-');
    is_path && has_package && place.chars().all(is_place)
}

fn is_there(name: &str, files: &[String], sources: &[Source]) -> bool {
    let (place, path) = name.rsplit_once(' ').unwrap_or(("", name));
    if path.ends_with(".test.ts") {
        return files.iter().any(|file| file.ends_with(&format!("/{path}")));
    }
    let mut modules: Vec<&str> = path.split("::").filter(|module| *module != "tests").collect();
    let test = modules.pop().unwrap_or_default();
    let in_modules = |source: &&Source| {
        (place.is_empty() || source.is_of(place))
            && modules.iter().all(|module| source.is_in(module))
    };
    sources.iter().filter(in_modules).any(|source| {
        let mut functions = source.functions.iter();
        // A name alone may be that of a module.
        functions.any(|function| fits(function, test)) || source.is_in(test)
    })
}

fn fits(function: &str, test: &str) -> bool {
    let middle = test.trim_matches(|c| c == '…' || c == '*');
    match (test.starts_with(['…', '*']), test.ends_with(['…', '*'])) {
        (false, false) => function == middle,
        (false, true) => function.starts_with(middle),
        (true, false) => function.ends_with(middle),
        (true, true) => function.contains(middle),
    }
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tests_are_found_where_they_say() {
        let sources = [
            Source::new("crates/api/src/untrusted.rs", "fn link_is_taken() {}"),
            Source::new("crates/cloud-server/tests/cloud/jobs.rs", "async fn picture_is_made() {}"),
            Source::new("crates/cloud/src/jobs.rs", "mod tests {\n    fn lease_is_lost() {}"),
        ];
        let files = ["ui/src/lib/plainHttp.test.ts".to_owned()];
        for name in [
            "snaplark-api untrusted::link_is_taken",
            "snaplark-api untrusted::…",
            "cloud jobs::picture_is_…",
            "jobs::…_is_made",
            "jobs::*",
            "jobs",
            "link_is_taken",
            "snaplark-cloud jobs::tests::lease_is_lost",
            "ui plainHttp.test.ts",
        ] {
            assert!(is_name(name) && is_there(name, &files, &sources), "{name}");
        }
        for name in [
            "snaplark-core untrusted::link_is_taken",
            "snaplark-cloud jobs::picture_is_made",
            "jobs::link_is_taken",
            "link_is_refused",
            "nothing::*",
            "ui other.test.ts",
        ] {
            assert!(is_name(name) && !is_there(name, &files, &sources), "{name}");
        }
    }

    #[test]
    fn only_the_column_of_tests_is_read() {
        let text = "`a`\n| What | Test | Before |\n|---|---|---|\n| `b` | `c`, `d e::f` | `g` |\n\n| `h` |";
        assert_eq!(named(text), [(4, "c"), (4, "d e::f")]);
        for other in ["systemd-analyze security", "--user-day-uploads", "cargo xtask soak fuzz --x"]
        {
            assert!(!is_name(other), "{other}");
        }
    }
}
