//! The environment of a round: a small screen, a home on a disk of its own, the server, and the proxy
//! between them.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use snaplark_tests::desk;
use snaplark_tests::display::Display;
use snaplark_tests::fault_proxy::FaultProxy;
use snaplark_tests::home::Home;
use snaplark_tests::mounts::Mounts;
use snaplark_tests::process::{Answer, Process, finish, program};
use snaplark_tests::server::Server;
use tokio::runtime::Runtime;

use crate::ledger::Ledger;

const SIZE: (u32, u32) = (640, 360);
const NUMBERS_PER_SECOND: u32 = 10;
/// More than the app wants free, or it would clear what is online at once, and faults would find no
/// older recordings. It is memory, taken only as it is written.
pub const DISK_BYTES: u64 = 4_000_000_000;
/// A command that takes longer hangs.
pub const HANG: Duration = Duration::from_secs(20);

/// Ends in the order of its fields.
pub struct World {
    _painter: Process,
    _display: Display,
    pub proxy: FaultProxy,
    pub server: Server,
    pub mounts: Mounts,
    pub runtime: Runtime,
    pub ledger: Ledger,
    /// The standard error of the round's commands.
    said: Vec<String>,
    pub home: Home,
}

impl World {
    pub fn start() -> Result<Self> {
        let mut home = Home::new()?;
        let display = Display::start(&mut home, SIZE.0, SIZE.1)?;
        let painter = desk::paint(&home, NUMBERS_PER_SECOND)?;
        let mounts = Mounts::start(&home)?;
        mounts.small_disk(&home, home.snaplark(), DISK_BYTES)?;
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build()?;
        let server = Server::start(&home)?;
        let proxy = runtime.block_on(FaultProxy::start(server.address))?;
        let ledger = Ledger::default();
        let said = Vec::new();
        Ok(Self {
            _painter: painter,
            _display: display,
            proxy,
            server,
            mounts,
            runtime,
            ledger,
            said,
            home,
        })
    }

    /// `snaplark` in this world, through the proxy.
    pub fn snaplark(&self, args: &[&str]) -> Result<Command> {
        let mut snaplark = self.mounts.inside(&self.home, program("snaplark")?);
        snaplark.args(args);
        snaplark.env("SNAPLARK_SERVER", self.proxy.url());
        snaplark.env("SNAPLARK_TOKEN", &self.server.token);
        // What the store and the engine did is part of the evidence.
        snaplark.env("SNAPLARK_LOG", "warn,snaplark_app=info,snaplark_store=info");
        Ok(snaplark)
    }

    /// The recordings' folder, as this process reaches it.
    pub fn recordings(&self) -> PathBuf {
        self.mounts.seen(&self.home.snaplark().join("recordings"))
    }

    /// A file of the home, as this process reaches it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.mounts.seen(&self.home.snaplark().join(name))
    }

    /// Runs a command to its end, which has to come within the limit, and holds it to manners.
    pub fn ask(&mut self, args: &[&str], limit: Duration) -> Result<Answer> {
        let answer = finish(&mut self.snaplark(args)?, limit)?;
        self.said.push(format!("{args:?} ({}):\n{}", answer.status, answer.stderr));
        hold_manners(answer.status.code(), &answer.stderr)?;
        Ok(answer)
    }

    /// The one JSON value that a command prints, whatever its exit code.
    pub fn ask_json(&mut self, args: &[&str], limit: Duration) -> Result<Value> {
        let answer = self.ask(args, limit)?;
        serde_json::from_str(&answer.stdout)
            .with_context(|| format!("snaplark {args:?} printed no JSON: {answer:?}"))
    }

    pub fn note_said(&mut self, text: String) {
        self.said.push(text);
    }

    pub fn forget_said(&mut self) {
        self.said.clear();
    }

    /// Returns the commands' output and a listing of the recordings' folders.
    pub fn evidence(&self) -> String {
        let mut evidence = self.said.join("\n");
        evidence.push_str("\n--- recordings\n");
        for folder in std::fs::read_dir(self.recordings()).into_iter().flatten().flatten() {
            evidence.push_str(&format!("{}\n", folder.file_name().display()));
            for file in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
                let len = file.metadata().map_or(0, |found| found.len());
                let rows = match file.file_name().to_str() {
                    Some("recording.json") => std::fs::read_to_string(file.path()),
                    _ => Ok(String::new()),
                };
                let rows = rows.unwrap_or_default();
                evidence.push_str(&format!("  {} {len} {rows}\n", file.file_name().display()));
            }
        }
        evidence
    }

    /// Undoes every fault that lasts.
    pub fn heal(&mut self) -> Result<()> {
        self.server.send_signal(rustix::process::Signal::CONT);
        self.proxy.script(|_| snaplark_tests::fault_proxy::Turn::Pass);
        self.proxy.close();
        self.runtime.block_on(self.proxy.reopen())
    }
}

/// Returns whether a refusal has its sentence, apart from log lines.
pub fn says_why(stderr: &str) -> bool {
    stderr.lines().any(|line| line.strip_prefix("snaplark: ").is_some_and(|why| !why.is_empty()))
}

/// No panic, by the exit code of one and by its words.
pub fn hold_manners(code: Option<i32>, stderr: &str) -> Result<()> {
    if code == Some(101) || stderr.contains("panicked") {
        bail!("it panicked: {stderr}");
    }
    Ok(())
}
