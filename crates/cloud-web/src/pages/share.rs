//! The pages behind a link.

use maud::{Markup, html};
use snaplark_api::routes;

use super::account::FormRefusal;
use super::icons::*;
use super::player::{beside, downloads, player_page, sharing, stage, without_script};
use super::watching::watching;
use super::{
    HtmlPage, Moment, clock, date, file_path, form_key, icon, note, page_path, product_path,
    shown_title, thumbnail_url,
};
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
}

/// What the page shows its owner alone.
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
    let ShownVideo { upload, edit, .. } = shown;
    let duration_ms = upload.finished.as_ref().map_or(0, |finished| finished.duration_ms);
    let below = html! {
        (without_script(shown))
        (description(upload))
        @if let Some(counted) = owners.and_then(|owners| owners.watching) { (watching(&counted, duration_ms)) }
    };
    let title = shown_title(upload);
    let page = player_page(&title, shown, OpenGraph { public_url, upload }.open_graph(&title));
    page.render(html! {
        @if only_here { (opens_only_here()) }
        div.watch {
            (stage(shown, "finished", true))
            (about(&title, below, html! { @if shown.has_downloads { (downloads(shown)) } (sharing(upload)) }, Some("time"), html! {
                (date(upload.created_ms, moment)) " · " span data-duration { (clock(duration_ms)) }
                @if upload.share.views > 0 { " · " (views(upload.share.views)) }
                " · " (audience(upload))
                @if upload.parts_damaged > 0 { " · " span.over { "some seconds were damaged on this server and are skipped" } }
                @if let Some(holes) = holes(upload) { " · " span.over data-holes { (holes) } }
                @if shown.counts_watching { " · " span title="The owner sees how far the video is watched, and not by whom." { "watching is counted" } }
                @if owners.is_some() { " · " a href="/my/videos" { "Library" } }
            }))
        }
        (beside(upload, edit))
    })
}

/// Returns the text about placeholders in the video, if there are any.
fn holes(upload: &Upload) -> Option<String> {
    let holes = &upload.finished.as_ref()?.holes;
    let (first, _) = holes.first()?;
    let missing_ms: u64 = holes.iter().map(|(start, end)| end.saturating_sub(*start)).sum();
    let seconds = match missing_ms.div_ceil(1_000) {
        1 => "1 second is".to_owned(),
        seconds => format!("{seconds} seconds are"),
    };
    Some(match holes.len() {
        1 => format!(
            "{seconds} missing from {} on: damaged during recording, and shown in gray",
            clock(*first)
        ),
        count => format!(
            "{seconds} missing in {count} places, the first at {}: damaged during recording, and shown in gray",
            clock(*first)
        ),
    })
}

/// The page of a recording that is still arriving.
pub(crate) fn live(public_url: &str, shown: ShownVideo<'_>, only_here: bool) -> Markup {
    let upload = shown.upload;
    let title = shown_title(upload);
    let page = player_page(&title, shown, OpenGraph { public_url, upload }.open_graph(&title));
    page.render(html! {
        @if only_here { (opens_only_here()) }
        (stage(shown, "live", true))
        (about(&title, without_script(shown), sharing(upload), Some("time"), html! { span data-live-text { "Recording now" } " · " (audience(upload)) }))
    })
}

/// The notice on the pages of the embedded server, which are only reachable on this computer.
pub(super) fn opens_only_here() -> Markup {
    html! {
        aside.only-here {
            (icon(ICON_ALERT))
            p {
                strong { "This address opens only on this computer." }
                " For a link that others can open, sign in, use your own server, or share on the local network. "
                a href="snaplark://account" { "Choose in Snaplark" }
            }
        }
    }
}

/// The page of a link for which nothing was uploaded yet.
pub(crate) fn awaited(noun: &str, video_id: &str) -> Markup {
    let page = HtmlPage {
        title: "Not uploaded yet",
        head: html! {},
        scripts: &["page.js"],
        awaits: Some(format!("/videos/{video_id}/live")),
    };
    page.render(note(
        ICON_CLOUD_UPLOAD,
        "waits",
        "Not uploaded yet",
        &format!("The link works, but its {noun} isn't uploaded yet. This page shows it as soon as the upload begins."),
        html! { span.pulse { span {} span {} span {} } span.sr { "Waiting" } },
    ))
}

pub(crate) fn removed() -> Markup {
    end_page(
        ICON_TRASH,
        "This recording was removed",
        "Its owner removed it from this server. Ask them for another link.",
    )
}

pub(crate) fn expired() -> Markup {
    end_page(
        ICON_CLOUD_OFF,
        "This recording wasn't fully uploaded",
        "The upload stopped before it was complete. Its owner still has the file and can upload it again.",
    )
}

/// The page of a recording of which nothing can be played any more.
pub(crate) fn damaged() -> Markup {
    end_page(
        ICON_ALERT,
        "This recording is damaged",
        "The copy on this server was damaged. If its owner uploads it again, this link works again.",
    )
}

/// The page of a link that has expired.
pub(crate) fn over(noun: &str) -> Markup {
    end_page(
        ICON_HOURGLASS,
        "This link has expired",
        &format!("The owner shared this {noun} for a limited time. Ask them for another link."),
    )
}

pub(crate) fn for_members(noun: &str, sign_in: &str) -> Markup {
    let page = HtmlPage { title: "Sign in to see it", head: html! {}, scripts: &[], awaits: None };
    page.render(note(
        ICON_USERS,
        "accent",
        "Sign in to see it",
        &format!("This {noun} is for people who have an account on this server."),
        html! { a.primary.large href=(sign_in) { "Sign in" } },
    ))
}

pub(crate) fn locked(noun: &str, path: &str, key: &str, refusal: Option<FormRefusal>) -> Markup {
    let page = HtmlPage { title: "Password needed", head: html! {}, scripts: &[], awaits: None };
    page.render(html! {
        form.note.form method="post" action={ (path) "/password" } {
            span.badge data-tone="accent" { (icon(ICON_LOCK)) }
            h1 { "This " (noun) " has a password" }
            p { "Ask the person who sent you the link." }
            @if let Some(refusal) = refusal {
                p.refusal role="alert" { (icon(ICON_ALERT)) span {
                    @match refusal {
                        FormRefusal::Wrong => "Wrong password. Check it, and try again.",
                        FormRefusal::TooMany { .. }
                        | FormRefusal::Stale
                        | FormRefusal::WrongCurrent
                        | FormRefusal::WrongToDelete
                        | FormRefusal::NewPassword => (refusal.sentence()),
                    }
                } }
            }
            (form_key(key))
            label { span { "Password" }
                input.field type="password" name="password" required autocomplete="off" autofocus; }
            button.primary.large type="submit" { "Open" }
        }
    })
}

/// The player alone, for embedding.
pub(crate) fn embedded(public_url: &str, shown: ShownVideo<'_>) -> Markup {
    let upload = shown.upload;
    let state = if upload.finished.is_some() { "finished" } else { "live" };
    let title = shown_title(upload);
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

pub(crate) fn not_embedded(link: &str) -> Markup {
    let page = HtmlPage { title: "Snaplark", head: html! {}, scripts: &[], awaits: None };
    page.render_with("embed", html! {
        main { (note(ICON_LOCK, "plain", "This recording can't be shown here", "It is private, or was removed.",
            html! { a.plain.large href=(link) target="_blank" rel="noopener" { "Open page" } })) }
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

pub(super) fn audience(upload: &Upload) -> &'static str {
    match upload.share.visibility {
        Visibility::Link => "anyone with the link",
        Visibility::Members => "people signed in here",
        Visibility::Password => "with a password",
    }
}

pub(super) fn views(count: u64) -> String {
    if count == 1 { "1 view".to_owned() } else { format!("{count} views") }
}

pub(crate) fn nothing() -> Markup {
    end_page(ICON_UNLINK, "Page not found", "Check that the whole link was copied.")
}

pub(crate) fn front(public_url: &str, has_sign_in: bool) -> Markup {
    let page = HtmlPage { title: "Snaplark", head: html! {}, scripts: &[], awaits: None };
    page.render_form(note(
        ICON_PLAY,
        "accent",
        "This is a Snaplark server",
        "Open a recording with its link. To upload yours here, choose “Your own server” in Snaplark and give it this address.",
        html! {
            code { (public_url) }
            @if has_sign_in { a.primary.large href="/my/videos" { "Library" } }
        },
    ))
}

fn end_page(icon: &'static str, title: &str, text: &str) -> Markup {
    let page = HtmlPage { title, head: html! {}, scripts: &[], awaits: None };
    page.render(note(icon, "plain", title, text, html! {}))
}

struct OpenGraph<'a> {
    public_url: &'a str,
    upload: &'a Upload,
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
            meta name="description" content="A screen recording, shared with Snaplark.";
            meta property="og:site_name" content="Snaplark";
            meta property="og:type" content="video.other";
            meta property="og:title" content=(title);
            meta property="og:description" content="A screen recording, shared with Snaplark.";
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
                        (icon(ICON_CLOCK)) span { "Link at " span data-at { "0:00" } }
                    }
                }
                button.primary type="button" data-copy="link" data-scripted { (icon(ICON_LINK)) span { "Copy link" } }
            }
        }
        (below)
    }
}
