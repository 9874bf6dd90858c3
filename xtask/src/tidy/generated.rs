//! Files that are generated from the code: the windows' bindings, and the share page's live player.
//!
//! Both are made in a folder below `target` and only then compared with the kept ones, or copied over them.
//! A build that fails, or is interrupted, leaves the kept files as they were.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::{Place, build, ui};

/// The folder of the generated TypeScript types of the app's views.
const BINDINGS: &str = "ui/src/lib/bindings";
/// The compiled live player of the share page.
const SHARE_PLAYER: &str = "crates/cloud-web/assets/live.js";
/// The number of removed and of added lines that are shown of a stale file. A changed comment or field
/// fits in it.
const SHOWN_LINES: usize = 4;
const HOW: &str = "`cargo xtask tidy --fix` writes them.";

type Files = BTreeMap<String, String>;

/// Checks the types that the windows import, which tests of `app` and of the desktop generate (ts-rs). With
/// `fix` they are replaced, and the same tests write the table of settings in docs/command-line.md and the
/// API's document, docs/openapi.json.
pub fn bindings(place: &Place, fix: bool) -> Result<()> {
    let made = empty_folder(place.root.join("target/xtask/bindings"))?;
    let mut tests =
        build::cargo(place, "the windows' bindings, the table of settings, the API's document")
            .args(["test", "--lib", "--bin", "snaplark-desktop", "--exclude", "xtask"])
            .args(build::WORKSPACE)
            .args(["export_bindings", "--", "table_of_settings", "openapi_document"])
            .env("TS_RS_EXPORT_DIR", &made);
    if fix {
        tests = tests.env("SNAPLARK_WRITE_DOCS", "1");
    }
    tests.run()?;
    let fresh = files(&made)?;
    if fresh.is_empty() {
        bail!("no binding was written: the export tests of crates/app did not run");
    }
    let kept = place.root.join(BINDINGS);
    if fix {
        return replace(&kept, &fresh);
    }
    let stale = differences(BINDINGS, &files(&kept)?, &fresh);
    if !stale.is_empty() {
        bail!("{}\n  {HOW}", stale.join("\n  "));
    }
    Ok(())
}

/// Checks the share page's live player, which `npm run share` compiles from TypeScript into the cloud's
/// assets. With `fix` it is replaced.
pub fn share_player(place: &Place, fix: bool) -> Result<()> {
    ui::install(place)?;
    let made = empty_folder(place.root.join("target/xtask/share"))?;
    ui::npm(place, "the share page's live player", &["run", "share"])
        .env("SNAPLARK_SHARE_DIR", &made)
        .run()?;
    let made = made.join("live.js");
    let fresh = std::fs::read_to_string(&made).with_context(|| made.display().to_string())?;
    let kept = place.root.join(SHARE_PLAYER);
    if fix {
        return write(&kept, &fresh);
    }
    let before = std::fs::read_to_string(&kept).unwrap_or_default();
    if before != fresh {
        let lines = changed_lines(&before, &fresh);
        bail!("{SHARE_PLAYER}: not what ui/src/share/live.ts compiles to\n{lines}  {HOW}");
    }
    Ok(())
}

fn empty_folder(folder: std::path::PathBuf) -> Result<std::path::PathBuf> {
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

/// Returns the files of a folder by name, none if the folder is missing.
fn files(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(files),
        Err(error) => return Err(error).with_context(|| folder.display().to_string()),
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().context("an entry has a name")?.to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        files.insert(name, text);
    }
    Ok(files)
}

/// Writes the fresh files, then deletes those that nothing makes any more.
fn replace(folder: &Path, fresh: &Files) -> Result<()> {
    let kept = files(folder)?;
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (name, text) in fresh {
        if kept.get(name) != Some(text) {
            write(&folder.join(name), text)?;
        }
    }
    for name in kept.keys().filter(|name| !fresh.contains_key(*name)) {
        let path = folder.join(name);
        std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

/// Returns a finding for each file that isn't what it should be.
fn differences(folder: &str, kept: &Files, fresh: &Files) -> Vec<String> {
    let gone = kept.keys().filter(|name| !fresh.contains_key(*name));
    let gone = gone.map(|name| format!("{folder}/{name}: nothing makes it any more"));
    let stale = fresh.iter().filter_map(|(name, text)| match kept.get(name) {
        None => Some(format!("{folder}/{name}: is missing")),
        Some(before) if before == text => None,
        Some(before) => {
            let lines = changed_lines(before, text);
            Some(format!("{folder}/{name}: not what the Rust types say\n{}", lines.trim_end()))
        }
    });
    gone.chain(stale).collect()
}

/// Returns the first lines that differ, as `diff` writes them: removed ones, then added ones.
fn changed_lines(before: &str, after: &str) -> String {
    let (mut before, mut after): (Vec<&str>, Vec<&str>) =
        (before.lines().collect(), after.lines().collect());
    let same = before.iter().zip(&after).take_while(|(before, after)| before == after).count();
    before.drain(..same);
    after.drain(..same);
    while before.last().is_some_and(|line| after.last() == Some(line)) {
        before.pop();
        after.pop();
    }
    let mut text = String::new();
    for (sign, lines) in [('-', before), ('+', after)] {
        for line in lines.iter().take(SHOWN_LINES) {
            writeln!(text, "    {sign} {line}").expect("a string takes all text");
        }
        if lines.len() > SHOWN_LINES {
            writeln!(text, "    {sign} …").expect("a string takes all text");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect()
    }

    #[test]
    fn stale_binding_is_shown_with_the_line_that_differs() {
        let kept = of(&[
            ("A.ts", "// made\n/** A doc. */\ntype A = 1;\n"),
            ("B.ts", "same"),
            ("Old.ts", ""),
        ]);
        let fresh = of(&[
            ("A.ts", "// made\n/** Another. */\ntype A = 1;\n"),
            ("B.ts", "same"),
            ("New.ts", "new"),
        ]);
        let found = differences("b", &kept, &fresh);
        let want = [
            "b/Old.ts: nothing makes it any more",
            "b/A.ts: not what the Rust types say\n    - /** A doc. */\n    + /** Another. */",
            "b/New.ts: is missing",
        ];
        assert_eq!(found, want);
        assert!(differences("b", &fresh, &fresh).is_empty());
    }

    #[test]
    fn long_differences_are_cut() {
        let after: String = (0..10).map(|n| format!("{n}\n")).collect();
        assert_eq!(changed_lines("", &after), "    + 0\n    + 1\n    + 2\n    + 3\n    + …\n");
    }

    #[test]
    fn replaced_folder_holds_the_fresh_files_only() {
        let folder = std::env::temp_dir().join(format!("xtask-generated-{}", std::process::id()));
        let folder = empty_folder(folder).unwrap();
        let fresh = of(&[("A.ts", "new"), ("B.ts", "b")]);
        for (name, text) in [("A.ts", "old"), ("C.ts", "gone")] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        replace(&folder, &fresh).unwrap();
        let left = files(&folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(left, fresh);
    }
}
