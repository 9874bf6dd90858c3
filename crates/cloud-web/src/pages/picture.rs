//! The page of a screenshot. Without its script the picture is shown whole, and is a link to its file.

use maud::{Markup, html};
use snaplark_cloud_data::db::Upload;

use super::icons::*;
use super::share::{about, audience, description, fit, oembed_address, opens_only_here};
use super::{
    HtmlPage, Moment, date, file_path, icon, page_path, page_title, shown_title, version_path,
    with_key,
};
use crate::words::PageWords;

pub(crate) fn image(
    public_url: &str,
    upload: &Upload,
    is_owner: bool,
    only_here: bool,
    moment: Moment,
) -> Markup {
    let words = moment.words;
    let title = page_title(upload, words);
    let page = HtmlPage {
        title: &title,
        words,
        head: open_graph(words, public_url, upload, &title),
        scripts: &["page.js", "picture.js"],
        awaits: None,
    };
    page.render(html! {
        @if only_here { (opens_only_here(words)) }
        (viewer(words, upload, &title))
        (about(words, &title, description(upload), actions(words, upload, &title), None, html! {
            (date(upload.created_ms, moment)) " · " (upload.width) " × " (upload.height)
            @if upload.share.views > 0 { " · " (words.views(upload.share.views)) }
            " · " (audience(words, upload))
            @if is_owner { " · " a href="/my/videos" { (words.library()) } }
        }))
    })
}

/// Renders the picture, and the buttons that its script shows.
fn viewer(words: PageWords, upload: &Upload, title: &str) -> Markup {
    html! {
        div.viewer data-viewed=(page_path(upload)) {
            div.frame {
                a href=(version_path(upload)) title=(words.open_image()) {
                    img src=(version_path(upload)) alt=(title) width=(upload.width) height=(upload.height) data-type=(upload.media.mime());
                }
            }
            div.zoom dir="ltr" role="group" aria-label=(words.zoom()) hidden {
                button.plain.square type="button" data-do="out" title=(with_key(words.zoom_out(), "-")) aria-label=(words.zoom_out()) { (icon(ICON_MINUS)) }
                output title=(words.zoom_hint()) {}
                button.plain.square type="button" data-do="in" title=(with_key(words.zoom_in(), "+")) aria-label=(words.zoom_in()) { (icon(ICON_PLUS)) }
                button.plain.square.word type="button" data-do="fit" title=(with_key(words.zoom_fit(), "0")) { (words.zoom_fit()) }
                button.plain.square.word type="button" data-do="original" title=(with_key(words.zoom_original(), "1")) aria-label={ "1:1, " (words.zoom_original()) } { "1:1" }
                button.plain.square type="button" data-do="full" title=(with_key(words.full_screen(), "F")) aria-label=(words.full_screen()) {
                    span.when-small { (icon(ICON_MAXIMIZE)) } span.when-full { (icon(ICON_MINIMIZE)) }
                }
            }
        }
    }
}

fn actions(words: PageWords, upload: &Upload, title: &str) -> Markup {
    let name = format!("{title}.{}", upload.media.name());
    html! {
        a.plain.icon-only href={ (file_path(upload)) "?download" } download=(name) title=(words.download()) aria-label=(words.download()) { (icon(ICON_DOWNLOAD)) }
        button.plain type="button" data-copy-image hidden { (icon(ICON_COPY)) span { (words.copy_image()) } }
    }
}

/// Renders what other sites and messengers read to show a preview of the link. The address of the picture
/// names its version, because they keep what they have read under an address.
fn open_graph(words: PageWords, public_url: &str, upload: &Upload, title: &str) -> Markup {
    let page = format!("{public_url}{}", page_path(upload));
    let image = format!("{public_url}{}", version_path(upload));
    let text = upload.share.description.as_deref().unwrap_or(words.about_screenshot());
    html! {
        meta name="description" content=(text);
        meta property="og:site_name" content="Snaplark";
        meta property="og:type" content="website";
        meta property="og:title" content=(title);
        meta property="og:description" content=(text);
        meta property="og:url" content=(page);
        meta property="og:image" content=(image);
        meta property="og:image:type" content=(upload.media.mime());
        meta property="og:image:width" content=(upload.width);
        meta property="og:image:height" content=(upload.height);
        meta property="og:image:alt" content=(title);
        meta name="twitter:card" content="summary_large_image";
        meta name="twitter:title" content=(title);
        meta name="twitter:image" content=(image);
        meta name="twitter:image:alt" content=(title);
        link rel="canonical" href=(page);
        @if upload.share.is_open() {
            link rel="alternate" type="application/json+oembed" title=(title) href=(oembed_address(public_url, &page));
        }
    }
}

/// The oEmbed response: https://oembed.com, 2.3.4.1. Width and height are those at which the picture is to
/// be shown.
pub(crate) fn oembed(public_url: &str, upload: &Upload, max: (u32, u32)) -> serde_json::Value {
    let (width, height) = fit((upload.width.max(1), upload.height.max(1)), max);
    serde_json::json!({
        "version": "1.0", "type": "photo", "provider_name": "Snaplark", "provider_url": public_url,
        "title": shown_title(upload), "url": format!("{public_url}{}", version_path(upload)),
        "width": width, "height": height,
    })
}
