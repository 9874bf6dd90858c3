//! A second start, which hands its arguments to the program that runs already.

use std::io;
use std::time::Duration;

use anyhow::bail;
use zbus::blocking::connection::Builder;

/// How long the running program may take to accept the arguments.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(10);

/// Passes this start's arguments to the program that runs under this name. Returns whether there was one.
///
/// `tauri-plugin-single-instance` would do the same a little later. But by then GTK and the web view are there, and a
/// process that exits beside their threads dies of a signal now and then.
pub fn pass_to_running(id: &str) -> anyhow::Result<bool> {
    let name = format!("{id}.SingleInstance");
    let path = format!("/{}", name.replace('.', "/").replace('-', "_"));
    let arguments: Vec<_> =
        std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let folder = std::env::current_dir().unwrap_or_default();
    let bus = Builder::session().and_then(|bus| bus.method_timeout(ACCEPTED_WITHIN).build());
    // Without a session bus no other program can be found.
    let Ok(bus) = bus else { return Ok(false) };
    let told = bus.call_method(
        Some(name.as_str()),
        path.as_str(),
        Some("org.SingleInstance.DBus"),
        "ExecuteCallback",
        &(arguments, folder.to_string_lossy().as_ref()),
    );
    match told {
        Ok(_) => Ok(true),
        Err(zbus::Error::InputOutput(error)) if error.kind() == io::ErrorKind::TimedOut => bail!(
            "Snaplark is running, but doesn't respond. Recordings are saved on this computer. End it (for example \
             with `pkill snaplark-desktop`) and start it again"
        ),
        // Nobody has the name.
        Err(_) => Ok(false),
    }
}
