//! One round: a recording under a few faults, then everything healed and sent.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use snaplark_tests::process::{Process, output};
use snaplark_tests::wait;

use crate::faults::{LiveFault, RestFault, StartFault, room};
use crate::ledger::segments;
use crate::world::{HANG, World, hold_manners, says_why};

/// Preloaded into a program whose clock is to be wrong.
const FAKE_TIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
const START: Duration = Duration::from_secs(15);

/// SplitMix64: the same round for the same seed on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

#[derive(Debug)]
pub struct Plan {
    seed: u64,
    seconds: u64,
    start: Option<StartFault>,
    /// Each so long after the one before, or after the recording began.
    live: Vec<(Duration, LiveFault)>,
    rest: Vec<RestFault>,
}

impl Plan {
    pub fn from_seed(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let seconds = 4 + random.below(4);
        let start = (random.below(3) == 0).then(|| random.pick(&StartFault::ALL));
        let mut live = Vec::new();
        for _ in 0..random.below(3) + u64::from(start.is_none()) {
            let after = Duration::from_millis(400 + random.below(2_500));
            let fault: LiveFault = random.pick(&LiveFault::ALL);
            live.push((after, fault));
            if fault.ends_recorder() {
                break;
            }
        }
        let rest = (0..random.below(3)).map(|_| random.pick(&RestFault::ALL)).collect();
        Plan { seed, seconds, start, live, rest }
    }

    pub fn run(&self, world: &mut World) -> Result<()> {
        world.forget_said();
        let mut random = Random::new(!self.seed);
        self.record(world, &mut random).context("recording")?;
        for fault in &self.rest {
            fault.happen(world, &mut random).with_context(|| format!("{fault:?}"))?;
        }
        world.heal()?;
        let answer =
            world.ask(&["status", "--wait", "--json"], HANG).context("after the faults")?;
        ensure!(!answer.stdout.is_empty(), "status said nothing: {answer:?}");
        if self.rest.contains(&RestFault::ServerObjectFlipped) {
            // A scrub reads finished videos: a part that was damaged before its video was finished is
            // found by the next one, and sent again then.
            let said = world.server.scrub(&world.home)?;
            world.note_said(format!("scrub of what is finished: {said}"));
            world.ask(&["status", "--wait", "--json"], HANG).context("after a scrub")?;
        }
        Ok(())
    }

    fn record(&self, world: &mut World, random: &mut Random) -> Result<()> {
        if self.start == Some(StartFault::ReadOnlyHome) {
            return refused_on_a_read_only_home(world);
        }
        if self.start == Some(StartFault::Offline) {
            world.proxy.close();
        }
        let recordings = world.recordings();
        let (known, before) = (segments(&recordings), begun(&recordings));
        let watch = world.ledger.watch(recordings.clone());
        let mut recorder = self.start(world)?;
        let began = Instant::now();
        // Faults belong into a recording: its first bytes are there, or it ended by itself. Before its
        // first frame a signal takes the start back, and nothing stays.
        wait::until("the recording to begin", START, || {
            let has_begun = begun(&recordings) > before;
            Ok((has_begun || !recorder.is_running()).then_some(()))
        })
        .ok();
        for (after, fault) in &self.live {
            wait::pass("some of the recording", *after)?;
            fault.happen(world, &mut recorder, random).with_context(|| format!("{fault:?}"))?;
            if fault.ends_recorder() {
                break;
            }
        }
        let ends_early = self.live.last().is_some_and(|(_, fault)| fault.ends_recorder());
        let length = Duration::from_secs(self.seconds);
        let left = if ends_early { Duration::ZERO } else { length.saturating_sub(began.elapsed()) };
        // A recorder that waits for its upload gives up after 20 s.
        let limit = left + HANG + Duration::from_secs(5);
        let ended = recorder.wait(limit);
        let complaints = recorder.complaints();
        let said = format!("record ({ended:?}):\n{complaints}");
        world.note_said(said);
        drop(watch);
        if ended.is_err() {
            recorder.kill()?;
            bail!("the recorder hangs: {complaints}");
        }
        if self.live.iter().any(|(_, fault)| *fault == LiveFault::FullDisk) {
            room(world)?;
        }
        let found = segments(&recordings);
        // What is online and saved may be cleared meanwhile, so what is gone is held to that as well.
        for (key, _) in known.iter().chain(&found) {
            world.ledger.touch(&key.0);
        }
        hold_manners(ended?.code(), &complaints)?;
        Ok(())
    }

    fn start(&self, world: &World) -> Result<Process> {
        let seconds = self.seconds.to_string();
        let mut command = world.snaplark(&["record", "--seconds", &seconds, "--json"])?;
        match self.start {
            Some(StartFault::ClockDays(days)) => {
                ensure!(
                    std::path::Path::new(FAKE_TIME).is_file(),
                    "{FAKE_TIME} is missing; `cargo xtask test` installs it"
                );
                command.env("LD_PRELOAD", FAKE_TIME);
                command.env("FAKETIME", format!("{days:+}d")).env("DONT_FAKE_MONOTONIC", "1");
            }
            Some(StartFault::OutputClosed) => {
                let log = world.home.log("unheard");
                return Process::start_unheard("snaplark", log, command);
            }
            Some(StartFault::ReadOnlyHome | StartFault::Offline) | None => {}
        }
        Process::start(&world.home, "snaplark", command)
    }
}

/// Returns the number of recordings that have their first frame.
fn begun(recordings: &std::path::Path) -> usize {
    let folders = std::fs::read_dir(recordings).into_iter().flatten().flatten();
    folders.filter(|folder| folder.path().join("init.webm").is_file()).count()
}

/// A recorder whose home can't be written says so at once, and the home is as it was.
fn refused_on_a_read_only_home(world: &mut World) -> Result<()> {
    let home = world.home.snaplark().to_owned();
    let remount = |world: &World, how: &str| {
        let mut mount = world.mounts.inside(&world.home, "mount");
        mount.args(["-o", &format!("remount,{how}")]).arg(&home);
        output(mount, START)
    };
    remount(world, "ro")?;
    let answer = world.ask(&["record", "--seconds", "2", "--json"], HANG);
    remount(world, "rw")?;
    let answer = answer?;
    ensure!(!answer.status.success(), "a read-only home records: {answer:?}");
    ensure!(says_why(&answer.stderr), "a read-only home is refused without a word: {answer:?}");
    Ok(())
}
