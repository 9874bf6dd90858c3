//! The licences of the package: our own, and the texts of everything that is linked or bundled (crates, npm
//! packages, fonts), collected from where the package managers unpacked them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::Place;
use crate::tidy::metadata;

/// Returns our own licences in Debian's machine-readable form.
pub fn copyright(place: &Place) -> Result<String> {
    let indented = |name: &str| -> Result<String> {
        let text = fs::read_to_string(place.root.join(name)).with_context(|| name.to_owned())?;
        let rows = text.lines().map(|row| if row.trim().is_empty() { " ." } else { row });
        Ok(rows.map(|row| format!(" {}\n", row.trim_start_matches(' '))).collect::<String>())
    };
    Ok(format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: Snaplark\nSource: https://snaplark.com\n\
         Comment: Third-party components and their licences are in THIRD-PARTY.txt.gz.\n\n\
         Files: *\nCopyright: 2026 The Snaplark authors\nLicense: MIT or Apache-2.0\n\n\
         License: MIT\n{}\nLicense: Apache-2.0\n On Debian systems, the full text of the Apache \
         License, Version 2.0,\n is in /usr/share/common-licenses/Apache-2.0.\n",
        indented("LICENSE-MIT")?
    )
    .replace("\n  .\n", "\n .\n"))
}

/// Returns each distinct licence text, headed by the names of what uses it.
pub fn third_party(place: &Place) -> Result<String> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut without = Vec::new();
    for Component { name, licence, folder } in crates(place)?.into_iter().chain(npm(place)?) {
        let found = texts_in(&folder)?;
        if found.is_empty() {
            without.push(format!("{name} ({licence})"));
        }
        for text in found {
            texts.entry(text).or_default().push(format!("{name} ({licence})"));
        }
    }
    for font in ["assets/fonts/OFL.txt", "crates/cloud-web/assets/inter-LICENSE.txt"] {
        let text = fs::read_to_string(place.root.join(font)).with_context(|| font.to_owned())?;
        texts.entry(text).or_default().push("Inter (OFL-1.1)".into());
    }
    ensure!(texts.len() > 20, "only {} licence texts were found", texts.len());
    let mut all = String::from("Snaplark contains the following components.\n");
    if !without.is_empty() {
        let _ = write!(all, "\nWithout a licence text of their own:\n{}\n", without.join("\n"));
    }
    for (text, names) in texts {
        let rule = "=".repeat(78);
        let _ = write!(all, "\n{rule}\n{}\n{rule}\n{}\n", names.join("\n"), text.trim());
    }
    Ok(all)
}

struct Component {
    name: String,
    licence: String,
    folder: PathBuf,
}

/// Returns the crates that are linked into what is shipped, as far as cargo resolves them.
fn crates(place: &Place) -> Result<Vec<Component>> {
    let metadata = metadata(place)?;
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    // Our own crates have no registry.
    let foreign = packages.iter().filter(|package| package["source"].is_string());
    foreign
        .map(|package| {
            let text = |name: &str| package[name].as_str().unwrap_or_default();
            let manifest = Path::new(text("manifest_path"));
            Ok(Component {
                name: format!("{} {}", text("name"), text("version")),
                licence: text("license").to_owned(),
                folder: manifest.parent().context("a crate has a folder")?.to_path_buf(),
            })
        })
        .collect()
}

/// Returns the npm packages whose code or fonts are in the windows.
fn npm(place: &Place) -> Result<Vec<Component>> {
    let modules = place.root.join("ui/node_modules");
    let text = fs::read_to_string(place.root.join("ui/package.json")).context("package.json")?;
    let package: Value = serde_json::from_str(&text).context("package.json")?;
    let dependencies = package["dependencies"].as_object().context("no dependencies")?;
    // Svelte's runtime is compiled into the pages, although Svelte is only a build dependency.
    let names = dependencies.keys().map(String::as_str).chain(["svelte"]);
    names
        .map(|name| {
            let folder = modules.join(name);
            let text = fs::read_to_string(folder.join("package.json"))
                .with_context(|| folder.display().to_string())?;
            let package: Value = serde_json::from_str(&text).with_context(|| name.to_owned())?;
            Ok(Component {
                name: format!("{name} {}", package["version"].as_str().unwrap_or_default()),
                licence: package["license"].as_str().unwrap_or_default().to_owned(),
                folder,
            })
        })
        .collect()
}

fn texts_in(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_ascii_uppercase();
        let is_licence =
            ["LICENSE", "LICENCE", "COPYING", "NOTICE"].iter().any(|word| name.starts_with(word));
        if is_licence && entry.file_type()?.is_file() {
            let text = String::from_utf8_lossy(&fs::read(entry.path())?).replace('\r', "");
            found.push(text.trim().to_owned());
        }
    }
    found.sort();
    Ok(found)
}
