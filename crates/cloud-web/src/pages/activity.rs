//! The user's own audit log.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maud::{Markup, html};

use super::icons::*;
use super::library::AUDIENCES;
use super::{Moment, Person, SiteSection, icon, note, own_page, page_path, plain_title};
use snaplark_cloud_data::db::{AuditRecord, Upload, Visibility};

/// `about` holds the recordings whose ids occur in the entries.
pub(crate) fn activity(
    person: Person<'_>,
    entries: &[AuditRecord],
    about: &BTreeMap<String, Upload>,
    moment: Moment,
) -> Markup {
    own_page(
        "Activity",
        person,
        SiteSection::Activity,
        html! {
            div.head { h1 { "Activity" } }
            @if entries.is_empty() {
                (note(ICON_CLOCK, "plain", "Nothing yet", "Sign-ins, tokens, and what happens to your recordings are listed here for a year.", html! {}))
            } @else {
                ul.rows {
                    @for entry in entries {
                        li {
                            span.badge { (icon(picture(&entry.action))) }
                            div.words {
                                strong { (words(&entry.action)) @if let Some(detail) = detail(entry, about) { ": " (detail) } }
                                p { (at(entry.at_ms, moment)) " · " (entry.address) (subject(entry, about)) }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// Renders the entry's subject by its name. A recording that still exists is a link.
fn subject(entry: &AuditRecord, about: &BTreeMap<String, Upload>) -> Markup {
    html! {
        @if entry.subject.is_empty() {}
        @else if let Some(upload) = about.get(&entry.subject) {
            " · "
            @if upload.removed { bdi { (plain_title(upload)) } }
            @else { a href=(page_path(upload)) { bdi { (plain_title(upload)) } } }
        }
        @else if entry.subject.parse::<uuid::Uuid>().is_ok() { " · A deleted recording" }
        @else { " · " bdi { (entry.subject) } }
    }
}

/// Returns the entry's detail, unless it is the name of the file from which the shown title was
/// derived.
fn detail(entry: &AuditRecord, about: &BTreeMap<String, Upload>) -> Option<Markup> {
    let named = about.get(&entry.subject).is_some_and(|upload| upload.filename == entry.detail);
    let detail = Some(entry.detail.as_str()).filter(|detail| !detail.is_empty() && !named)?;
    let audience = |(visibility, words): &(Visibility, &'static str)| {
        (visibility.name() == detail).then_some(*words)
    };
    let worded = match entry.action.as_str() {
        "visibility changed" => AUDIENCES.iter().find_map(audience).map(|words| html! { (words) }),
        "link end set" => detail.parse().ok().map(time),
        _ => None,
    };
    Some(worded.unwrap_or_else(|| html! { bdi { (detail) } }))
}

/// Renders the time to the second, so that users can tell whether an entry is their own.
fn at(at_ms: i64, moment: Moment) -> Markup {
    time(Timestamp::from_millisecond(at_ms.min(moment.now_ms)).unwrap_or_default())
}

fn time(at: Timestamp) -> Markup {
    html! { time datetime=(at.to_string()) title=(at.to_string()) data-minutes { (at.strftime("%-d %B %Y, %H:%M UTC")) } }
}

/// Returns what the page says for the name of an action: `Sign-in refused` for `sign-in refused`, and other
/// words where the name is short for the command line.
fn words(action: &str) -> String {
    let words = match action {
        "sign-in" => "Signed in",
        "sign-out" => "Signed out",
        "password link made" => "Password reset link created",
        "password link sent" => "Password reset link sent",
        "limits set" => "Limits changed",
        "video finished" => "Uploaded",
        "video renamed" => "Renamed",
        "video deleted" => "Deleted",
        "visibility changed" => "Access changed",
        "link end set" => "Link expiry set",
        "part mended" => "Damaged part repaired",
        _ => "",
    };
    if !words.is_empty() {
        return words.to_owned();
    }
    let mut letters = action.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
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
