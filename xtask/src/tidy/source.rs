//! Checks on the text of the sources.

use anyhow::Result;

use super::files;
use crate::Place;

/// Limits on a file's lines without tests. Above the first number, the file's header must say why
/// (`Length:` and a reason); above the second, the file is refused.
const LINES_WANT_REASON: usize = 600;
const LINES_MAX: usize = 1000;
/// The reason must be within this many lines of the top.
const HEADER_LINES: usize = 40;

const SOURCES: [&str; 6] = [".rs", ".ts", ".svelte", ".css", ".js", ".sh"];

pub fn lengths(place: &Place) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (file, text) in sources(place)? {
        findings.extend(length(&text).map(|finding| format!("{file}: {finding}")));
    }
    Ok(findings)
}

fn length(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(|pair| {
        pair[0].trim() == "#[cfg(test)]" && pair[1].trim_start().starts_with("mod tests")
    });
    let count = tests.unwrap_or(lines.len());
    if count > LINES_MAX {
        return Some(format!("{count} lines without tests; {LINES_MAX} is the most"));
    }
    let reason = lines.iter().take(HEADER_LINES).any(|line| line.contains("Length: "));
    (count > LINES_WANT_REASON && !reason).then(|| {
        format!("{count} lines without tests; above {LINES_WANT_REASON} its header says why (`Length: …`)")
    })
}

/// The text that must not be committed: unfinished or disabled code, secrets, paths of one machine. Written
/// in two halves, so that this file does not match itself.
const LEFTOVERS: [((&str, &str), &str); 16] = [
    (("todo", "!("), "unfinished"),
    (("unimplemented", "!("), "unfinished"),
    (("FIX", "ME"), "unfinished"),
    (("#[ig", "nore"), "a test that is switched off"),
    (("test.sk", "ip("), "a test that is switched off"),
    (("it.sk", "ip("), "a test that is switched off"),
    (("describe.sk", "ip("), "a test that is switched off"),
    (("it.on", "ly("), "all other tests are switched off"),
    (("test.on", "ly("), "all other tests are switched off"),
    (("describe.on", "ly("), "all other tests are switched off"),
    (("PRIVATE KEY", "-----"), "a secret"),
    (("AKI", "AIOSF"), "a secret"),
    (("ghp", "_"), "a secret"),
    (("/ro", "ot/"), "a path of one machine"),
    (("/ho", "me/"), "a path of one machine"),
    (("/Us", "ers/"), "a path of one machine"),
];

pub fn leftovers(place: &Place) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for file in files(place)? {
        // Lock files contain only hashes and addresses of packages.
        if file.ends_with("Cargo.lock") || file.ends_with("package-lock.json") {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(place.root.join(&file)) else { continue };
        for (at, line) in text.lines().enumerate() {
            findings.extend(
                leftover(line).map(|(what, why)| format!("{file}:{}: '{what}' is {why}", at + 1)),
            );
        }
    }
    Ok(findings)
}

fn leftover(line: &str) -> Option<(String, &'static str)> {
    LEFTOVERS.iter().find_map(|((head, tail), why)| {
        let what = format!("{head}{tail}");
        line.contains(&what).then_some((what, *why))
    })
}

fn sources(place: &Place) -> Result<Vec<(String, String)>> {
    let mut sources = Vec::new();
    for file in files(place)? {
        if SOURCES.iter().any(|end| file.ends_with(end)) {
            let text = std::fs::read_to_string(place.root.join(&file))?;
            sources.push((file, text));
        }
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_want_a_reason_and_longer_ones_are_refused() {
        let lines = |count: usize| "let x = 1;\n".repeat(count);
        assert_eq!(length(&lines(600)), None);
        assert!(length(&lines(601)).is_some());
        assert_eq!(length(&format!("//! Length: one table.\n{}", lines(700))), None);
        assert!(length(&format!("//! Length: one table.\n{}", lines(1000))).is_some());
        let tested = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", lines(500), lines(900));
        assert_eq!(length(&tested), None);
    }

    #[test]
    fn leftovers_are_found() {
        for ((head, tail), _) in LEFTOVERS {
            assert!(leftover(&format!("  {head}{tail}x")).is_some(), "{head}");
        }
        assert!(leftover("// what is done").is_none());
    }
}
