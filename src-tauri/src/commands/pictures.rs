//! The commands for pictures: library and editor. Each is a call to the app; what leaves is the picture with its
//! drawing.

use std::path::PathBuf;

use serde::Serialize;
use snaplark_app::desktop::Shell as _;
use snaplark_app::pictures::view::{PictureSaid, PictureView};
use snaplark_app::pictures::{self, clipboard};
use snaplark_app::{App, Area, Drawing, ErrorCode, ItemId, PictureFormat, ScreenshotFormat};
use snaplark_command_macro::command;
use tauri::ipc::{InvokeBody, Request};
use tauri::{AppHandle, State, WebviewWindow};
use tauri_plugin_dialog::DialogExt as _;
use tokio::sync::oneshot;
use ts_rs::TS;

use super::{Answer, CommandError, on_main, parsed};
use crate::desktop_shell::{DesktopController, opened};
use crate::{editor, media, pages, platform};

/// The header with the name of a file whose bytes are the request.
const NAME_HEADER: &str = "name";

/// The text and the codes of a picture.
#[derive(Clone, Debug, Serialize, TS)]
#[ts(export)]
pub struct RecognizedView {
    text: String,
    /// The contents of QR codes.
    codes: Vec<String>,
    /// The packages to install so that more is read.
    install: Option<String>,
}

/// Parses the id of a picture. The library may name any; an editor its own alone, which is what a person has opened in
/// it; and no other window names one.
pub(crate) fn picture_of(window: &WebviewWindow, id: &str) -> Answer<ItemId> {
    match may_name(window.label(), id) {
        true => parsed(id),
        false => Err(CommandError::new(ErrorCode::NoPicture, "another window shows it")),
    }
}

fn may_name(label: &str, id: &str) -> bool {
    label == pages::LIBRARY.label || editor::WINDOW.is_of(label, id)
}

#[command]
pub async fn picture(
    app: State<'_, App>,
    window: WebviewWindow,
    id: String,
) -> Answer<PictureView> {
    let view = app.pictures().open(picture_of(&window, &id)?).await?;
    let glance_url = view.glance_url.as_deref().map(media::address);
    let still_url = view.still_url.as_deref().map(media::address);
    Ok(PictureView { source_url: media::address(&view.source_url), still_url, glance_url, ..view })
}

#[command]
pub async fn save_drawing(
    app: State<'_, App>,
    window: WebviewWindow,
    id: String,
    drawing: Drawing,
) -> Answer {
    Ok(app.pictures().save_drawing(picture_of(&window, &id)?, drawing).await?)
}

/// Puts the picture on the clipboard. Returns when it was read back from there.
#[command]
pub async fn copy_picture(app: State<'_, App>, window: WebviewWindow, id: String) -> Answer {
    let (id, pictures) = (picture_of(&window, &id)?, app.pictures());
    clipboard::copy(pictures.copy(id).await?).await?;
    Ok(pictures.say(id, PictureSaid::Copied).await?)
}

/// Saves the picture to a file and returns it; `None` if the person was asked where and chose nothing. Without
/// `format`, the settings decide.
#[command]
pub async fn save_picture(
    app: State<'_, App>,
    handle: AppHandle,
    window: WebviewWindow,
    id: String,
    format: Option<ScreenshotFormat>,
    ask: bool,
) -> Answer<Option<String>> {
    let (id, pictures) = (picture_of(&window, &id)?, app.pictures());
    let quality = app.settings().await?.screenshots.jpeg_quality;
    let format = format.map(|format| match format {
        ScreenshotFormat::Png => PictureFormat::Png,
        ScreenshotFormat::Jpeg => PictureFormat::Jpeg { quality },
        ScreenshotFormat::Webp => PictureFormat::WebpLossless,
    });
    let file = match ask {
        false => pictures.save(id, format).await?,
        true => {
            let proposed = pictures.proposed_file(id, format).await?;
            let Some(chosen) = ask_where(&handle, proposed).await else { return Ok(None) };
            pictures.save_as(id, chosen.clone()).await?;
            chosen
        }
    };
    pictures.say(id, PictureSaid::Saved).await?;
    Ok(Some(file.display().to_string()))
}

async fn ask_where(handle: &AppHandle, proposed: PathBuf) -> Option<PathBuf> {
    let dialog = handle.dialog().file();
    let dialog = match proposed.extension().and_then(|ending| ending.to_str()) {
        Some(ending) => dialog.add_filter(ending.to_uppercase(), &[ending]),
        None => dialog,
    };
    let dialog = dialog.add_filter("PNG, JPEG, WebP", &["png", "jpg", "jpeg", "webp"]);
    let dialog = match (proposed.parent(), proposed.file_name().and_then(|name| name.to_str())) {
        (Some(folder), Some(name)) => dialog.set_directory(folder).set_file_name(name),
        _ => dialog,
    };
    let (chosen, answer) = oneshot::channel();
    dialog.save_file(move |to| drop(chosen.send(to)));
    answer.await.ok().flatten().and_then(|to| to.into_path().ok())
}

/// Publishes the picture as it is now and returns its link, if that is known already. It is on the clipboard soon.
#[command]
pub async fn publish_picture(
    app: State<'_, App>,
    window: WebviewWindow,
    id: String,
) -> Answer<Option<String>> {
    Ok(app.pictures().publish(picture_of(&window, &id)?).await?)
}

/// Copies the link with the title, as Markdown.
#[command]
pub async fn copy_picture_markdown(
    app: State<'_, App>,
    desktop: State<'_, DesktopController>,
    window: WebviewWindow,
    id: String,
) -> Answer {
    let view = app.pictures().open(picture_of(&window, &id)?).await?;
    let link = view.link.ok_or_else(|| CommandError::new(ErrorCode::NoLink, &id))?;
    Ok(desktop.shell().copy(markdown(&view.title, &link))?)
}

/// Returns a Markdown link whose text is the title, whatever that contains.
fn markdown(title: &str, link: &str) -> String {
    let mut text = String::with_capacity(title.len());
    for c in title.chars() {
        if matches!(c, '[' | ']' | '\\' | '`' | '*' | '_' | '<' | '>') {
            text.push('\\');
        }
        text.push(c);
    }
    format!("[{text}](<{link}>)")
}

/// Reads the text and the codes in the picture or in an area of it.
#[command]
pub async fn recognize_picture(
    app: State<'_, App>,
    window: WebviewWindow,
    id: String,
    area: Option<Area>,
) -> Answer<RecognizedView> {
    let read = app.pictures().recognize(picture_of(&window, &id)?, area).await?;
    let snaplark_app::Recognized { text, codes, install } = read;
    Ok(RecognizedView { text, codes, install })
}

/// Brings in a picture that was pasted or dropped, and returns its id. The request is its bytes, since as JSON they
/// would be four times as many; its file's name is in a header.
#[command]
pub async fn import_picture(app: State<'_, App>, request: Request<'_>) -> Answer<String> {
    let InvokeBody::Raw(bytes) = request.body() else {
        return Err(CommandError::new(ErrorCode::NoPicture, "it came without bytes"));
    };
    pictures::check_size(bytes.len() as u64)?;
    let name = request.headers().get(NAME_HEADER).and_then(|name| name_of(name.to_str().ok()?));
    let name = name.filter(|name| !is_made_up(name));
    Ok(app.pictures().import_bytes(bytes.clone(), name.as_deref()).await?.to_string())
}

/// Brings in the picture that is on the clipboard and returns its id; `None` if there is none. WebKitGTK shows pages no
/// pictures of the clipboard.
#[command]
pub async fn paste_picture(app: State<'_, App>) -> Answer<Option<String>> {
    let Some(png) = clipboard::read().await? else { return Ok(None) };
    Ok(Some(app.pictures().import_bytes(png, None).await?.to_string()))
}

/// Uploads the files that were copied in a file manager. Returns how many there were.
#[command]
pub async fn paste_files(controller: State<'_, DesktopController>) -> Answer<u32> {
    let files = clipboard::read_files().await;
    let count = files.len() as u32;
    controller.upload_files(files).await?;
    Ok(count)
}

/// Decodes what `encodeURIComponent` made of a file's name.
fn name_of(encoded: &str) -> Option<String> {
    let address = tauri::Url::parse(&format!("name:?{encoded}")).ok()?;
    let (name, _) = address.query_pairs().next()?;
    Some(name.into_owned())
}

/// Returns whether a browser gives that name to a picture that was pasted.
fn is_made_up(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    ["image", "unknown", "blob", "file"].contains(&stem.to_ascii_lowercase().as_str())
}

/// Brings in the pictures that the person chooses with the system's dialog, and returns their ids.
#[command]
pub async fn import_pictures(app: State<'_, App>, handle: AppHandle) -> Answer<Vec<String>> {
    let pictures = app.pictures();
    let dialog = handle.dialog().file();
    let endings = ["png", "jpg", "jpeg", "webp", "gif", "apng"];
    let dialog = dialog.add_filter("PNG, JPEG, WebP, GIF", &endings);
    let (chosen, answer) = oneshot::channel();
    dialog.pick_files(move |files| drop(chosen.send(files)));
    let mut ids = Vec::new();
    for file in answer.await.ok().flatten().unwrap_or_default() {
        let Ok(file) = file.into_path() else { continue };
        ids.push(pictures.import_file(file).await?.to_string());
    }
    Ok(ids)
}

/// Deletes the editor's picture; the library can bring it back.
#[command]
pub async fn delete_picture(app: State<'_, App>, window: WebviewWindow, id: String) -> Answer {
    Ok(app.delete_undoably(vec![picture_of(&window, &id)?.into()]).await?)
}

/// Opens the picture in the editor.
#[command]
pub async fn open_editor(handle: AppHandle, id: String) -> Answer {
    let id: ItemId = parsed(&id)?;
    on_main(&handle, move |handle| editor::open(handle, id))
        .await?
        .map_err(|error| CommandError::new(ErrorCode::NoWindow, error))
}

/// Shows the picture as a file in the file manager. It is saved first, unless that file is there already.
#[command]
pub async fn show_picture(app: State<'_, App>, id: String) -> Answer {
    let file = app.pictures().save(parsed(&id)?, None).await?;
    let open = move || tauri_plugin_opener::reveal_item_in_dir(file);
    Ok(opened(ErrorCode::NoFileManager, open).await?)
}

/// Starts dragging the picture as a file, when the page has noticed a drag.
#[command]
pub async fn drag_picture(
    app: State<'_, App>,
    handle: AppHandle,
    window: WebviewWindow,
    id: String,
) -> Answer {
    let file = app.pictures().drag_file(picture_of(&window, &id)?).await?;
    on_main(&handle, move |_| platform::drag_files(&window, &[file]))
        .await?
        .map_err(|error| CommandError::new(ErrorCode::NoDrag, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picture_is_named_by_the_library_and_its_own_editor_alone() {
        assert!(may_name("library", "1"));
        assert!(may_name("editor-1", "1"));
        for label in
            ["editor-2", "editor-", "pin-1", "cutter-1", "toast", "settings", "preview", ""]
        {
            assert!(!may_name(label, "1"), "{label}");
        }
    }

    #[test]
    fn name_of_a_dropped_file_is_decoded() {
        // `encodeURIComponent` of names with letters that an address takes for its own.
        assert_eq!(name_of("Invoice%202041%20%26%20%3D%2B.png").unwrap(), "Invoice 2041 & =+.png");
        assert_eq!(name_of("%D8%B5%D9%88%D8%B1%D8%A9.png").unwrap(), "صورة.png");
        assert_eq!(name_of(""), None);
        assert!(is_made_up("image.png") && !is_made_up("Imagery.png"));
    }

    #[test]
    fn title_in_markdown_stays_a_title() {
        let link = "https://host/screenshots/1";
        assert_eq!(markdown("Checkout", link), "[Checkout](<https://host/screenshots/1>)");
        assert_eq!(
            markdown("a](https://evil) *b*", link),
            "[a\\](https://evil) \\*b\\*](<https://host/screenshots/1>)"
        );
    }
}
