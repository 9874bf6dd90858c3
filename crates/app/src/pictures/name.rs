//! Names of pictures: titles of the date, and names of files from the pattern of the settings.

use std::path::{Path, PathBuf};

use jiff::Zoned;

use super::policy::FILE_NAME_CHARS_MAX;
use crate::{Language, titles};

/// Returns the title of a screenshot whose subject has no name: `Screenshot, Tuesday 14:05`.
pub(crate) fn dated_title(taken: &Zoned, language: Language) -> String {
    let what = match titles::spoken(language) {
        Language::De => "Bildschirmfoto",
        Language::Ar => "لقطة شاشة",
        Language::En | Language::System => "Screenshot",
    };
    titles::dated_as(what, taken, language)
}

/// Returns the name of a file without its ending. `{date}`, `{time}` and `{title}` stand for the picture's own;
/// what no file system takes is left out.
pub(super) fn of_file(pattern: &str, title: &str, taken: &Zoned) -> String {
    let date = taken.strftime("%Y-%m-%d").to_string();
    let time = taken.strftime("%H-%M-%S").to_string();
    let named = pattern.replace("{date}", &date).replace("{time}", &time);
    let named = clean(&named.replace("{title}", title));
    match named.is_empty() {
        true => format!("Screenshot {date} {time}"),
        false => named,
    }
}

/// Returns the name of a recording's file without its ending: its title, or else its date.
pub(crate) fn of_recording(title: &str, started_text: &str) -> String {
    let named = clean(title);
    match named.is_empty() {
        true => format!("recording_{started_text}"),
        false => named,
    }
}

/// Removes what Windows, macOS or Linux refuse in names, and what hides or reorders a name.
fn clean(name: &str) -> String {
    let plain = titles::given(name).unwrap_or_default();
    let replaced = plain.chars().map(|c| match c {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '-',
        other => other,
    });
    let short: String = replaced.take(FILE_NAME_CHARS_MAX).collect();
    // A leading dot hides a file, and Windows drops dots and spaces at the end.
    short.trim().trim_matches('.').trim().to_owned()
}

/// Returns a path of that name that doesn't exist yet: with ` (2)`, ` (3)` and so on before the ending.
pub(super) fn free_in(folder: &Path, name: &str) -> PathBuf {
    let first = folder.join(name);
    if !first.exists() {
        return first;
    }
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let others = (2_u32..).map(|n| folder.join(format!("{stem} ({n}).{ending}")));
    others.into_iter().find(|path| !path.exists()).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken() -> Zoned {
        "2026-11-24T14:05:09[UTC]".parse().unwrap()
    }

    #[test]
    fn file_is_named_after_the_pattern_without_what_no_system_takes() {
        let name = |pattern, title| of_file(pattern, title, &taken());
        assert_eq!(name("Screenshot {date} {time}", ""), "Screenshot 2026-11-24 14-05-09");
        assert_eq!(name("{title}", "a/b\\c:d"), "a-b-c-d");
        assert_eq!(name("{title}", "../.."), "-", "no way out of the folder");
        assert_eq!(name("{title}", " .. "), "Screenshot 2026-11-24 14-05-09");
        assert_eq!(name("{title}", "a\u{202E}gnp.b"), "agnp.b");
        assert_eq!(name("{title}", &"x".repeat(300)).chars().count(), FILE_NAME_CHARS_MAX);
    }

    #[test]
    fn file_that_is_there_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for want in ["a.png", "a (2).png", "a (3).png"] {
            let path = free_in(folder.path(), "a.png");
            assert_eq!(path, folder.path().join(want));
            std::fs::write(path, "").unwrap();
        }
    }

    #[test]
    fn screenshot_without_a_name_has_its_date() {
        let title = |language| dated_title(&taken(), language);
        assert_eq!(title(Language::En), "Screenshot, Tuesday 14:05");
        assert_eq!(title(Language::De), "Bildschirmfoto, Dienstag 14:05");
    }
}
