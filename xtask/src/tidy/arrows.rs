//! Checks which crates may depend on which. The table is the planned structure (ARCHITECTURE.md draws it).

use anyhow::{Context, Result};
use serde_json::Value;

use super::metadata;
use crate::Place;

/// A crate, what it may use, and what its tests may use in addition.
const ARROWS: [(&str, &[&str], &[&str]); 12] = [
    ("snaplark-api", &[], &[]),
    ("snaplark-webm", &[], &[]),
    // Text from a server is escaped where it is written.
    ("snaplark-terminal", &["api"], &[]),
    // The simulation runs the state machine over the real store.
    ("snaplark-core", &["api"], &["store"]),
    ("snaplark-store", &["core", "api"], &[]),
    ("snaplark-capture", &["core", "webm"], &[]),
    ("snaplark-cloud", &["api", "webm", "terminal"], &[]),
    // The app never names capture: shells plug it in, and tests plug in a fake.
    ("snaplark-app", &["store", "core", "api", "webm"], &["cloud"]),
    ("snaplark-cli", &["app", "capture", "cloud", "core", "api", "terminal"], &[]),
    ("snaplark-desktop", &["app", "capture", "cloud", "core", "api"], &[]),
    ("snaplark-tests", &["app", "capture", "cloud", "core", "api", "store", "webm"], &[]),
    ("xtask", &[], &[]),
];

pub fn check(place: &Place) -> Result<Vec<String>> {
    findings(&metadata(place)?)
}

fn findings(metadata: &Value) -> Result<Vec<String>> {
    let members: Vec<&str> =
        array(metadata, "workspace_members")?.iter().filter_map(Value::as_str).collect();
    let packages: Vec<&Value> = array(metadata, "packages")?
        .iter()
        .filter(|package| package["id"].as_str().is_some_and(|id| members.contains(&id)))
        .collect();
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let ours: Vec<String> = packages.iter().map(|package| name(package)).collect();

    let mut findings = Vec::new();
    for package in &packages {
        let from = name(package);
        let Some((_, uses, tests_use)) = ARROWS.iter().find(|(name, ..)| *name == from) else {
            findings.push(format!("{from}: has no row in xtask/src/tidy/arrows.rs"));
            continue;
        };
        for dependency in array(package, "dependencies")? {
            let to = name(dependency);
            if !ours.contains(&to) {
                continue;
            }
            let short = to.strip_prefix("snaplark-").unwrap_or(&to);
            let in_tests = dependency["kind"].as_str() == Some("dev");
            let allowed = uses.contains(&short) || (in_tests && tests_use.contains(&short));
            if !allowed {
                findings.push(format!("{from} -> {to}: this arrow is not in the house's plan"));
            }
        }
    }
    Ok(findings)
}

fn array<'a>(value: &'a Value, name: &str) -> Result<&'a Vec<Value>> {
    value[name].as_array().with_context(|| format!("cargo metadata has no {name}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn house(from: &str, to: &str, kind: Value) -> Vec<String> {
        let package = |name: &str, dependencies: Value| json!({"id": name, "name": name, "dependencies": dependencies});
        findings(&json!({
            "workspace_members": [from, to],
            "packages": [package(from, json!([{"name": to, "kind": kind}])), package(to, json!([]))],
        }))
        .unwrap()
    }

    #[test]
    fn an_arrow_up_is_found() {
        assert_eq!(house("snaplark-app", "snaplark-store", Value::Null), [""; 0]);
        assert_eq!(house("snaplark-app", "snaplark-capture", Value::Null).len(), 1);
        assert_eq!(house("snaplark-core", "snaplark-store", Value::Null).len(), 1);
        assert_eq!(house("snaplark-app", "snaplark-cloud", json!("dev")), [""; 0]);
        assert_eq!(house("snaplark-app", "snaplark-cloud", Value::Null).len(), 1);
    }
}
