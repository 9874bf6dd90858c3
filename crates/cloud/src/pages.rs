//! The pages as HTML. Whatever comes from outside goes through maud's escaping; no inline script
//! or style anywhere, so that the policy can forbid them.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use snaplark_api::routes;

use crate::db::Upload;
use crate::http::asset;

/// When a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub now_ms: i64,
}

/// A recording that is whole.
pub fn finished(public_url: &str, upload: &Upload, moment: Moment) -> Markup {
    let duration_ms = upload.finished.as_ref().map_or(0, |finished| finished.duration_ms);
    let title = title(&upload.filename);
    let page = Page {
        title: &title,
        share: Some(Share { public_url, upload }),
        scripts: &["page.js", "player.js"],
        awaits: None,
    };
    page.render(html! {
        (stage(upload, "finished", ""))
        (about(&title, html! {
            (date(upload.created_ms, moment)) " · " span data-duration { (clock(duration_ms)) } " · anyone with the link"
        }))
    })
}

/// A recording that still comes in.
pub fn live(public_url: &str, upload: &Upload, mime: &str) -> Markup {
    let title = title(&upload.filename);
    let page = Page {
        title: &title,
        share: Some(Share { public_url, upload }),
        scripts: &["page.js", "player.js"],
        awaits: None,
    };
    page.render(html! {
        (stage(upload, "live", mime))
        (about(&title, html! { span data-live-text { "Being recorded now" } " · anyone with the link" }))
    })
}

pub fn awaited(video_id: &str) -> Markup {
    let page = Page {
        title: "Not here yet",
        share: None,
        scripts: &["page.js"],
        awaits: Some(format!("/videos/{video_id}/live")),
    };
    page.render(note(
        ICON_CLOUD_UPLOAD,
        "waits",
        "Not here yet",
        "The link is right, and the recording is on its way. This page shows it as soon as its first seconds arrive.",
        html! { span.pulse { span {} span {} span {} } span.sr { "Waiting" } },
    ))
}

pub fn removed() -> Markup {
    end_page(
        ICON_TRASH,
        "This recording was removed",
        "Whoever made it has taken it off this server. Ask them for another link.",
    )
}

pub fn expired() -> Markup {
    end_page(
        ICON_CLOUD_OFF,
        "This recording never arrived in full",
        "Its upload stopped half way, so there is nothing to show. Whoever made it still has the file and can send it again.",
    )
}

pub fn nothing() -> Markup {
    end_page(
        ICON_UNLINK,
        "There is nothing at this address",
        "Check that the whole link was copied, down to its last character.",
    )
}

pub fn front(public_url: &str) -> Markup {
    let page = Page { title: "Snaplark", share: None, scripts: &[], awaits: None };
    page.render(note(
        ICON_PLAY,
        "accent",
        "This is a Snaplark server",
        "Recordings are watched by their links. To send yours here, choose “Own server” in Snaplark and give it this address.",
        html! { code { (public_url) } },
    ))
}

fn end_page(icon: &'static str, title: &str, text: &str) -> Markup {
    let page = Page { title, share: None, scripts: &[], awaits: None };
    page.render(note(icon, "plain", title, text, html! {}))
}

struct Page<'a> {
    title: &'a str,
    share: Option<Share<'a>>,
    scripts: &'a [&'a str],
    /// What is asked until the recording is there.
    awaits: Option<String>,
}

struct Share<'a> {
    public_url: &'a str,
    upload: &'a Upload,
}

impl Page<'_> {
    fn render(&self, card: Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="theme-color" media="(prefers-color-scheme: light)" content="#f5f6f8";
                    meta name="theme-color" media="(prefers-color-scheme: dark)" content="#111318";
                    // Links are for those who have them, not for search engines.
                    meta name="robots" content="noindex";
                    title { (self.title) @if self.title != "Snaplark" { " · Snaplark" } }
                    @if let Some(share) = &self.share { (share.open_graph(self.title)) }
                    link rel="icon" type="image/svg+xml" href=(asset("icon.svg"));
                    link rel="preload" as="font" type="font/woff2" crossorigin href=(asset("inter-latin.woff2"));
                    link rel="stylesheet" href=(asset("page.css"));
                    @for script in self.scripts { script type="module" src=(asset(script)) {} }
                }
                body data-awaits=[self.awaits.as_deref()] {
                    main {
                        article.card { (card) }
                    }
                    footer {
                        span.mark { (icon(ICON_RECORD)) } span { "Recorded with Snaplark" }
                    }
                    div.said role="status" aria-live="polite" {}
                }
            }
        }
    }
}

impl Share<'_> {
    fn open_graph(&self, title: &str) -> Markup {
        let id = self.upload.video_id.to_string();
        let page = routes::share_page(self.public_url, &id);
        let video = format!("{page}/video.webm");
        html! {
            meta name="description" content="A screen recording, shared with Snaplark.";
            meta property="og:site_name" content="Snaplark";
            meta property="og:type" content="video.other";
            meta property="og:title" content=(title);
            meta property="og:description" content="A screen recording, shared with Snaplark.";
            meta property="og:url" content=(page);
            meta property="og:video" content=(video);
            meta property="og:video:type" content="video/webm";
            meta property="og:video:width" content=(self.upload.width);
            meta property="og:video:height" content=(self.upload.height);
            @if let Some(finished) = &self.upload.finished {
                meta property="video:duration" content=(finished.duration_ms / 1000);
            }
            link rel="canonical" href=(page);
        }
    }
}

/// The picture, with the browser's own controls until the script brings ours.
fn stage(upload: &Upload, state: &str, mime: &str) -> Markup {
    let base = format!("/videos/{}", upload.video_id);
    html! {
        div.stage data-player data-base=(base) data-state=(state) data-mime=(mime) {
            video controls playsinline preload="metadata" width=(upload.width) height=(upload.height)
                src=(format!("{base}/video.webm")) {}
            button.big-play type="button" hidden aria-label="Play" { (icon(ICON_PLAY)) }
            div.controls hidden {
                div.seek {
                    div.bar { div.loaded {} div.played {} }
                    output.hint hidden {}
                    input type="range" min="0" max="1000" step="any" value="0" aria-label="Seek";
                }
                div.row {
                    button.key type="button" data-do="play" aria-label="Play" title="Play (Space)" {
                        span.when-paused { (icon(ICON_PLAY)) } span.when-playing { (icon(ICON_PAUSE)) }
                    }
                    div.volume {
                        button.key type="button" data-do="mute" aria-label="Mute" title="Mute (M)" {
                            span.when-loud { (icon(ICON_VOLUME)) } span.when-muted { (icon(ICON_MUTED)) }
                        }
                        input type="range" min="0" max="1" step="0.05" value="1" aria-label="Volume";
                    }
                    span.time { span data-now { "0:00" } " / " span data-total { "0:00" } }
                    span.space {}
                    button.live type="button" data-do="edge" hidden title="Go to the newest second" {
                        (icon(ICON_RADIO)) span data-behind { "Live" }
                    }
                    button.key.word type="button" data-do="speed" aria-label="Speed" title="Speed (< and >)" { "1×" }
                    button.key type="button" data-do="full" aria-label="Full screen" title="Full screen (F)" {
                        span.when-small { (icon(ICON_MAXIMIZE)) } span.when-full { (icon(ICON_MINIMIZE)) }
                    }
                }
            }
        }
    }
}

fn about(title: &str, meta: Markup) -> Markup {
    html! {
        div.about {
            div.words { h1 title=(title) { (title) } p { (meta) } }
            div.actions {
                button.plain type="button" data-copy="time" hidden {
                    (icon(ICON_CLOCK)) span { "Link at " span data-at { "0:00" } }
                }
                button.primary type="button" data-copy="link" hidden { (icon(ICON_LINK)) span { "Copy link" } }
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

/// A name for people, from the file's.
fn title(filename: &str) -> String {
    let stem = filename.strip_suffix(".webm").unwrap_or(filename);
    let stamp = stem.strip_prefix("recording_").or_else(|| stem.strip_prefix("recording-"));
    match stamp {
        Some(stamp) if stamp.bytes().all(|b| b.is_ascii_digit() || b"T-_:.".contains(&b)) => {
            "Screen recording".to_owned()
        }
        _ if stem.trim().is_empty() => "Screen recording".to_owned(),
        _ => stem.to_owned(),
    }
}

/// In UTC; the script puts it into the reader's own words and zone.
fn date(created_ms: i64, moment: Moment) -> Markup {
    let at = Timestamp::from_millisecond(created_ms.min(moment.now_ms)).unwrap_or_default();
    html! { time datetime=(at.to_string()) { (at.strftime("%-d %B %Y")) } }
}

/// `1:42`, `1:02:03`.
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

// Lucide (ISC), as paths on a 24 by 24 grid.
const ICON_LINK: &str = r#"<path d="M10 13a5 5 0 0 0 7.54.54l3-3a5 5 0 0 0-7.07-7.07l-1.72 1.71"/><path d="M14 11a5 5 0 0 0-7.54-.54l-3 3a5 5 0 0 0 7.07 7.07l1.71-1.71"/>"#;
const ICON_CLOCK: &str = r#"<circle cx="12" cy="12" r="10"/><path d="M12 6v6l4 2"/>"#;
const ICON_PLAY: &str = r#"<path d="M5 5a2 2 0 0 1 3.008-1.728l11.997 6.998a2 2 0 0 1 .003 3.458l-12 7A2 2 0 0 1 5 19z"/>"#;
const ICON_PAUSE: &str = r#"<rect x="14" y="3" width="5" height="18" rx="1"/><rect x="5" y="3" width="5" height="18" rx="1"/>"#;
const ICON_VOLUME: &str = r#"<path d="M11 4.702a.705.705 0 0 0-1.203-.498L6.413 7.587A1.4 1.4 0 0 1 5.416 8H3a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2.416a1.4 1.4 0 0 1 .997.413l3.383 3.384A.705.705 0 0 0 11 19.298z"/><path d="M16 9a5 5 0 0 1 0 6"/><path d="M19.364 18.364a9 9 0 0 0 0-12.728"/>"#;
const ICON_MUTED: &str = r#"<path d="M11 4.702a.7.7 0 0 0-1.203-.498L6.413 7.587A1.4 1.4 0 0 1 5.416 8H3a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2.416a1.4 1.4 0 0 1 .997.413l3.383 3.384A.7.7 0 0 0 11 19.298z"/><path d="m16.5 14.5 5-5"/><path d="m16.5 9.5 5 5"/>"#;
const ICON_MAXIMIZE: &str = r#"<path d="M8 3H5a2 2 0 0 0-2 2v3"/><path d="M21 8V5a2 2 0 0 0-2-2h-3"/><path d="M3 16v3a2 2 0 0 0 2 2h3"/><path d="M16 21h3a2 2 0 0 0 2-2v-3"/>"#;
const ICON_MINIMIZE: &str = r#"<path d="M8 3v3a2 2 0 0 1-2 2H3"/><path d="M21 8h-3a2 2 0 0 1-2-2V3"/><path d="M3 16h3a2 2 0 0 1 2 2v3"/><path d="M16 21v-3a2 2 0 0 1 2-2h3"/>"#;
const ICON_RADIO: &str = r#"<path d="M16.247 7.761a6 6 0 0 1 0 8.478"/><path d="M19.075 4.933a10 10 0 0 1 0 14.134"/><path d="M4.925 19.067a10 10 0 0 1 0-14.134"/><path d="M7.753 16.239a6 6 0 0 1 0-8.478"/><circle cx="12" cy="12" r="2"/>"#;
const ICON_CLOUD_UPLOAD: &str = r#"<path d="M12 13v8"/><path d="M4 14.899A7 7 0 1 1 15.71 8h1.79a4.5 4.5 0 0 1 2.5 8.242"/><path d="m8 17 4-4 4 4"/>"#;
const ICON_CLOUD_OFF: &str = r#"<path d="M10.94 5.274A7 7 0 0 1 15.71 10h1.79a4.5 4.5 0 0 1 4.222 6.057"/><path d="M18.796 18.81A4.5 4.5 0 0 1 17.5 19H9A7 7 0 0 1 5.79 5.78"/><path d="m2 2 20 20"/>"#;
const ICON_TRASH: &str = r#"<path d="M10 11v6"/><path d="M14 11v6"/><path d="M19 6v14a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V6"/><path d="M3 6h18"/><path d="M8 6V4a2 2 0 0 1 2-2h4a2 2 0 0 1 2 2v2"/>"#;
const ICON_UNLINK: &str = r#"<path d="m18.84 12.25 1.72-1.71h-.02a5.004 5.004 0 0 0-.12-7.07 5.006 5.006 0 0 0-6.95 0l-1.72 1.71"/><path d="m5.17 11.75-1.71 1.71a5.004 5.004 0 0 0 .12 7.07 5.006 5.006 0 0 0 6.95 0l1.71-1.71"/><line x1="8" x2="8" y1="2" y2="5"/><line x1="2" x2="5" y1="8" y2="8"/><line x1="16" x2="16" y1="19" y2="22"/><line x1="19" x2="22" y1="16" y2="16"/>"#;
const ICON_RECORD: &str = r#"<circle cx="12" cy="12" r="10"/><circle cx="12" cy="12" r="1.5"/>"#;

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
