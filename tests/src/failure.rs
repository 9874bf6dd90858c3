//! Checks how a program fails in front of a person.

use crate::process::Answer;

/// Checks that a program fails in a way that a person can read: its output contains one of `words` and no
/// internals, and it exits by itself with a non-zero code.
///
/// # Panics
///
/// If it does not.
pub fn hold(answer: &Answer, words: &[&str]) {
    let Answer { status, stdout, stderr } = answer;
    assert!(!status.success(), "exits with {status}:\n{stderr}");
    assert!(status.code().is_some(), "ends by itself, not by {status}:\n{stderr}");
    for inside in ["panicked", "RUST_BACKTRACE", "unwrap", "Err(", "Os {", "Error {", "\x1b"] {
        assert!(!stderr.contains(inside), "'{inside}' is for developers:\n{stderr}");
    }
    let lower = stderr.to_lowercase();
    assert!(words.iter().any(|word| lower.contains(word)), "none of {words:?} in:\n{stderr}");
    let last = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    assert!(last.split_whitespace().count() >= 4, "a sentence, not '{last}'");
    assert!(!last.contains('!'), "'{last}' shouts");
    assert!(
        stdout.trim().is_empty() || serde_json::from_str::<serde_json::Value>(stdout).is_ok(),
        "with --json nothing but JSON goes to standard output: {stdout}"
    );
    println!("{}", stderr.trim());
}
