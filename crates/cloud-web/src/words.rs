//! The words of the pages, in the visitor's language.
//!
//! The language is the first of those that the browser asks for (`Accept-Language`) in which the pages exist. The
//! server chooses, and not a script, so that pages without scripts are in it too and nothing is written anew once it
//! is shown. Each page therefore says `Vary: accept-language`; no cache may show a page without asking anyway. The
//! scripts' words are an asset of their own for each language, which caches keep.
//!
//! The build makes a method of each string (`build.rs`): `copy_link` in `assets/strings/pages/en.json` is
//! `words.copy_link()`. A string that is missing in any language, or has other parameters there, doesn't compile.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use jiff::civil::DateTime;
use maud::{Escaper, Markup, Render};
use snaplark_cloud::sizes;

include!(concat!(env!("OUT_DIR"), "/words.rs"));

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PageLanguage {
    #[default]
    En,
    De,
    Ar,
}

impl PageLanguage {
    /// Lists all languages, in the order of the texts that the build makes.
    pub(crate) const ALL: [PageLanguage; 3] =
        [PageLanguage::En, PageLanguage::De, PageLanguage::Ar];

    /// Returns the tag in HTML and in addresses.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            PageLanguage::En => "en",
            PageLanguage::De => "de",
            PageLanguage::Ar => "ar",
        }
    }

    /// Returns the language with this tag, if the pages have it.
    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// Returns the first of the languages that a browser asks for (RFC 9110, 12.5.4) in which the pages exist.
    fn asked(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT_LANGUAGE).iter();
        let ranges = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
        let known = ranges.filter_map(|range| {
            let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
            let base = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            let weight = weight.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse().ok())?;
            Some((Self::of_tag(&base)?, weight)).filter(|(_, weight): &(_, f32)| *weight > 0.0)
        });
        // The first of equals: a later one replaces it only if it is wanted more.
        let best = known.reduce(|best, next| if next.1 > best.1 { next } else { best });
        best.map(|(language, _)| language).unwrap_or_default()
    }

    /// Returns the plural form of a number (Unicode CLDR).
    fn form(self, count: u64) -> &'static str {
        match (self, count, count % 100) {
            (PageLanguage::En | PageLanguage::De, 1, _) => "one",
            (PageLanguage::En | PageLanguage::De, _, _) => "other",
            (PageLanguage::Ar, 0, _) => "zero",
            (PageLanguage::Ar, 1, _) => "one",
            (PageLanguage::Ar, 2, _) => "two",
            (PageLanguage::Ar, _, 3..=10) => "few",
            (PageLanguage::Ar, _, 11..=99) => "many",
            (PageLanguage::Ar, _, _) => "other",
        }
    }
}

/// The words of the pages in one language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageWords {
    pub(crate) language: PageLanguage,
}

impl<S: Sync> FromRequestParts<S> for PageWords {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(PageWords::asked(&parts.headers))
    }
}

impl PageWords {
    /// Returns the words in the language that a browser asks for.
    pub(crate) fn asked(headers: &HeaderMap) -> Self {
        PageWords { language: PageLanguage::asked(headers) }
    }

    /// Returns the direction in which the language is read, as HTML names it.
    pub(crate) const fn direction(self) -> &'static str {
        match self.language {
            PageLanguage::En | PageLanguage::De => "ltr",
            PageLanguage::Ar => "rtl",
        }
    }

    /// Formats a size: 31 MB, 1.2 GB.
    pub(crate) fn size(self, bytes: u64) -> String {
        let size = sizes::words(bytes);
        match self.language {
            PageLanguage::De => size.replace('.', ","),
            PageLanguage::En | PageLanguage::Ar => size,
        }
    }

    /// Formats a date, in UTC.
    pub(crate) fn date(self, at: Timestamp) -> String {
        let at = in_utc(at);
        let month = usize::from(at.month().unsigned_abs()).saturating_sub(1);
        let month = self.months().split(' ').nth(month).unwrap_or_default();
        self.date_of(i64::from(at.day()), month, i64::from(at.year())).text()
    }

    /// Formats a time to the minute, in UTC.
    pub(crate) fn date_and_time(self, at: Timestamp) -> String {
        self.date_and_time_of(self.date(at), in_utc(at).strftime("%H:%M").to_string()).text()
    }

    /// Formats a time to the minute, and says that it is in UTC.
    pub(crate) fn time_in_utc(self, at: Timestamp) -> String {
        self.date_and_time_utc(self.date(at), in_utc(at).strftime("%H:%M").to_string()).text()
    }

    fn pick(self, texts: [&'static str; PageLanguage::ALL.len()]) -> &'static str {
        texts[self.language as usize]
    }

    fn filled(
        self,
        texts: [&'static str; PageLanguage::ALL.len()],
        values: Vec<(&'static str, FilledValue)>,
    ) -> Filled {
        Filled { text: self.pick(texts), values, language: self.language }
    }

    fn counted(
        self,
        texts: [&[(&str, &'static str)]; PageLanguage::ALL.len()],
        count: u64,
        mut values: Vec<(&'static str, FilledValue)>,
    ) -> Filled {
        let form = self.language.form(count);
        let text = texts[self.language as usize].iter().find(|(name, _)| *name == form);
        values.push(("count", count.into()));
        Filled { text: text.map_or("", |(_, text)| text), values, language: self.language }
    }
}

fn in_utc(at: Timestamp) -> DateTime {
    at.to_zoned(jiff::tz::TimeZone::UTC).datetime()
}

/// The value of a parameter.
#[derive(Clone, Debug)]
pub(crate) enum FilledValue {
    Text(String),
    Markup(Markup),
}

impl From<&str> for FilledValue {
    fn from(text: &str) -> Self {
        FilledValue::Text(text.to_owned())
    }
}

impl From<String> for FilledValue {
    fn from(text: String) -> Self {
        FilledValue::Text(text)
    }
}

impl From<Filled> for FilledValue {
    fn from(filled: Filled) -> Self {
        FilledValue::Text(filled.text())
    }
}

impl From<Markup> for FilledValue {
    fn from(markup: Markup) -> Self {
        FilledValue::Markup(markup)
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(impl From<$number> for FilledValue {
            fn from(number: $number) -> Self {
                FilledValue::Text(number.to_string())
            }
        })*
    };
}
numbers!(u32 u64 usize i64);

/// A string with the values of its parameters. In a page, text is escaped and markup is not.
#[derive(Clone, Debug)]
pub(crate) struct Filled {
    text: &'static str,
    values: Vec<(&'static str, FilledValue)>,
    language: PageLanguage,
}

impl Filled {
    /// Returns the string as plain text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.each(|piece| match piece {
            FilledPiece::Own(own) => text.push_str(own),
            FilledPiece::Value(FilledValue::Text(value)) => {
                text.push_str(&isolated(value, self.language));
            }
            FilledPiece::Value(FilledValue::Markup(value)) => text.push_str(&value.0),
        });
        text
    }

    fn each(&self, mut take: impl FnMut(FilledPiece<'_>)) {
        let mut rest = self.text;
        while let Some((before, behind)) = rest.split_once('{') {
            take(FilledPiece::Own(before));
            let Some((name, after)) = behind.split_once('}') else { return };
            if let Some((_, value)) = self.values.iter().find(|(known, _)| *known == name) {
                take(FilledPiece::Value(value));
            }
            rest = after;
        }
        take(FilledPiece::Own(rest));
    }
}

enum FilledPiece<'a> {
    Own(&'a str),
    Value(&'a FilledValue),
}

impl Render for Filled {
    fn render_to(&self, page: &mut String) {
        use std::fmt::Write as _;
        self.each(|piece| match piece {
            FilledPiece::Own(own) => own.render_to(page),
            FilledPiece::Value(FilledValue::Markup(value)) => page.push_str(&value.0),
            FilledPiece::Value(FilledValue::Text(value)) => {
                Escaper::new(page).write_str(&isolated(value, self.language)).ok();
            }
        });
    }
}

/// Isolates a value whose direction may be another than that of the words around it, so that it doesn't tear them
/// apart (UAX 9).
fn isolated(value: &str, language: PageLanguage) -> String {
    let is_other = |letter: char| match language {
        PageLanguage::Ar => letter.is_ascii_alphabetic(),
        // Hebrew, Arabic and what is written like them.
        PageLanguage::En | PageLanguage::De => ('\u{590}'..='\u{8ff}').contains(&letter),
    };
    match value.contains(is_other) {
        true => format!("\u{2068}{value}\u{2069}"),
        false => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> PageLanguage {
        PageLanguage::asked(&HeaderMap::from_iter([(
            header::ACCEPT_LANGUAGE,
            text.parse().unwrap(),
        )]))
    }

    #[test]
    fn language_is_the_first_of_those_asked_for_that_the_pages_have() {
        for (text, language) in [
            ("de-AT,de;q=0.9,en;q=0.8", PageLanguage::De),
            ("fr-FR, ar ;q=0.7, en;q=0.3", PageLanguage::Ar),
            ("en, de", PageLanguage::En),
            ("de;q=0, en;q=0.1", PageLanguage::En),
            ("AR-eg", PageLanguage::Ar),
            ("fr", PageLanguage::En),
            ("*", PageLanguage::En),
            ("de;q=nonsense", PageLanguage::En),
        ] {
            assert_eq!(asked(text), language, "{text}");
        }
        assert_eq!(PageLanguage::asked(&HeaderMap::new()), PageLanguage::En);
    }

    #[test]
    fn numbers_have_the_forms_of_their_language() {
        let of = |language: PageLanguage, count| PageWords { language }.views(count).text();
        assert_eq!(
            (of(PageLanguage::En, 1), of(PageLanguage::En, 0)),
            ("1 view".into(), "0 views".into())
        );
        assert_eq!(of(PageLanguage::De, 2), "2 Aufrufe");
        let forms: std::collections::BTreeSet<_> =
            [0, 1, 2, 3, 11, 100].map(|count| of(PageLanguage::Ar, count)).into();
        assert_eq!(forms.len(), 6, "{forms:?}");
        assert_eq!(PageLanguage::Ar.form(103), "few");
    }

    #[test]
    fn values_are_escaped_and_isolated_and_markup_is_neither() {
        let words = PageWords::default();
        let page = maud::html! { p title=(words.link_at("\"<")) { (words.link_at("<b>")) } };
        assert_eq!(page.0, "<p title=\"Link at &quot;&lt;\">Link at &lt;b&gt;</p>");
        let page = maud::html! { (words.link_at(maud::html! { b { "1:02" } })) };
        assert_eq!(page.0, "Link at <b>1:02</b>");
        assert_eq!(words.link_at("\u{639}").text(), "Link at \u{2068}\u{639}\u{2069}");
        let arabic = PageWords { language: PageLanguage::Ar };
        assert!(arabic.link_at("a b").text().ends_with("\u{2068}a b\u{2069}"));
        assert!(arabic.link_at("1:02").text().ends_with(" 1:02"));
    }

    #[test]
    fn dates_and_sizes_are_written_as_the_language_writes_them() {
        let at: Timestamp = "2026-03-05T07:08:09Z".parse().unwrap();
        let of = |language| PageWords { language };
        assert_eq!(of(PageLanguage::En).date_and_time(at), "5 March 2026, 07:08");
        assert_eq!(of(PageLanguage::De).date(at), "5. März 2026");
        assert_eq!(of(PageLanguage::Ar).date(at), "5 مارس 2026");
        assert_eq!(of(PageLanguage::De).size(1_200_000), "1,2 MB");
        for language in PageLanguage::ALL {
            assert_eq!(of(language).months().split(' ').count(), 12, "{language:?}");
        }
    }

    #[test]
    fn script_words_are_objects_with_the_same_names() {
        let names = SCRIPT_WORDS.map(|json| {
            let words: std::collections::BTreeMap<String, serde_json::Value> =
                serde_json::from_str(json).unwrap();
            words.into_keys().collect::<Vec<_>>()
        });
        assert_eq!(names[0], names[1]);
        assert_eq!(names[0], names[2]);
    }
}
