//! The pages behind a link.

use maud::{Markup, html};
use snaplark_api::routes;

use super::account::FormRefusal;
use super::icons::*;
use super::player::{beside, downloads, has_beside, player_page, sharing, stage, without_script};
use super::watching::watching;
use super::{
    HtmlPage, Moment, clock, date, file_path, form_key, icon, note, page_path, page_title,
    product_path, shown_title, thumbnail_url,
};
use crate::words::{Filled, PageWords};
use snaplark_cloud::edit::VersionEdit;
use snaplark_cloud::products::{Mp4Height, THUMBNAIL};
use snaplark_cloud_data::db::{Upload, Visibility, Watching};

/// A video with what its version consists of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownVideo<'a> {
    pub(crate) upload: &'a Upload,
    pub(crate) edit: &'a VersionEdit,
    /// The content type with its codecs, as a browser is asked whether it plays it. Empty if it is unknown.
    pub(crate) mime: &'a str,
    /// Whether H.264 is made here, for browsers that don't play the video as it is.
    pub(crate) has_mp4: bool,
    /// Whether players may choose among several heights of it.
    pub(crate) has_heights: bool,
    /// Whether this visitor is offered the video as a download.
    pub(crate) has_downloads: bool,
    /// Whether the player reports what this visitor plays.
    pub(crate) counts_watching: bool,
    pub(crate) words: PageWords,
}

/// The part of the page that only the owner sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnersView {
    /// How far the video is watched, if that is counted.
    pub(crate) watching: Option<Watching>,
}

impl ShownVideo<'_> {
    /// Returns the name of the playlist for browsers that play it by themselves.
    pub(super) fn playlist(&self) -> Option<&'static str> {
        self.has_mp4.then_some(if self.has_heights { "all" } else { "720" })
    }
}

/// The page of a finished recording.
pub(crate) fn finished(
    public_url: &str,
    shown: ShownVideo<'_>,
    owners: Option<OwnersView>,
    only_here: bool,
    moment: Moment,
) -> Markup {
    let ShownVideo { upload, edit, words, .. } = shown;
    let duration_ms = upload.finished.as_ref().map_or(0, |finished| finished.duration_ms);
    let below = html! {
        (without_script(shown))
        (description(upload))
        @if let Some(counted) = owners.and_then(|owners| owners.watching) { (watching(words, &counted, duration_ms)) }
    };
    let title = page_title(upload, words);
    let page =
        player_page(&title, shown, OpenGraph { public_url, upload, words }.open_graph(&title));
    page.render(html! {
        @if only_here { (opens_only_here(words)) }
        // Known before what stands beside it is read, so that the browser draws it in its place at once.
        div.watch.has-side[has_beside(upload, edit)] {
            (stage(shown, "finished", true))
            (about(words, &title, below, html! { @if shown.has_downloads { (downloads(shown)) } (sharing(shown)) }, Some("time"), html! {
                (date(upload.created_ms, moment)) " · " span data-duration { (clock(duration_ms)) }
                @if upload.share.views > 0 { " · " (words.views(upload.share.views)) }
                " · " (audience(words, upload))
                @if upload.parts_damaged > 0 { " · " span.over { (words.skips_damage()) } }
                @if let Some(holes) = holes(words, upload) { " · " span.over data-holes { (holes) } }
                @if shown.counts_watching { " · " span title=(words.watching_is_counted_hint()) { (words.watching_is_counted()) } }
                @if owners.is_some() { " · " a href="/my/videos" { (words.library()) } }
            }))
        }
        (beside(words, upload, edit))
    })
}

/// Returns the text about placeholders in the video, if there are any.
fn holes(words: PageWords, upload: &Upload) -> Option<Filled> {
    let holes = &upload.finished.as_ref()?.holes;
    let (first, _) = holes.first()?;
    let missing_ms: u64 = holes.iter().map(|(start, end)| end.saturating_sub(*start)).sum();
    let seconds = missing_ms.div_ceil(1_000);
    Some(match holes.len() {
        1 => words.missing_from(seconds, clock(*first)),
        places => words.missing_in_places(seconds, places, clock(*first)),
    })
}

/// The page of a recording that is still arriving.
pub(crate) fn live(public_url: &str, shown: ShownVideo<'_>, only_here: bool) -> Markup {
    let ShownVideo { upload, words, .. } = shown;
    let title = page_title(upload, words);
    let page =
        player_page(&title, shown, OpenGraph { public_url, upload, words }.open_graph(&title));
    page.render(html! {
        @if only_here { (opens_only_here(words)) }
        (stage(shown, "live", true))
        (about(words, &title, without_script(shown), sharing(shown), Some("time"), html! { span data-live-text { (words.recording_now()) } " · " (audience(words, upload)) }))
    })
}

/// The notice on the pages of the embedded server, which are only reachable on this computer.
pub(super) fn opens_only_here(words: PageWords) -> Markup {
    html! {
        aside.only-here {
            (icon(ICON_ALERT))
            p {
                strong { (words.only_here()) }
                " " (words.only_here_hint()) " "
                a href="snaplark://account" { (words.choose_in_app()) }
            }
        }
    }
}

/// The page of a link for which nothing was uploaded yet.
pub(crate) fn awaited(words: PageWords, is_image: bool, video_id: &str) -> Markup {
    let page = HtmlPage {
        scripts: &["page.js"],
        awaits: Some(format!("/videos/{video_id}/live")),
        ..HtmlPage::plain(words, words.not_uploaded_yet())
    };
    let text = if is_image { words.awaited_screenshot() } else { words.awaited_recording() };
    page.render(note(
        ICON_CLOUD_UPLOAD,
        "waits",
        words.not_uploaded_yet(),
        text,
        html! { span.pulse { span {} span {} span {} } span.sr { (words.waiting()) } },
    ))
}

pub(crate) fn removed(words: PageWords) -> Markup {
    end_page(words, ICON_TRASH, words.removed(), words.removed_hint())
}

pub(crate) fn expired(words: PageWords) -> Markup {
    end_page(words, ICON_CLOUD_OFF, words.expired(), words.expired_hint())
}

/// The page of a recording of which nothing can be played any more.
pub(crate) fn damaged(words: PageWords) -> Markup {
    end_page(words, ICON_ALERT, words.damaged(), words.damaged_hint())
}

/// The page of a link that has expired.
pub(crate) fn over(words: PageWords, is_image: bool) -> Markup {
    let text = if is_image { words.link_over_screenshot() } else { words.link_over_recording() };
    end_page(words, ICON_HOURGLASS, words.link_over(), text)
}

pub(crate) fn for_members(words: PageWords, is_image: bool, sign_in: &str) -> Markup {
    let text =
        if is_image { words.for_members_screenshot() } else { words.for_members_recording() };
    HtmlPage::plain(words, words.for_members()).render(note(
        ICON_USERS,
        "accent",
        words.for_members(),
        text,
        html! { a.primary.large href=(sign_in) { (words.sign_in()) } },
    ))
}

pub(crate) fn locked(
    words: PageWords,
    is_image: bool,
    path: &str,
    key: &str,
    refusal: Option<FormRefusal>,
) -> Markup {
    let heading =
        if is_image { words.has_password_screenshot() } else { words.has_password_recording() };
    HtmlPage::plain(words, words.password_needed()).render(html! {
        form.note.form method="post" action={ (path) "/password" } {
            span.badge data-tone="accent" { (icon(ICON_LOCK)) }
            h1 { (heading) }
            p { (words.has_password_hint()) }
            @if let Some(refusal) = refusal {
                p.refusal role="alert" { (icon(ICON_ALERT)) span {
                    @match refusal {
                        FormRefusal::Wrong => (words.link_password_wrong()),
                        FormRefusal::TooMany { .. }
                        | FormRefusal::Stale
                        | FormRefusal::WrongCurrent
                        | FormRefusal::WrongToDelete
                        | FormRefusal::NewPassword => (refusal.sentence(words)),
                    }
                } }
            }
            (form_key(key))
            label { span { (words.password()) }
                input.field type="password" name="password" required autocomplete="off" autofocus; }
            button.primary.large type="submit" { (words.open()) }
        }
    })
}

/// The player alone, for embedding.
pub(crate) fn embedded(public_url: &str, shown: ShownVideo<'_>) -> Markup {
    let ShownVideo { upload, words, .. } = shown;
    let state = if upload.finished.is_some() { "finished" } else { "live" };
    let title = page_title(upload, words);
    let link = routes::share_page(public_url, &upload.video_id.to_string());
    let page = player_page(&title, shown, html! {});
    page.render_with("embed", html! {
        main {
            h1.sr { (title) }
            (stage(shown, state, false))
            a.from href=(link) target="_blank" rel="noopener" title=(title) { span.mark { (icon(ICON_RECORD)) } span { (title) } }
        }
        div.said role="status" aria-live="polite" {}
    })
}

pub(crate) fn not_embedded(words: PageWords, link: &str) -> Markup {
    HtmlPage::plain(words, "Snaplark").render_with("embed", html! {
        main { (note(ICON_LOCK, "plain", words.not_embedded(), words.not_embedded_hint(),
            html! { a.plain.large href=(link) target="_blank" rel="noopener" { (words.open_page()) } })) }
    })
}

/// The oEmbed response: https://oembed.com, 2.3.4.3.
pub(crate) fn oembed(public_url: &str, upload: &Upload, max: (u32, u32)) -> serde_json::Value {
    let (width, height) = fit((upload.width.max(1), upload.height.max(1)), max);
    let link = routes::share_page(public_url, &upload.video_id.to_string());
    let title = shown_title(upload);
    let frame = html! {
        iframe src={ (link) "/embed" } width=(width) height=(height) title=(title)
            allow="fullscreen; picture-in-picture" allowfullscreen frameborder="0" loading="lazy" {}
    };
    serde_json::json!({
        "version": "1.0", "type": "video", "provider_name": "Snaplark", "provider_url": public_url,
        "title": title, "html": frame.into_string(), "width": width, "height": height,
    })
}

/// Scales a size down to the maximum, keeping its aspect ratio.
pub(super) fn fit((width, height): (u32, u32), (width_max, height_max): (u32, u32)) -> (u32, u32) {
    let scale = (f64::from(width_max) / f64::from(width))
        .min(f64::from(height_max) / f64::from(height))
        .min(1.0);
    let scaled = |length: u32| (f64::from(length) * scale).round().max(1.0) as u32;
    (scaled(width), scaled(height))
}

pub(super) fn audience(words: PageWords, upload: &Upload) -> &'static str {
    match upload.share.visibility {
        Visibility::Link => words.seen_by_link(),
        Visibility::Members => words.seen_by_members(),
        Visibility::Password => words.seen_by_password(),
    }
}

pub(crate) fn nothing(words: PageWords) -> Markup {
    end_page(words, ICON_UNLINK, words.nothing_here(), words.nothing_here_hint())
}

pub(crate) fn front(words: PageWords, public_url: &str, has_sign_in: bool) -> Markup {
    HtmlPage::plain(words, "Snaplark").render_form(note(
        ICON_PLAY,
        "accent",
        words.front(),
        words.front_hint(),
        html! {
            code { (public_url) }
            @if has_sign_in { a.primary.large href="/my/videos" { (words.library()) } }
        },
    ))
}

/// The page of the server of this computer where others have their library: nobody signs in here.
pub(crate) fn library_in_app(words: PageWords) -> Markup {
    HtmlPage::plain(words, words.library_in_app()).render_form(note(
        ICON_MONITOR,
        "accent",
        words.library_in_app(),
        words.library_in_app_hint(),
        html! {},
    ))
}

fn end_page(words: PageWords, icon: &'static str, title: &str, text: &str) -> Markup {
    HtmlPage::plain(words, title).render(note(icon, "plain", title, text, html! {}))
}

struct OpenGraph<'a> {
    public_url: &'a str,
    upload: &'a Upload,
    words: PageWords,
}

impl OpenGraph<'_> {
    fn open_graph(&self, title: &str) -> Markup {
        let page = format!("{}{}", self.public_url, page_path(self.upload));
        let video = format!("{}{}", self.public_url, file_path(self.upload));
        // Only what is there: whoever makes a preview doesn't wait.
        let made = Mp4Height::ALL.map(Mp4Height::product);
        let mp4 = made.into_iter().find(|mp4| self.upload.has(&mp4.name));
        let mp4 = mp4.filter(|_| !self.upload.share.downloads_off);
        let mp4 = mp4.map(|mp4| format!("{}{}", self.public_url, product_path(self.upload, mp4)));
        html! {
            meta name="description" content=(self.words.about_recording());
            meta property="og:site_name" content="Snaplark";
            meta property="og:type" content="video.other";
            meta property="og:title" content=(title);
            meta property="og:description" content=(self.words.about_recording());
            meta property="og:url" content=(page);
            @if let Some(mp4) = &mp4 {
                meta property="og:video" content=(mp4);
                meta property="og:video:secure_url" content=(mp4);
                meta property="og:video:type" content="video/mp4";
                meta property="og:video:width" content=(self.upload.width);
                meta property="og:video:height" content=(self.upload.height);
                meta name="twitter:player:stream" content=(mp4);
                meta name="twitter:player:stream:content_type" content="video/mp4";
            }
            meta property="og:video" content=(video);
            meta property="og:video:secure_url" content=(video);
            meta property="og:video:type" content=(self.upload.media.mime());
            meta property="og:video:width" content=(self.upload.width);
            meta property="og:video:height" content=(self.upload.height);
            @if let Some(finished) = &self.upload.finished {
                meta property="video:duration" content=(finished.duration_ms / 1000);
            }
            @if self.upload.has(&THUMBNAIL.name) {
                meta property="og:image" content=(thumbnail_url(self.public_url, self.upload));
                meta name="twitter:image" content=(thumbnail_url(self.public_url, self.upload));
            }
            meta name="twitter:card" content="player";
            meta name="twitter:title" content=(title);
            meta name="twitter:player" content={ (page) "/embed" };
            meta name="twitter:player:width" content=(self.upload.width);
            meta name="twitter:player:height" content=(self.upload.height);
            link rel="canonical" href=(page);
            @if self.upload.share.is_open() {
                link rel="alternate" type="application/json+oembed" title=(title) href=(oembed_address(self.public_url, &page));
            }
        }
    }
}

pub(super) fn oembed_address(public_url: &str, page: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("url", page).finish();
    format!("{public_url}/oembed?{query}")
}

/// Renders the owner's description as text with line breaks.
pub(super) fn description(upload: &Upload) -> Markup {
    html! {
        @if let Some(text) = &upload.share.description { p.description dir="auto" { (text) } }
    }
}

/// `time` is set if the page can create links to a position in the video.
pub(super) fn about(
    words: PageWords,
    title: &str,
    below: Markup,
    more: Markup,
    time: Option<&str>,
    meta: Markup,
) -> Markup {
    html! {
        div.about {
            div.words { h1 title=(title) { bdi { (title) } } p { (meta) } }
            div.actions {
                (more)
                @if let Some(time) = time {
                    button.plain type="button" data-copy=(time) data-scripted {
                        (icon(ICON_CLOCK)) span { (words.link_at(html! { span data-at { "0:00" } })) }
                    }
                }
                button.primary type="button" data-copy="link" data-scripted { (icon(ICON_LINK)) span { (words.copy_link()) } }
            }
        }
        (below)
    }
}
