//! The pages for a forgotten password: requesting a link, and choosing a new password with it.

use maud::{Markup, html};

use super::account::{FormRefusal, Secret, secret};
use super::icons::*;
use super::{HtmlPage, form_key, icon};

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

pub(crate) fn forgotten(what: Forgotten<'_>) -> Markup {
    let page = HtmlPage {
        title: "Forgot your password?",
        head: html! {},
        scripts: &["page.js"],
        awaits: None,
    };
    page.render_form(match what {
        Forgotten::Mail { key, refusal } => html! {
            form.note.form method="post" action="/forgot-password" {
                span.badge data-tone="accent" { (icon(ICON_MAIL)) }
                h1 { "Forgot your password?" }
                p { "Enter the e-mail address of your account. You'll get a link to choose a new password." }
                @if let Some(refusal) = refusal { (super::account::refusal(refusal)) }
                (form_key(key))
                label { span { "E-mail address" }
                    input.field type="email" name="email" required autocomplete="username" autofocus maxlength="254"; }
                button.primary.large type="submit" { "Send link" }
                p.links { a href="/sign-in" { "Back to sign-in" } }
            }
        },
        Forgotten::Asked => html! {
            div.note role="status" {
                span.badge data-tone="accent" { (icon(ICON_MAIL)) }
                h1 { "Check your mail" }
                p { "If there is an account with that address, a link to choose a new password is on its way. It works once, for one hour." }
                p { "No mail after a few minutes? Look in the spam folder, check the address, or ask the person who runs this server." }
                a.plain.large href="/sign-in" { "Back to sign-in" }
            }
        },
        Forgotten::Operator => html! {
            div.note {
                span.badge data-tone="accent" { (icon(ICON_KEY)) }
                h1 { "Forgot your password?" }
                p { "This server sends no mail. Ask the person who runs it for a reset link. They create one with:" }
                code { "snaplark-cloud reset-link --user you@example.com" }
                p { "Your recordings and links stay as they are." }
                a.plain.large href="/sign-in" { "Back to sign-in" }
            }
        },
    })
}

/// The form for a new password. `link` is the secret of the reset link.
pub(crate) fn new_password(
    email: &str,
    link: &str,
    key: &str,
    refusal: Option<FormRefusal>,
) -> Markup {
    let page =
        HtmlPage { title: "New password", head: html! {}, scripts: &["page.js"], awaits: None };
    page.render_form(html! {
        form.note.form method="post" action="/reset-password" {
            span.badge data-tone="accent" { (icon(ICON_KEY)) }
            h1 { "Choose a new password" }
            p { "For " b { bdi { (email) } } ". Every browser, device and token is signed out; sign in again in Snaplark afterwards." }
            @if let Some(refusal) = refusal { (super::account::refusal(refusal)) }
            (form_key(key))
            input type="hidden" name="key" value=(link);
            // Password managers store the password under this name.
            input.sr type="email" name="email" value=(email) autocomplete="username" readonly tabindex="-1" aria-hidden="true";
            (secret(Secret { id: "new-password", name: "password", label: "New password", is_new: true, is_first: true }))
            button.primary.large type="submit" { "Set password and sign in" }
        }
    })
}

pub(crate) fn dead_link() -> Markup {
    let page = HtmlPage { title: "Link expired", head: html! {}, scripts: &[], awaits: None };
    page.render_form(html! {
        div.note {
            span.badge { (icon(ICON_UNLINK)) }
            h1 { "This link doesn't work anymore" }
            p { "A link to choose a new password works once, for one hour. Your password was not changed." }
            a.primary.large href="/forgot-password" { "Get a new link" }
        }
    })
}
