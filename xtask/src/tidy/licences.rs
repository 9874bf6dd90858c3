//! Checks that everything that we link may be linked. The list of allowed licences is in deny.toml, so that
//! `cargo deny` agrees.

use anyhow::{Context, Result, bail};

use super::metadata;
use crate::Place;

pub fn check(place: &Place) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(place.root.join("deny.toml")).context("deny.toml")?;
    let allowed = allowed(&text).context("deny.toml has no list 'allow' in [licenses]")?;
    let metadata = metadata(place)?;
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    let mut findings = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        match package["license"].as_str() {
            None => findings.push(format!("{name}: names no licence")),
            Some(licence) => match permits(licence, &allowed) {
                Ok(true) => {}
                Ok(false) => findings.push(format!("{name}: {licence} is not in deny.toml's list")),
                Err(error) => findings.push(format!("{name}: '{licence}' can't be read: {error}")),
            },
        }
    }
    Ok(findings)
}

/// Returns the strings of `allow = [...]` below `[licenses]`.
fn allowed(toml: &str) -> Option<Vec<String>> {
    let section = toml.split_once("\n[licenses]")?.1;
    let list = section.split_once("\nallow = [")?.1.split_once(']')?.0;
    let rows = list.lines().filter_map(|line| line.split('#').next());
    let strings = rows.flat_map(|row| row.split('"').skip(1).step_by(2));
    Some(strings.map(str::to_owned).collect())
}

/// Evaluates an SPDX expression: `AND` binds tighter than `OR`, `WITH` belongs to its licence, and an
/// old-style `/` means OR.
fn permits(expression: &str, allowed: &[String]) -> Result<bool> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    let permitted = any(&mut words, allowed)?;
    match words.pop() {
        None => Ok(permitted),
        Some(word) => bail!("'{word}' is out of place"),
    }
}

/// Evaluates alternatives. `words` is the rest of the expression in reverse, its next word last.
fn any(words: &mut Vec<&str>, allowed: &[String]) -> Result<bool> {
    let mut permitted = all(words, allowed)?;
    while words.last() == Some(&"OR") {
        words.pop();
        permitted |= all(words, allowed)?;
    }
    Ok(permitted)
}

fn all(words: &mut Vec<&str>, allowed: &[String]) -> Result<bool> {
    let mut permitted = one(words, allowed)?;
    while words.last() == Some(&"AND") {
        words.pop();
        permitted &= one(words, allowed)?;
    }
    Ok(permitted)
}

fn one(words: &mut Vec<&str>, allowed: &[String]) -> Result<bool> {
    let word = words.pop().context("it ends too early")?;
    if word == "(" {
        let permitted = any(words, allowed)?;
        if words.pop() != Some(")") {
            bail!("a parenthesis is open");
        }
        return Ok(permitted);
    }
    let mut licence = word.to_owned();
    if words.last() == Some(&"WITH") {
        words.pop();
        licence = format!("{licence} WITH {}", words.pop().context("it ends too early")?);
    }
    Ok(allowed.contains(&licence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_spdx_says() {
        let list = allowed("x\n[licenses]\nallow = [\n  \"MIT\", # why\n  \"Zlib\",\n]\n").unwrap();
        assert_eq!(list, ["MIT", "Zlib"]);
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("GPL-3.0 OR MIT", true),
            ("GPL-3.0/MIT", true),
            ("MIT AND GPL-3.0", false),
            ("Zlib OR MIT AND GPL-3.0", true),
            ("(Zlib OR MIT) AND GPL-3.0", false),
            ("(GPL-3.0 OR Zlib) AND MIT", true),
            ("MIT WITH LLVM-exception", false),
        ] {
            assert_eq!(permits(expression, &list).unwrap(), expected, "{expression}");
        }
        assert!(permits("MIT OR", &list).is_err());
        assert!(permits("(MIT", &list).is_err());
        assert!(permits("MIT Zlib", &list).is_err());
    }
}
