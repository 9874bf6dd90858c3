//! The list of the user's own videos.

use jiff::Timestamp;
use maud::{Markup, html};
use snaplark_formats::sniff::MediaKind;

use super::icons::*;
use super::{
    Moment, Person, SiteSection, clock, date, form_key, icon, listed_title, note, own_page,
    own_title, page_path, plain_title, product_path, thumbnail_url,
};
use crate::words::PageWords;
use snaplark_cloud::products::{PREVIEW, THUMBNAIL};
use snaplark_cloud::shares::PASSWORD_CHARS_MIN;
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
    pub(crate) said: Option<String>,
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
    let words = person.words;
    let all = html! { a.plain.large href="/my/videos" { (words.show_all()) } };
    own_page(
        words.library(),
        person,
        SiteSection::Videos,
        html! {
            div.head {
                h1 { (words.library()) }
                span.space {}
                form.find role="search" method="get" action="/my/videos" {
                    div.search {
                        (icon(ICON_SEARCH))
                        input.field type="search" name="q" value=(matching) placeholder=(words.search_titles()) aria-label=(words.search_titles()) aria-keyshortcuts="/" maxlength="100";
                    }
                    label.sort { span { (words.show()) }
                        select.field name="kind" data-sends {
                            @for it in ShelfKind::ALL { option value=(it.name()) selected[it == *kind] { (kind_words(words, it)) } }
                        }
                    }
                    label.sort { span { (words.sort()) }
                        select.field name="sort" data-sends {
                            @for it in Sort::ALL { option value=(it.name()) selected[it == *sort] { (sort_words(words, it)) } }
                        }
                    }
                    button.plain type="submit" data-without-script { (words.show()) }
                }
            }
            (room(words, *used, *limits))
            @if let Some(said) = said { p.done role="status" { (icon(ICON_CHECK)) (said) } }
            @if uploads.is_empty() {
                @if matching.is_empty() && *kind == ShelfKind::Screenshots {
                    (note(ICON_IMAGE, "plain", words.no_screenshots(), words.no_screenshots_hint(), all))
                } @else if matching.is_empty() && *kind == ShelfKind::Recordings {
                    (note(ICON_VIDEO, "plain", words.no_recordings(), words.no_recordings_hint(), all))
                } @else if matching.is_empty() {
                    (note(ICON_VIDEO, "accent", words.library_empty(), words.no_recordings_hint(), html! {}))
                } @else {
                    (note(ICON_SEARCH, "plain", &words.no_results(*matching).text(), words.no_results_hint(), all))
                }
            } @else {
                ul.grid {
                    @for upload in *uploads { (tile(public_url, person, upload, moment, listed.may_count_watching)) }
                }
                @if next.is_some() || !is_first {
                    nav.more aria-label=(words.pages_of_recordings()) {
                        @if !is_first { a.plain.large href=(more(listed, None)) { (words.first_page()) } }
                        @if let Some(next) = next { a.plain.large rel="next" href=(more(listed, Some(*next))) { (if *kind == ShelfKind::Screenshots { words.more_screenshots() } else { words.more_recordings() }) } }
                    }
                }
            }
        },
    )
}

/// Renders the used storage and its limit.
pub(super) fn room(words: PageWords, used: Usage, limits: Limits) -> Markup {
    let stored = words.size(used.stored_bytes);
    html! {
        p.room {
            @match limits.storage_bytes {
                Some(max) => {
                    @let is_full = used.stored_bytes >= max;
                    meter min="0" max=(max) value=(used.stored_bytes) low=(max / 10 * 9) aria-label=(words.storage()) { (stored) }
                    span { (words.stored_of(stored, words.size(max))) }
                    @if is_full { span.over { " · " (words.storage_full()) } }
                }
                None => @if used.stored_bytes > 0 { span { (words.stored(stored)) } }
            }
            @if let Some(max) = limits.day_bytes.filter(|max| used.day_bytes >= *max) {
                span.over { " · " (words.day_limit_reached(words.size(max))) }
            }
        }
    }
}

fn kind_words(words: PageWords, kind: ShelfKind) -> &'static str {
    match kind {
        ShelfKind::All => words.kind_all(),
        ShelfKind::Recordings => words.kind_recordings(),
        ShelfKind::Screenshots => words.kind_screenshots(),
    }
}

fn sort_words(words: PageWords, sort: Sort) -> &'static str {
    match sort {
        Sort::Newest => words.sort_newest(),
        Sort::Oldest => words.sort_oldest(),
        Sort::Title => words.sort_title(),
        Sort::Size => words.sort_largest(),
        Sort::Length => words.sort_longest(),
        Sort::Views => words.sort_views(),
    }
}

/// Returns who can see an upload of this visibility.
pub(super) fn audience(words: PageWords, visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Link => words.audience_link(),
        Visibility::Members => words.audience_members(),
        Visibility::Password => words.audience_password(),
    }
}

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
    let words = person.words;
    let name = plain_title(upload, words);
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
                    None if upload.media == MediaKind::Webm => span.length.live-now { (words.live()) },
                    None => span.length { (words.not_uploaded_yet()) },
                }
            }
            div.under {
                div.words {
                    a href=(path) { strong title=(name) { (listed_title(upload, moment)) } }
                    p { (date(upload.created_ms, moment)) (weight(words, upload)) (mark(upload, moment)) }
                }
                button.plain.square type="button" data-copy-text=(link) data-said=(words.link_copied()) hidden title=(words.copy_link()) aria-label=(words.copy_link_of(name.as_str())) { (icon(ICON_LINK)) }
                button.plain.square type="button" popovertarget=(sheet) title=(words.more()) aria-label=(words.edit_of(name.as_str())) { (icon(ICON_MORE)) }
            }
            (edit(person, upload, (&name, &link, &sheet), may_count_watching))
        }
    }
}

/// Renders the size of the upload, or that it is damaged: there is only space for one of them.
fn weight(words: PageWords, upload: &Upload) -> Markup {
    html! {
        @if upload.parts_damaged > 0 {
            " · " span.over title=(words.damaged_mark_hint()) { (words.damaged_mark()) }
        } @else if let Some(finished) = &upload.finished { " · " (words.size(finished.size_bytes)) }
    }
}

/// Renders views, restricted visibility and expiry.
fn mark(upload: &Upload, moment: Moment) -> Markup {
    let (share, words) = (&upload.share, moment.words);
    let over = share.expires_ms.is_some_and(|end| end <= moment.now_ms);
    html! {
        @if share.views > 0 { " · " span title=(words.views_mark()) { (icon(ICON_EYE)) (share.views) } }
        @match share.visibility {
            Visibility::Link => {}
            Visibility::Members => { " · " span title=(words.audience_members()) { (icon(ICON_USERS)) } }
            Visibility::Password => { " · " span title=(words.has_password_mark()) { (icon(ICON_LOCK)) } }
        }
        @if over { " · " span.over { (words.expired_mark()) } }
        @else if share.expires_ms.is_some() { " · " span title=(words.expires_mark()) { (icon(ICON_HOURGLASS)) } }
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
fn switches(words: PageWords, upload: &Upload, may_count_watching: bool) -> Markup {
    html! {
        fieldset.choice {
            legend { (words.visitors()) }
            input type="hidden" name="switches" value=(if may_count_watching { "downloads watching" } else { "downloads" });
            label.tick { input type="checkbox" name="downloads" value="on" checked[!upload.share.downloads_off]; span { (words.may_download()) } }
            @if may_count_watching {
                label.tick { input type="checkbox" name="watching" value="on" checked[upload.share.counts_watching];
                    span { (words.counts_watching()) } }
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
    let words = person.words;
    let at = |deed: &str| format!("/my/videos/{}/{deed}", upload.session_id);
    let confirm = format!("{sheet}-delete");
    let trim = format!("{sheet}-trim");
    let trimmed_ms = trimmable_ms(upload);
    html! {
        div.sheet id=(sheet) popover role="dialog" aria-label=(words.edit_of(name)) {
            div.sheet-head {
                h2 { (words.edit()) } span.space {}
                button.plain.square.quiet type="button" popovertarget=(sheet) popovertargetaction="hide" aria-label=(words.close()) { (icon(ICON_X)) }
            }
            form.form method="post" action=(at("edit")) {
                (form_key(person.form_key))
                label { span { (words.title()) } input.field name="title" value=[own_title(upload)] placeholder=(name) maxlength="200"; }
                fieldset.choice {
                    legend { (words.who_can_see()) }
                    @for visibility in Visibility::ALL {
                        label { input type="radio" name="visibility" value=(visibility.name()) checked[upload.share.visibility == visibility]; span { (audience(words, visibility)) } }
                    }
                    input.field.secret type="password" name="password" autocomplete="new-password" minlength=(PASSWORD_CHARS_MIN)
                        aria-label=(words.link_password())
                        placeholder=(if upload.share.password.is_some() { words.unchanged() } else { words.password() });
                }
                label { span { (words.expires_after()) }
                    input.field type="date" name="until" value=[upload.share.expires_ms.map(|ms| day(ms - 1))] data-at=[upload.share.expires_ms.map(|ms| ms - 1)]; }
                input type="hidden" name="zone" value="0";
                @if !upload.media.is_image() { (switches(words, upload, may_count_watching)) }
                div.secret-field {
                    label for=(format!("{sheet}-link")) { span { (words.link()) } }
                    div.inline {
                        input.field.code id=(format!("{sheet}-link")) readonly value=(link);
                        button.plain type="button" data-copy-text=(link) data-said=(words.link_copied()) hidden { (icon(ICON_LINK)) span { (words.copy_link()) } }
                    }
                }
                @if trimmed_ms.is_some() {
                    button.plain type="button" popovertarget=(trim) { (words.trim_more()) }
                }
                div.two {
                    button.plain.danger type="button" popovertarget=(confirm) { (icon(ICON_TRASH)) span { (words.delete_more()) } }
                    button.primary type="submit" { (words.save()) }
                }
            }
        }
        @if let Some(duration_ms) = trimmed_ms {
            div.sheet.small id=(trim) popover role="dialog" aria-label=(words.trim_of(name)) { form.form method="post" action=(at("trim")) data-trim {
                @let seconds = duration_ms.div_ceil(1000);
                (form_key(person.form_key))
                h2 { (words.trim_heading(name)) }
                label { span { (words.trim_start()) " " output { (clock(0)) } }
                    input type="range" name="from" min="0" max=(seconds) step="1" value="0"; }
                label { span { (words.trim_end()) " " output { (clock(duration_ms)) } }
                    input type="range" name="to" min="0" max=(seconds) step="1" value=(seconds); }
                p { (words.trim_hint()) }
                div.two {
                    button.plain type="button" popovertarget=(trim) popovertargetaction="hide" { (words.cancel()) }
                    button.primary type="submit" { (words.trim()) }
                }
            } }
        }
        div.sheet.small id=(confirm) popover role="alertdialog" aria-label=(words.delete_of(name)) { form method="post" action=(at("delete")) {
            (form_key(person.form_key))
            h2 { (words.delete_heading(name)) }
            p { (if upload.media.is_image() { words.delete_screenshot_hint() } else { words.delete_recording_hint() }) }
            div.two {
                button.plain type="button" popovertarget=(confirm) popovertargetaction="hide" { (words.cancel()) }
                button.primary.danger type="submit" { (words.delete_it()) }
            }
        } }
    }
}
