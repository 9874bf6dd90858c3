//! The user's own audit log.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maud::{Markup, html};

use super::icons::*;
use super::{Moment, Person, Place, icon, note, own_page, page_path, plain_title};
use crate::db::{Noted, Upload};

/// `about` holds the recordings whose ids occur in the entries.
pub fn activity(
    person: Person<'_>,
    noted: &[Noted],
    about: &BTreeMap<String, Upload>,
    moment: Moment,
) -> Markup {
    own_page(
        "Activity",
        person,
        Place::Activity,
        html! {
            div.head { h1 { "Activity" } }
            @if noted.is_empty() {
                (note(ICON_CLOCK, "plain", "Nothing yet", "Sign-ins, tokens, and what happens to your recordings are listed here for a year.", html! {}))
            } @else {
                ul.rows {
                    @for deed in noted {
                        li {
                            span.badge { (icon(picture(&deed.action))) }
                            div.words {
                                strong { (sentence(&deed.action)) @if let Some(detail) = detail(deed, about) { ": " bdi { (detail) } } }
                                p { (at(deed.at_ms, moment)) " · " (deed.address) (subject(deed, about)) }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// Renders the entry's subject by its name. A recording that still exists is a link.
fn subject(deed: &Noted, about: &BTreeMap<String, Upload>) -> Markup {
    html! {
        @if deed.subject.is_empty() {}
        @else if let Some(upload) = about.get(&deed.subject) {
            " · "
            @if upload.removed { bdi { (plain_title(upload)) } }
            @else { a href=(page_path(upload)) { bdi { (plain_title(upload)) } } }
        }
        @else if deed.subject.parse::<uuid::Uuid>().is_ok() { " · A recording that is not here anymore" }
        @else { " · " bdi { (deed.subject) } }
    }
}

/// Returns the entry's detail, unless it is the name of the file from which the shown title was
/// derived.
fn detail<'a>(deed: &'a Noted, about: &BTreeMap<String, Upload>) -> Option<&'a str> {
    let named = about.get(&deed.subject).is_some_and(|upload| upload.filename == deed.detail);
    Some(deed.detail.as_str()).filter(|detail| !detail.is_empty() && !named)
}

/// Renders the time to the second, so that users can tell whether an entry is their own.
fn at(at_ms: i64, moment: Moment) -> Markup {
    let at = Timestamp::from_millisecond(at_ms.min(moment.now_ms)).unwrap_or_default();
    html! { time datetime=(at.to_string()) title=(at.to_string()) data-minutes { (at.strftime("%-d %B %Y, %H:%M UTC")) } }
}

/// Turns `sign-in refused` into `Sign-in refused`.
fn sentence(action: &str) -> String {
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
