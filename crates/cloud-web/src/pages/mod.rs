//! The pages as HTML. All text from outside is escaped by maud. There are no inline scripts or
//! styles, so that the content security policy can forbid them. Every page works without scripts.

mod account;
mod activity;
mod icons;
mod library;
mod my_account;
mod picture;
mod player;
mod reset;
mod share;
mod watching;

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use snaplark_formats::sniff::MediaKind;

use self::icons::*;
use crate::assets;
use crate::words::PageWords;
use snaplark_cloud::products::{ProductKind, THUMBNAIL};
use snaplark_cloud_data::db::Upload;

pub(crate) use account::{
    ConnectingApp, FormRefusal, consent, password_page as sign_in, refused, tokens,
};
pub(crate) use activity::activity;
pub(crate) use library::{Listed, library};
pub(crate) use my_account::{AccountForm, AccountPage, ExportCounts, account_deleted, my_account};
pub(crate) use picture::{image, oembed as image_oembed};
pub(crate) use player::preloads;
pub(crate) use reset::{Forgotten, dead_link, forgotten, new_password};
pub(crate) use share::{
    OwnersView, ShownVideo, awaited, damaged, embedded, expired, finished, for_members, front,
    library_in_app, live, locked, not_embedded, nothing, oembed, over, removed,
};

/// The time at which a page is rendered, and the words in which it says times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now_ms: i64,
    pub(crate) words: PageWords,
}

/// The form field with the key by which forms of other sites are recognized and refused.
pub(crate) const FORM_KEY: &str = "formKey";

/// The person who is signed in, as pages show them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person<'a> {
    pub(crate) email: &'a str,
    pub(crate) form_key: &'a str,
    pub(crate) words: PageWords,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SiteSection {
    Videos,
    Tokens,
    Activity,
    Account,
}

/// Renders a page for a person who is signed in: a navigation bar and a card.
fn own_page(title: &str, person: Person<'_>, place: SiteSection, card: Markup) -> Markup {
    let current = |it: SiteSection| (it == place).then_some("page");
    let words = person.words;
    let scripts = &["page.js", "own.js"];
    let page = HtmlPage { title, words, head: html! {}, scripts, awaits: None };
    page.render_with("own", html! {
        header.bar-top {
            a.brand href="/" { span.mark { (icon(ICON_RECORD)) } "Snaplark" }
            nav aria-label=(words.pages()) {
                a href="/my/videos" aria-current=[current(SiteSection::Videos)] { (words.library()) }
                a href="/my/tokens" aria-current=[current(SiteSection::Tokens)] { (words.devices_and_tokens()) }
                a href="/my/activity" aria-current=[current(SiteSection::Activity)] { (words.activity()) }
                a href="/my/account" aria-current=[current(SiteSection::Account)] { (words.account()) }
            }
            span.space {}
            span.who title=(person.email) { bdi { (person.email) } }
            form method="post" action="/sign-out" {
                (form_key(person.form_key))
                button.plain.quiet type="submit" title=(words.sign_out()) { (icon(ICON_LOG_OUT)) span { (words.sign_out()) } }
            }
        }
        main { article.card { (card) } }
        div.said role="status" aria-live="polite" {}
    })
}

fn form_key(key: &str) -> Markup {
    html! { input type="hidden" name=(FORM_KEY) value=(key); }
}

struct HtmlPage<'a> {
    title: &'a str,
    words: PageWords,
    head: Markup,
    scripts: &'a [&'a str],
    /// The URL that the page polls until the recording is there.
    awaits: Option<String>,
}

impl<'a> HtmlPage<'a> {
    /// Returns a page without scripts.
    fn plain(words: PageWords, title: &'a str) -> Self {
        HtmlPage { title, words, head: html! {}, scripts: &[], awaits: None }
    }

    /// Renders a page with one card in the middle.
    fn render(&self, card: Markup) -> Markup {
        self.render_with(
            "one signed",
            html! {
                main {
                    article.card { (card) }
                }
                footer {
                    span.mark { (icon(ICON_RECORD)) } span { (self.words.made_with()) }
                }
                div.said role="status" aria-live="polite" {}
            },
        )
    }

    /// Renders a page with one card in the middle that is not about a recording.
    fn render_form(&self, card: Markup) -> Markup {
        self.render_with(
            "one",
            html! {
                main { article.card { (card) } }
                div.said role="status" aria-live="polite" {}
            },
        )
    }

    fn render_with(&self, kind: &str, body: Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang=(self.words.language.tag()) dir=(self.words.direction()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="theme-color" media="(prefers-color-scheme: light)" content="#f5f6f8";
                    meta name="theme-color" media="(prefers-color-scheme: dark)" content="#111318";
                    // Links are for the people who have them, not for search engines.
                    meta name="robots" content="noindex";
                    title { (self.title) @if self.title != "Snaplark" { " · Snaplark" } }
                    (self.head)
                    link rel="icon" type="image/svg+xml" href=(assets::path("icon.svg"));
                    link rel="preload" as="font" type="font/woff2" crossorigin href=(assets::path("inter-latin.woff2"));
                    link rel="stylesheet" href=(assets::path("page.css"));
                    @if !self.scripts.is_empty() { link rel="modulepreload" href=(assets::words_path(self.words.language)); }
                    @for script in self.scripts { script type="module" src=(assets::script_path(script, self.words.language)) {} }
                }
                body.(kind) data-awaits=[self.awaits.as_deref()] { (body) }
            }
        }
    }
}

fn note(icon_paths: &'static str, tone: &str, title: &str, text: &str, more: Markup) -> Markup {
    html! {
        div.note data-tone=(tone) {
            span.badge { (icon(icon_paths)) }
            h1 { (title) }
            p { (text) }
            (more)
        }
    }
}

/// Returns the noun that pages use for the upload.
pub(crate) fn noun(upload: &Upload) -> &'static str {
    if upload.media.is_image() { "screenshot" } else { "recording" }
}

/// Returns the path of the upload's page.
pub(crate) fn page_path(upload: &Upload) -> String {
    let kind = if upload.media.is_image() { "screenshots" } else { "videos" };
    format!("/{kind}/{}", upload.video_id)
}

/// Returns the path of this version of an image. Its bytes never change, and it is gone once there is
/// another version, so that a page never shows one version's picture in another's frame.
pub(crate) fn version_path(upload: &Upload) -> String {
    format!("{}/image.{}.{}", page_path(upload), upload.version, upload.media.name())
}

/// Returns the path of the video or image itself: of the version that is served.
pub(crate) fn file_path(upload: &Upload) -> String {
    let name = if upload.media.is_image() { "image" } else { "video" };
    format!("{}/{name}.{}", page_path(upload), upload.media.name())
}

pub(crate) fn product_path(upload: &Upload, product: &ProductKind) -> String {
    format!("{}/made/{}", page_path(upload), product.name.as_str())
}

pub(crate) fn thumbnail_url(public_url: &str, upload: &Upload) -> String {
    format!("{public_url}{}", product_path(upload, &THUMBNAIL))
}

pub(crate) fn shown_title(upload: &Upload) -> String {
    upload.share.title.clone().unwrap_or_else(|| title(&upload.filename))
}

/// Returns the title as a page shows it: a recording that has none is named in the page's language.
fn page_title(upload: &Upload, words: PageWords) -> String {
    own_title(upload).unwrap_or_else(|| words.untitled().to_owned())
}

/// Returns the upload's title if somebody gave it one, directly or by the file name.
fn own_title(upload: &Upload) -> Option<String> {
    let named = || Some(title(&upload.filename)).filter(|title| title != UNTITLED);
    upload.share.title.clone().or_else(named)
}

/// Renders the title in a list. Recordings without a title are distinguished by creation time and
/// duration.
fn listed_title(upload: &Upload, moment: Moment) -> Markup {
    html! {
        @match own_title(upload) {
            Some(title) => bdi { (title) },
            None => {
                (if upload.media.is_image() { moment.words.screenshot() } else { moment.words.recording() })
                " · " (date_and_time(upload.created_ms, moment))
                @if let Some(finished) = upload.finished.as_ref().filter(|_| !upload.media.is_image()) {
                    " · " (clock(finished.duration_ms))
                }
            }
        }
    }
}

/// Returns the same as plain text, in UTC.
fn plain_title(upload: &Upload, words: PageWords) -> String {
    own_title(upload).unwrap_or_else(|| {
        let at = Timestamp::from_millisecond(upload.created_ms).unwrap_or_default();
        let time = words.date_and_time(at);
        match upload.media.is_image() {
            true => words.screenshot_of(time).text(),
            false => words.recording_of(time).text(),
        }
    })
}

/// Renders a time to the minute, in UTC. The script converts it to the reader's time zone.
fn date_and_time(at_ms: i64, moment: Moment) -> Markup {
    let at = Timestamp::from_millisecond(at_ms.min(moment.now_ms)).unwrap_or_default();
    html! { time datetime=(at.to_string()) data-minutes { (moment.words.date_and_time(at)) } }
}

const UNTITLED: &str = "Screen recording";

/// Derives a title from a file name.
fn title(filename: &str) -> String {
    let stem = match MediaKind::of_name(filename) {
        Some(_) => filename.rsplit_once('.').map_or(filename, |(stem, _)| stem),
        None => filename,
    };
    let stamp = stem.strip_prefix("recording_").or_else(|| stem.strip_prefix("recording-"));
    match stamp {
        Some(stamp) if stamp.bytes().all(|b| b.is_ascii_digit() || b"T-_:.".contains(&b)) => {
            UNTITLED.to_owned()
        }
        _ if stem.trim().is_empty() => UNTITLED.to_owned(),
        _ => stem.to_owned(),
    }
}

/// Renders a date in UTC. The script converts it to the reader's language and time zone.
fn date(created_ms: i64, moment: Moment) -> Markup {
    let at = Timestamp::from_millisecond(created_ms.min(moment.now_ms)).unwrap_or_default();
    html! { time datetime=(at.to_string()) { (moment.words.date(at)) } }
}

/// Returns what a button's tip says: its name and its key.
fn with_key(name: &str, key: &str) -> String {
    format!("{name} ({key})")
}

/// Formats a duration as `1:42` or `1:02:03`.
fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

fn icon(paths: &'static str) -> Markup {
    html! {
        svg viewBox="0 0 24 24" aria-hidden="true" focusable="false" { (PreEscaped(paths)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_for_people() {
        for (filename, expected) in [
            ("recording_2024-01-15T10-30-45.webm", "Screen recording"),
            ("recording-1234567890.webm", "Screen recording"),
            ("Checkout bug – cart total.webm", "Checkout bug – cart total"),
            ("v1.2 demo", "v1.2 demo"),
            (".webm", "Screen recording"),
        ] {
            assert_eq!(title(filename), expected);
        }
    }

    #[test]
    fn times_are_read_at_a_glance() {
        assert_eq!(clock(102_999), "1:42");
        assert_eq!(clock(3_723_000), "1:02:03");
        assert_eq!(clock(0), "0:00");
    }
}
