//! The project's own commands. A person runs `cargo xtask run` on a machine with nothing but Rust and Node,
//! so this builds with two small crates and without system libraries.
//!
//! Each command is a series of steps. A step shows progress and ends with a line that says how long it
//! took. If it fails, the message names the step, the end of its output, and a remedy.

mod bench;
mod build;
mod mutants;
mod package;
mod packages;
mod peers;
mod progress;
mod run;
mod soak;
mod steps;
mod test;
mod tidy;
mod tools;
mod ui;
mod windows;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

const HELP: &str = "\
cargo xtask COMMAND

  run [--seconds N] [--keep]  install what is missing, build, start the app with its own cloud;
                              without a display: show the whole product on a virtual one
                              (records N seconds, 12 by default; --keep leaves the link working)
  test                        everything that this machine can test, ending in one summary line
  tidy [--fix]                formatting, lints' companions: arrows, lengths, licences, bindings
  pictures [FOLDER]           every window and state, in the light, in the dark and from the right;
                              and those of README and docs, in docs/pictures; the cloud's pages too
  package                     a .deb with the app, the command line and the cloud
  windows                     the programs for Windows, their zip and their installer, built here with MinGW
  windows prepare             what the next two need: a standard library, GStreamer, Wine
  windows check               the compiler's word on every crate for Windows; a warning is an error
  windows suites              suites and programs that run under Wine
  macos                       the compiler's word on every crate for macOS; nothing is linked
  mutants                     break the upload machine on purpose; the simulation has to notice
  soak [--minutes N] [--long-minutes N]
                              10,000 seeds of the simulation, the mutants, an upload killed at every
                              point and one of 2 GB, a recording of 120 minutes or of so many, then
                              the system tests over and over (30 minutes by default)
  soak chaos [--rounds N] [--seed N]
                              the built recorder and server under faults chosen by a seed, 200
                              rounds by default: nothing that was sealed may be lost
  soak load [--seconds N] [--cluster]
                              a real cloud with honest and hostile clients, 60 s by default: honest
                              ones are answered soon, and every upload of theirs arrives whole; on
                              SQLite and files, or on PostgreSQL and a bucket
  soak fuzz [--minutes N]     spoiled bytes for the cloud's parsers, 5 minutes by default: forms, JSON,
                              WebM, recorders' MP4 and Matroska, captions, images
  soak player [--rounds N]    the library's player: 10 s and five places of a recording, with numbers
                              and tone compared, 20 times by default
  soak cuts [--edits N]       seeded edits of recordings with numbered pictures, 200 by default: every
                              picture is the expected one, and what isn't cut has the same bytes
  soak streams [--minutes N]  H.264: 50 recordings at once cost with it, until somebody needs it, what
                              they cost without it; and the stream of a recording of 120 minutes, or of
                              so many, shows every numbered picture at its time and is complete as soon
                              after its end as that of one minute
  soak installed              the package, installed on an empty machine that debootstrap makes:
                              first start, a recording with sound, its player, its link (needs root)
  bench [AREA…] [--short]     one or more of recording, desktop, upload, link, shaped, resume, cloud,
                              finalize and library, all by default: beside other programs, built with
                              optimization, each in less than ten minutes; docs/benchmarks.md is written
                              anew; --short does a little of each and writes nothing; quiet machines only
  bench page                  how soon a link shows its first picture on a line of 5 Mbit/s and 20 ms,
                              and how many bytes that takes, beside a bare <video> of the same file
  bench cut                   a trim of two hours beside one of a minute, also until the link shows it; beside
                              ffmpeg; a GIF
                              beside ffmpeg's
  bench screenshot            a screenshot of a display of 3840x2160: what a person waits for, a frame
                              of a drag, the export
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match command(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(args: &[String]) -> Result<ExitCode> {
    let place = Place::find()?;
    let mut args = Args(args.iter().map(String::as_str).collect());
    let name = if args.0.is_empty() { "help" } else { args.0.remove(0) };
    match name {
        "run" => {
            let seconds = args.number("--seconds")?.unwrap_or(run::SECONDS);
            let keep = args.flag("--keep");
            args.end()?;
            run::run(&place, seconds, keep)
        }
        "test" => {
            let background = args.flag("--background");
            args.end()?;
            if background { Ok(test::background(&place)) } else { test::test(&place) }
        }
        "tidy" => {
            let fix = args.flag("--fix");
            args.end()?;
            tidy::tidy(&place, fix)
        }
        "pictures" => {
            let folder = args.word().map_or(place.root.join("target/pictures/windows"), Into::into);
            args.end()?;
            pictures(&place, &folder)
        }
        "windows" => {
            if args.flag("prepare") {
                return args
                    .end()
                    .and_then(|()| windows::prepare(&place))
                    .map(|()| ExitCode::SUCCESS);
            }
            let (checks, suites) = (args.flag("check"), args.flag("suites"));
            args.end()?;
            windows::command(&place, checks, suites)
        }
        "macos" => args.end().and_then(|()| windows::macos::check(&place)),
        "package" => args.end().and_then(|()| package::package(&place)),
        "soak" => {
            #[cfg(unix)]
            if args.flag("installed") {
                args.end()?;
                return package::installed::prove(&place).map(|()| ExitCode::SUCCESS);
            }
            if args.flag("player") {
                let rounds = args.number("--rounds")?.unwrap_or(soak::PLAYER_ROUNDS);
                args.end()?;
                return soak::player(&place, rounds).map(|()| ExitCode::SUCCESS);
            }
            if args.flag("load") {
                let seconds = args.number("--seconds")?.unwrap_or(soak::LOAD_SECONDS);
                let is_cluster = args.flag("--cluster");
                args.end()?;
                return soak::load(&place, seconds, is_cluster).map(|()| ExitCode::SUCCESS);
            }
            if args.flag("chaos") {
                let rounds = args.number("--rounds")?.unwrap_or(soak::CHAOS_ROUNDS);
                let seed = args.number("--seed")?;
                args.end()?;
                return soak::chaos(&place, rounds, seed).map(|()| ExitCode::SUCCESS);
            }
            if args.flag("fuzz") {
                let minutes = args.number("--minutes")?.unwrap_or(soak::FUZZ_MINUTES);
                args.end()?;
                return soak::fuzz(&place, minutes).map(|()| ExitCode::SUCCESS);
            }
            if args.flag("cuts") {
                let edits = args.number("--edits")?.unwrap_or(soak::CUT_EDITS);
                args.end()?;
                return soak::cuts(&place, edits).map(|()| ExitCode::SUCCESS);
            }
            if args.flag("streams") {
                let minutes = args.number("--minutes")?.unwrap_or(soak::LONG_MINUTES);
                args.end()?;
                return soak::streams(&place, minutes).map(|()| ExitCode::SUCCESS);
            }
            let minutes = args.number("--minutes")?.unwrap_or(soak::SOAK_MINUTES);
            let long = args.number("--long-minutes")?.unwrap_or(soak::LONG_MINUTES);
            args.end()?;
            soak::soak(&place, minutes, long)
        }
        "mutants" => {
            args.end()?;
            mutants::mutants(&place).map(|()| ExitCode::SUCCESS)
        }
        "bench" => {
            let (cuts, screenshots) = (args.flag("cut"), args.flag("screenshot"));
            let (pages, is_short) = (args.flag("page"), args.flag("--short"));
            let areas: Vec<&str> =
                bench::AREAS.into_iter().filter(|area| args.flag(area)).collect();
            args.end()?;
            match (cuts, screenshots, pages) {
                (true, _, _) => bench::cut(&place).map(|()| ExitCode::SUCCESS),
                (false, true, _) => bench::screenshot(&place),
                (false, false, true) => bench::page(&place).map(|()| ExitCode::SUCCESS),
                (false, false, false) if areas.is_empty() => {
                    bench::beside_peers(&place, &bench::AREAS, is_short)
                }
                (false, false, false) => bench::beside_peers(&place, &areas, is_short),
            }
        }
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        other => bail!("there is no command '{other}'.\n\n{HELP}"),
    }
}

fn pictures(place: &Place, folder: &Path) -> Result<ExitCode> {
    packages::ensure(place, packages::Need::Tests)?;
    ui::install(place)?;
    let folder = std::path::absolute(folder)?;
    let shown = place.root.join("docs/pictures");
    let pictures = ui::npm(place, "pictures of the windows", &["run", "pictures", "--"]);
    pictures.args([&folder, &shown]).run()?;
    ui::build(place)?;
    build::everything(place)?;
    test::pages_pictured(place)?;
    println!("{}", folder.display());
    Ok(ExitCode::SUCCESS)
}

/// The folders that commands use.
pub struct Place {
    /// The workspace.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
    /// The output of steps, one file for each.
    pub logs: PathBuf,
}

impl Place {
    fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask's folder has no parent")?
            .to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => std::env::current_dir()?.join(folder),
            None => match std::env::var_os("CI").and_then(|_| cache_folder()) {
                // A CI's clones are temporary, so their build output is kept outside.
                Some(cache) => cache.join("snaplark").join("target"),
                None => root.join("target"),
            },
        };
        let logs = root.join("target").join("xtask");
        std::fs::create_dir_all(&logs)
            .with_context(|| format!("{} can't be made", logs.display()))?;
        Ok(Self { root, target, logs })
    }
}

fn cache_folder() -> Option<PathBuf> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    if cfg!(windows) {
        return absolute("LOCALAPPDATA");
    }
    if cfg!(target_os = "macos") {
        return absolute("HOME").map(|home| home.join("Library/Caches"));
    }
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

struct Args<'a>(Vec<&'a str>);

impl Args<'_> {
    fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|arg| *arg != name);
        self.0.len() != before
    }

    /// Returns the next argument that is not an option.
    fn word(&mut self) -> Option<String> {
        let at = self.0.iter().position(|arg| !arg.starts_with('-'))?;
        Some(self.0.remove(at).to_owned())
    }

    fn number(&mut self, name: &str) -> Result<Option<u32>> {
        let Some(at) = self.0.iter().position(|arg| *arg == name) else { return Ok(None) };
        if at + 1 >= self.0.len() {
            bail!("{name} needs a number");
        }
        let value = self.0.remove(at + 1);
        self.0.remove(at);
        let number = value.parse().ok().filter(|n| *n > 0);
        Ok(Some(number.with_context(|| format!("{name} needs a number above 0, not '{value}'"))?))
    }

    fn end(&self) -> Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some(arg) => bail!("'{arg}' is not known here.\n\n{HELP}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_out_and_the_rest_is_refused() {
        let mut args = Args(vec!["--keep", "--seconds", "7"]);
        assert_eq!(args.number("--seconds").unwrap(), Some(7));
        assert!(args.flag("--keep"));
        assert!(args.end().is_ok());
        assert!(Args(vec!["--seconds", "0"]).number("--seconds").is_err());
        assert!(Args(vec!["--seconds"]).number("--seconds").is_err());
        assert!(Args(vec!["more"]).end().is_err());
    }
}
