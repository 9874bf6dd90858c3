//! Validates text from other computers before a person, a terminal, a log or an opener gets it. A
//! server's response is untrusted: its links may name files or programs, and its messages may contain
//! terminal escapes, bidirectional control characters, or line breaks.

use std::borrow::Cow;

/// The limit is longer than any address that a browser opens.
const LINK_CHARS_MAX: usize = 2_048;
/// The limit on a server's message to the person; the rest is cut off.
pub const SENTENCE_CHARS_MAX: usize = 300;
/// The limit on a name that a server chose, such as a session's or a version's.
pub const NAME_CHARS_MAX: usize = 200;

/// Returns whether a text is the address of a web page: `http` or `https`, a host, and nothing that a
/// terminal, an opener or a command line interprets otherwise. All code that stores, shows or opens a
/// server's link must check this.
pub fn is_web_link(text: &str) -> bool {
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme)));
    let Some(scheme) = scheme else { return false };
    let authority = text[scheme.len()..].split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_named = host.chars().any(char::is_alphanumeric)
        && !host.contains(['@', '\\', '%'])
        && port.is_none_or(|port| port.parse::<u16>().is_ok());
    let is_plain = |c: char| !is_hostile(c) && !c.is_whitespace() && !"\"'<>\\^`{|}".contains(c);
    is_named && text.chars().count() <= LINK_CHARS_MAX && text.chars().all(is_plain)
}

/// Returns untrusted text as one line that can be shown anywhere, with at most `chars_max` characters.
pub fn plain_line(text: &str, chars_max: usize) -> String {
    let shown = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let shown: String =
        shown.filter(|c| !is_hostile(*c)).take(chars_max.saturating_mul(4)).collect();
    let words: Vec<&str> = shown.split(' ').filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(chars_max) {
        Some(_) => {
            let kept: String = line.chars().take(chars_max.saturating_sub(1)).collect();
            format!("{}…", kept.trim_end())
        }
        None => line,
    }
}

/// Makes terminal control characters visible as `\u{1b}`; line breaks and tabs stay.
pub fn escaped(text: &str) -> Cow<'_, str> {
    let stays = |c: char| c == '\n' || c == '\t' || !is_hostile(c);
    if text.chars().all(stays) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match stays(c) {
            true => escaped.push(c),
            false => escaped.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(escaped)
}

/// Does the same for JSON, which itself escapes only characters below space. The result is still JSON
/// with the same meaning.
pub fn escaped_json(json: &str) -> Cow<'_, str> {
    if !json.chars().any(is_hostile) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    let mut units = [0; 2];
    for c in json.chars() {
        // Outside of strings, the only such characters in JSON are line breaks.
        if c == '\n' || !is_hostile(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut units) {
            escaped.push_str(&format!("\\u{unit:04x}"));
        }
    }
    Cow::Owned(escaped)
}

/// Returns whether this is a control character (C0 or C1), or changes the direction of the text after
/// it.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}'
            | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}'
            | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_is_taken_when_it_is_a_page_of_the_web() {
        for link in [
            "https://host/videos/1",
            "http://127.0.0.1:8080/v?t=1#a",
            "HTTPS://Host/x",
            "https://[::1]/x",
            "https://bücher.example/Übersicht",
        ] {
            assert!(is_web_link(link), "{link}");
        }
        for link in [
            "",
            "file:///etc/passwd",
            "FILE:///etc/passwd",
            "\\\\host\\share\\x.exe",
            "//host/share",
            "smb://host/x",
            "javascript:alert(1)",
            "data:text/html,x",
            "vscode://x",
            "C:\\Windows\\System32\\calc.exe",
            "https:/host",
            "https://",
            "https:///x",
            "http://me@host/",
            " https://host",
            "https://host/a b",
            "https://host/\u{1b}]0;x\u{7}",
            "https://host/\nhttps://other",
            "https://host/\u{9b}31m",
            "https://host/\u{202E}gpj.exe",
            "https://host/\"&calc&\"",
            "-https://host",
            "http://:A",
            "http://:80",
            "http://host:",
            "http://host:70000",
        ] {
            assert!(!is_web_link(link), "{link:?}");
        }
        assert!(!is_web_link(&format!("https://host/{}", "x".repeat(LINK_CHARS_MAX))));
    }

    #[test]
    fn sentence_of_a_stranger_becomes_one_plain_line() {
        let said = "no\u{1b}[2J room\r\nSaved: \u{202E}all\u{9b}1m \u{7}";
        assert_eq!(plain_line(said, 100), "no[2J room Saved: all1m");
        assert_eq!(plain_line("one two three", 8), "one two…");
        assert_eq!(plain_line("\u{1b}", 8), "");
    }

    #[test]
    fn escapes_are_shown_and_lines_stay() {
        assert_eq!(escaped("a\tb\nc"), "a\tb\nc");
        assert_eq!(escaped("a\u{1b}[31m\u{9b}"), "a\\u{1b}[31m\\u{9b}");
        let json = serde_json::to_string("a\u{1b}\u{9b}\u{202E}").unwrap();
        let escaped = escaped_json(&json);
        assert_eq!(escaped, r#""a\u001b\u009b\u202e""#);
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), "a\u{1b}\u{9b}\u{202E}");
    }
}
