//! `snaplark-cloud` in a separate process that can be killed, frozen, and restarted on the same port and
//! data.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::cost;
use crate::home::Home;
use crate::process::{Process, command, finish, output, program};

const START: Duration = Duration::from_secs(30);
/// Tests send parts faster than a person records, so the rate limit is lifted.
const PARTS_PER_SECOND: &str = "1000";

/// A running server with one account.
pub struct Server {
    pub address: SocketAddr,
    pub token: String,
    data: PathBuf,
    args: Vec<String>,
    process: Process,
}

impl Server {
    pub fn start(home: &Home) -> Result<Self> {
        Self::start_with(home, &["--parts-per-second", PARTS_PER_SECOND, "--video-size", "none"])
    }

    pub fn start_with(home: &Home, args: &[&str]) -> Result<Self> {
        Self::start_at(home, ([127, 0, 0, 1], 0).into(), args)
    }

    /// Starts one on this port, or on a free one if that is 0.
    pub fn start_at(home: &Home, listen: SocketAddr, args: &[&str]) -> Result<Self> {
        let data = home.path().join("cloud");
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let (process, address) = serve(home, &data, &args, listen)?;
        let mut token = command(home, program("snaplark-cloud")?);
        token.args(["token", "--user", "test@example.org", "--data"]).arg(&data);
        let token = output(token, START)?.trim().to_owned();
        Ok(Self { address, token, data, args, process })
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Returns the CPU time that it and what it has started have used.
    pub fn cpu(&self) -> Result<Duration> {
        cost::cpu(self.process.id())
    }

    /// Returns its peak memory.
    pub fn peak_kib(&self) -> Result<u64> {
        cost::peak_kib(self.process.id())
    }

    /// Returns the folder of its database and objects.
    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn send_signal(&self, signal: Signal) {
        self.process.send_signal(signal);
    }

    /// Reads everything that is stored and returns the report on damage.
    pub fn scrub(&self, home: &Home) -> Result<String> {
        let mut scrub = command(home, program("snaplark-cloud")?);
        scrub.args(["scrub", "--data"]).arg(&self.data);
        // The command fails if it finds damage, which is a valid answer here.
        let answer = finish(&mut scrub, START)?;
        Ok(format!("{}{}", answer.stdout, answer.stderr))
    }

    /// Starts it again on the same port and data.
    pub fn restart(&mut self, home: &Home) -> Result<()> {
        self.process = serve(home, &self.data, &self.args, self.address)?.0;
        Ok(())
    }
}

fn serve(
    home: &Home,
    data: &Path,
    args: &[String],
    listen: SocketAddr,
) -> Result<(Process, SocketAddr)> {
    let mut serve = command(home, program("snaplark-cloud")?);
    serve.arg("serve").args(["--listen", &listen.to_string(), "--data"]).arg(data).args(args);
    let mut process = Process::start(home, "snaplark-cloud", serve)?;
    let line = process.line(START)?;
    let address = line.strip_prefix("listening on http://");
    let address = address.with_context(|| format!("snaplark-cloud says '{line}'"))?;
    Ok((process, address.trim().parse()?))
}
