//! `snaplark doctor`: what works here, and how to mend what doesn't.

use std::path::Path;
use std::process::ExitCode;

use snaplark_app::{Home, writable};
use snaplark_capture::DeviceProbe;
use snaplark_core::capture::Listening;

pub fn doctor(home: &Home) -> ExitCode {
    let probe = snaplark_capture::probe();
    let mut is_well = true;
    let mut row = |name: &str, found: Result<String, String>| match found {
        Ok(text) => println!("ok    {name:<9} {text}"),
        Err(text) => {
            is_well = false;
            println!("fails {name:<9} {text}");
        }
    };
    let mut ways = probe.ways.into_iter();
    if let Some(way) = ways.next() {
        row(way.name, way.found);
    }
    for way in ways {
        // One way is enough.
        let (Ok(text) | Err(text)) = way.found;
        println!("-     {:<9} {text}", way.name);
    }
    row("encoder", probe.encoder.map_err(|error| error.to_string()));
    let hardware = match probe.hardware.join(", ") {
        none if none.is_empty() => "no graphics card here encodes VP9 for GStreamer".to_owned(),
        all => format!("{all}: used where a trial shows that it works"),
    };
    println!("-     {:<9} {hardware}", "hardware");
    row("gstreamer", Ok(probe.gstreamer));
    match probe.sound {
        Ok(devices) => {
            println!("ok    {:<9} {}", "sound", microphones(&devices));
        }
        // Recordings go on without it.
        Err(error) => println!("-     {:<9} {error}", "sound"),
    }
    match probe.marks {
        Ok(()) => println!("ok    {:<9} clicks and keys can be shown", "marks"),
        Err(error) => println!("-     {:<9} clicks and keys can't be shown: {error}", "marks"),
    }
    // Recordings go on without, here too.
    match probe.cameras {
        Ok(cameras) if cameras.is_empty() => println!("-     {:<9} no webcam", "webcam"),
        Ok(cameras) => {
            let names: Vec<&str> =
                cameras.iter().map(|camera| camera.description.as_str()).collect();
            println!("ok    {:<9} {}", "webcam", names.join(", "));
        }
        Err(error) => println!("-     {:<9} {error}", "webcam"),
    }
    let folder = |path: &Path| writable(path).map(|()| path.display().to_string());
    row("folder", folder(&home.root));
    row("saves to", folder(&home.save_folder));
    row("list", list(home));
    if is_well { ExitCode::SUCCESS } else { ExitCode::from(crate::FAILED) }
}

/// The list of recordings: whether it can be read, and whether it was rebuilt.
fn list(home: &Home) -> Result<String, String> {
    let snapshot = snaplark_app::peek(home).map_err(|error| error.to_string())?;
    let recordings = snapshot.map_or(0, |snapshot| snapshot.recordings.len());
    let rebuilt = snaplark_app::rebuilt(home).map_err(|error| error.to_string())?;
    let rebuilt = rebuilt.map(|rebuilt| format!(". {}", crate::print::rebuilt_words(&rebuilt)));
    Ok(format!("recordings: {recordings}{}", rebuilt.unwrap_or_default()))
}

/// As `snaplark record --microphone` takes them, the system's own first.
fn microphones(devices: &[DeviceProbe]) -> String {
    let names: Vec<&str> = devices
        .iter()
        .filter(|device| device.listening == Listening::Microphone)
        .map(|device| device.description.as_str())
        .collect();
    let played = devices.iter().any(|device| device.listening == Listening::System);
    let played = if played { "what is played" } else { "nothing that is played" };
    match names[..] {
        [] => format!("{played}, no microphone"),
        _ => format!("{played}, microphones: {}", names.join(", ")),
    }
}
