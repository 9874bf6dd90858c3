//! What a recorded and uploaded segment costs the recorder.

use std::path::Path;
use std::time::Duration;

use snaplark_tests::desk;
use snaplark_tests::display::Display;
use snaplark_tests::fake_capture::Clip;
use snaplark_tests::fault_proxy::{FaultProxy, Route};
use snaplark_tests::home::Home;
use snaplark_tests::process::{command, output, program};
use snaplark_tests::recorder::{Recorded, pieces, snaplark};
use snaplark_tests::server::Server;

use crate::effects::{Count, Effects};
use crate::hold;

const LIMIT: Duration = Duration::from_secs(120);
const FEW: u32 = 5;
const MANY: u32 = 25;

/// Records so many segments beside their upload. Returns the recorder's effects, and its requests but for the parts.
fn upload(segments: u32) -> (Count, usize) {
    let home = Home::new().unwrap();
    let server = Server::start(&home).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let proxy = runtime.block_on(FaultProxy::start(server.address)).unwrap();
    let clip = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clip.ivf");
    Clip::at(&clip).unwrap();
    let mut recorder = command(&home, program("fake-recorder").unwrap());
    recorder.args(["--server", &proxy.url(), "--token", &server.token]);
    recorder.arg("--clip").arg(&clip).arg("--home").arg(home.snaplark());
    // Slow enough for each to be committed and sent by itself, also under the tracer.
    recorder.args(["--segments", &segments.to_string(), "--every-ms", "100"]);
    recorder.args(["--segment-bytes", "100000"]);
    // A tracer needs the program itself, not what starts it.
    let (effects, run) = Effects::trace(&home, "recorder", home.snaplark(), &recorder);
    output(run, LIMIT).unwrap();
    let parts = proxy.count(&Route::Chunk);
    assert_eq!(parts, segments as usize, "requests with parts");
    (effects.count(), proxy.asked().len() - parts)
}

#[test]
fn segment_costs_few_effects_and_one_request() {
    let ((few, asked_few), (many, asked_many)) = (upload(FEW), upload(MANY));
    let each = many.each(few, MANY - FEW);
    println!("figures: each segment: {each:?}; {asked_few} and {asked_many} other requests");
    hold("fsyncs for a segment that is recorded and uploaded", each.syncs, 6.0);
    hold("writes for a segment that is recorded and uploaded", each.writes, 18.0);
    hold("requests that are no parts", asked_many as f64, 6.0);
}

#[test]
fn recorded_segment_is_written_and_synced_once() {
    let mut home = Home::new().unwrap();
    let _display = Display::start(&mut home, 640, 360).unwrap();
    let _painter = desk::paint(&home, 15).unwrap();
    let args = ["record", "--seconds", "7", "--json", "--no-upload"];
    let record = snaplark(&home, None, &args).unwrap();
    let (effects, run) = Effects::trace(&home, "snaplark", home.snaplark(), &record);
    let recorded = Recorded::read(&output(run, LIMIT).unwrap()).unwrap();
    let segments = pieces(&recorded.folder(&home)).unwrap();
    assert!(segments.len() > 3, "{segments:?}");
    for segment in &segments {
        let name = segment.file_name().unwrap().to_str().unwrap();
        let done = effects.on(name);
        let of = |call: &str| done.iter().filter(|line| line.starts_with(call)).count() as f64;
        hold(&format!("fsyncs of {name}"), of("fsync") + of("fdatasync"), 1.0);
        hold(&format!("renames of {name}"), of("rename"), 1.0);
        // A segment is a cluster in memory, which is written as it is.
        hold(&format!("writes of {name}"), of("write") + of("pwrite64"), 2.0);
    }
}
