//! The faults, and how each is done to a world.

use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use snaplark_tests::fault_proxy::{Route, Turn};
use snaplark_tests::process::Process;
use snaplark_tests::wait;

use crate::ledger::segments;
use crate::round::Random;
use crate::world::{DISK_BYTES, World, says_why};

/// A condition under which the recorder starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFault {
    /// Its clock is off by so many days.
    ClockDays(i32),
    /// Nobody reads its outputs, as after a closed terminal.
    OutputClosed,
    /// Its home can't be written.
    ReadOnlyHome,
    /// The network is gone for the whole recording, so nothing is sent before it ends.
    Offline,
}

/// A fault that happens during the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveFault {
    KillRecorder,
    FreezeRecorder,
    SignalRecorder(RecorderSignal),
    SecondRecorder,
    KillServer,
    FreezeServer,
    NetworkGone,
    Requests(RequestFault),
    FullDisk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecorderSignal {
    Interrupt,
    Terminate,
    HangUp,
    InterruptTwice,
}

/// A fault that the proxy applies to a few requests in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFault {
    Reset,
    BlackHole,
    LoseReply,
    CutReply,
    Trickle,
    Unavailable,
    WrongEcho,
}

/// A fault that happens while no program of ours runs on the person's computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestFault {
    SegmentFlipped,
    SegmentTruncated,
    SegmentGone,
    DatabaseZeroed,
    DatabaseHeaderBroken,
    DatabaseFlipped,
    DatabaseGone,
    LogBroken,
    Junk,
    ServerObjectFlipped,
}

impl StartFault {
    pub const ALL: [StartFault; 5] = [
        StartFault::ClockDays(400),
        StartFault::ClockDays(-400),
        StartFault::OutputClosed,
        StartFault::ReadOnlyHome,
        StartFault::Offline,
    ];
}

impl LiveFault {
    pub const ALL: [LiveFault; 18] = [
        LiveFault::KillRecorder,
        LiveFault::FreezeRecorder,
        LiveFault::SignalRecorder(RecorderSignal::Interrupt),
        LiveFault::SignalRecorder(RecorderSignal::Terminate),
        LiveFault::SignalRecorder(RecorderSignal::HangUp),
        LiveFault::SignalRecorder(RecorderSignal::InterruptTwice),
        LiveFault::SecondRecorder,
        LiveFault::KillServer,
        LiveFault::FreezeServer,
        LiveFault::NetworkGone,
        LiveFault::Requests(RequestFault::Reset),
        LiveFault::Requests(RequestFault::BlackHole),
        LiveFault::Requests(RequestFault::LoseReply),
        LiveFault::Requests(RequestFault::CutReply),
        LiveFault::Requests(RequestFault::Trickle),
        LiveFault::Requests(RequestFault::Unavailable),
        LiveFault::Requests(RequestFault::WrongEcho),
        LiveFault::FullDisk,
    ];

    /// Returns whether the recorder ends before its time.
    pub fn ends_recorder(self) -> bool {
        matches!(self, LiveFault::KillRecorder | LiveFault::SignalRecorder(_) | LiveFault::FullDisk)
    }

    /// Returns how long the fault lasts.
    fn lasts(self, random: &mut Random) -> Duration {
        Duration::from_millis(300 + random.below(2_200))
    }

    /// Does it, lets it last, and undoes it.
    pub fn happen(
        self,
        world: &mut World,
        recorder: &mut Process,
        random: &mut Random,
    ) -> Result<()> {
        let lasts = self.lasts(random);
        match self {
            LiveFault::KillRecorder => recorder.kill()?,
            LiveFault::FreezeRecorder => {
                recorder.send_signal(Signal::STOP);
                wait::pass("a frozen recorder", lasts)?;
                recorder.send_signal(Signal::CONT);
            }
            LiveFault::SignalRecorder(signal) => signal.send(recorder)?,
            LiveFault::SecondRecorder => {
                let answer =
                    world.ask(&["record", "--seconds", "1", "--json"], crate::world::HANG)?;
                // Where the first one has ended meanwhile, there is but one.
                let is_refused = !answer.status.success();
                let is_alone = !recorder.is_running();
                anyhow::ensure!(is_refused || is_alone, "two recorders in one home: {answer:?}");
                let is_said = says_why(&answer.stderr);
                anyhow::ensure!(
                    is_alone || is_said,
                    "the second recorder says nothing: {answer:?}"
                );
            }
            LiveFault::KillServer => {
                world.server.kill()?;
                wait::pass("a server that is gone", lasts)?;
                world.server.restart(&world.home)?;
            }
            LiveFault::FreezeServer => {
                world.server.send_signal(Signal::STOP);
                wait::pass("a frozen server", lasts)?;
                world.server.send_signal(Signal::CONT);
            }
            LiveFault::NetworkGone => {
                world.proxy.close();
                wait::pass("a network that is gone", lasts)?;
                world.runtime.block_on(world.proxy.reopen())?;
            }
            LiveFault::Requests(fault) => fault.script(world, 1 + random.below(3)),
            LiveFault::FullDisk => {
                let home = world.home.snaplark().to_owned();
                // From nothing at all to what a few rows take.
                let left_bytes = [0, 8_192, 65_536][random.below(3) as usize];
                world.mounts.leave(&world.home, &home, left_bytes)?;
            }
        }
        Ok(())
    }
}

impl RecorderSignal {
    fn send(self, recorder: &Process) -> Result<()> {
        match self {
            RecorderSignal::Interrupt => recorder.send_signal(Signal::INT),
            RecorderSignal::Terminate => recorder.send_signal(Signal::TERM),
            RecorderSignal::HangUp => recorder.send_signal(Signal::HUP),
            RecorderSignal::InterruptTwice => {
                recorder.send_signal(Signal::INT);
                wait::pass("a person's second Ctrl-C", Duration::from_millis(300))?;
                recorder.send_signal(Signal::INT);
            }
        }
        Ok(())
    }
}

impl RequestFault {
    fn script(self, world: &World, times: u64) {
        let mut left = times;
        world.proxy.script(move |asked| {
            let is_upload = matches!(asked.route, Route::Init | Route::Chunk | Route::Finalize);
            if left == 0 || !is_upload {
                return Turn::Pass;
            }
            left -= 1;
            match self {
                RequestFault::Reset => Turn::Reset { after_bytes: asked.bytes / 2 },
                RequestFault::BlackHole => Turn::BlackHole,
                RequestFault::LoseReply => Turn::LoseReply,
                RequestFault::CutReply => Turn::CutReply,
                RequestFault::Trickle => {
                    Turn::Trickle { bytes_per_second: 4_000, lasting: Duration::from_secs(2) }
                }
                RequestFault::Unavailable => Turn::answer("503 Service Unavailable", &[], "busy"),
                RequestFault::WrongEcho if asked.route == Route::Chunk => Turn::WrongEcho,
                RequestFault::WrongEcho => Turn::Pass,
            }
        });
    }
}

impl RestFault {
    pub const ALL: [RestFault; 10] = [
        RestFault::SegmentFlipped,
        RestFault::SegmentTruncated,
        RestFault::SegmentGone,
        RestFault::DatabaseZeroed,
        RestFault::DatabaseHeaderBroken,
        RestFault::DatabaseFlipped,
        RestFault::DatabaseGone,
        RestFault::LogBroken,
        RestFault::Junk,
        RestFault::ServerObjectFlipped,
    ];

    pub fn happen(self, world: &mut World, random: &mut Random) -> Result<()> {
        let database = world.file("snaplark.db");
        match self {
            RestFault::SegmentFlipped | RestFault::SegmentTruncated | RestFault::SegmentGone => {
                self.destroy_segment(world, random)
            }
            RestFault::DatabaseZeroed => {
                let len = std::fs::metadata(&database).map_or(0, |found| found.len());
                std::fs::write(&database, vec![0; usize::try_from(len)?])?;
                Ok(())
            }
            RestFault::DatabaseHeaderBroken => overwrite(&database, 0, b"not a database!!"),
            RestFault::DatabaseFlipped => {
                let len = std::fs::metadata(&database).map_or(0, |found| found.len());
                for _ in 0..40 {
                    let at = 100 + random.below(len.saturating_sub(200).max(1));
                    overwrite(&database, at, &[0x5A; 16])?;
                }
                Ok(())
            }
            RestFault::DatabaseGone => {
                for name in ["snaplark.db", "snaplark.db-wal", "snaplark.db-shm"] {
                    std::fs::remove_file(world.file(name)).ok();
                }
                Ok(())
            }
            RestFault::LogBroken => {
                let log = world.file("snaplark.db-wal");
                let len = std::fs::metadata(&log).map_or(0, |found| found.len());
                if len > 64 {
                    overwrite(&log, 32 + random.below(len - 48), &[0xA5; 16])?;
                }
                Ok(())
            }
            RestFault::Junk => junk(world),
            RestFault::ServerObjectFlipped => flip_object(world, random),
        }
    }

    /// Destroys one sealed segment; the server may have it already.
    fn destroy_segment(self, world: &mut World, random: &mut Random) -> Result<()> {
        let mut found = segments(&world.recordings());
        found.sort();
        if found.is_empty() {
            return Ok(());
        }
        let (key, path) = found.swap_remove(random.below(found.len() as u64) as usize);
        let len = std::fs::metadata(&path)?.len();
        match self {
            RestFault::SegmentTruncated => {
                std::fs::OpenOptions::new().write(true).open(&path)?.set_len(len / 2)?;
            }
            RestFault::SegmentGone => std::fs::remove_file(&path)?,
            _ => overwrite(&path, len / 2, &[0xFF, 0x00])?,
        }
        world.note_said(format!("{self:?}: {}/{}", key.0, key.1));
        world.ledger.destroy(key);
        Ok(())
    }
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) -> Result<()> {
    if !path.is_file() {
        return Ok(());
    }
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(path)?;
    let mut old = vec![0; bytes.len()];
    // What is there already would be no fault.
    let changed: Vec<u8> = match file.read_at(&mut old, at) {
        Ok(_) => old.iter().zip(bytes).map(|(old, new)| if old == new { !new } else { *new }),
        Err(error) => return Err(error.into()),
    }
    .collect();
    file.seek(SeekFrom::Start(at))?;
    file.write_all(&changed).with_context(|| path.display().to_string())
}

/// Things that are nobody's, where recordings are.
fn junk(world: &World) -> Result<()> {
    let recordings = world.recordings();
    std::fs::create_dir_all(recordings.join("not-an-id"))?;
    std::fs::write(recordings.join("not-an-id").join("000000.webm"), b"junk")?;
    std::fs::write(recordings.join(".DS_Store"), b"junk")?;
    let empty = recordings.join(uuid::Uuid::new_v4().to_string());
    std::fs::create_dir_all(&empty)?;
    std::fs::write(empty.join("000000.webm.part"), b"torn")?;
    std::fs::write(recordings.join(uuid::Uuid::new_v4().to_string()), b"a file, not a folder")?;
    Ok(())
}

/// Damages an object of the server's and lets its scrub find it.
fn flip_object(world: &mut World, random: &mut Random) -> Result<()> {
    let mut objects = Vec::new();
    files_below(&world.server.data().join("objects"), &mut objects)?;
    objects.retain(|(_, len)| *len > 512);
    objects.sort();
    if objects.is_empty() {
        return Ok(());
    }
    let (object, len) = objects.swap_remove(random.below(objects.len() as u64) as usize);
    overwrite(&object, len / 2, &[0xFF, 0x00])?;
    let said = world.server.scrub(&world.home)?;
    world.note_said(format!("scrub: {said}"));
    for id in world.ledger.recordings() {
        world.ledger.touch(&id);
    }
    Ok(())
}

fn files_below(folder: &Path, found: &mut Vec<(PathBuf, u64)>) -> Result<()> {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files_below(&entry.path(), found)?;
        } else {
            found.push((entry.path(), entry.metadata()?.len()));
        }
    }
    Ok(())
}

/// Gives the disk its room back.
pub fn room(world: &World) -> Result<()> {
    let home = world.home.snaplark().to_owned();
    world.mounts.leave(&world.home, &home, DISK_BYTES)
}
