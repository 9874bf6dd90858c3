//! Gives the windows their permissions: each own command gets one, and `capabilities/` says which
//! window has which. A command that is not listed here can't be called from any window. And makes a constant
//! of each string that Rust may show (`words.rs`).

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::Path;

use tauri_build::{AppManifest, Attributes};

#[path = "src/commands/list.rs"]
mod list;
mod words;

/// The languages, as `src/words.rs` counts them.
const LANGUAGES: [&str; 3] = ["en", "de", "ar"];

fn main() {
    // Cargo looks at the whole package where nothing is named; these are what the build reads.
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    println!("cargo:rerun-if-changed=src-tauri/src/commands/list.rs");
    println!("cargo:rerun-if-changed=src-tauri/icons");
    println!("cargo:rerun-if-changed=assets/strings");
    println!("cargo:rerun-if-changed=tauri.conf.json");
    println!("cargo:rerun-if-changed=ui/dist");
    let attributes = Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*")
        .windows_attributes(
            tauri_build::WindowsAttributes::new().window_icon_path("src-tauri/icons/icon.ico"),
        )
        .app_manifest(AppManifest::new().commands(list::names().leak()));
    if let Err(error) = tauri_build::try_build(attributes) {
        eprintln!("{error:#}");
        std::process::exit(1);
    }
    if let Err(error) = write_words() {
        eprintln!("The strings in assets/strings can't be used:\n{error}");
        std::process::exit(1);
    }
}

fn write_words() -> Result<(), String> {
    let read = |language| {
        let path = format!("assets/strings/{language}.json");
        std::fs::read_to_string(&path).map(|text| (path, text)).map_err(|error| error.to_string())
    };
    let files = LANGUAGES.into_iter().map(read).collect::<Result<Vec<_>, String>>()?;
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let folder = std::env::var("OUT_DIR").map_err(|error| error.to_string())?;
    std::fs::write(Path::new(&folder).join("words.rs"), words::constants(&files)?)
        .map_err(|error| error.to_string())
}
