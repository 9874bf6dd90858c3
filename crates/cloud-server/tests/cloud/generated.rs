//! Clients that generators make from `docs/openapi.json`: every operation is there, and a recording
//! goes up with them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::backend::Backend;
use crate::program::{PROGRAM, Running, token};
use crate::support::synthetic;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document() -> PathBuf {
    here().join("../../docs/openapi.json")
}

/// The operations' ids, such as `initUpload`.
fn operations() -> BTreeSet<String> {
    let document: Value = serde_json::from_slice(&fs::read(document()).unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.values().flat_map(|path| path.as_object().unwrap());
    operations
        .filter(|(method, _)| METHODS.contains(&method.as_str()))
        .map(|(_, operation)| operation["operationId"].as_str().unwrap().to_owned())
        .collect()
}

/// `cargo xtask` installs the tools there.
fn tools() -> PathBuf {
    Path::new(PROGRAM).ancestors().nth(2).unwrap().join("tools")
}

fn run(command: &mut Command) -> String {
    let out = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}\n{said}{errors}");
    said
}

/// Runs a client, which uploads the recording and prints the link, against a server.
fn uploads(mut client: Command) {
    let folder = tempfile::tempdir().unwrap();
    let parts = synthetic(2, 100).stream();
    for (index, part) in parts.iter().enumerate() {
        fs::write(folder.path().join(format!("{index}.webm")), part).unwrap();
    }
    // The server refuses a folder that others can look into.
    let data = tempfile::tempdir().unwrap();
    let backend = Backend::new(data.path());
    let token = token(&backend);
    let running = Running::start(&backend);
    let parts_total = parts.len().to_string();
    let said = run(client.args([&running.url, &token, &parts_total]).arg(folder.path()));
    running.kill();
    let answer: Value = serde_json::from_str(said.lines().last().expect("an answer")).unwrap();
    assert_eq!(answer["state"], "completed", "{answer}");
    assert_eq!(answer["receivedChunks"], json!((0..parts.len()).collect::<Vec<_>>()));
}

/// `initUpload` as the generator names its module: `init_upload`.
fn snake(name: &str) -> String {
    let parts = name.chars().map(|c| match c.is_uppercase() {
        true => format!("_{}", c.to_lowercase()),
        false => c.to_string(),
    });
    parts.collect()
}

#[test]
fn python_client_has_every_operation_and_uploads_a_recording() {
    let folder = tempfile::tempdir().unwrap();
    let client = folder.path().join("client");
    run(Command::new(tools().join("bin/openapi-python-client"))
        .args(["generate", "--meta", "none", "--overwrite", "--path"])
        .arg(document())
        .arg("--output-path")
        .arg(&client)
        .arg("--config")
        .arg(here().join("tests/generated/python.yml")));
    let mut made = BTreeSet::new();
    for tag in fs::read_dir(client.join("api")).unwrap() {
        let tag = tag.unwrap().path();
        for file in tag.is_dir().then(|| fs::read_dir(tag).unwrap()).into_iter().flatten() {
            let name = file.unwrap().file_name().into_string().unwrap();
            made.extend(
                name.strip_suffix(".py").filter(|name| *name != "__init__").map(str::to_owned),
            );
        }
    }
    let expected: BTreeSet<_> = operations().iter().map(|name| snake(name)).collect();
    assert_eq!(made, expected, "operations of the generated client, and of the document");
    let mut python = Command::new(tools().join("bin/python"));
    python.arg(here().join("tests/generated/upload.py")).env("PYTHONPATH", folder.path());
    uploads(python);
}

#[test]
fn typescript_client_has_every_operation_and_uploads_a_recording() {
    let modules = tools().join("npm/node_modules");
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    run(Command::new(modules.join(".bin/openapi-typescript"))
        .arg(document())
        .arg("--output")
        .arg(at("schema.d.ts")));
    let schema = fs::read_to_string(at("schema.d.ts")).unwrap();
    let (_, made) = schema.split_once("export interface operations {").expect("operations");
    for name in operations() {
        assert!(made.contains(&format!("\n    {name}: {{")), "{name} is not in the client");
    }
    fs::copy(here().join("tests/generated/upload.ts"), at("upload.ts")).unwrap();
    fs::write(at("package.json"), r#"{"type": "module"}"#).unwrap();
    std::os::unix::fs::symlink(&modules, at("node_modules")).unwrap();
    // The compiler checks the program against the generated types, and writes what Node.js runs.
    run(Command::new(modules.join(".bin/tsc")).current_dir(folder.path()).args([
        "--strict",
        "--target",
        "es2022",
        "--module",
        "nodenext",
        "--types",
        "node",
        "upload.ts",
    ]));
    let mut node = Command::new("node");
    node.arg(at("upload.js"));
    uploads(node);
}
