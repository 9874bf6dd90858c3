//! The strings of tray, titles and dialogs, from the same files as those of the windows; and the language
//! of all of them.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use snaplark_app::Language;

/// English comes first: it is the fallback for strings that another language lacks.
const SPOKEN: [(Language, &str, &str); 3] = [
    (Language::En, "en", include_str!("../../assets/strings/en.json")),
    (Language::De, "de", include_str!("../../assets/strings/de.json")),
    (Language::Ar, "ar", include_str!("../../assets/strings/ar.json")),
];

static NOW: AtomicUsize = AtomicUsize::new(0);

type Words = HashMap<String, String>;

static WORDS: LazyLock<[Words; SPOKEN.len()]> = LazyLock::new(|| {
    SPOKEN.map(|(_, _, text)| {
        let all: HashMap<String, Value> =
            serde_json::from_str(text).expect("the test reads the same file");
        // Strings with a plural are used by the windows only.
        all.into_iter().filter_map(|(key, value)| Some((key, value.as_str()?.to_owned()))).collect()
    })
});

/// Sets the language from now on.
pub fn speak(language: Language) {
    let found = match language {
        Language::System => sys_locale::get_locales().find_map(|tag| {
            let base = tag.split(['-', '_', '.']).next().unwrap_or_default().to_ascii_lowercase();
            SPOKEN.iter().position(|(_, tag, _)| *tag == base)
        }),
        Language::En | Language::De | Language::Ar => {
            SPOKEN.iter().position(|(spoken, _, _)| *spoken == language)
        }
    };
    NOW.store(found.unwrap_or(0), Ordering::Relaxed);
}

/// Returns the language's tag, as the windows name it.
pub fn tag() -> &'static str {
    SPOKEN[NOW.load(Ordering::Relaxed)].1
}

/// Returns the string for a key, or the key itself if there is none, which a test rules out for ours.
pub fn word(key: &'static str) -> &'static str {
    let now = &WORDS[NOW.load(Ordering::Relaxed)];
    now.get(key).or_else(|| WORDS[0].get(key)).map_or(key, String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_rust_names_has_words() {
        let sources = [
            include_str!("bar.rs"),
            include_str!("chooser.rs"),
            include_str!("commands.rs"),
            include_str!("pages.rs"),
            include_str!("quick.rs"),
            include_str!("quit.rs"),
            include_str!("shell.rs"),
            include_str!("toast.rs"),
            include_str!("tray.rs"),
        ];
        let named: Vec<&str> = sources
            .iter()
            .flat_map(|source| source.split("word(\"").skip(1))
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert!(named.len() >= 8, "the search above finds no keys any more: {named:?}");
        for key in named {
            assert!(WORDS[0].contains_key(key), "no words for '{key}'");
        }
    }

    #[test]
    fn what_is_spoken_is_what_was_chosen() {
        for (language, tag, quits) in
            [(Language::De, "de", "Snaplark beenden"), (Language::En, "en", "Quit Snaplark")]
        {
            speak(language);
            assert_eq!((self::tag(), word("tray_quit")), (tag, quits));
        }
    }
}
