//! The windows' content policy, in the real WebView: what somebody might smuggle into a page neither
//! runs nor reaches anybody. A title is all that others can put there; this is for the day on which a
//! title is more than text.

use serde_json::{Value, json};
use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::home::Home;

use crate::{SOON, pictures};

const CONFIGURATION: &str = include_str!("../../tauri.conf.json");

/// Each of them is to be refused by the directive of that name.
const SMUGGLED: &str = "
    window.refused = [];
    document.addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective));
    const script = document.createElement('script');
    script.textContent = 'window.ran = true';
    document.body.append(script);
    const picture = document.createElement('img');
    picture.src = 'http://127.0.0.1:9/secret';
    document.body.append(picture);
    const style = document.createElement('style');
    style.textContent = 'body { display: none }';
    document.body.append(style);
    fetch('http://127.0.0.1:9/secret').catch(() => {});
    try { new Function('window.ran = true')(); } catch (error) { refused.push(`eval: ${error.name}`); }
";

#[test]
fn content_security_policy_blocks_injected_scripts_and_requests() {
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &pictures("policy")).unwrap();
    shown.open_library().unwrap();
    let windows = &shown.windows().unwrap().session;
    windows.enter_window_at("library", SOON).unwrap();
    windows.run(SMUGGLED, &[]).unwrap();
    for refused in ["script-src", "img-src", "style-src", "connect-src", "eval: EvalError"] {
        let script = format!("return refused.some((one) => one.startsWith('{refused}'));");
        windows.until(&format!("'{refused}' to be refused"), SOON, &script).unwrap();
    }
    assert_eq!(windows.run("return window.ran ?? null;", &[]).unwrap(), json!(null));
}

#[test]
fn content_security_policy_contains_no_unsafe_keyword() {
    let configuration: Value = serde_json::from_str(CONFIGURATION).unwrap();
    let policy = &configuration["app"]["security"]["csp"];
    assert_eq!(policy["default-src"], "'self'");
    assert_eq!(policy["script-src"], "'self'");
    for (directive, sources) in policy.as_object().unwrap() {
        // The player's file has a port of the moment, and loads nothing but media (`media_server.rs`).
        let sources = match directive.as_str() {
            "media-src" => sources.as_str().unwrap().replace(" http://127.0.0.1:*", ""),
            _ => sources.as_str().unwrap().to_owned(),
        };
        assert!(!sources.contains("unsafe") && !sources.contains('*'), "{directive} {sources}");
    }
}
