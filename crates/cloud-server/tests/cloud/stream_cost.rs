//! What the stream of H.264 costs while nobody needs it, and how soon it is complete after a recording. Short
//! here; `cargo xtask soak streams` sends the fifty recordings at their own pace.

use std::process::Stdio;
use std::time::{Duration, Instant};

use snaplark_cloud::products::Mp4Mode;
use snaplark_formats::webm::{cluster_head_bytes, moved_cluster_head};
use tokio::task::JoinSet;

use crate::backend::Backend;
use crate::hls::{Playlist, assert_same_times, moving};
use crate::program::{PROGRAM, Running, token_of};
use crate::support::{Recording, Server, User, synthetic};

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

/// The recording over and over again, until it has so many seconds.
fn repeated(recording: &Recording, times: u64, seconds: u64) -> Recording {
    let mut segments = Vec::new();
    for turn in 0..times {
        segments.extend(recording.segments.iter().map(|it| moved(it, turn * seconds * 1_000)));
    }
    Recording { init: recording.init.clone(), segments }
}

/// A cluster at a later time.
fn moved(cluster: &[u8], by_ms: u64) -> Vec<u8> {
    let head = cluster_head_bytes(cluster).unwrap();
    let (front, rest) = cluster.split_at(head as usize);
    // An id of four bytes, a size whose first byte says how many it has, the time's id, and its size.
    let size_bytes = front[4].leading_zeros() as usize + 1;
    let time =
        front[4 + size_bytes + 2..].iter().fold(0, |time, byte| time << 8 | u64::from(*byte));
    [moved_cluster_head(head, rest.len() as u64, time + by_ms), rest.to_vec()].concat()
}

#[tokio::test]
async fn stream_is_complete_soon_after_the_end_however_long_the_recording_is() {
    let once = crate::hls::SECONDS as u64;
    let mut took = Vec::new();
    for seconds in [once, 2 * once] {
        let recording = repeated(moving(), seconds / once, once);
        let server = Server::with(|options| {
            options.cloud.ffmpeg = "ffmpeg".into();
            options.cloud.mp4 = Mp4Mode::Live;
        })
        .await;
        let user = server.user("a@example.com").await;
        let session = user.init().await;
        let parts = recording.stream();
        let (last, most) = parts.split_last().unwrap();
        for (index, part) in most.iter().enumerate() {
            user.chunk(&session, index, part).await.ok();
        }
        let status = user.get(&format!("/videos/{session}")).await.ok();
        let link = status["videoUrl"].as_str().unwrap();
        let path = link.strip_prefix(&server.url()).unwrap().to_owned();
        // The encoder is as far behind as it would be beside a recorder: about two pieces.
        let begun = Instant::now();
        let behind = (most.len() / 2).saturating_sub(2);
        while Playlist::of(&user, &path).await.pieces.len() < behind {
            assert!(begun.elapsed() < Duration::from_secs(60 + seconds), "it encodes too slowly");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        println!("{seconds} s were encoded in {:.1} s", begun.elapsed().as_secs_f64());
        user.chunk(&session, most.len(), last).await.ok();
        let stopped = Instant::now();
        user.finalize(&session, parts.len()).await.ok();
        let playlist = Playlist::whole(&user, &path).await;
        took.push(stopped.elapsed());
        println!("{seconds} s: complete {:.1} s after the end", stopped.elapsed().as_secs_f64());
        let stream = playlist.bytes(&user, &path).await;
        assert_same_times(&recording.whole(), &stream, &format!("{seconds} s"));
    }
    assert!(took.iter().all(|took| *took < COMPLETE_MAX), "{took:?}");
}
