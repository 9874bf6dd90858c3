//! A browser controlled through the W3C WebDriver protocol, which Chromium's and WebKit's drivers both
//! speak. It has only what the tests use. Pictures of the app are taken from the display instead: that is
//! what a person sees, and WebKit's driver has none when it paints without a GPU.

use std::sync::Once;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::wait;

/// The limit of one command. Loading a page takes longest.
const COMMAND: Duration = Duration::from_secs(60);
/// The time that a driver may take to open sessions after it listens.
const READY: Duration = Duration::from_secs(20);
/// The key of an element's id in the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser session, closed when its guard is dropped.
pub struct Session {
    client: Client,
    address: String,
}

#[derive(Clone, Debug)]
pub struct Element(String);

impl Session {
    /// Opens a session on the driver at `driver` (`http://127.0.0.1:PORT`).
    pub fn open(driver: &str, capabilities: &Value) -> Result<Self> {
        let client = client()?;
        wait::until("the browser's driver", READY, || {
            let answer = client.get(format!("{driver}/status")).send();
            Ok(answer.is_ok_and(|answer| answer.status().is_success()).then_some(()))
        })?;
        let body = json!({"capabilities": {"alwaysMatch": capabilities}});
        let value = call(&client, Method::POST, &format!("{driver}/session"), Some(&body))?;
        let id = value["sessionId"].as_str().context("the driver named no session")?;
        Ok(Self { address: format!("{driver}/session/{id}"), client })
    }

    pub fn go(&self, url: &str) -> Result<()> {
        self.post("url", &json!({"url": url})).map(|_| ())
    }

    pub fn title(&self) -> Result<String> {
        Ok(self.get("title")?.as_str().unwrap_or_default().to_owned())
    }

    /// Runs a function's body in the page and returns its result.
    pub fn run(&self, script: &str, args: &[Value]) -> Result<Value> {
        self.post("execute/sync", &json!({"script": script, "args": args}))
    }

    /// Runs a script that changes nothing. WebKit's driver loses a result now and then: then it is asked again.
    pub fn read(&self, script: &str) -> Result<Value> {
        match self.run(script, &[]) {
            Err(error) if error.to_string().contains("Could not parse script result") => {
                self.run(script, &[])
            }
            answer => answer,
        }
    }

    /// Waits until the function's body, which changes nothing, returns something other than false or null.
    pub fn until(&self, what: &str, limit: Duration, script: &str) -> Result<Value> {
        wait::until(what, limit, || {
            let value = self.read(script)?;
            Ok((!value.is_null() && value != json!(false)).then_some(value))
        })
    }

    /// Waits for an element that matches the CSS selector, and returns the first.
    pub fn find(&self, selector: &str, limit: Duration) -> Result<Element> {
        let query = json!({"using": "css selector", "value": selector});
        wait::until(&format!("the element '{selector}'"), limit, || {
            let found = self.post("elements", &query)?;
            Ok(found[0][ELEMENT].as_str().map(|id| Element(id.to_owned())))
        })
    }

    pub fn click(&self, element: &Element) -> Result<()> {
        self.post(&format!("element/{}/click", element.0), &json!({})).map(|_| ())
    }

    /// Waits for a matching field and types into it, replacing its content.
    pub fn type_into(&self, selector: &str, text: &str, limit: Duration) -> Result<()> {
        let element = self.find(selector, limit)?;
        self.post(&format!("element/{}/clear", element.0), &json!({}))?;
        self.post(&format!("element/{}/value", element.0), &json!({"text": text})).map(|_| ())
    }

    /// Waits for a matching element and presses it, scrolling if necessary.
    pub fn press(&self, selector: &str, limit: Duration) -> Result<()> {
        let element = self.find(selector, limit)?;
        let scroll = "document.querySelector(arguments[0])
            .scrollIntoView({block: 'center', behavior: 'instant'});";
        self.run(scroll, &[json!(selector)])?;
        self.click(&element)
    }

    /// Waits until the text of a matching element contains `part`, and returns it.
    pub fn says(&self, selector: &str, part: &str, limit: Duration) -> Result<String> {
        wait::until(&format!("'{part}' in '{selector}'"), limit, || {
            let script = "return document.querySelector(arguments[0])?.innerText ?? '';";
            let text = self.run(script, &[json!(selector)])?;
            let text = text.as_str().unwrap_or_default();
            Ok(text.contains(part).then(|| text.to_owned()))
        })
    }

    /// Waits until nothing matches the selector.
    pub fn gone(&self, selector: &str, limit: Duration) -> Result<()> {
        wait::until(&format!("'{selector}' to go"), limit, || {
            let script = "return document.querySelector(arguments[0]) === null;";
            Ok((self.run(script, &[json!(selector)])? == json!(true)).then_some(()))
        })
    }

    /// Waits for a matching element and returns its text. The page itself is asked, since WebKit's driver
    /// leaves out text that an ellipsis cuts.
    pub fn text(&self, selector: &str, limit: Duration) -> Result<String> {
        self.find(selector, limit)?;
        let script = "return document.querySelector(arguments[0]).innerText;";
        let text = self.run(script, &[json!(selector)])?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Returns the handles of all windows, for `enter`.
    pub fn windows(&self) -> Result<Vec<String>> {
        let handles = self.get("window/handles")?;
        let handles = handles.as_array().context("the driver named no windows")?;
        Ok(handles.iter().filter_map(|handle| handle.as_str().map(str::to_owned)).collect())
    }

    /// Opens another window, without entering it.
    pub fn open_window(&self) -> Result<String> {
        let opened = self.post("window/new", &json!({"type": "window"}))?;
        Ok(opened["handle"].as_str().context("the driver named no window")?.to_owned())
    }

    pub fn enter(&self, window: &str) -> Result<()> {
        self.post("window", &json!({"handle": window})).map(|_| ())
    }

    /// Enters the window whose address contains `part`.
    pub fn enter_window_at(&self, part: &str, limit: Duration) -> Result<()> {
        wait::until(&format!("a window at '{part}'"), limit, || {
            for window in self.windows()? {
                self.enter(&window)?;
                let url = self.get("url")?;
                if url.as_str().is_some_and(|url| url.contains(part)) {
                    return Ok(Some(()));
                }
            }
            Ok(None)
        })
    }

    /// Waits until the window is on the screen. WebKit drops clicks into a window that is hidden.
    pub fn shown(&self, limit: Duration) -> Result<()> {
        wait::until("the window to be shown", limit, || {
            let visible = self.run("return document.visibilityState;", &[])?;
            Ok((visible == json!("visible")).then_some(()))
        })
    }

    /// Sends a command of Chromium's own protocol, for what WebDriver lacks.
    pub fn devtools(&self, command: &str, params: &Value) -> Result<Value> {
        self.post("goog/cdp/execute", &json!({"cmd": command, "params": params}))
    }

    /// Returns the page as a PNG. Not supported by WebKit's driver (see above).
    pub fn picture(&self) -> Result<Vec<u8>> {
        let text = self.get("screenshot")?;
        let text = text.as_str().context("the driver gave no picture")?;
        Ok(STANDARD.decode(text)?)
    }

    fn get(&self, path: &str) -> Result<Value> {
        call(&self.client, Method::GET, &format!("{}/{path}", self.address), None)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        call(&self.client, Method::POST, &format!("{}/{path}", self.address), Some(body))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The driver is stopped afterwards in any case.
        self.client.delete(&self.address).timeout(Duration::from_secs(5)).send().ok();
    }
}

/// Returns an HTTP client for loopback addresses: no proxy, no redirects, a limit on everything.
pub fn client() -> Result<Client> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // A second call finds the first one's provider, which is the same.
        rustls::crypto::ring::default_provider().install_default().ok();
    });
    Ok(Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(COMMAND)
        .build()?)
}

fn call(client: &Client, method: Method, url: &str, body: Option<&Value>) -> Result<Value> {
    let mut request = client.request(method, url);
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().context("the browser's driver does not answer")?;
    let fine = answer.status().is_success();
    let mut answer: Value = answer.json().context("the browser's driver speaks no JSON")?;
    let value = answer["value"].take();
    if !fine {
        let word = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        bail!("the browser's driver: {}: {}", word("error"), word("message"));
    }
    Ok(value)
}
