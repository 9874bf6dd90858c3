//! The player of a video, and what stands around it: chapters, transcript, downloads, and ways to share.
//!
//! Everything is in the page before its scripts run, so that nothing moves when they do. Without them the
//! browser's own controls play the video.

use maud::{Markup, html};
use snaplark_formats::sniff::MediaKind;

use super::icons::*;
use super::share::ShownVideo;
use super::{HtmlPage, clock, file_path, icon, page_path, product_path, shown_title};
use crate::assets;
use snaplark_cloud::edit::{ShownChapter, VersionEdit};
use snaplark_cloud::products::{CAPTIONS, Mp4Height, THUMBNAIL};
use snaplark_cloud_data::db::{Upload, WATCH_STRETCHES};

/// Returns a page with the player's scripts. Its style sheet of one line gives the card the picture's shape
/// before anything is drawn, because the policy allows no style in the page.
pub(super) fn player_page<'a>(title: &'a str, shown: ShownVideo<'_>, head: Markup) -> HtmlPage<'a> {
    let head = html! {
        (head)
        @if let Some(shape) = assets::shape_path(shown.upload.width, shown.upload.height) { link rel="stylesheet" href=(shape); }
        @for path in player_scripts(shown.upload) { link rel="modulepreload" href=(path); }
    };
    HtmlPage { title, head, scripts: &["page.js", "player.js"], awaits: None }
}

/// Returns the scripts that the player's own scripts load first, so that no browser waits for one to learn
/// of the next.
fn player_scripts(upload: &Upload) -> Vec<String> {
    let is_live = upload.finished.is_none();
    is_live.then(|| assets::path("live.js")).into_iter().collect()
}

/// Returns what a browser, or a proxy that sends early hints, can load before it has read the page:
/// `Link` headers (RFC 8288).
pub(crate) fn preloads(upload: &Upload) -> Vec<String> {
    let link = |path: &str, what: &str| format!("<{path}>; rel={what}");
    let mut links = vec![link(&assets::path("page.css"), "preload; as=style")];
    links.extend(["page.js", "player.js"].map(|it| link(&assets::path(it), "modulepreload")));
    links.extend(player_scripts(upload).iter().map(|it| link(it, "modulepreload")));
    links.extend(poster(upload).map(|it| link(&it, "preload; as=image")));
    links
}

/// Returns the path of the picture that is shown until the video's first one is there.
fn poster(upload: &Upload) -> Option<String> {
    let version = upload.version;
    let path = || format!("{}?v={version}", product_path(upload, &THUMBNAIL));
    upload.has(&THUMBNAIL.name).then(path)
}

/// The speeds that the player offers, as the script reads them, and as they are shown.
const SPEEDS: [(&str, &str); 7] = [
    ("0.5", "0.5×"),
    ("0.75", "0.75×"),
    ("1", "1×"),
    ("1.25", "1.25×"),
    ("1.5", "1.5×"),
    ("1.75", "1.75×"),
    ("2", "2×"),
];

/// Renders the player. It has the browser's own controls until the script adds the custom ones.
pub(super) fn stage(shown: ShownVideo<'_>, state: &str, is_page: bool) -> Markup {
    let ShownVideo { upload, edit, mime, has_downloads, .. } = shown;
    let version = upload.finished.as_ref().map(|_| upload.version);
    let captions = upload.has(&CAPTIONS.name).then(|| product_path(upload, &CAPTIONS));
    let fits = assets::fits(upload.width, upload.height);
    html! {
        div.stage data-player data-base=(page_path(upload)) data-state=(state) data-mime=(mime) data-fits[fits]
            data-version=[version] data-length=[upload.finished.as_ref().map(|it| it.duration_ms)] data-times=[times_attribute(edit)] data-hls=[shown.playlist()] data-stretches=[shown.counts_watching.then_some(WATCH_STRETCHES)] {
            video controls playsinline preload="metadata" width=(upload.width) height=(upload.height) poster=[poster(upload)] {
                @for (address, mime) in sources(shown) { source src=(address) type=[mime]; }
                @if let Some(captions) = captions { track kind="captions" label="Captions" src=(captions); }
                "This browser shows no videos. "
                @if has_downloads { a href={ (file_path(upload)) "?download" } { "Download the video" } }
            }
            div.preparing role="status" hidden { span.pulse { span {} span {} span {} } span { "Preparing the video for this browser" } }
            div.unplayable role="alert" hidden data-file=(file_path(upload)) {
                strong { "This browser can't play this video" }
                p { (why_not(shown)) }
                @if upload.finished.is_some() && has_downloads {
                    a.primary href={ (file_path(upload)) "?download" } download { "Download the video" }
                }
            }
            button.big-play type="button" hidden aria-label="Play" { (icon(ICON_PLAY)) }
            div.controls hidden {
                div.seek {
                    div.bar { div.loaded {} div.played {} div.marks {} }
                    output.hint hidden { b {} span {} }
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
                    button.live type="button" data-do="edge" hidden title="Go to live" {
                        (icon(ICON_RADIO)) span data-behind { "Live" }
                    }
                    @if upload.has(&CAPTIONS.name) {
                        button.key type="button" data-do="captions" aria-pressed="false" aria-label="Captions" title="Captions (C)" { (icon(ICON_CAPTIONS)) }
                    }
                    select.key.word data-do="speed" aria-label="Speed" title="Speed (< and >)" {
                        @for (rate, name) in SPEEDS { option value=(rate) selected[rate == "1"] { (name) } }
                    }
                    button.key.rare type="button" data-do="keys" aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)" { (icon(ICON_KEYBOARD)) }
                    button.key.rare type="button" data-do="pip" hidden aria-label="Picture in picture" title="Picture in picture (I)" { (icon(ICON_PICTURE_IN_PICTURE)) }
                    @if is_page { button.key.rare type="button" data-do="theater" aria-pressed="false" aria-label="Theater" title="Theater (T)" { (icon(ICON_THEATER)) } }
                    button.key type="button" data-do="full" aria-label="Full screen" title="Full screen (F)" {
                        span.when-small { (icon(ICON_MAXIMIZE)) } span.when-full { (icon(ICON_MINIMIZE)) }
                    }
                }
            }
        }
    }
}

/// Returns the addresses that the video element tries one after the other, with their types: the recording
/// as it is, and for browsers that don't play that, H.264. A browser without scripts plays the first that it
/// can; the script takes over where the first one fails.
fn sources(shown: ShownVideo<'_>) -> Vec<(String, Option<String>)> {
    let ShownVideo { upload, mime, .. } = shown;
    // The bytes at this address never become those of another version.
    let version = upload.finished.as_ref().map(|_| format!("?v={}", upload.version));
    let version = version.unwrap_or_default();
    let address = |path: String| format!("{path}{version}");
    // A type that is refused is not tried, so a file says its type only if its codecs are known.
    let known = mime.contains("codecs").then(|| mime.to_owned());
    let mut sources = vec![(address(file_path(upload)), known)];
    let made = Mp4Height::ALL.map(Mp4Height::product);
    // Where downloads are off, nobody gets the MP4: the stream plays the same.
    let mp4 = made.into_iter().find(|mp4| upload.has(&mp4.name));
    if let Some(mp4) = mp4.filter(|_| !upload.share.downloads_off) {
        sources.push((address(product_path(upload, mp4)), Some("video/mp4".to_owned())));
    }
    if let Some(playlist) = shown.playlist() {
        let stream = format!("{}/hls/{playlist}.m3u8", page_path(upload));
        sources.push((address(stream), Some("application/vnd.apple.mpegurl".to_owned())));
    }
    sources
}

/// Returns where the times of the recording are shown, for the player: `?t=` is a time of the recording, so
/// that links stay right when it is edited.
fn times_attribute(edit: &VersionEdit) -> Option<String> {
    let times = edit.times().0;
    let stretches: Vec<_> = times.iter().map(|it| [it.from_ms, it.to_ms, it.at_ms]).collect();
    (!stretches.is_empty()).then(|| serde_json::json!(stretches).to_string())
}

/// Renders what stands beside the video, or below it on a narrow page: its chapters and its transcript.
/// Both have their place before the script fills them, so that nothing moves.
pub(super) fn beside(upload: &Upload, edit: &VersionEdit) -> Markup {
    let chapters = edit.chapters();
    let has_captions = upload.has(&CAPTIONS.name);
    html! {
        @if !chapters.is_empty() || has_captions {
            div.side { aside.beside aria-label="Beside the video" {
                @if !chapters.is_empty() { (chapter_list(&chapters)) }
                @if has_captions { (transcript(upload)) }
            } }
        }
    }
}

/// Renders the chapters. Without scripts they are links to the same page.
fn chapter_list(chapters: &[ShownChapter]) -> Markup {
    html! {
        nav.chapters aria-labelledby="chapters" {
            h2 id="chapters" { "Chapters" }
            ol tabindex="0" aria-labelledby="chapters" {
                @for ShownChapter { at_ms, source_ms, title } in chapters {
                    li { a href={ "?t=" (seconds(*source_ms)) } data-seek=(seconds(*at_ms)) {
                        span.at { (clock(*at_ms)) } " " bdi { (title) }
                    } }
                }
            }
        }
    }
}

/// Renders the frame of the transcript. The browser reads the captions, and the script lists their lines.
fn transcript(upload: &Upload) -> Markup {
    html! {
        section.transcript aria-labelledby="transcript" {
            div.beside-head {
                h2 id="transcript" { "Transcript" }
                span.space {}
                button.plain.slim type="button" data-follow hidden { "Follow the video" }
            }
            label.search { span.sr { "Search the transcript" } (icon(ICON_SEARCH))
                input.field type="search" placeholder="Search" autocomplete="off" data-scripted; }
            output.found role="status" {}
            ol.lines tabindex="0" aria-labelledby="transcript" { li.empty {
                a href=(product_path(upload, &CAPTIONS)) { "Captions as a file" }
            } }
        }
    }
}

/// Returns a time in seconds, with a fraction only if there is one.
fn seconds(ms: u64) -> String {
    match ms % 1000 {
        0 => format!("{}", ms / 1000),
        rest => format!("{}.{rest:03}", ms / 1000),
    }
}

/// Renders the downloads: the original, and MP4s, which are created on request.
pub(super) fn downloads(shown: ShownVideo<'_>) -> Markup {
    let ShownVideo { upload, has_mp4, .. } = shown;
    let name = shown_title(upload);
    let ending = upload.media.name();
    let kind = match upload.media {
        MediaKind::Webm => "WebM",
        MediaKind::Mkv => "Matroska",
        MediaKind::Mp4 | MediaKind::Mov => "Original",
        MediaKind::Png
        | MediaKind::Jpeg
        | MediaKind::Webp
        | MediaKind::Gif
        | MediaKind::Unknown => "File",
    };
    let fits = |lines: u32| lines == 480 || upload.height > lines * 3 / 4;
    html! {
        button.plain.icon-only type="button" popovertarget="downloads" title="Download" aria-label="Download" { (icon(ICON_DOWNLOAD)) }
        div.sheet.small id="downloads" popover role="dialog" aria-label="Download" {
            div.sheet-head { h2 { "Download" } span.space {}
                button.plain.square.quiet type="button" popovertarget="downloads" popovertargetaction="hide" aria-label="Close" { (icon(ICON_X)) } }
            ul.rows.flush {
                li { div.words { strong { (kind) } p { @if upload.is_edited { "As it is shown here" } @else { "As it was recorded" } } }
                    a.plain href={ (file_path(upload)) "?download" } download=(format!("{name}.{ending}")) { "Download" } }
                @for height in Mp4Height::ALL {
                    @let lines = height.lines();
                    @if has_mp4 && fits(lines) {
                        li { div.words { strong { "MP4, " (lines.min(upload.height)) "p" } p { "For editors and older devices" } }
                            a.plain data-made href={ (product_path(upload, height.product())) "?download" } download=(format!("{name}.mp4")) { "Download" } }
                    }
                }
            }
        }
    }
}

/// Renders the ways to share the link. They need the script, which makes the texts.
pub(super) fn sharing(upload: &Upload) -> Markup {
    let ways = [
        ("link", "Link", "For messages and mail"),
        ("markdown", "Markdown", "For issues and documents"),
        ("html", "HTML", "For web pages"),
        ("embed", "Embed", "The player, inside another page"),
    ];
    html! {
        button.plain.icon-only type="button" popovertarget="sharing" title="Share" aria-label="Share" data-scripted { (icon(ICON_SHARE)) }
        div.sheet.small id="sharing" popover role="dialog" aria-label="Share" {
            div.sheet-head { h2 { "Share" } span.space {}
                button.plain.square.quiet type="button" popovertarget="sharing" popovertargetaction="hide" aria-label="Close" { (icon(ICON_X)) } }
            div.form { label.tick { input type="checkbox" data-from-here; span { "Start at " span data-at { "0:00" } } } }
            ul.rows.flush {
                @for (way, name, purpose) in ways {
                    // Other sites' pages are sent no cookies of this one, so they can show open links only.
                    @if way != "embed" || upload.share.is_open() {
                        li { div.words { strong { (name) } p { (purpose) } }
                            button.plain type="button" data-share=(way) aria-label={ "Copy " (name) } { "Copy" } }
                    }
                }
            }
        }
    }
}

/// Returns the explanation that is shown if the browser can't play the video.
fn why_not(shown: ShownVideo<'_>) -> String {
    let why = match shown.upload.media {
        MediaKind::Mkv if shown.has_mp4 => {
            "It is in the Matroska format, and a version for browsers couldn't be made or played."
        }
        MediaKind::Webm | MediaKind::Mp4 | MediaKind::Mov | MediaKind::Unknown if shown.has_mp4 => {
            "It supports neither the format of the recording nor H.264."
        }
        MediaKind::Mkv => "It is in the Matroska format, and this server makes no other.",
        MediaKind::Webm | MediaKind::Mp4 | MediaKind::Mov | MediaKind::Unknown => {
            "It doesn't support the format, and this server makes no other."
        }
        MediaKind::Png | MediaKind::Jpeg | MediaKind::Webp | MediaKind::Gif => {
            return "This isn't a video.".to_owned();
        }
    };
    let instead = match shown.has_downloads {
        true => "Programs such as VLC play the file.",
        false => "Open the link in another browser.",
    };
    format!("{why} {instead}")
}

/// Says what a page without scripts can do.
pub(super) fn without_script(shown: ShownVideo<'_>) -> Markup {
    html! {
        noscript { p.description {
            "Without JavaScript, your browser’s own controls play the video."
            @if shown.has_downloads {
                " If it stays black, "
                a href={ (file_path(shown.upload)) "?download" } download { "download the video" }
                "."
            }
        } }
    }
}
