//! `snaplark doctor`: checks what works here, and says how to fix what doesn't.

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use snaplark_app::{Home, writable};
use snaplark_capture::SystemCapture;
use snaplark_core::capture::Listening;
use snaplark_core::devices::{DeviceProbe, Devices as _};
use snaplark_terminal::output;

use crate::say;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// Everything that recording needs works.
    ok: bool,
    checks: Vec<Check>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    name: &'static str,
    result: CheckResult,
    detail: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum CheckResult {
    Ok,
    Fails,
    /// Recording works without it.
    Optional,
}

pub fn doctor(home: &Home) -> ExitCode {
    let checks = checks(home);
    let ok = checks.iter().all(|check| check.result != CheckResult::Fails);
    let report = Report { ok, checks };
    if say::is_json() {
        // The report is plain data, so converting it to JSON never fails.
        output::answer_json(&serde_json::to_string(&report).unwrap_or_default());
    } else {
        for Check { name, result, detail } in &report.checks {
            let result = match result {
                CheckResult::Ok => "ok",
                CheckResult::Fails => "fails",
                CheckResult::Optional => "-",
            };
            output::answer(&format!("{result:<5} {name:<9} {detail}"));
        }
    }
    if report.ok { ExitCode::SUCCESS } else { ExitCode::from(crate::FAILED) }
}

fn checks(home: &Home) -> Vec<Check> {
    let probe = SystemCapture::new().probe();
    let optional = |name, detail: String| Check { name, result: CheckResult::Optional, detail };
    let well = |name, detail: String| Check { name, result: CheckResult::Ok, detail };
    let needed = |name, found: Result<String, String>| match found {
        Ok(detail) => Check { name, result: CheckResult::Ok, detail },
        Err(detail) => Check { name, result: CheckResult::Fails, detail },
    };
    let mut backends = probe.backends.into_iter();
    let mut checks: Vec<Check> =
        backends.next().map(|backend| needed(backend.name, backend.found)).into_iter().collect();
    // One working way to capture the screen is enough.
    checks.extend(backends.map(|backend| {
        let (Ok(detail) | Err(detail)) = backend.found;
        optional(backend.name, detail)
    }));
    checks.push(needed("encoder", probe.encoder.map_err(|error| error.to_string())));
    let hardware = match probe.hardware.join(", ") {
        none if none.is_empty() => "no graphics card with a VP9 encoder".to_owned(),
        all => format!("{all}, used if a test recording works"),
    };
    checks.push(optional("hardware", hardware));
    checks.push(well("gstreamer", probe.gstreamer));
    checks.push(match probe.sound {
        Ok(devices) => well("sound", microphones(&devices)),
        Err(error) => optional("sound", error.to_string()),
    });
    checks.push(match probe.marks {
        Ok(()) => well("marks", "mouse clicks and keys can be shown".into()),
        Err(error) => optional("marks", format!("mouse clicks and keys can't be shown: {error}")),
    });
    checks.push(match probe.cameras {
        Ok(cameras) if cameras.is_empty() => optional("webcam", "no webcam".into()),
        Ok(cameras) => {
            let names: Vec<&str> =
                cameras.iter().map(|camera| camera.description.as_str()).collect();
            well("webcam", names.join(", "))
        }
        Err(error) => optional("webcam", error.to_string()),
    });
    checks.push(match snaplark_cloud_web::ffmpeg_report(Path::new("ffmpeg")) {
        Ok(detail) => well("ffmpeg", detail),
        Err(detail) => optional("ffmpeg", detail),
    });
    let folder = |path: &Path| writable(path).map(|()| path.display().to_string());
    checks.push(needed("folder", folder(&home.root)));
    checks.push(needed("saves to", folder(&home.save_folder)));
    checks.push(needed("list", list(home)));
    checks
}

/// Checks whether the list of recordings can be read, and reports whether it was rebuilt.
fn list(home: &Home) -> Result<String, String> {
    let snapshot = snaplark_app::peek(home).map_err(|error| error.to_string())?;
    let recordings = snapshot.map_or(0, |snapshot| snapshot.recordings.len());
    let rebuilt = snaplark_app::rebuilt(home).map_err(|error| error.to_string())?;
    let rebuilt = rebuilt.map(|rebuilt| format!(". {}", crate::print::rebuilt_words(&rebuilt)));
    Ok(format!("recordings: {recordings}{}", rebuilt.unwrap_or_default()))
}

/// Lists the names that `snaplark record --microphone` takes, the system's default first.
fn microphones(devices: &[DeviceProbe]) -> String {
    let names: Vec<&str> = devices
        .iter()
        .filter(|device| device.listening == Listening::Microphone)
        .map(|device| device.description.as_str())
        .collect();
    let played = devices.iter().any(|device| device.listening == Listening::System);
    let played = if played { "system audio" } else { "no system audio" };
    match names[..] {
        [] => format!("{played}, no microphone"),
        _ => format!("{played}, microphones: {}", names.join(", ")),
    }
}
