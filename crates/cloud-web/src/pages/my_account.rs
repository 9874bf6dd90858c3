//! The page of the user's own account: storage, password, export, deletion.

use maud::{Markup, html};

use super::account::{FormRefusal, Secret, refusal, secret};
use super::icons::*;
use super::library::room;
use super::{HtmlPage, Person, SiteSection, form_key, icon, own_page};
use crate::words::PageWords;
use snaplark_cloud_data::quotas::{Limits, Usage};

/// The form of the page that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountForm {
    Password,
    Export,
    Delete,
}

/// The contents of an export, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExportCounts {
    pub(crate) recordings: u64,
    pub(crate) screenshots: u64,
    pub(crate) captions: u64,
    /// The recordings that are damaged or of which nothing has arrived. They are in the list alone.
    pub(crate) left_out: u64,
    pub(crate) size_bytes: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct AccountPage {
    pub(crate) used: Usage,
    pub(crate) limits: Limits,
    pub(crate) uploads: u64,
    pub(crate) export: ExportCounts,
    pub(crate) said: Option<&'static str>,
    pub(crate) refused: Option<(AccountForm, FormRefusal)>,
}

pub(crate) fn my_account(person: Person<'_>, account: &AccountPage) -> Markup {
    let AccountPage { used, limits, uploads, export, said, refused } = *account;
    let words = person.words;
    let why = |form: AccountForm| {
        refused.filter(|(refused, _)| *refused == form).map(|(_, why)| refusal(words, why))
    };
    let recordings = match uploads {
        0 => words.recordings_none().to_owned(),
        count => words.recordings_count(count).text(),
    };
    own_page(
        words.account(),
        person,
        SiteSection::Account,
        html! {
            div.head { h1 { (words.account()) } }
            @if let Some(said) = said { p.done role="status" { (icon(ICON_CHECK)) (said) } }
            section.part aria-labelledby="storage" {
                div.words { h2 #storage { (words.storage()) } p { (words.uploaded_by(html! { bdi { (person.email) } })) } }
                div.does { p { (recordings) } (room(words, used, limits)) }
            }
            section.part aria-labelledby="change" {
                div.words { h2 #change { (words.change_password()) } p { (words.change_password_hint()) } }
                form.form.does method="post" action="/my/account/password" {
                    (form_key(person.form_key))
                    input.sr type="email" name="email" value=(person.email) autocomplete="username" readonly tabindex="-1" aria-hidden="true";
                    @if let Some(why) = why(AccountForm::Password) { (why) }
                    (secret(words, Secret { id: "current", name: "current", label: words.current_password(), is_new: false, is_first: false }))
                    (secret(words, Secret { id: "new", name: "password", label: words.new_password(), is_new: true, is_first: false }))
                    p.help { (words.change_password_after()) }
                    div.row-end { button.primary type="submit" { (words.change_password()) } }
                }
            }
            section.part aria-labelledby="devices" {
                div.words { h2 #devices { (words.devices_and_tokens()) } p { (words.devices_hint()) } }
                div.does { div.row-end { a.plain href="/my/tokens" { (icon(ICON_KEY)) span { (words.show_devices()) } } } }
            }
            section.part aria-labelledby="export" {
                div.words { h2 #export { (words.export()) } p { (words.export_hint()) } }
                form.does method="post" action="/my/account/export" data-export {
                    (form_key(person.form_key))
                    @if let Some(why) = why(AccountForm::Export) { (why) }
                    (exported(words, export))
                    div.row-end { button.plain type="submit" { (icon(ICON_DOWNLOAD)) span { (words.export_download()) } } }
                    progress max="1" value="0" aria-labelledby="export" hidden {}
                    p.help role="status" data-progress hidden {}
                }
            }
            section.part aria-labelledby="delete" {
                div.words { h2 #delete { (words.delete_account()) } p { (words.delete_account_hint()) } }
                div.does {
                    @if let Some(why) = why(AccountForm::Delete) { (why) }
                    div.row-end { button.plain.danger type="button" popovertarget="delete-account" { (icon(ICON_TRASH)) span { (words.delete_account_more()) } } }
                }
            }
            (delete_sheet(person, uploads))
        },
    )
}

/// Renders what the export holds, before it begins.
fn exported(words: PageWords, export: ExportCounts) -> Markup {
    let ExportCounts { recordings, screenshots, captions, left_out, size_bytes } = export;
    html! {
        p.help {
            (words.export_holds(
                words.export_recordings(recordings),
                words.export_screenshots(screenshots),
                words.export_captions(captions),
                words.size(size_bytes),
            ))
            @if left_out > 0 { " " (words.export_left_out(left_out)) }
        }
    }
}

fn delete_sheet(person: Person<'_>, uploads: u64) -> Markup {
    let words = person.words;
    html! {
        div.sheet id="delete-account" popover role="alertdialog" aria-labelledby="delete-title" { form.form method="post" action="/my/account/delete" {
            (form_key(person.form_key))
            h2 #delete-title { (words.delete_account_heading()) }
            ul.plain-list {
                @if uploads > 0 { li { (words.delete_account_recordings(uploads)) } }
                li { (words.delete_account_links()) }
                li { (words.delete_account_devices()) }
                li { (words.delete_account_kept()) }
            }
            label { span { (words.delete_account_confirm(html! { bdi { (person.email) } })) }
                input.field type="email" name="email" required autocomplete="off" maxlength="254"; }
            (secret(words, Secret { id: "delete-password", name: "current", label: words.password(), is_new: false, is_first: false }))
            div.two {
                button.plain type="button" popovertarget="delete-account" popovertargetaction="hide" { (words.keep_account()) }
                button.primary.danger type="submit" { (words.delete_account()) }
            }
        } }
    }
}

/// The page that is shown after an account was deleted.
pub(crate) fn account_deleted(words: PageWords) -> Markup {
    HtmlPage::plain(words, words.account_deleted()).render_form(html! {
        div.note role="status" {
            span.badge { (icon(ICON_CHECK)) }
            h1 { (words.account_deleted_heading()) }
            p { (words.account_deleted_links()) }
            p { (words.account_deleted_app()) }
        }
    })
}
