//! The list of the user's own videos.

use jiff::Timestamp;
use maud::{Markup, html};
use snaplark_formats::sniff::MediaKind;

use super::icons::*;
use super::{
    Moment, Person, SiteSection, clock, date, form_key, icon, listed_title, note, noun, own_page,
    own_title, page_path, plain_title, product_path, thumbnail_url,
};
use snaplark_cloud::products::{PREVIEW, THUMBNAIL};
use snaplark_cloud::shares::PASSWORD_CHARS_MIN;
use snaplark_cloud::sizes;
use snaplark_cloud_data::db::{Assembly, SessionId, ShelfKind, Sort, Upload, Visibility};
use snaplark_cloud_data::quotas::{Limits, Usage};

pub(crate) struct Listed<'a> {
    pub(crate) uploads: &'a [Upload],
    /// The search text, or an empty string.
    pub(crate) matching: &'a str,
    pub(crate) kind: ShelfKind,
    pub(crate) sort: Sort,
    /// The upload after which the next page begins.
    pub(crate) next: Option<SessionId>,
    pub(crate) is_first: bool,
    /// A message about the last action.
    pub(crate) said: Option<&'static str>,
    pub(crate) used: Usage,
    pub(crate) limits: Limits,
    /// Whether owners may have it counted how far their videos are watched.
    pub(crate) may_count_watching: bool,
}

pub(crate) fn library(
    public_url: &str,
    person: Person<'_>,
    listed: &Listed<'_>,
    moment: Moment,
) -> Markup {
    let Listed { uploads, matching, kind, sort, next, is_first, said, used, limits, .. } = listed;
    own_page(
        "Library",
        person,
        SiteSection::Videos,
        html! {
            div.head {
                h1 { "Library" }
                span.space {}
                form.find role="search" method="get" action="/my/videos" {
                    div.search {
                        (icon(ICON_SEARCH))
                        input.field type="search" name="q" value=(matching) placeholder="Search titles" aria-label="Search titles" aria-keyshortcuts="/" maxlength="100";
                    }
                    label.sort { span { "Show" }
                        select.field name="kind" data-sends {
                            @for (it, words) in KINDS { option value=(it.name()) selected[it == *kind] { (words) } }
                        }
                    }
                    label.sort { span { "Sort" }
                        select.field name="sort" data-sends {
                            @for (kind, words) in SORTS { option value=(kind.name()) selected[kind == *sort] { (words) } }
                        }
                    }
                    button.plain type="submit" data-without-script { "Show" }
                }
            }
            (room(*used, *limits))
            @if let Some(said) = said { p.done role="status" { (icon(ICON_CHECK)) (said) } }
            @if uploads.is_empty() {
                @if matching.is_empty() && *kind == ShelfKind::Screenshots {
                    (note(ICON_IMAGE, "plain", "No screenshots yet", "Screenshots that you share with Snaplark appear here.",
                        html! { a.plain.large href="/my/videos" { "Show all" } }))
                } @else if matching.is_empty() && *kind == ShelfKind::Recordings {
                    (note(ICON_VIDEO, "plain", "No recordings yet", "Recordings appear here as soon as you start recording with Snaplark.",
                        html! { a.plain.large href="/my/videos" { "Show all" } }))
                } @else if matching.is_empty() {
                    (note(ICON_VIDEO, "accent", "Nothing here yet", "Recordings appear here as soon as you start recording with Snaplark.", html! {}))
                } @else {
                    (note(ICON_SEARCH, "plain", &format!("No results for “{matching}”"), "Try another search. Only titles are searched.",
                        html! { a.plain.large href="/my/videos" { "Show all" } }))
                }
            } @else {
                ul.grid {
                    @for upload in *uploads { (tile(public_url, person, upload, moment, listed.may_count_watching)) }
                }
                @if next.is_some() || !is_first {
                    nav.more aria-label="Pages of recordings" {
                        @if !is_first { a.plain.large href=(more(listed, None)) { "First page" } }
                        @if let Some(next) = next { a.plain.large rel="next" href=(more(listed, Some(*next))) { (if *kind == ShelfKind::Screenshots { "More screenshots" } else { "More recordings" }) } }
                    }
                }
            }
        },
    )
}

/// Renders the used storage and its limit.
pub(super) fn room(used: Usage, limits: Limits) -> Markup {
    let stored = sizes::words(used.stored_bytes);
    html! {
        p.room {
            @match limits.storage_bytes {
                Some(max) => {
                    @let is_full = used.stored_bytes >= max;
                    meter min="0" max=(max) value=(used.stored_bytes) low=(max / 10 * 9) aria-label="Storage" { (stored) }
                    span { (stored) " of " (sizes::words(max)) " used" }
                    @if is_full { span.over { " · Storage full. Delete a recording to free space. Recordings that wait to upload are saved on your computer." } }
                }
                None => @if used.stored_bytes > 0 { span { (stored) " stored" } }
            }
            @if let Some(max) = limits.day_bytes.filter(|max| used.day_bytes >= *max) {
                span.over { " · Daily limit of " (sizes::words(max)) " reached. Uploads resume after midnight (UTC)." }
            }
        }
    }
}

const KINDS: [(ShelfKind, &str); 3] = [
    (ShelfKind::All, "Everything"),
    (ShelfKind::Recordings, "Recordings"),
    (ShelfKind::Screenshots, "Screenshots"),
];

const SORTS: [(Sort, &str); 6] = [
    (Sort::Newest, "Newest"),
    (Sort::Oldest, "Oldest"),
    (Sort::Title, "Title"),
    (Sort::Size, "Largest"),
    (Sort::Length, "Longest"),
    (Sort::Views, "Most views"),
];

pub(super) const AUDIENCES: [(Visibility, &str); 3] = [
    (Visibility::Link, "Anyone with the link"),
    (Visibility::Members, "People who are signed in here"),
    (Visibility::Password, "Anyone with the password"),
];

/// Formats a date for a date field, in UTC.
fn day(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or_default().strftime("%Y-%m-%d").to_string()
}

fn more(listed: &Listed<'_>, behind: Option<SessionId>) -> String {
    let Listed { matching, kind, sort, .. } = *listed;
    let mut query = form_urlencoded::Serializer::new(String::new());
    if !matching.is_empty() {
        query.append_pair("q", matching);
    }
    if kind != ShelfKind::default() {
        query.append_pair("kind", kind.name());
    }
    if sort != Sort::default() {
        query.append_pair("sort", sort.name());
    }
    if let Some(behind) = behind {
        query.append_pair("after", &behind.to_string());
    }
    format!("/my/videos?{}", query.finish())
}

fn tile(
    public_url: &str,
    person: Person<'_>,
    upload: &Upload,
    moment: Moment,
    may_count_watching: bool,
) -> Markup {
    let name = plain_title(upload);
    let path = page_path(upload);
    let link = format!("{public_url}{path}");
    let sheet = format!("edit-{}", upload.session_id);
    html! {
        li.tile {
            a.shot href=(path) tabindex="-1" aria-hidden="true" {
                @if upload.has(&THUMBNAIL.name) {
                    img src=(thumbnail_url("", upload)) alt="" loading="lazy";
                } @else if upload.media.is_image() { (icon(ICON_IMAGE)) } @else { (icon(ICON_PLAY)) }
                @if upload.has(&PREVIEW.name) {
                    // Not loaded until it is shown.
                    img.preview src=(product_path(upload, &PREVIEW)) alt="" loading="lazy";
                }
                @match &upload.finished {
                    Some(_) if upload.media.is_image() => {}
                    Some(finished) => span.length { (clock(finished.duration_ms)) },
                    None if upload.media == MediaKind::Webm => span.length.live-now { "Live" },
                    None => span.length { "Not uploaded yet" },
                }
            }
            div.under {
                div.words {
                    a href=(path) { strong title=(name) { (listed_title(upload, moment)) } }
                    p { (date(upload.created_ms, moment)) (weight(upload)) (mark(upload, moment)) }
                }
                button.plain.square type="button" data-copy-text=(link) data-said="Link copied" hidden title="Copy link" aria-label=(format!("Copy link of {name}")) { (icon(ICON_LINK)) }
                button.plain.square type="button" popovertarget=(sheet) title="More" aria-label=(format!("Edit {name}")) { (icon(ICON_MORE)) }
            }
            (edit(person, upload, (&name, &link, &sheet), may_count_watching))
        }
    }
}

/// Renders the size of the upload, or that it is damaged: there is only space for one of them.
fn weight(upload: &Upload) -> Markup {
    html! {
        @if upload.parts_damaged > 0 {
            " · " span.over title="Part of this recording was damaged on this server and is skipped. Upload it again to restore it." { "Damaged" }
        } @else if let Some(finished) = &upload.finished { " · " (sizes::words(finished.size_bytes)) }
    }
}

/// Renders views, restricted visibility and expiry.
fn mark(upload: &Upload, moment: Moment) -> Markup {
    let share = &upload.share;
    let over = share.expires_ms.is_some_and(|end| end <= moment.now_ms);
    html! {
        @if share.views > 0 { " · " span title="Views" { (icon(ICON_EYE)) (share.views) } }
        @match share.visibility {
            Visibility::Link => {}
            Visibility::Members => { " · " span title="People who are signed in here" { (icon(ICON_USERS)) } }
            Visibility::Password => { " · " span title="Has a password" { (icon(ICON_LOCK)) } }
        }
        @if over { " · " span.over { "Expired" } }
        @else if share.expires_ms.is_some() { " · " span title="Link expires" { (icon(ICON_HOURGLASS)) } }
    }
}

/// Returns the length of a video whose ends can be trimmed here.
fn trimmable_ms(upload: &Upload) -> Option<u64> {
    let finished = upload.finished.as_ref()?;
    let is_mapped = finished.assembly == Assembly::Mapped && upload.parts_damaged == 0;
    is_mapped.then_some(finished.duration_ms)
}

/// Renders what can be switched on and off of a video. A form doesn't send what isn't ticked, so a hidden field
/// names the switches that were there.
fn switches(upload: &Upload, may_count_watching: bool) -> Markup {
    html! {
        fieldset.choice {
            legend { "Visitors" }
            input type="hidden" name="switches" value=(if may_count_watching { "downloads watching" } else { "downloads" });
            label.tick { input type="checkbox" name="downloads" value="on" checked[!upload.share.downloads_off]; span { "Can download it" } }
            @if may_count_watching {
                label.tick { input type="checkbox" name="watching" value="on" checked[upload.share.counts_watching];
                    span { "Count how far they watch, not who they are" } }
            }
        }
    }
}

/// Renders the dialog for editing, which opens and closes without scripts.
fn edit(
    person: Person<'_>,
    upload: &Upload,
    (name, link, sheet): (&str, &str, &str),
    may_count_watching: bool,
) -> Markup {
    let at = |deed: &str| format!("/my/videos/{}/{deed}", upload.session_id);
    let confirm = format!("{sheet}-delete");
    let trim = format!("{sheet}-trim");
    let trimmed_ms = trimmable_ms(upload);
    html! {
        div.sheet id=(sheet) popover role="dialog" aria-label=(format!("Edit {name}")) {
            div.sheet-head {
                h2 { "Edit" } span.space {}
                button.plain.square.quiet type="button" popovertarget=(sheet) popovertargetaction="hide" aria-label="Close" { (icon(ICON_X)) }
            }
            form.form method="post" action=(at("edit")) {
                (form_key(person.form_key))
                label { span { "Title" } input.field name="title" value=[own_title(upload)] placeholder=(name) maxlength="200"; }
                fieldset.choice {
                    legend { "Who can see it" }
                    @for (visibility, words) in AUDIENCES {
                        label { input type="radio" name="visibility" value=(visibility.name()) checked[upload.share.visibility == visibility]; span { (words) } }
                    }
                    input.field.secret type="password" name="password" autocomplete="new-password" minlength=(PASSWORD_CHARS_MIN)
                        aria-label="Password of the link"
                        placeholder=(if upload.share.password.is_some() { "Unchanged" } else { "Password" });
                }
                label { span { "Link expires after (optional)" }
                    input.field type="date" name="until" value=[upload.share.expires_ms.map(|ms| day(ms - 1))] data-at=[upload.share.expires_ms.map(|ms| ms - 1)]; }
                input type="hidden" name="zone" value="0";
                @if !upload.media.is_image() { (switches(upload, may_count_watching)) }
                div.secret-field {
                    label for=(format!("{sheet}-link")) { span { "Link" } }
                    div.inline {
                        input.field.code id=(format!("{sheet}-link")) readonly value=(link);
                        button.plain type="button" data-copy-text=(link) data-said="Link copied" hidden { (icon(ICON_LINK)) span { "Copy link" } }
                    }
                }
                @if trimmed_ms.is_some() {
                    button.plain type="button" popovertarget=(trim) { "Trim…" }
                }
                div.two {
                    button.plain.danger type="button" popovertarget=(confirm) { (icon(ICON_TRASH)) span { "Delete…" } }
                    button.primary type="submit" { "Save" }
                }
            }
        }
        @if let Some(duration_ms) = trimmed_ms {
            form.sheet.small.form id=(trim) popover role="dialog" aria-label=(format!("Trim {name}")) method="post" action=(at("trim")) data-trim {
                @let seconds = duration_ms.div_ceil(1000);
                (form_key(person.form_key))
                h2 { "Trim “" (name) "”" }
                label { span { "Start " output { (clock(0)) } }
                    input type="range" name="from" min="0" max=(seconds) step="1" value="0"; }
                label { span { "End " output { (clock(duration_ms)) } }
                    input type="range" name="to" min="0" max=(seconds) step="1" value=(seconds); }
                p { "The link shows the shorter video at once, and what is cut is deleted from this server. Cuts are up to two seconds further inside, because nothing is encoded again. To cut to the frame, or to bring something back, use Snaplark on the computer that recorded it." }
                div.two {
                    button.plain type="button" popovertarget=(trim) popovertargetaction="hide" { "Cancel" }
                    button.primary type="submit" { "Trim" }
                }
            }
        }
        form.sheet.small id=(confirm) popover role="alertdialog" aria-label=(format!("Delete {name}")) method="post" action=(at("delete")) {
            (form_key(person.form_key))
            h2 { "Delete “" (name) "”?" }
            p { "The link stops working, and the " (noun(upload)) " is deleted from this server. A copy on your computer is kept." }
            div.two {
                button.plain type="button" popovertarget=(confirm) popovertargetaction="hide" { "Cancel" }
                button.primary.danger type="submit" { "Delete" }
            }
        }
    }
}
