//! Measures what the stream of H.264 costs while nobody needs it, and how soon it is complete after a recording. Short
//! here; `cargo xtask soak streams` sends the fifty recordings at their own pace, and streams one of two hours.

use std::process::Stdio;
use std::time::{Duration, Instant};

use snaplark_cloud::products::{Mp4Mode, PIECE_MS};
use tokio::task::JoinSet;

use crate::backend::Backend;
use crate::hls::Playlist;
use crate::numbered::Numbered;
use crate::program::{PROGRAM, Running, token_of};
use crate::support::{Server, User, synthetic};

/// As many as the issue asks for, on two cores.
const RECORDINGS: usize = 50;
/// A part of two seconds of a display of which a part changes.
const FRAME_BYTES: usize = 60_000;
const PART: Duration = Duration::from_secs(2);
/// Where nobody needs H.264, the server may take so much more than one that never makes any.
const MORE_MAX: f64 = 1.15;
/// A processor's clock ticks a hundred times a second, and the server does other things, too.
const MORE_SECONDS: f64 = 1.0;
/// From the end of a recording to the complete stream, however long it is.
const COMPLETE_MAX: Duration = Duration::from_secs(15);
/// A longer recording may take so much longer: other work on the machine.
const LONGER_MAX: Duration = Duration::from_secs(5);

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// The processor time of a process, and of the ended processes that it had started.
fn cpu_s(id: u32) -> (f64, f64) {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<f64> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .skip(11)
        .take(4)
        .map(|ticks| ticks.parse::<f64>().unwrap() / 100.0)
        .collect();
    (fields[0] + fields[1], fields[2] + fields[3])
}

/// Sends the parts of all recordings, each at its own moments. Returns the processor seconds of the server and
/// of what it started, while all of them still run.
async fn live_recordings(mode: &str, parts: usize, pace: Option<Duration>) -> (f64, f64) {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let env = [("SNAPLARK_PARTS_PER_SECOND", "1000000"), ("SNAPLARK_MP4", mode)];
    let running =
        Running::started(std::process::Command::new(PROGRAM), &backend, &env, Stdio::null());
    let user = User::new(&running.url, &token_of(&backend, "a@example.com"));
    let recording = std::sync::Arc::new(synthetic(parts, FRAME_BYTES).stream());
    let mut sending = JoinSet::new();
    let before = cpu_s(running.child.id());
    for turn in 0..RECORDINGS {
        let (user, recording) = (user.clone(), std::sync::Arc::clone(&recording));
        sending.spawn(async move {
            let session = user.init().await;
            let begin = pace.unwrap_or_default().mul_f64(turn as f64 / RECORDINGS as f64);
            let begin = tokio::time::Instant::now() + begin;
            for (index, part) in recording.iter().enumerate() {
                if let Some(pace) = pace {
                    tokio::time::sleep_until(begin + pace * index as u32).await;
                }
                user.chunk(&session, index, part).await.ok();
            }
            let status = user.get(&format!("/videos/{session}")).await.ok();
            assert_eq!(status["receivedChunks"].as_array().unwrap().len(), recording.len());
            assert!(status["jobs"].as_array().is_none_or(Vec::is_empty), "{status}");
        });
    }
    sending.join_all().await;
    let after = cpu_s(running.child.id());
    running.kill();
    (after.0 - before.0, after.1 - before.1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_live_recordings_cost_on_demand_what_they_cost_without_h264() {
    let seconds = asked("SNAPLARK_LIVE_SECONDS");
    let parts = seconds.map_or(2, |seconds| (seconds / PART.as_secs()).max(1) as usize);
    let mut taken = [0.0, 0.0];
    let rounds = if seconds.is_some() { 2 } else { 1 };
    for round in 0..rounds {
        for (mode, taken) in ["never", "on-demand"].into_iter().zip(&mut taken) {
            let (server, ffmpeg) = live_recordings(mode, parts, seconds.map(|_| PART)).await;
            println!(
                "{mode}, round {round}: {server:.1} s of a core for {RECORDINGS} recordings of {} s",
                parts as u64 * PART.as_secs()
            );
            assert!(ffmpeg < 0.5, "{mode}: nobody needs ffmpeg yet, and it took {ffmpeg} s");
            *taken += server;
        }
    }
    let [never, on_demand] = taken;
    if seconds.is_some() {
        assert!(
            on_demand <= never * MORE_MAX + MORE_SECONDS,
            "on demand {on_demand:.1} s, never {never:.1} s"
        );
    }
}

/// How long it takes from the end of a recording of so many seconds until its stream is complete, and whether the
/// stream shows every picture at its time.
async fn completed_after(seconds: usize) -> Duration {
    let numbered = Numbered::new(seconds);
    let server = Server::with(|options| {
        options.cloud.ffmpeg = "ffmpeg".into();
        options.cloud.mp4 = Mp4Mode::Live;
    })
    .await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    let parts = numbered.recording.stream();
    let (last, most) = parts.split_last().unwrap();
    let begun = Instant::now();
    for (index, part) in most.iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
    }
    let status = user.get(&format!("/videos/{session}")).await.ok();
    let link = status["videoUrl"].as_str().unwrap();
    let path = link.strip_prefix(&server.url()).unwrap().to_owned();
    // The encoder is as far behind as it would be beside a recorder. It has two pieces that aren't stored yet: one
    // that it fills, and one that waits for the keyframe of the next.
    let behind = (numbered.begin_of_last_part_s() * 1_000 / PIECE_MS).saturating_sub(2) as usize;
    let mut pieces = 0;
    while pieces < behind {
        pieces = Playlist::of(&user, &path).await.pieces.len();
        let limit = Duration::from_secs(60 + seconds as u64);
        assert!(begun.elapsed() < limit, "{pieces} of {behind} pieces: it encodes too slowly");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("{seconds} s were sent and encoded in {:.1} s", begun.elapsed().as_secs_f64());
    let stopped = Instant::now();
    user.chunk(&session, most.len(), last).await.ok();
    user.finalize(&session, parts.len()).await.ok();
    let playlist = Playlist::whole(&user, &path).await;
    let took = stopped.elapsed();
    println!("{seconds} s: complete {:.1} s after the end", took.as_secs_f64());
    let listed: f64 = playlist.pieces.iter().map(|(seconds, _)| seconds).sum();
    assert!((listed - seconds as f64).abs() < 0.2, "{listed} of {seconds} s are listed");
    let stream = playlist.bytes(&user, &path).await;
    numbered.assert_shown_by(&stream, &format!("{seconds} s"));
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_shows_every_number_and_is_complete_soon_after_the_end_however_long_it_is() {
    let [short, long] = match asked("SNAPLARK_STREAM_MINUTES") {
        Some(minutes) => [60, 60 * minutes as usize],
        None => [7, 21],
    };
    let took = [completed_after(short).await, completed_after(long).await];
    println!(
        "complete {:.1} s after {short} s, {:.1} s after {long} s",
        took[0].as_secs_f64(),
        took[1].as_secs_f64()
    );
    assert!(took.iter().all(|took| *took < COMPLETE_MAX), "{took:?}");
    assert!(took[1] < took[0] + LONGER_MAX, "it takes longer after a longer recording: {took:?}");
}
