//! The player of a video, and what stands around it: chapters, transcript, downloads, and ways to share.
//!
//! Everything is in the page before its scripts run, so that nothing moves when they do. Without them the
//! browser's own controls play the video.

use maud::{Markup, html};
use snaplark_formats::sniff::MediaKind;

use super::icons::*;
use super::share::ShownVideo;
use super::{HtmlPage, clock, file_path, icon, page_path, page_title, product_path, with_key};
use crate::assets;
use crate::words::PageWords;
use snaplark_cloud::edit::{ShownChapter, VersionEdit};
use snaplark_cloud::products::{CAPTIONS, Mp4Height, THUMBNAIL};
use snaplark_cloud_data::db::{Upload, WATCH_STRETCHES};

/// Returns a page with the player's scripts. Its style sheet of one line gives the card the picture's shape
/// before anything is drawn, because the policy allows no style in the page.
pub(super) fn player_page<'a>(title: &'a str, shown: ShownVideo<'_>, head: Markup) -> HtmlPage<'a> {
    let words = shown.words;
    let head = html! {
        (head)
        @if let Some(shape) = assets::shape_path(shown.upload.width, shown.upload.height) { link rel="stylesheet" href=(shape); }
        @for path in player_scripts(words, shown.upload) { link rel="modulepreload" href=(path); }
    };
    HtmlPage { title, words, head, scripts: &["page.js", "player.js"], awaits: None }
}

/// Returns the scripts that the player's own scripts load first, so that no browser waits for one to learn
/// of the next.
fn player_scripts(words: PageWords, upload: &Upload) -> Vec<String> {
    let is_live = upload.finished.is_none();
    is_live.then(|| assets::script_path("live.js", words.language)).into_iter().collect()
}

/// Returns what a browser, or a proxy that sends early hints, can load before it has read the page:
/// `Link` headers (RFC 8288).
pub(crate) fn preloads(words: PageWords, upload: &Upload) -> Vec<String> {
    let link = |path: &str, what: &str| format!("<{path}>; rel={what}");
    let mut links = vec![link(&assets::path("page.css"), "preload; as=style")];
    let scripts = ["page.js", "player.js"].map(|it| assets::script_path(it, words.language));
    links.push(link(&assets::words_path(words.language), "modulepreload"));
    links.extend(scripts.iter().map(|it| link(it, "modulepreload")));
    links.extend(player_scripts(words, upload).iter().map(|it| link(it, "modulepreload")));
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
    let ShownVideo { upload, edit, mime, has_downloads, words, .. } = shown;
    let version = upload.finished.as_ref().map(|_| upload.version);
    let captions = upload.has(&CAPTIONS.name).then(|| product_path(upload, &CAPTIONS));
    let fits = assets::fits(upload.width, upload.height);
    html! {
        div.stage data-player data-base=(page_path(upload)) data-state=(state) data-mime=(mime) data-fits[fits]
            data-version=[version] data-length=[upload.finished.as_ref().map(|it| it.duration_ms)] data-times=[times_attribute(edit)] data-hls=[shown.playlist()] data-stretches=[shown.counts_watching.then_some(WATCH_STRETCHES)] {
            video controls playsinline preload="metadata" width=(upload.width) height=(upload.height) poster=[poster(upload)] {
                @for (address, mime) in sources(shown) { source src=(address) type=[mime]; }
                @if let Some(captions) = captions { track kind="captions" label=(words.captions()) src=(captions); }
                (words.no_video_shown()) " "
                @if has_downloads { a href={ (file_path(upload)) "?download" } { (words.download_video()) } }
            }
            div.preparing role="status" hidden { span.pulse { span {} span {} span {} } span { (words.preparing()) } }
            div.unplayable role="alert" hidden data-file=(file_path(upload)) {
                strong { (words.unplayable()) }
                p { (why_not(shown)) }
                @if upload.finished.is_some() && has_downloads {
                    a.primary href={ (file_path(upload)) "?download" } download { (words.download_video()) }
                }
            }
            button.big-play type="button" hidden aria-label=(words.play()) { (icon(ICON_PLAY)) }
            // Time runs from left to right in every language, as the bar of every player does.
            div.controls dir="ltr" hidden {
                div.seek {
                    div.bar { div.loaded {} div.played {} div.marks {} }
                    output.hint hidden { b {} span {} }
                    input type="range" min="0" max="1000" step="any" value="0" aria-label=(words.seek());
                }
                div.row {
                    button.key type="button" data-do="play" aria-label=(words.play()) title=(with_key(words.play(), words.space_key())) {
                        span.when-paused { (icon(ICON_PLAY)) } span.when-playing { (icon(ICON_PAUSE)) }
                    }
                    div.volume {
                        button.key type="button" data-do="mute" aria-label=(words.mute()) title=(with_key(words.mute(), "M")) {
                            span.when-loud { (icon(ICON_VOLUME)) } span.when-muted { (icon(ICON_MUTED)) }
                        }
                        input type="range" min="0" max="1" step="0.05" value="1" aria-label=(words.volume());
                    }
                    span.time { span data-now { "0:00" } " / " span data-total { "0:00" } }
                    span.space {}
                    button.live type="button" data-do="edge" hidden title=(words.go_to_live()) {
                        (icon(ICON_RADIO)) span dir="auto" data-behind { (words.live()) }
                    }
                    @if upload.has(&CAPTIONS.name) {
                        button.key type="button" data-do="captions" aria-pressed="false" aria-label=(words.captions()) title=(with_key(words.captions(), "C")) { (icon(ICON_CAPTIONS)) }
                    }
                    select.key.word data-do="speed" aria-label=(words.speed()) title=(with_key(words.speed(), "< >")) {
                        @for (rate, name) in SPEEDS { option value=(rate) selected[rate == "1"] { (name) } }
                    }
                    button.key.rare type="button" data-do="keys" aria-label=(words.shortcuts()) title=(with_key(words.shortcuts(), "?")) { (icon(ICON_KEYBOARD)) }
                    button.key.rare type="button" data-do="pip" hidden aria-label=(words.picture_in_picture()) title=(with_key(words.picture_in_picture(), "I")) { (icon(ICON_PICTURE_IN_PICTURE)) }
                    @if is_page { button.key.rare type="button" data-do="theater" aria-pressed="false" aria-label=(words.theater()) title=(with_key(words.theater(), "T")) { (icon(ICON_THEATER)) } }
                    button.key type="button" data-do="full" aria-label=(words.full_screen()) title=(with_key(words.full_screen(), "F")) {
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
pub(super) fn beside(words: PageWords, upload: &Upload, edit: &VersionEdit) -> Markup {
    let chapters = edit.chapters();
    let has_captions = upload.has(&CAPTIONS.name);
    html! {
        @if has_beside(upload, edit) {
            div.side { aside.beside aria-label=(words.beside_video()) {
                @if !chapters.is_empty() { (chapter_list(words, &chapters)) }
                @if has_captions { (transcript(words, upload)) }
            } }
        }
    }
}

/// Returns whether something stands beside the video.
pub(super) fn has_beside(upload: &Upload, edit: &VersionEdit) -> bool {
    !edit.chapters().is_empty() || upload.has(&CAPTIONS.name)
}

/// Renders the chapters. Without scripts they are links to the same page.
fn chapter_list(words: PageWords, chapters: &[ShownChapter]) -> Markup {
    html! {
        nav.chapters aria-labelledby="chapters" {
            h2 id="chapters" { (words.chapters()) }
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
fn transcript(words: PageWords, upload: &Upload) -> Markup {
    html! {
        section.transcript aria-labelledby="transcript" {
            div.beside-head {
                h2 id="transcript" { (words.transcript()) }
                span.space {}
                button.plain.slim type="button" data-follow hidden { (words.follow_video()) }
            }
            label.search { span.sr { (words.search_transcript()) } (icon(ICON_SEARCH))
                input.field type="search" placeholder=(words.search()) autocomplete="off" data-scripted; }
            output.found role="status" {}
            ol.lines tabindex="0" aria-labelledby="transcript" { li.empty {
                a href=(product_path(upload, &CAPTIONS)) { (words.captions_as_file()) }
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
    let ShownVideo { upload, has_mp4, words, .. } = shown;
    let name = page_title(upload, words);
    let ending = upload.media.name();
    let kind = match upload.media {
        MediaKind::Webm => "WebM",
        MediaKind::Mkv => "Matroska",
        MediaKind::Mp4 | MediaKind::Mov => words.file_original(),
        MediaKind::Png
        | MediaKind::Jpeg
        | MediaKind::Webp
        | MediaKind::Gif
        | MediaKind::Unknown => words.file_other(),
    };
    let fits = |lines: u32| lines == 480 || upload.height > lines * 3 / 4;
    html! {
        button.plain.icon-only type="button" popovertarget="downloads" title=(words.download()) aria-label=(words.download()) { (icon(ICON_DOWNLOAD)) }
        div.sheet.small id="downloads" popover role="dialog" aria-label=(words.download()) {
            div.sheet-head { h2 { (words.download()) } span.space {}
                button.plain.square.quiet type="button" popovertarget="downloads" popovertargetaction="hide" aria-label=(words.close()) { (icon(ICON_X)) } }
            ul.rows.flush {
                li { div.words { strong { (kind) } p { @if upload.is_edited { (words.file_as_shown()) } @else { (words.file_as_recorded()) } } }
                    a.plain href={ (file_path(upload)) "?download" } download=(format!("{name}.{ending}")) { (words.download()) } }
                @for height in Mp4Height::ALL {
                    @let lines = height.lines();
                    @if has_mp4 && fits(lines) {
                        li { div.words { strong { "MP4, " (lines.min(upload.height)) "p" } p { (words.file_for_editors()) } }
                            a.plain data-made href={ (product_path(upload, height.product())) "?download" } download=(format!("{name}.mp4")) { (words.download()) } }
                    }
                }
            }
        }
    }
}

/// Renders the ways to share the link. They need the script, which makes the texts.
pub(super) fn sharing(shown: ShownVideo<'_>) -> Markup {
    let ShownVideo { upload, words, .. } = shown;
    let ways = [
        ("link", words.share_link(), words.share_link_hint()),
        ("markdown", "Markdown", words.share_markdown_hint()),
        ("html", "HTML", words.share_html_hint()),
        ("embed", words.share_embed(), words.share_embed_hint()),
    ];
    html! {
        button.plain.icon-only type="button" popovertarget="sharing" title=(words.share()) aria-label=(words.share()) data-scripted { (icon(ICON_SHARE)) }
        div.sheet.small id="sharing" popover role="dialog" aria-label=(words.share()) {
            div.sheet-head { h2 { (words.share()) } span.space {}
                button.plain.square.quiet type="button" popovertarget="sharing" popovertargetaction="hide" aria-label=(words.close()) { (icon(ICON_X)) } }
            div.form { label.tick { input type="checkbox" data-from-here; span { (words.share_start_at(html! { span data-at { "0:00" } })) } } }
            ul.rows.flush {
                @for (way, name, purpose) in ways {
                    // Other sites' pages are sent no cookies of this one, so they can show open links only.
                    @if way != "embed" || upload.share.is_open() {
                        li { div.words { strong { (name) } p { (purpose) } }
                            button.plain type="button" data-share=(way) aria-label=(words.copy_way(name)) { (words.copy()) } }
                    }
                }
            }
        }
    }
}

/// Returns the explanation that is shown if the browser can't play the video.
fn why_not(shown: ShownVideo<'_>) -> String {
    let words = shown.words;
    let why = match shown.upload.media {
        MediaKind::Mkv if shown.has_mp4 => words.unplayable_matroska_made(),
        MediaKind::Webm | MediaKind::Mp4 | MediaKind::Mov | MediaKind::Unknown if shown.has_mp4 => {
            words.unplayable_either()
        }
        MediaKind::Mkv => words.unplayable_matroska(),
        MediaKind::Webm | MediaKind::Mp4 | MediaKind::Mov | MediaKind::Unknown => {
            words.unplayable_format()
        }
        MediaKind::Png | MediaKind::Jpeg | MediaKind::Webp | MediaKind::Gif => {
            return words.unplayable_picture().to_owned();
        }
    };
    let instead = match shown.has_downloads {
        true => words.unplayable_programs(),
        false => words.unplayable_other_browser(),
    };
    format!("{why} {instead}")
}

/// Says what a page without scripts can do.
pub(super) fn without_script(shown: ShownVideo<'_>) -> Markup {
    let words = shown.words;
    let download = html! {
        a href={ (file_path(shown.upload)) "?download" } download { (words.without_script_download()) }
    };
    html! {
        noscript { p.description {
            (words.without_script())
            @if shown.has_downloads { " " (words.without_script_black(download)) }
        } }
    }
}
