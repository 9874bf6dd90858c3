//! The titles of recordings: the window or app that they show, or else when they began.
//!
//! A window's title is untrusted text: it is cut to length, and characters that could reorder or hide the
//! text around them are removed. Titles are never logged.

use jiff::Zoned;
use snaplark_core::capture::Subject;

use crate::Language;

/// The longest title that a server accepts; it would refuse a longer one forever.
const GIVEN_CHARS_MAX: usize = 200;
/// A line of a card has room for half as many characters; a server accepts 200.
const TITLE_CHARS_MAX: usize = 100;
/// A longer text is not an app's name.
const APP_CHARS_MAX: usize = 40;
/// The separators that programs put between the name of a document and their own name.
const SEPARATORS: [&str; 4] = [" — ", " – ", " - ", " | "];

/// The words of dated titles. Days begin with Monday.
struct Words {
    recording: &'static str,
    days: [&'static str; 7],
}

const ENGLISH: Words = Words {
    recording: "Screen recording",
    days: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
};
const GERMAN: Words = Words {
    recording: "Bildschirmaufnahme",
    days: ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
};
const ARABIC: Words = Words {
    recording: "تسجيل الشاشة",
    days: ["الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"],
};

/// Returns a title of the date: `Screen recording, Tuesday 14:05`.
pub(crate) fn dated(started: &Zoned, language: Language) -> String {
    dated_as(words_of(language).recording, started, language)
}

/// Returns a title of the date for something else than a recording: `Screenshot, Tuesday 14:05`.
pub(crate) fn dated_as(what: &str, started: &Zoned, language: Language) -> String {
    let words = words_of(language);
    let comma = if spoken(language) == Language::Ar { "،" } else { "," };
    let day = words.days[usize::from(started.weekday().to_monday_zero_offset().unsigned_abs())];
    format!("{what}{comma} {day} {:02}:{:02}", started.hour(), started.minute())
}

fn words_of(language: Language) -> Words {
    match spoken(language) {
        Language::De => GERMAN,
        Language::Ar => ARABIC,
        Language::En | Language::System => ENGLISH,
    }
}

/// Returns the language that is spoken where the person chose the system's.
pub(crate) fn spoken(language: Language) -> Language {
    if language != Language::System {
        return language;
    }
    let set = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let tag = set("LC_ALL").or_else(|| set("LC_MESSAGES")).or_else(|| set("LANG"));
    match tag.as_deref().map(|tag| tag.split(['_', '-', '.']).next().unwrap_or_default()) {
        Some("de") => Language::De,
        Some("ar") => Language::Ar,
        Some(_) | None => Language::En,
    }
}

/// Returns a title that a person wrote, cleaned up, or `None` if nothing of it is visible.
pub(crate) fn given(title: &str) -> Option<String> {
    Some(cut(&plain(title), GIVEN_CHARS_MAX)).filter(|title| !title.is_empty())
}

/// Returns a title of window and app, such as `Checkout – Firefox`, or `None` if both are empty.
pub(crate) fn of_subject(subject: &Subject) -> Option<String> {
    let app = cut(&plain(&subject.app), APP_CHARS_MAX);
    let window = plain(&subject.window);
    let window = without_app(&window, &app);
    let title = match (window.is_empty() || window.eq_ignore_ascii_case(&app), app.is_empty()) {
        (true, true) => return None,
        (true, false) => app,
        (false, true) => cut(window, TITLE_CHARS_MAX),
        (false, false) => {
            let room = TITLE_CHARS_MAX - app.chars().count() - SEPARATORS[1].chars().count();
            format!("{}{}{app}", cut(window, room), SEPARATORS[1])
        }
    };
    Some(title)
}

/// Removes the app's name from a window title: `Checkout - Mozilla Firefox` becomes `Checkout` if the app
/// is Firefox.
fn without_app<'a>(window: &'a str, app: &str) -> &'a str {
    let cuts = SEPARATORS.iter().filter_map(|separator| window.rsplit_once(separator));
    let Some((document, last)) = cuts.max_by_key(|(document, _)| document.len()) else {
        return window;
    };
    let (last, app) = (last.to_lowercase(), app.to_lowercase());
    let names_it = app
        .split(' ')
        .next()
        .is_some_and(|word| !word.is_empty() && last.split(' ').any(|said| said == word));
    if names_it { document.trim() } else { window }
}

/// Returns the text as one line, without characters that reorder it, hide in it, or end a line of a log.
fn plain(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let shown: String = shown.filter(|c| !c.is_control() && !is_hidden(*c)).collect();
    shown.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Returns whether a character is a direction mark, has no width, is a tag, or is for private use. Joiners
/// are not, since words and emoji are written with them.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFD}'
        | '\u{E000}'..='\u{F8FF}' | '\u{E0000}'..='\u{10FFFF}')
}

fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max - 1).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(window: &str, app: &str) -> Option<String> {
        of_subject(&Subject { app: app.into(), window: window.into() })
    }

    #[test]
    fn given_title_is_one_line_that_the_server_takes() {
        assert_eq!(
            given("  Checkout\u{202E},\nsecond try ").as_deref(),
            Some("Checkout, second try")
        );
        assert_eq!(given(" \u{200B}"), None);
        let long = given(&"é".repeat(300)).unwrap();
        assert_eq!((long.chars().count(), long.ends_with('…')), (200, true));
    }

    #[test]
    fn a_recording_is_named_after_window_and_app() {
        for (window, app, title) in [
            ("Checkout — Mozilla Firefox", "Firefox", "Checkout – Firefox"),
            (
                "Checkout - a shop - Mozilla Firefox",
                "Firefox ESR",
                "Checkout - a shop – Firefox ESR",
            ),
            (
                "main.rs - snaplark - Visual Studio Code",
                "Visual Studio Code",
                "main.rs - snaplark – Visual Studio Code",
            ),
            ("Files", "Files", "Files"),
            ("", "Files", "Files"),
            ("Untitled", "", "Untitled"),
            ("~/src - a - b", "Terminal", "~/src - a - b – Terminal"),
        ] {
            assert_eq!(of(window, app).as_deref(), Some(title), "{window}");
        }
        assert_eq!(of(" \n\u{202E}", "\u{200B}"), None);
    }

    #[test]
    fn a_title_is_bounded_and_turns_nothing() {
        let long = of(&"ä".repeat(9_000), &"b".repeat(9_000)).unwrap();
        assert_eq!(long.chars().count(), TITLE_CHARS_MAX);
        let turned = of("a\u{202E}b\r\n\tc\u{2067}d\0\u{1B}[31m", "E").unwrap();
        assert_eq!(turned, "ab cd[31m – E");
        assert_eq!(
            of("\u{1F469}\u{200D}\u{1F4BB} نص", "E").unwrap(),
            "\u{1F469}\u{200D}\u{1F4BB} نص – E"
        );
    }

    #[test]
    fn an_unknown_subject_is_named_by_its_day_in_the_persons_language() {
        let at: Zoned = "2026-01-06T14:05[UTC]".parse().unwrap();
        assert_eq!(dated(&at, Language::En), "Screen recording, Tuesday 14:05");
        assert_eq!(dated(&at, Language::De), "Bildschirmaufnahme, Dienstag 14:05");
        assert_eq!(dated(&at, Language::Ar), "تسجيل الشاشة، الثلاثاء 14:05");
    }
}
