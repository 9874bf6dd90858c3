//! How recordings are named: after the window or the app that they show, else by when they began.
//!
//! Whatever a program put into its window's title is text from outside: it is cut, and characters
//! that would turn or hide the text around it are taken out. Titles are never logged.

use jiff::Zoned;
use snaplark_core::capture::Subject;

use crate::Language;

/// What a server takes; longer ones it would refuse for ever.
const GIVEN_CHARS_MAX: usize = 200;
/// A line of a card has room for half as many; a server takes 200.
const TITLE_CHARS_MAX: usize = 100;
/// Longer ones are no names.
const APP_CHARS_MAX: usize = 40;
/// What programs put between the name of a document and their own.
const SEPARATORS: [&str; 4] = [" — ", " – ", " - ", " | "];

/// Days begin with Monday.
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

/// `Screen recording, Tuesday 14:05`.
pub fn dated(started: &Zoned, language: Language) -> String {
    let words = match spoken(language) {
        Language::De => GERMAN,
        Language::Ar => ARABIC,
        Language::En | Language::System => ENGLISH,
    };
    let comma = if spoken(language) == Language::Ar { "،" } else { "," };
    let day = words.days[usize::from(started.weekday().to_monday_zero_offset().unsigned_abs())];
    format!("{}{comma} {day} {:02}:{:02}", words.recording, started.hour(), started.minute())
}

fn spoken(language: Language) -> Language {
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

/// As a person wrote it; `None` where nothing of it can be seen.
pub fn given(title: &str) -> Option<String> {
    Some(cut(&plain(title), GIVEN_CHARS_MAX)).filter(|title| !title.is_empty())
}

/// `Checkout – Firefox`; `None` where it says nothing.
pub fn of_subject(subject: &Subject) -> Option<String> {
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

/// `Checkout - Mozilla Firefox` is `Checkout`, where the app is Firefox.
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

/// One line, without what would turn it, hide in it, or end a line of a log.
fn plain(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let shown: String = shown.filter(|c| !c.is_control() && !is_hidden(*c)).collect();
    shown.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Marks of direction, characters of no width, tags, and those that mean something to one program
/// alone. Joiners stay: words and emoji are written with them.
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
