//! A recording that is on disk and not sent, for areas that measure how it goes up.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use snaplark_tests::fake_capture::Clip;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, output, program};
use snaplark_tests::wait;

use crate::sides;

const LIMIT: Duration = Duration::from_secs(120);

/// How much is recorded.
#[derive(Clone, Copy)]
pub struct Size {
    pub segments: u64,
    pub segment_bytes: u64,
}

impl Size {
    pub fn bytes(self) -> u64 {
        self.segments * self.segment_bytes
    }
}

/// A recording of some size, and the address where its server has to be found.
pub struct Prepared {
    /// The same bytes in one file.
    pub file: PathBuf,
    pub address: SocketAddr,
    library: PathBuf,
    clip: PathBuf,
}

impl Prepared {
    /// Records into a folder of this home, which has to be another one for each.
    pub fn record(home: &Home, name: &str, size: Size) -> Result<Self> {
        let clip = home.path().join("clip.ivf");
        Clip::at(&clip)?;
        let library = home.path().join(name);
        let mut made =
            Prepared { file: PathBuf::new(), address: sides::free_address()?, library, clip };
        // Nobody listens there, so everything stays on disk.
        let mut record = made.recorder(home, &made.library, "none")?;
        record.args(["--segments", &size.segments.to_string(), "--every-ms", "1"]);
        record.args(["--segment-bytes", &size.segment_bytes.to_string()]);
        let mut recorder = Process::start(home, name, record)?;
        let said = recorder.line(LIMIT)?;
        ensure!(said == "recorded", "the recorder says '{said}'");
        let saved = made.library.join("saved");
        made.file = wait::until("its file", LIMIT, || {
            let files = fs::read_dir(&saved).into_iter().flatten().flatten();
            let is_whole = |path: &PathBuf| path.extension().is_some_and(|it| it == "webm");
            Ok(files.map(|entry| entry.path()).find(is_whole))
        })?;
        recorder.kill()?;
        let (bytes, wanted) = (fs::metadata(&made.file)?.len(), size.bytes());
        ensure!(bytes.abs_diff(wanted) < wanted / 20, "the recording has {bytes} bytes");
        Ok(made)
    }

    /// Copies the recording into a home and returns its folder.
    pub fn copy(&self, home: &Home) -> Result<PathBuf> {
        let library = home.path().join("library");
        let mut copy = command(home, "cp");
        copy.args(["-a", "--reflink=auto"]).arg(&self.library).arg(&library);
        output(copy, LIMIT)?;
        Ok(library)
    }

    /// Returns the command that sends what is in a folder, and ends with a link.
    pub fn recorder(&self, home: &Home, library: &Path, token: &str) -> Result<Command> {
        let mut recorder = command(home, program("fake-recorder")?);
        recorder.arg("--home").arg(library).arg("--clip").arg(&self.clip);
        recorder.args(["--server", &format!("http://{}", self.address), "--token", token]);
        Ok(recorder)
    }
}
