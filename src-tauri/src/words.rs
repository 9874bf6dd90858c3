//! The strings of tray, titles and dialogs, from the same files as those of the windows; and the language
//! of all of them.
//!
//! The build makes a constant of each string (`src-tauri/words.rs`): `tray_quit` in `assets/strings/en.json`
//! is [`Word::TRAY_QUIT`]. A string that is missing in any language doesn't compile.

use std::sync::atomic::{AtomicUsize, Ordering};

use snaplark_app::Language;

/// The languages in the order of a word's texts.
const SPOKEN: [(Language, &str); 3] =
    [(Language::En, "en"), (Language::De, "de"), (Language::Ar, "ar")];

static NOW: AtomicUsize = AtomicUsize::new(0);

/// A string in all languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word([&'static str; SPOKEN.len()]);

/// A string in all languages that holds a number, as `{count}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedWord([&'static str; SPOKEN.len()]);

#[cfg(test)]
#[path = "../words.rs"]
mod build;
mod made {
    // Most strings are shown by the windows only.
    #![allow(dead_code)]

    use super::{CountedWord, Word};

    include!(concat!(env!("OUT_DIR"), "/words.rs"));
}

/// Sets the language from now on.
pub fn speak(language: Language) {
    let found = match language {
        Language::System => sys_locale::get_locales().find_map(|tag| {
            let base = tag.split(['-', '_', '.']).next().unwrap_or_default().to_ascii_lowercase();
            SPOKEN.iter().position(|(_, tag)| *tag == base)
        }),
        Language::En | Language::De | Language::Ar => {
            SPOKEN.iter().position(|(spoken, _)| *spoken == language)
        }
    };
    NOW.store(found.unwrap_or(0), Ordering::Relaxed);
}

/// Returns the language's tag, as the windows name it.
pub fn tag() -> &'static str {
    SPOKEN[NOW.load(Ordering::Relaxed)].1
}

/// Returns a string in the present language.
pub fn word(word: Word) -> &'static str {
    word.0[NOW.load(Ordering::Relaxed)]
}

/// Returns a string with its number in the present language. The number has to fit the string's form: there are no
/// plurals here.
pub fn counted(word: CountedWord, count: u64) -> String {
    word.0[NOW.load(Ordering::Relaxed)].replace("{count}", &count.to_string())
}

#[cfg(test)]
mod tests {
    use snaplark_core::policy::STRIKE_SECONDS;

    use super::*;

    #[test]
    fn what_is_spoken_is_what_was_chosen() {
        for (language, tag, quits) in
            [(Language::De, "de", "Snaplark beenden"), (Language::En, "en", "Quit Snaplark")]
        {
            speak(language);
            assert_eq!((self::tag(), word(Word::TRAY_QUIT)), (tag, quits));
        }
    }

    #[test]
    fn build_makes_constants_of_strings_without_plurals() {
        let english = r#"{"quit": "Quit", "left": "{count} left", "at": "{name} at", "ago": [{"match": {}}]}"#;
        let german = r#"{"quit": "Beenden \"jetzt\"", "left": "noch {count}", "at": "{name} um", "ago": [{"match": {}}]}"#;
        let made = build::constants(&[("en", english), ("de", german)]).unwrap();
        let quit = r#"    pub const QUIT: Word = Word(["Quit", "Beenden \"jetzt\""]);"#;
        let left =
            r#"    pub const LEFT: CountedWord = CountedWord(["{count} left", "noch {count}"]);"#;
        assert_eq!(made, format!("impl Word {{\n{quit}\n}}\nimpl CountedWord {{\n{left}\n}}\n"));
    }

    #[test]
    fn strike_names_its_seconds_in_a_form_that_fits_them() {
        // Arabic has other forms for one, two, and from eleven on.
        assert!((3..=10).contains(&STRIKE_SECONDS), "give the string plurals");
        for (language, words) in [
            (Language::De, "Letzte 10 Sekunden entfernen"),
            (Language::En, "Remove the last 10 seconds"),
        ] {
            speak(language);
            assert_eq!(counted(CountedWord::STRIKE_LAST, STRIKE_SECONDS), words);
        }
    }

    #[test]
    fn build_names_each_string_that_a_language_lacks_or_has_alone() {
        let files = [("en", r#"{"a": "A", "b": "B"}"#), ("de", r#"{"a": "A", "c": "C"}"#)];
        let faults = build::constants(&files).unwrap_err();
        assert_eq!(faults, "de lacks 'b', which is in en\nen lacks 'c', which is in de\n");
        assert!(build::constants(&[("en", "{")]).unwrap_err().starts_with("en: "));
    }
}
