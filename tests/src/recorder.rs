//! The command line as a person uses it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cloud::Cloud;
use crate::home::Home;
use crate::process::{Answer, command, finish, program};

/// The time that a command may take beyond the recording's length.
const MARGIN: Duration = Duration::from_secs(60);

/// The JSON object that `snaplark record --json` prints.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub id: String,
    /// The kind of its state.
    pub state: String,
    pub link: Option<String>,
    pub file: Option<PathBuf>,
    pub segments: u64,
    pub duration_ms: u64,
    pub frames: u64,
    pub dropped: u64,
    /// The reason why the recording ended by itself, if it did.
    pub ended: Option<String>,
    pub link_problem: Option<String>,
}

/// Returns a `snaplark` command with these arguments, in this home, with this account.
pub fn snaplark(home: &Home, cloud: Option<&Cloud>, args: &[&str]) -> Result<Command> {
    let mut snaplark = command(home, program("snaplark")?);
    snaplark.args(args);
    if let Some(cloud) = cloud {
        snaplark.env("SNAPLARK_SERVER", &cloud.address).env("SNAPLARK_TOKEN", &cloud.token);
    }
    Ok(snaplark)
}

/// Runs the command to its end, even if it fails.
pub fn ask(home: &Home, cloud: Option<&Cloud>, args: &[&str]) -> Result<Answer> {
    finish(&mut snaplark(home, cloud, args)?, MARGIN)
}

/// Runs the command and reads the one JSON value that it prints.
pub fn ask_json(home: &Home, cloud: Option<&Cloud>, args: &[&str]) -> Result<Value> {
    let answer = ask(home, cloud, args)?;
    if !answer.status.success() {
        bail!("snaplark {args:?} failed ({}):\n{}", answer.status, answer.stderr);
    }
    serde_json::from_str(&answer.stdout)
        .with_context(|| format!("snaplark {args:?} printed no JSON: '{}'", answer.stdout))
}

impl Recorded {
    /// Reads standard output: exactly one object with exactly these keys.
    pub fn read(stdout: &str) -> Result<Self> {
        const KEYS: [&str; 14] = [
            "dropped",
            "durationMs",
            "ended",
            "file",
            "fileProblem",
            "frames",
            "id",
            "link",
            "linkProblem",
            "reach",
            "segments",
            "sizeBytes",
            "state",
            "title",
        ];
        let value: Value = serde_json::from_str(stdout)
            .with_context(|| format!("standard output is not one JSON object: '{stdout}'"))?;
        let object = value.as_object().context("standard output is not a JSON object")?;
        let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
        keys.sort_unstable();
        if keys != KEYS {
            bail!("the object has the keys {keys:?}, not {KEYS:?}");
        }
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let number =
            |name: &str| value[name].as_u64().with_context(|| format!("{name} is not a number"));
        Ok(Self {
            id: text("id").context("id is not a text")?,
            state: value["state"]["kind"].as_str().context("state has no kind")?.to_owned(),
            link: text("link"),
            file: text("file").map(PathBuf::from),
            segments: number("segments")?,
            duration_ms: number("durationMs")?,
            frames: number("frames")?,
            dropped: number("dropped")?,
            ended: value["ended"]["kind"].as_str().map(str::to_owned),
            link_problem: text("linkProblem"),
        })
    }

    /// Returns the recording's folder: init and segments.
    pub fn folder(&self, home: &Home) -> PathBuf {
        home.snaplark().join("recordings").join(&self.id)
    }
}

/// Returns the init and segments of a recording's folder, in playing order.
pub fn pieces(folder: &std::path::Path) -> Result<Vec<PathBuf>> {
    let mut segments: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.file_name()
                .and_then(|name| name.to_str())
                .is_some_and(|name| name.starts_with('0') && name.ends_with(".webm"))
        })
        .collect();
    segments.sort();
    let init = folder.join("init.webm");
    if !init.is_file() {
        bail!("{} is missing", init.display());
    }
    segments.insert(0, init);
    Ok(segments)
}
