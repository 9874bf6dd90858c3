//! A running `snaplark-cloud` and an account on it.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::home::Home;
use crate::process::{Process, command, output, program};
use crate::webdriver::client;

const START: Duration = Duration::from_secs(20);

pub struct Cloud {
    /// `http://127.0.0.1:PORT`
    pub address: String,
    pub token: String,
    data: PathBuf,
    _server: Process,
}

impl Cloud {
    /// Starts a server with data of its own, on a free port, with one account.
    pub fn start(home: &Home) -> Result<Self> {
        let data = home.path().join("cloud");
        let mut serve = command(home, program("snaplark-cloud")?);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
        let mut server = Process::start(home, "snaplark-cloud", serve)?;
        let line = server.line(START)?;
        let address = line
            .strip_prefix("listening on ")
            .with_context(|| format!("snaplark-cloud says '{line}'"))?
            .trim()
            .to_owned();
        let mut token = command(home, program("snaplark-cloud")?);
        token.args(["token", "--user", "test@example.org", "--data"]).arg(&data);
        let token = output(token, START)?;
        if token.trim().is_empty() || token.trim().contains(char::is_whitespace) {
            bail!("snaplark-cloud token says more than a token: '{token}'");
        }
        Ok(Self { address, token: token.trim().into(), data, _server: server })
    }

    /// Adds a user who may sign in on the pages.
    pub fn add_user(&self, home: &Home, email: &str, password: &str) -> Result<()> {
        let typed = home.path().join("typed");
        std::fs::write(&typed, format!("{password}\n"))?;
        let mut add = command(home, program("snaplark-cloud")?);
        add.args(["user", "add", email, "--data"]).arg(&self.data);
        add.stdin(File::open(&typed)?);
        let added = output(add, START);
        std::fs::remove_file(&typed)?;
        added.map(|_| ())
    }

    /// Returns the folder in which the server keeps what it received.
    pub fn data(&self) -> &PathBuf {
        &self.data
    }

    /// Returns the API's answer, whatever its status.
    pub fn ask(&self, path: &str) -> Result<(u16, Value)> {
        let answer = client()?
            .get(format!("{}/api/v1{path}", self.address))
            .bearer_auth(&self.token)
            .send()?;
        Ok((answer.status().as_u16(), answer.json().unwrap_or(Value::Null)))
    }
}

/// Fetches any address.
pub fn fetch(url: &str) -> Result<Vec<u8>> {
    let answer = client()?.get(url).send().with_context(|| url.to_owned())?;
    if !answer.status().is_success() {
        bail!("{url} answers {}", answer.status());
    }
    Ok(answer.bytes()?.to_vec())
}
