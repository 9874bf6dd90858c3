//! The page of the user's own account: storage, password, export, deletion.

use maud::{Markup, html};

use super::account::{FormRefusal, Secret, refusal, secret};
use super::icons::*;
use super::library::room;
use super::{Person, SiteSection, form_key, icon, own_page};
use snaplark_cloud_data::quotas::{Limits, Usage};

/// The form of the page that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountForm {
    Password,
    Export,
    Delete,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct AccountPage {
    pub(crate) used: Usage,
    pub(crate) limits: Limits,
    pub(crate) uploads: i64,
    pub(crate) said: Option<&'static str>,
    pub(crate) refused: Option<(AccountForm, FormRefusal)>,
}

pub(crate) fn my_account(person: Person<'_>, account: &AccountPage) -> Markup {
    let AccountPage { used, limits, uploads, said, refused } = *account;
    let why = |form: AccountForm| {
        refused.filter(|(refused, _)| *refused == form).map(|(_, why)| refusal(why))
    };
    let recordings = match uploads {
        0 => "No recordings".to_owned(),
        1 => "1 recording".to_owned(),
        more => format!("{more} recordings"),
    };
    own_page(
        "Account",
        person,
        SiteSection::Account,
        html! {
            div.head { h1 { "Account" } }
            @if let Some(said) = said { p.done role="status" { (icon(ICON_CHECK)) (said) } }
            section.part aria-labelledby="storage" {
                div.words { h2 #storage { "Storage" } p { "Uploaded by " bdi { (person.email) } } }
                div.does { p { (recordings) } (room(used, limits)) }
            }
            section.part aria-labelledby="change" {
                div.words { h2 #change { "Change password" } p { "All other browsers, devices and tokens are signed out." } }
                form.form.does method="post" action="/my/account/password" {
                    (form_key(person.form_key))
                    input.sr type="email" name="email" value=(person.email) autocomplete="username" readonly tabindex="-1" aria-hidden="true";
                    @if let Some(why) = why(AccountForm::Password) { (why) }
                    (secret(Secret { id: "current", name: "current", label: "Current password", is_new: false, is_first: false }))
                    (secret(Secret { id: "new", name: "password", label: "New password", is_new: true, is_first: false }))
                    p.help { "New recordings upload after you sign in again in Snaplark." }
                    div.row-end { button.primary type="submit" { "Change password" } }
                }
            }
            section.part aria-labelledby="devices" {
                div.words { h2 #devices { "Devices & tokens" } p { "Apps and programs that act as you." } }
                div.does { div.row-end { a.plain href="/my/tokens" { (icon(ICON_KEY)) span { "Show devices & tokens" } } } }
            }
            section.part aria-labelledby="export" {
                div.words { h2 #export { "Export everything" } p { "One file (.tar) with each recording as it was recorded, its captions, and a list of titles and dates." } }
                form.does method="post" action="/my/account/export" {
                    (form_key(person.form_key))
                    @if let Some(why) = why(AccountForm::Export) { (why) }
                    div.row-end { button.plain type="submit" { (icon(ICON_DOWNLOAD)) span { "Download export" } } }
                }
            }
            section.part aria-labelledby="delete" {
                div.words { h2 #delete { "Delete account" } p { "This can't be undone." } }
                div.does {
                    @if let Some(why) = why(AccountForm::Delete) { (why) }
                    div.row-end { button.plain.danger type="button" popovertarget="delete-account" { (icon(ICON_TRASH)) span { "Delete account…" } } }
                }
            }
            (delete_sheet(person, uploads))
        },
    )
}

fn delete_sheet(person: Person<'_>, uploads: i64) -> Markup {
    html! {
        form.sheet.form id="delete-account" popover role="alertdialog" aria-labelledby="delete-title" method="post" action="/my/account/delete" {
            (form_key(person.form_key))
            h2 #delete-title { "Delete this account?" }
            ul.plain-list {
                @match uploads {
                    0 => {}
                    1 => li { "1 recording is deleted from this server for good, with its title, captions and views." }
                    more => li { (more) " recordings are deleted from this server for good, with their titles, captions and views." }
                }
                li { "All links stop working and say that the recording was removed." }
                li { "All devices, tokens and browsers are signed out." }
                li { "Recordings on your computers are kept." }
            }
            label { span { "To confirm, type your e-mail address: " bdi { (person.email) } }
                input.field type="email" name="email" required autocomplete="off" maxlength="254"; }
            (secret(Secret { id: "delete-password", name: "current", label: "Password", is_new: false, is_first: false }))
            div.two {
                button.plain type="button" popovertarget="delete-account" popovertargetaction="hide" { "Keep account" }
                button.primary.danger type="submit" { "Delete account" }
            }
        }
    }
}

/// The page that is shown after an account was deleted.
pub(crate) fn account_deleted() -> Markup {
    let page =
        super::HtmlPage { title: "Account deleted", head: html! {}, scripts: &[], awaits: None };
    page.render_form(html! {
        div.note role="status" {
            span.badge { (icon(ICON_CHECK)) }
            h1 { "Your account is deleted" }
            p { "The links no longer work, and the recordings are being deleted from this server. Recordings on your computers are kept." }
            p { "Snaplark on your computers is signed out. New recordings stay there until you choose another place for them." }
        }
    })
}
