//! The pages behind a link.

use maud::{Markup, html};
use snaplark_api::routes;

use super::account::Refusal;
use super::icons::*;
use super::{
    Moment, Page, clock, date, file_path, form_key, icon, note, page_path, product_path,
    shown_title, thumbnail_url,
};
use crate::db::{Mp4Height, ProductKind, Upload, Visibility};
use crate::media::Media;

/// The page of a finished recording.
pub fn finished(
    public_url: &str,
    upload: &Upload,
    is_owner: bool,
    only_here: bool,
    moment: Moment,
) -> Markup {
    let duration_ms = upload.finished.as_ref().map_or(0, |finished| finished.duration_ms);
    let title = shown_title(upload);
    let page = Page {
        title: &title,
        head: Share { public_url, upload }.open_graph(&title),
        scripts: &["page.js", "player.js"],
        awaits: None,
    };
    page.render(html! {
        @if only_here { (opens_only_here()) }
        (stage(upload, "finished", ""))
        (about(&title, description(upload), downloads(upload), Some("time"), html! {
            (date(upload.created_ms, moment)) " · " span data-duration { (clock(duration_ms)) }
            @if upload.share.views > 0 { " · " (views(upload.share.views)) }
            " · " (audience(upload))
            @if upload.parts_damaged > 0 { " · " span.over { "some seconds were damaged on this server and are left out" } }
            @if let Some(holes) = holes(upload) { " · " span.over data-holes { (holes) } }
            @if is_owner { " · " a href="/my/videos" { "My videos" } }
        }))
    })
}

/// Returns the text about placeholders in the video, if there are any.
fn holes(upload: &Upload) -> Option<String> {
    let holes = &upload.finished.as_ref()?.holes;
    let (first, _) = holes.first()?;
    let missing_ms: u64 = holes.iter().map(|(start, end)| end.saturating_sub(*start)).sum();
    let seconds = match missing_ms.div_ceil(1_000) {
        1 => "1 second".to_owned(),
        seconds => format!("{seconds} seconds"),
    };
    Some(match holes.len() {
        1 => format!(
            "{seconds} from {} on were damaged when it was recorded and are grey",
            clock(*first)
        ),
        count => format!(
            "{seconds} in {count} places, the first at {}, were damaged when it was recorded and are grey",
            clock(*first)
        ),
    })
}

/// The page of a screenshot.
pub fn image(
    public_url: &str,
    upload: &Upload,
    is_owner: bool,
    only_here: bool,
    moment: Moment,
) -> Markup {
    let title = shown_title(upload);
    let (name, file) = (upload.media.name(), file_path(upload));
    let page = Page {
        title: &title,
        head: Share { public_url, upload }.open_graph_of_image(&title),
        scripts: &["page.js"],
        awaits: None,
    };
    page.render(html! {
        @if only_here { (opens_only_here()) }
        a.picture href=(file) title="Open the image alone" data-viewed=(page_path(upload)) {
            img src=(file) alt=(title) width=(upload.width) height=(upload.height);
        }
        (about(&title, html! {}, html! {
            a.plain.icon-only href={ (file) "?download" } download=(format!("{title}.{name}")) title="Download" aria-label="Download" { (icon(ICON_DOWNLOAD)) }
        }, None, html! {
            (date(upload.created_ms, moment)) " · " (upload.width) " × " (upload.height)
            @if upload.share.views > 0 { " · " (views(upload.share.views)) }
            " · " (audience(upload))
            @if is_owner { " · " a href="/my/videos" { "My videos" } }
        }))
    })
}

/// The page of a recording that is still arriving.
pub fn live(public_url: &str, upload: &Upload, mime: &str, only_here: bool) -> Markup {
    let title = shown_title(upload);
    let page = Page {
        title: &title,
        head: Share { public_url, upload }.open_graph(&title),
        scripts: &["page.js", "player.js"],
        awaits: None,
    };
    page.render(html! {
        @if only_here { (opens_only_here()) }
        (stage(upload, "live", mime))
        (about(&title, html! {}, html! {}, Some("time"), html! { span data-live-text { "Being recorded now" } " · " (audience(upload)) }))
    })
}

/// The notice on the pages of the embedded server, which are only reachable on this computer.
fn opens_only_here() -> Markup {
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

pub fn awaited(video_id: &str) -> Markup {
    let page = Page {
        title: "Not here yet",
        head: html! {},
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

/// The page of a recording of which nothing can be played any more.
pub fn damaged() -> Markup {
    end_page(
        ICON_ALERT,
        "This recording was damaged",
        "Its bytes on this server are not what came. Whoever made it can send it again; this link will work then.",
    )
}

/// The page of a link that has expired.
pub fn over(noun: &str) -> Markup {
    end_page(
        ICON_HOURGLASS,
        "This link has ended",
        &format!(
            "Whoever made the {noun} shared it for a time, and that time is over. Ask them for another link."
        ),
    )
}

pub fn for_members(noun: &str, sign_in: &str) -> Markup {
    let page = Page { title: "Sign in to see it", head: html! {}, scripts: &[], awaits: None };
    page.render(note(
        ICON_USERS,
        "accent",
        "Sign in to see it",
        &format!("This {noun} is for people who have an account on this server."),
        html! { a.primary.large href=(sign_in) { "Sign in" } },
    ))
}

pub fn locked(noun: &str, path: &str, key: &str, refusal: Option<Refusal>) -> Markup {
    let page = Page { title: "Password needed", head: html! {}, scripts: &[], awaits: None };
    page.render(html! {
        form.note.form method="post" action={ (path) "/password" } {
            span.badge data-tone="accent" { (icon(ICON_LOCK)) }
            h1 { "This " (noun) " has a password" }
            p { "Whoever sent you the link can tell you." }
            @if let Some(refusal) = refusal {
                p.refusal role="alert" { (icon(ICON_ALERT)) span {
                    @match refusal {
                        Refusal::Wrong => "That is not the password. Check it, and try again.",
                        Refusal::TooMany { .. }
                        | Refusal::Stale
                        | Refusal::WrongCurrent
                        | Refusal::WrongToDelete
                        | Refusal::NewPassword => (refusal.sentence()),
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
pub fn embedded(public_url: &str, upload: &Upload, mime: &str) -> Markup {
    let state = if upload.finished.is_some() { "finished" } else { "live" };
    let title = shown_title(upload);
    let link = routes::share_page(public_url, &upload.video_id.to_string());
    let page =
        Page { title: &title, head: html! {}, scripts: &["page.js", "player.js"], awaits: None };
    page.render_with("embed", html! {
        main {
            (stage(upload, state, mime))
            a.from href=(link) target="_blank" rel="noopener" title=(title) { span.mark { (icon(ICON_RECORD)) } span { (title) } }
        }
        div.said role="status" aria-live="polite" {}
    })
}

pub fn not_embedded(link: &str) -> Markup {
    let page = Page { title: "Snaplark", head: html! {}, scripts: &[], awaits: None };
    page.render_with("embed", html! {
        main { (note(ICON_LOCK, "plain", "This recording can't be shown here", "It is private, or not there any more.",
            html! { a.plain.large href=(link) target="_blank" rel="noopener" { "Open its own page" } })) }
    })
}

/// The oEmbed response: https://oembed.com, 2.3.4.3.
pub fn oembed(public_url: &str, upload: &Upload, max: (u32, u32)) -> serde_json::Value {
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
fn fit((width, height): (u32, u32), (width_max, height_max): (u32, u32)) -> (u32, u32) {
    let scale = (f64::from(width_max) / f64::from(width))
        .min(f64::from(height_max) / f64::from(height))
        .min(1.0);
    let scaled = |length: u32| (f64::from(length) * scale).round().max(1.0) as u32;
    (scaled(width), scaled(height))
}

fn audience(upload: &Upload) -> &'static str {
    match upload.share.visibility {
        Visibility::Link => "anyone with the link",
        Visibility::Members => "people signed in here",
        Visibility::Password => "with a password",
    }
}

fn views(count: u64) -> String {
    if count == 1 { "1 view".to_owned() } else { format!("{count} views") }
}

pub fn nothing() -> Markup {
    end_page(
        ICON_UNLINK,
        "There is nothing at this address",
        "Check that the whole link was copied, down to its last character.",
    )
}

pub fn front(public_url: &str, has_sign_in: bool) -> Markup {
    let page = Page { title: "Snaplark", head: html! {}, scripts: &[], awaits: None };
    page.render_form(note(
        ICON_PLAY,
        "accent",
        "This is a Snaplark server",
        "Recordings are watched by their links. To send yours here, choose “Your own server” in Snaplark and give it this address.",
        html! {
            code { (public_url) }
            @if has_sign_in { a.primary.large href="/my/videos" { "My videos" } }
        },
    ))
}

fn end_page(icon: &'static str, title: &str, text: &str) -> Markup {
    let page = Page { title, head: html! {}, scripts: &[], awaits: None };
    page.render(note(icon, "plain", title, text, html! {}))
}

struct Share<'a> {
    public_url: &'a str,
    upload: &'a Upload,
}

impl Share<'_> {
    fn open_graph(&self, title: &str) -> Markup {
        let page = format!("{}{}", self.public_url, page_path(self.upload));
        let video = format!("{}{}", self.public_url, file_path(self.upload));
        html! {
            meta name="description" content="A screen recording, shared with Snaplark.";
            meta property="og:site_name" content="Snaplark";
            meta property="og:type" content="video.other";
            meta property="og:title" content=(title);
            meta property="og:description" content="A screen recording, shared with Snaplark.";
            meta property="og:url" content=(page);
            meta property="og:video" content=(video);
            meta property="og:video:type" content=(self.upload.media.mime());
            meta property="og:video:width" content=(self.upload.width);
            meta property="og:video:height" content=(self.upload.height);
            @if let Some(finished) = &self.upload.finished {
                meta property="video:duration" content=(finished.duration_ms / 1000);
            }
            @if self.upload.has(ProductKind::Thumbnail) {
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

impl Share<'_> {
    fn open_graph_of_image(&self, title: &str) -> Markup {
        let page = format!("{}{}", self.public_url, page_path(self.upload));
        let image = format!("{}{}", self.public_url, file_path(self.upload));
        html! {
            meta name="description" content="A screenshot, shared with Snaplark.";
            meta property="og:site_name" content="Snaplark";
            meta property="og:type" content="website";
            meta property="og:title" content=(title);
            meta property="og:description" content="A screenshot, shared with Snaplark.";
            meta property="og:url" content=(page);
            meta property="og:image" content=(image);
            meta property="og:image:width" content=(self.upload.width);
            meta property="og:image:height" content=(self.upload.height);
            meta name="twitter:card" content="summary_large_image";
            meta name="twitter:title" content=(title);
            meta name="twitter:image" content=(image);
            link rel="canonical" href=(page);
        }
    }
}

fn oembed_address(public_url: &str, page: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("url", page).finish();
    format!("{public_url}/oembed?{query}")
}

/// Renders the player. It has the browser's own controls until the script adds the custom ones.
fn stage(upload: &Upload, state: &str, mime: &str) -> Markup {
    let captions =
        upload.has(ProductKind::Captions).then(|| product_path(upload, ProductKind::Captions));
    html! {
        div.stage data-player data-base=(page_path(upload)) data-state=(state) data-mime=(mime) {
            video controls playsinline preload="metadata" width=(upload.width) height=(upload.height)
                poster=[upload.has(ProductKind::Thumbnail).then(|| thumbnail_url("", upload))]
                src=(file_path(upload)) {
                @if let Some(captions) = captions { track kind="captions" label="Captions" src=(captions); }
            }
            div.unplayable role="alert" hidden data-file=(file_path(upload)) {
                strong { "This browser can't play this video" }
                p { (why_not(upload.media)) }
                a.primary data-made data-plays href=(product_path(upload, ProductKind::Mp4(Mp4Height::P720))) { "Play the MP4" }
            }
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
                    @if upload.has(ProductKind::Captions) {
                        button.key type="button" data-do="captions" aria-pressed="false" aria-label="Captions" title="Captions (C)" { (icon(ICON_CAPTIONS)) }
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

/// Returns the explanation that is shown if the browser can't play the video.
fn why_not(media: Media) -> &'static str {
    match media {
        Media::Mkv => {
            "It was recorded in a format of its own (Matroska). An MP4 plays in every browser. Making it takes about as long as the video."
        }
        Media::Webm | Media::Mp4 | Media::Mov | Media::Unknown => {
            "The browser doesn't know its format. An MP4 plays in every browser. Making it takes about as long as the video."
        }
        Media::Png | Media::Jpeg | Media::Webp | Media::Gif => "It is no video.",
    }
}

/// Renders the downloads: the original, and MP4s, which are created on request.
fn downloads(upload: &Upload) -> Markup {
    let name = shown_title(upload);
    let ending = upload.media.name();
    let kind = match upload.media {
        Media::Webm => "WebM",
        Media::Mkv => "Matroska",
        Media::Mp4 | Media::Mov => "Original",
        Media::Png | Media::Jpeg | Media::Webp | Media::Gif | Media::Unknown => "File",
    };
    let fits = |lines: u32| lines == 480 || upload.height > lines * 3 / 4;
    html! {
        button.plain.icon-only type="button" popovertarget="downloads" title="Download" aria-label="Download" { (icon(ICON_DOWNLOAD)) }
        div.sheet.small id="downloads" popover role="dialog" aria-label="Download" {
            div.sheet-head { h2 { "Download" } span.space {}
                button.plain.square.quiet type="button" popovertarget="downloads" popovertargetaction="hide" aria-label="Close" { (icon(ICON_X)) } }
            ul.rows.flush {
                li { div.words { strong { (kind) } p { "As it was recorded" } }
                    a.plain href={ (file_path(upload)) "?download" } download=(format!("{name}.{ending}")) { "Download" } }
                @for height in Mp4Height::ALL {
                    @let lines = height.lines();
                    @if fits(lines) {
                        li { div.words { strong { "MP4, " (lines.min(upload.height)) "p" } p { "For editors and older devices" } }
                            a.plain data-made href={ (product_path(upload, ProductKind::Mp4(height))) "?download" } download=(format!("{name}.mp4")) { "Download" } }
                    }
                }
            }
        }
    }
}

/// Renders the owner's description as text with line breaks.
fn description(upload: &Upload) -> Markup {
    html! {
        @if let Some(text) = &upload.share.description { p.description { (text) } }
    }
}

/// `time` is set if the page can create links to a position in the video.
fn about(title: &str, below: Markup, more: Markup, time: Option<&str>, meta: Markup) -> Markup {
    html! {
        div.about {
            div.words { h1 title=(title) { (title) } p { (meta) } }
            div.actions {
                (more)
                @if let Some(time) = time {
                    button.plain type="button" data-copy=(time) hidden {
                        (icon(ICON_CLOCK)) span { "Link at " span data-at { "0:00" } }
                    }
                }
                button.primary type="button" data-copy="link" hidden { (icon(ICON_LINK)) span { "Copy link" } }
            }
        }
        (below)
    }
}
