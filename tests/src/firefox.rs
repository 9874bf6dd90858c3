//! Firefox without a window, controlled through Marionette, its own protocol: JSON messages preceded by
//! their length. Its WebDriver program is on no package registry.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::home::Home;
use crate::process::{Process, command};
use crate::wait;

const START: Duration = Duration::from_secs(30);
/// The limit of one command. Loading a page takes longest.
const COMMAND: Duration = Duration::from_secs(30);
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Suppresses questions to the person, and lets videos play automatically.
const PREFERENCES: &str = r#"
user_pref("marionette.port", 0);
user_pref("media.autoplay.default", 0);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.normandy.enabled", false);
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
"#;

pub struct Firefox {
    stream: TcpStream,
    last_id: u64,
    _browser: Process,
}

impl Firefox {
    pub fn start(home: &Home) -> Result<Self> {
        Self::start_with(home, "")
    }

    /// Starts it with further preferences, a line for each.
    pub fn start_with(home: &Home, preferences: &str) -> Result<Self> {
        let profile = home.path().join("firefox");
        std::fs::create_dir_all(&profile)?;
        std::fs::write(profile.join("user.js"), format!("{PREFERENCES}{preferences}"))?;
        let mut firefox = command(home, "firefox-esr");
        firefox.args(["--headless", "--marionette", "--no-remote", "--profile"]).arg(&profile);
        let browser = Process::start(home, "firefox", firefox)?;
        let stream = wait::until("Firefox's port", START, || {
            let told = std::fs::read_to_string(profile.join("MarionetteActivePort"));
            let port = told.ok().and_then(|port| port.trim().parse::<u16>().ok());
            Ok(port.and_then(|port| TcpStream::connect(("127.0.0.1", port)).ok()))
        })?;
        stream.set_read_timeout(Some(COMMAND))?;
        let mut firefox = Self { stream, last_id: 0, _browser: browser };
        // The server's greeting.
        firefox.message()?;
        firefox.command("WebDriver:NewSession", &json!({}))?;
        Ok(firefox)
    }

    pub fn go(&mut self, url: &str) -> Result<()> {
        self.command("WebDriver:Navigate", &json!({"url": url})).map(|_| ())
    }

    /// Runs a function's body in the page and returns its result.
    pub fn run(&mut self, script: &str) -> Result<Value> {
        let args = json!({"script": script, "args": []});
        Ok(self.command("WebDriver:ExecuteScript", &args)?["value"].take())
    }

    /// Waits until the function's body returns something other than false or null.
    pub fn until(&mut self, what: &str, limit: Duration, script: &str) -> Result<Value> {
        wait::until(what, limit, || {
            let value = self.run(script)?;
            Ok((!value.is_null() && value != json!(false)).then_some(value))
        })
    }

    fn command(&mut self, name: &str, args: &Value) -> Result<Value> {
        self.last_id += 1;
        let text = json!([0, self.last_id, name, args]).to_string();
        self.stream.write_all(format!("{}:{text}", text.len()).as_bytes())?;
        let mut answer = self.message()?;
        if answer[1] != json!(self.last_id) {
            bail!("Firefox answers another command: {answer}");
        }
        if !answer[2].is_null() {
            bail!("Firefox on {name}: {}", answer[2]["message"]);
        }
        Ok(answer[3].take())
    }

    fn message(&mut self) -> Result<Value> {
        let mut len = String::new();
        loop {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).context("Firefox does not answer")?;
            match byte[0] {
                b':' => break,
                digit => len.push(char::from(digit)),
            }
        }
        let len: usize = len.parse().with_context(|| format!("a length of '{len}'"))?;
        if len > MESSAGE_BYTES_MAX {
            bail!("Firefox sends {len} bytes");
        }
        let mut bytes = vec![0; len];
        self.stream.read_exact(&mut bytes)?;
        Ok(serde_json::from_slice(&bytes)?)
    }
}
