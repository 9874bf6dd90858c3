//! `empty-tauri 0|1`: a Tauri app that does nothing, with no window or with a hidden one. It is what
//! any app of this kind uses, which `cargo xtask bench desktop` measures Snaplark beside.

use tauri::{RunEvent, WebviewUrl, WebviewWindowBuilder};

fn main() -> anyhow::Result<()> {
    let has_window = std::env::args().nth(1).is_some_and(|windows| windows == "1");
    let context = tauri::generate_context!("tests/bench/peers/empty-tauri/tauri.conf.json");
    let app = tauri::Builder::default().build(context)?;
    if has_window {
        // The page that it can't find is as good as any other: an empty address would start no web process.
        WebviewWindowBuilder::new(&app, "empty", WebviewUrl::default()).visible(false).build()?;
    }
    app.run(|_, event| {
        // Without a window it would end at once.
        if let RunEvent::ExitRequested { api, .. } = event {
            api.prevent_exit();
        }
    });
    Ok(())
}
