//! The page of a screenshot. Without its script the picture is shown whole, and is a link to its file.

use maud::{Markup, html};
use snaplark_cloud_data::db::Upload;

use super::icons::*;
use super::share::{about, audience, description, fit, oembed_address, opens_only_here, views};
use super::{HtmlPage, Moment, date, file_path, icon, page_path, shown_title, version_path};

const DESCRIPTION: &str = "A screenshot, shared with Snaplark.";

pub(crate) fn image(
    public_url: &str,
    upload: &Upload,
    is_owner: bool,
    only_here: bool,
    moment: Moment,
) -> Markup {
    let title = shown_title(upload);
    let page = HtmlPage {
        title: &title,
        head: open_graph(public_url, upload, &title),
        scripts: &["page.js", "picture.js"],
        awaits: None,
    };
    page.render(html! {
        @if only_here { (opens_only_here()) }
        (viewer(upload, &title))
        (about(&title, description(upload), actions(upload, &title), None, html! {
            (date(upload.created_ms, moment)) " · " (upload.width) " × " (upload.height)
            @if upload.share.views > 0 { " · " (views(upload.share.views)) }
            " · " (audience(upload))
            @if is_owner { " · " a href="/my/videos" { "Library" } }
        }))
    })
}

/// Renders the picture, and the buttons that its script shows.
fn viewer(upload: &Upload, title: &str) -> Markup {
    html! {
        div.viewer data-viewed=(page_path(upload)) {
            div.frame {
                a href=(version_path(upload)) title="Open image" {
                    img src=(version_path(upload)) alt=(title) width=(upload.width) height=(upload.height) data-type=(upload.media.mime());
                }
            }
            div.zoom role="group" aria-label="Zoom" hidden {
                button.plain.square type="button" data-do="out" title="Zoom out (-)" aria-label="Zoom out" { (icon(ICON_MINUS)) }
                output title="100% is one pixel of the screen for each of the picture" {}
                button.plain.square type="button" data-do="in" title="Zoom in (+)" aria-label="Zoom in" { (icon(ICON_PLUS)) }
                button.plain.square.word type="button" data-do="fit" title="Fit (0)" { "Fit" }
                button.plain.square.word type="button" data-do="original" title="Original size (1)" aria-label="1:1, original size" { "1:1" }
                button.plain.square type="button" data-do="full" title="Full screen (F)" aria-label="Full screen" {
                    span.when-small { (icon(ICON_MAXIMIZE)) } span.when-full { (icon(ICON_MINIMIZE)) }
                }
            }
        }
    }
}

fn actions(upload: &Upload, title: &str) -> Markup {
    let name = format!("{title}.{}", upload.media.name());
    html! {
        a.plain.icon-only href={ (file_path(upload)) "?download" } download=(name) title="Download" aria-label="Download" { (icon(ICON_DOWNLOAD)) }
        button.plain type="button" data-copy-image hidden { (icon(ICON_COPY)) span { "Copy image" } }
    }
}

/// Renders what other sites and messengers read to show a preview of the link. The address of the picture
/// names its version, because they keep what they have read under an address.
fn open_graph(public_url: &str, upload: &Upload, title: &str) -> Markup {
    let page = format!("{public_url}{}", page_path(upload));
    let image = format!("{public_url}{}", version_path(upload));
    let words = upload.share.description.as_deref().unwrap_or(DESCRIPTION);
    html! {
        meta name="description" content=(words);
        meta property="og:site_name" content="Snaplark";
        meta property="og:type" content="website";
        meta property="og:title" content=(title);
        meta property="og:description" content=(words);
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
