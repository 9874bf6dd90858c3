//! The pages for a forgotten password: requesting a link, and choosing a new password with it.

use maud::{Markup, html};

use super::account::{FormRefusal, Secret, secret};
use super::icons::*;
use super::{HtmlPage, form_key, icon};
use crate::words::PageWords;

/// The content of the page about a forgotten password.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Forgotten<'a> {
    /// The form that requests a link by mail, with its key and the reason if it is shown again.
    Mail { key: &'a str, refusal: Option<FormRefusal> },
    /// The answer after a request, which is the same for every address.
    Asked,
    /// A note to ask the operator, because this server sends no mail.
    Operator,
}

pub(crate) fn forgotten(words: PageWords, what: Forgotten<'_>) -> Markup {
    let plain = HtmlPage::plain(words, words.forgot_password());
    let page = HtmlPage { scripts: &["page.js"], ..plain };
    page.render_form(match what {
        Forgotten::Mail { key, refusal } => html! {
            form.note.form method="post" action="/forgot-password" {
                span.badge data-tone="accent" { (icon(ICON_MAIL)) }
                h1 { (words.forgot_password()) }
                p { (words.forgotten_hint()) }
                @if let Some(refusal) = refusal { (super::account::refusal(words, refusal)) }
                (form_key(key))
                label { span { (words.email_address()) }
                    input.field type="email" name="email" required autocomplete="username" autofocus maxlength="254"; }
                button.primary.large type="submit" { (words.send_link()) }
                p.links { a href="/sign-in" { (words.back_to_sign_in()) } }
            }
        },
        Forgotten::Asked => html! {
            div.note role="status" {
                span.badge data-tone="accent" { (icon(ICON_MAIL)) }
                h1 { (words.check_mail()) }
                p { (words.check_mail_hint()) }
                p { (words.check_mail_none()) }
                a.plain.large href="/sign-in" { (words.back_to_sign_in()) }
            }
        },
        Forgotten::Operator => html! {
            div.note {
                span.badge data-tone="accent" { (icon(ICON_KEY)) }
                h1 { (words.forgot_password()) }
                p { (words.forgotten_no_mail()) }
                code dir="ltr" { "snaplark-cloud reset-link --user you@example.com" }
                p { (words.forgotten_safe()) }
                a.plain.large href="/sign-in" { (words.back_to_sign_in()) }
            }
        },
    })
}

/// The form for a new password. `link` is the secret of the reset link.
pub(crate) fn new_password(
    words: PageWords,
    email: &str,
    link: &str,
    key: &str,
    refusal: Option<FormRefusal>,
) -> Markup {
    let plain = HtmlPage::plain(words, words.new_password());
    let page = HtmlPage { scripts: &["page.js"], ..plain };
    page.render_form(html! {
        form.note.form method="post" action="/reset-password" {
            span.badge data-tone="accent" { (icon(ICON_KEY)) }
            h1 { (words.new_password_heading()) }
            p { (words.new_password_hint(html! { b { bdi { (email) } } })) }
            @if let Some(refusal) = refusal { (super::account::refusal(words, refusal)) }
            (form_key(key))
            input type="hidden" name="key" value=(link);
            // Password managers store the password under this name.
            input.sr type="email" name="email" value=(email) autocomplete="username" readonly tabindex="-1" aria-hidden="true";
            (secret(words, Secret { id: "new-password", name: "password", label: words.new_password(), is_new: true, is_first: true }))
            button.primary.large type="submit" { (words.new_password_set()) }
        }
    })
}

pub(crate) fn dead_link(words: PageWords) -> Markup {
    HtmlPage::plain(words, words.dead_link()).render_form(html! {
        div.note {
            span.badge { (icon(ICON_UNLINK)) }
            h1 { (words.dead_link_heading()) }
            p { (words.dead_link_hint()) }
            a.primary.large href="/forgot-password" { (words.dead_link_new()) }
        }
    })
}
