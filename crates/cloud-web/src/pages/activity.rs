//! The user's own audit log.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maud::{Markup, html};

use super::icons::*;
use super::library::audience;
use super::{Moment, Person, SiteSection, icon, note, own_page, page_path, plain_title};
use crate::words::PageWords;
use snaplark_cloud_data::db::{AuditRecord, Upload, Visibility};

/// `about` holds the recordings whose ids occur in the entries.
pub(crate) fn activity(
    person: Person<'_>,
    entries: &[AuditRecord],
    about: &BTreeMap<String, Upload>,
    moment: Moment,
) -> Markup {
    let words = person.words;
    own_page(
        words.activity(),
        person,
        SiteSection::Activity,
        html! {
            div.head { h1 { (words.activity()) } }
            @if entries.is_empty() {
                (note(ICON_CLOCK, "plain", words.activity_none(), words.activity_none_hint(), html! {}))
            } @else {
                ul.rows {
                    @for entry in entries {
                        li {
                            span.badge { (icon(picture(&entry.action))) }
                            div.words {
                                strong { (deed(words, &entry.action)) @if let Some(detail) = detail(words, entry, about) { ": " (detail) } }
                                p { (at(entry.at_ms, moment)) " · " (entry.address) (subject(words, entry, about)) }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// Renders the entry's subject by its name. A recording that still exists is a link.
fn subject(words: PageWords, entry: &AuditRecord, about: &BTreeMap<String, Upload>) -> Markup {
    html! {
        @if entry.subject.is_empty() {}
        @else if let Some(upload) = about.get(&entry.subject) {
            " · "
            @if upload.removed { bdi { (plain_title(upload, words)) } }
            @else { a href=(page_path(upload)) { bdi { (plain_title(upload, words)) } } }
        }
        @else if entry.subject.parse::<uuid::Uuid>().is_ok() { " · " (words.deleted_recording()) }
        @else { " · " bdi { (entry.subject) } }
    }
}

/// Returns the entry's detail, unless it is the name of the file from which the shown title was
/// derived.
fn detail(
    words: PageWords,
    entry: &AuditRecord,
    about: &BTreeMap<String, Upload>,
) -> Option<Markup> {
    let named = about.get(&entry.subject).is_some_and(|upload| upload.filename == entry.detail);
    let detail = Some(entry.detail.as_str()).filter(|detail| !detail.is_empty() && !named)?;
    let worded = match entry.action.as_str() {
        "visibility changed" => {
            let visibility = Visibility::ALL.into_iter().find(|it| it.name() == detail);
            visibility.map(|it| html! { (audience(words, it)) })
        }
        "link end set" => detail.parse().ok().map(|at| time(words, at)),
        _ => None,
    };
    Some(worded.unwrap_or_else(|| html! { bdi { (detail) } }))
}

/// Renders the time to the second, so that users can tell whether an entry is their own.
fn at(at_ms: i64, moment: Moment) -> Markup {
    let at = Timestamp::from_millisecond(at_ms.min(moment.now_ms)).unwrap_or_default();
    time(moment.words, at)
}

fn time(words: PageWords, at: Timestamp) -> Markup {
    html! { time datetime=(at.to_string()) title=(at.to_string()) data-minutes { (words.time_in_utc(at)) } }
}

/// Returns what the page says for the name of an action. Another version of the program may have written one that
/// this one doesn't know, which is shown by its name.
fn deed(words: PageWords, action: &str) -> &str {
    match action {
        "sign-in" => words.did_sign_in(),
        "sign-in refused" => words.did_sign_in_refused(),
        "sign-out" => words.did_sign_out(),
        "password set" => words.did_password_set(),
        "password changed" => words.did_password_changed(),
        "password refused" => words.did_password_refused(),
        "password reset" => words.did_password_reset(),
        "password link made" => words.did_password_link_made(),
        "password link sent" => words.did_password_link_sent(),
        "account exported" => words.did_account_exported(),
        "account deleted" => words.did_account_deleted(),
        "limits set" => words.did_limits_set(),
        "user disabled" => words.did_user_disabled(),
        "user enabled" => words.did_user_enabled(),
        "token created" => words.did_token_created(),
        "token revoked" => words.did_token_revoked(),
        "app connected" => words.did_app_connected(),
        "video finished" => words.did_video_finished(),
        "video renamed" => words.did_video_renamed(),
        "visibility changed" => words.did_visibility_changed(),
        "link password set" => words.did_link_password_set(),
        "link end set" => words.did_link_end_set(),
        "link password refused" => words.did_link_password_refused(),
        "downloads changed" => words.did_downloads_changed(),
        "watch counting changed" => words.did_watch_counting_changed(),
        "video deleted" => words.did_video_deleted(),
        "part mended" => words.did_part_mended(),
        "upload refused" => words.did_upload_refused(),
        other => other,
    }
}

fn picture(action: &str) -> &'static str {
    match action.split([' ', '-']).next().unwrap_or_default() {
        "sign" | "password" | "account" => ICON_USER,
        "token" | "app" => ICON_KEY,
        "link" | "visibility" => ICON_LOCK,
        "upload" | "limits" => ICON_ALERT,
        _ => ICON_VIDEO,
    }
}

#[cfg(test)]
mod tests {
    use snaplark_cloud::audit::AuditAction;

    use super::*;

    #[test]
    fn every_action_has_words() {
        for action in AuditAction::ALL {
            let words = deed(PageWords::default(), action.name());
            assert!(words.starts_with(char::is_uppercase), "{words}");
        }
    }
}
