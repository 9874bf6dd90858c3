//! Checks which crates may depend on which. The table is the planned structure (ARCHITECTURE.md draws it).

use anyhow::{Context, Result};
use serde_json::Value;

use super::{files, metadata};
use crate::Place;

/// A crate, what it may use, and what its tests may use in addition.
const ARROWS: [(&str, &[&str], &[&str]); 19] = [
    ("snaplark-api", &[], &[]),
    ("snaplark-formats", &[], &[]),
    ("snaplark-files", &[], &[]),
    // Text from a server is escaped where it is written.
    ("snaplark-terminal", &["api"], &[]),
    // The simulation runs the state machine over the real store.
    ("snaplark-core", &["api"], &["store"]),
    ("snaplark-destinations", &["core", "api"], &[]),
    ("snaplark-store", &["core", "api", "files"], &[]),
    // Its tests decode what they recorded.
    ("snaplark-capture", &["core", "formats", "files"], &["render"]),
    ("snaplark-render", &["core", "formats", "files"], &[]),
    ("snaplark-cloud-data", &["api", "formats", "files"], &[]),
    ("snaplark-cloud", &["cloud-data", "api", "formats"], &[]),
    // No HTTP in the domain, and neither command line nor metrics in what the app embeds.
    ("snaplark-cloud-web", &["cloud", "cloud-data", "api", "formats"], &[]),
    (
        "snaplark-cloud-server",
        &["cloud-web", "cloud", "cloud-data", "api", "terminal"],
        &["formats"],
    ),
    // The app names neither capture nor render: shells plug them in, and tests plug in fakes.
    ("snaplark-app", &["destinations", "store", "core", "api", "formats", "files"], &["cloud-web"]),
    ("snaplark-cli", &["app", "capture", "render", "cloud-web", "core", "api", "terminal"], &[]),
    ("snaplark-command-macro", &[], &[]),
    (
        "snaplark-desktop",
        &["app", "capture", "render", "cloud-web", "core", "api", "command-macro"],
        &[],
    ),
    (
        "snaplark-tests",
        &[
            "app",
            "capture",
            "render",
            "cloud-web",
            "core",
            "api",
            "destinations",
            "store",
            "formats",
            "files",
        ],
        &[],
    ),
    ("xtask", &[], &[]),
];

/// Crates that only some files of a package may name, because the package's other files use their ports in `core`.
const PLUGGED_IN: [(&str, &str, &[&str]); 3] = [
    ("src-tauri/src/", "snaplark_capture", &["src-tauri/src/main.rs", "src-tauri/src/program.rs"]),
    ("src-tauri/src/", "snaplark_render", &["src-tauri/src/program.rs"]),
    ("src-tauri/src/", "snaplark_cloud_web", &["src-tauri/src/program.rs"]),
];

pub fn check(place: &Place) -> Result<Vec<String>> {
    let mut findings = findings(&metadata(place)?)?;
    for file in files(place)? {
        if PLUGGED_IN.iter().any(|(folder, ..)| file.starts_with(folder)) {
            let text = std::fs::read_to_string(place.root.join(&file))?;
            findings.extend(named_elsewhere(&file, &text));
        }
    }
    Ok(findings)
}

/// Returns a finding for each crate that a file names though only others may.
fn named_elsewhere(file: &str, text: &str) -> Vec<String> {
    let names = PLUGGED_IN.iter().filter(|(folder, name, allowed)| {
        file.starts_with(folder) && !allowed.contains(&file) && text.contains(name)
    });
    names
        .map(|(_, name, allowed)| {
            format!("{file}: names {name}, which only {} may; use its port", allowed.join(" and "))
        })
        .collect()
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
    fn file_that_reaches_past_a_port_is_found() {
        let text = "let cameras = snaplark_capture::cameras();";
        assert_eq!(named_elsewhere("src-tauri/src/camera.rs", text).len(), 1);
        assert_eq!(named_elsewhere("src-tauri/src/program.rs", text), [""; 0]);
        assert_eq!(named_elsewhere("crates/cli/src/doctor.rs", text), [""; 0]);
    }

    #[test]
    fn an_arrow_up_is_found() {
        assert_eq!(house("snaplark-app", "snaplark-store", Value::Null), [""; 0]);
        assert_eq!(house("snaplark-app", "snaplark-capture", Value::Null).len(), 1);
        assert_eq!(house("snaplark-core", "snaplark-store", Value::Null).len(), 1);
        assert_eq!(house("snaplark-app", "snaplark-cloud-web", json!("dev")), [""; 0]);
        assert_eq!(house("snaplark-app", "snaplark-cloud-web", Value::Null).len(), 1);
    }
}
