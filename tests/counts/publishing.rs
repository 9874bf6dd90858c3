//! What publishing a trim costs: as much for hours as for a minute, here and on the server. What is kept is named by
//! runs, so nothing that is written or sent grows with the number of segments.

use std::path::Path;
use std::time::Duration;

use snaplark_tests::fake_capture::{Clip, SEGMENT_MS};
use snaplark_tests::fault_proxy::FaultProxy;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, output, program};
use snaplark_tests::server::Server;

use crate::effects::{Count, Effects, traced_io};
use crate::hold;

/// A minute.
const FEW: u32 = 30;
/// Half an hour, since its parts are sent one by one.
const MANY: u32 = 900;
/// Two hours, with SNAPLARK_SOAK.
const SOAK: u32 = 3_600;
/// How long a minute is recorded and uploaded at most, or one edit published.
const RUN: Duration = Duration::from_secs(60);
const SERVE: [&str; 6] =
    ["--parts-per-second", "10000", "--video-size", "none", "--ffmpeg", "no-ffmpeg-here"];

/// What publishing the second trim of a recording took.
#[derive(Debug)]
struct Cost {
    client: Count,
    server: Count,
    /// The bytes that the server has written into files.
    written_bytes: f64,
    /// The bytes of all requests.
    sent_bytes: f64,
    /// The size of `recording.json`.
    sidecar_bytes: f64,
}

/// Uploads a recording of so many segments, and publishes two trims of both ends, the second one within the first.
fn publish(segments: u32) -> Cost {
    let home = Home::new().unwrap();
    let mut server = Server::start_with(&home, &SERVE).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let proxy = runtime.block_on(FaultProxy::start(server.address)).unwrap();
    let clip = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clip.ivf");
    Clip::at(&clip).unwrap();
    let token = server.token.clone();
    let recorder = || {
        let mut recorder = command(&home, program("fake-recorder").unwrap());
        recorder.args(["--server", &proxy.url(), "--token", &token, "--every-ms", "0"]);
        recorder.arg("--clip").arg(&clip).arg("--home").arg(home.snaplark());
        recorder
    };
    let end_ms = u64::from(segments) * SEGMENT_MS;
    let trim = |cut_ms: u64| {
        let mut recorder = recorder();
        recorder.args(["--publish", &cut_ms.to_string(), &(end_ms - cut_ms).to_string()]);
        recorder
    };
    let mut record = recorder();
    record.args(["--segments", &segments.to_string()]);
    output(record, RUN + RUN.mul_f64(f64::from(segments) / 900.0)).unwrap();
    output(trim(3_000), RUN).unwrap();

    server.kill().unwrap();
    let mut serve = command(&home, program("snaplark-cloud").unwrap());
    serve.arg("serve").args(["--listen", &server.address.to_string()]).args(SERVE);
    serve.arg("--data").arg(server.data());
    let (effects, run) = Effects::trace(&home, "server", server.data(), &serve);
    let mut traced = Process::start(&home, "snaplark-cloud", run).unwrap();
    traced.line(RUN).unwrap();
    let (begun, written, asked) =
        (effects.count(), traced_io(&traced, "wchar").unwrap(), proxy.asked().len());
    let (recorder, run) = Effects::trace(&home, "recorder", home.snaplark(), &trim(7_000));
    output(run, RUN).unwrap();
    let sent = proxy.asked().split_off(asked);
    let folder = std::fs::read_dir(home.snaplark().join("recordings")).unwrap().next();
    let sidecar = folder.unwrap().unwrap().path().join("recording.json");
    Cost {
        client: recorder.count(),
        server: effects.count().each(begun, 1),
        written_bytes: traced_io(&traced, "wchar").unwrap() - written,
        sent_bytes: sent.iter().map(|asked| asked.bytes).sum::<u64>() as f64,
        sidecar_bytes: sidecar.metadata().unwrap().len() as f64,
    }
}

#[test]
fn publishing_a_trim_writes_and_sends_for_hours_what_it_does_for_a_minute() {
    let is_soak = std::env::var_os("SNAPLARK_SOAK").is_some();
    let many = if is_soak { SOAK } else { MANY };
    let (minute, hours) = (publish(FEW), publish(many));
    println!("figures: a trim of {FEW} segments: {minute:?}");
    println!("figures: a trim of {many} segments: {hours:?}");
    let more = |hours: f64, minute: f64| hours - minute;
    // The log of a database has a page more or less, as rows fit.
    hold("effects of the client beyond", more(hours.client.all, minute.client.all), 40.0);
    hold("fsyncs of the client beyond", more(hours.client.syncs, minute.client.syncs), 4.0);
    hold("effects of the server beyond", more(hours.server.all, minute.server.all), 40.0);
    hold("fsyncs of the server beyond", more(hours.server.syncs, minute.server.syncs), 4.0);
    hold(
        "bytes that the server writes beyond",
        more(hours.written_bytes, minute.written_bytes),
        120_000.0,
    );
    hold("bytes of requests beyond", more(hours.sent_bytes, minute.sent_bytes), 2_000.0);
    hold(
        "bytes of recording.json beyond",
        more(hours.sidecar_bytes, minute.sidecar_bytes),
        2_000.0,
    );
}
