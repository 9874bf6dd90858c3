//! The cloud killed before any single thing that it does to its files and sockets while a video is edited behind its
//! link: its database and its bucket see all of what a request does, or a part of it. Whichever it was, visitors get the
//! old version or the new one, publishing can be repeated, and nothing of what was cut is left.
//!
//! The points are those of `crash-point`, a program of `tests`: all of them where `SNAPLARK_SOAK` is set, else a sample.
//! `SNAPLARK_CRASH_SHARE=2/5` takes the second of five shares of all, so that a soak can be run in pieces. Those of a start are not among them, and the last ones are of what is done in the background, which a run has more or
//! less of.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::backend::Backend;
use crate::film::{CAPTIONS, Film, SEGMENT_MS, has, mark, put_captions, seen, segment, shown};
use crate::program::{PROGRAM, Running, token};
use crate::support::{User, chunk_form, finalize_000};
use crate::video_versions::assert_gone;
use crate::wait;

/// How many points are tried.
const SAMPLE: usize = 6;
/// The exit code of `crash-point` when it has killed the program.
const KILLED: i32 = 99;
const ENV: [(&str, &str); 2] =
    [("SNAPLARK_PARTS_PER_SECOND", "1000000"), ("SNAPLARK_FFMPEG", "no-ffmpeg-here")];
/// The bytes that were rendered in the place of the cut.
const RENDERED: usize = 9;
/// The parts of the new version.
const PARTS: usize = 4;

/// Starts the server, to be killed before a point; 0: never.
fn traced(backend: &Backend, at: usize, folder: &Path) -> Result<Running, String> {
    let mut program = Command::new(Path::new(PROGRAM).with_file_name("crash-point"));
    program.args(["--at", &at.to_string(), "--root"]).arg(folder);
    program.arg("--list").arg(list(folder)).arg("--").arg(PROGRAM);
    Running::try_started(program, backend, &ENV, Stdio::null())
}

fn list(folder: &Path) -> std::path::PathBuf {
    folder.with_extension("points")
}

fn points(folder: &Path) -> usize {
    std::fs::read_to_string(list(folder)).unwrap().lines().count()
}

/// Returns which of the points behind `start` are tried.
fn tried(start: usize, end: usize) -> BTreeSet<usize> {
    let share = std::env::var("SNAPLARK_CRASH_SHARE").ok().map(|share| {
        let (which, of) = share.split_once('/').expect("a share like 2/5");
        (which.parse::<usize>().unwrap() - 1, of.parse::<usize>().unwrap())
    });
    match share {
        Some((which, of)) => (start + 1..=end).skip(which).step_by(of).collect(),
        None if std::env::var_os("SNAPLARK_SOAK").is_some() => (start + 1..=end).collect(),
        None => (0..SAMPLE).map(|n| start + 1 + n * (end - start - 1) / (SAMPLE - 1)).collect(),
    }
}

/// Returns a 2xx answer, or nothing if the server was killed meanwhile.
async fn answer(request: RequestBuilder, user: &User) -> Option<Value> {
    let sent = request.bearer_auth(&user.token).send().await.ok()?;
    sent.error_for_status().ok()?.json().await.ok()
}

/// The film's pieces, and a rendered one behind them, which is sent.
fn pieces(film: &Film) -> Value {
    let mut pieces = film.cut();
    pieces["pieces"].as_array_mut().unwrap().push(json!({"shiftMs": 8_000}));
    pieces
}

/// Publishes version 2. Returns its session once the link shows it.
async fn publish(user: &User, film: &Film) -> Option<String> {
    let url = |path: &str| format!("{}/api/v1/videos/{path}", user.url);
    let post = |path: &str, body: &Value| user.http.post(url(path)).json(body);
    let begun = answer(post("init", &film.init_body(2)), user).await?;
    let session = begun["sessionId"].as_str()?.to_owned();
    let list = user.http.put(url(&format!("{session}/pieces"))).json(&pieces(film));
    let listed = answer(list, user).await?;
    if listed["missingChunks"] != json!([]) {
        assert_eq!(listed["missingChunks"], json!([PARTS - 1]));
        let form = chunk_form(&session, &(PARTS - 1).to_string(), &segment(RENDERED, 0, 400));
        answer(user.http.post(url("chunk")).multipart(form), user).await?;
    }
    answer(post("finalize", &finalize_000(&session, PARTS)), user).await?;
    Some(session)
}

/// Publishes, and waits until what was cut is in no object. Ends when the server is killed. Returns whether the switch
/// was acknowledged. Waiting asks the server nothing, since each answer would be one more point.
async fn play(running: &mut Running, backend: &Backend, token: &str, film: &Film) -> bool {
    let is_switched = publish(&User::new(&running.url, token), film).await.is_some();
    let cut = [mark(0), mark(3)];
    wait::until_true("what was cut to be deleted, or the kill", async || {
        if !running.is_running() {
            return true;
        }
        let objects = backend.contents();
        is_switched && cut.iter().all(|cut| !has(&objects, cut))
    })
    .await;
    is_switched
}

#[tokio::test]
async fn killed_at_any_step_of_publishing_one_version_is_shown_and_what_was_cut_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let base = Backend::new(&folder.path().join("base"));
    let token = token(&base);
    let film = Film::new(12);
    let running = Running::start_with(&base, &ENV);
    let user = User::new(&running.url, &token);
    let first = film.publish_whole(&user).await;
    put_captions(&user, &first, CAPTIONS).await;
    let old = seen(&user, &film.video(), &[]).await.2;
    running.kill();

    let at = folder.path().join("points");
    let backend = base.copied(&at);
    let mut running = traced(&backend, 0, &at).unwrap();
    let start = points(&at);
    assert!(play(&mut running, &backend, &token, &film).await, "without a kill it is shown");
    let end = points(&at);
    let new = seen(&User::new(&running.url, &token), &film.video(), &[]).await.2;
    let rendered = (RENDERED, 8_000);
    let expected = [(1, 0), (2, 2_000), (4, 4_000), (5, 6_000), rendered];
    assert_eq!(shown(&new), expected, "segments of {SEGMENT_MS} ms");
    running.kill();
    assert!(end > start + 20, "only {} points: what is counted?", end - start);

    let tried = tried(start, end);
    let (mut killed, mut switched) = (0, 0);
    for point in &tried {
        let at = folder.path().join(format!("case-{point}"));
        let backend = base.copied(&at);
        let mut is_switched = false;
        match traced(&backend, *point, &at) {
            // It was killed before it listened: this start did less than the one that was counted.
            Err(killed_at) => println!("killed before point {point}, in its start: {killed_at}"),
            Ok(mut running) => {
                is_switched = play(&mut running, &backend, &token, &film).await;
                if running.is_running() {
                    running.kill();
                } else {
                    let (code, said) = running.ended();
                    assert_eq!(code, Some(KILLED), "{said}");
                    println!("killed before point {point}: {}", said.trim());
                    (killed, switched) = (killed + 1, switched + usize::from(is_switched));
                }
            }
        }
        let running = Running::start_with(&backend, &ENV);
        let user = User::new(&running.url, &token);
        let shown = seen(&user, &film.video(), &[]).await.2;
        assert!(shown == new || (shown == old && !is_switched), "a mixture at point {point}");
        let again = publish(&user, &film).await.expect("it can be published again");
        assert!(seen(&user, &film.video(), &[]).await.2 == new, "after point {point}");
        assert_gone(&backend, &user, &film, &[first.clone(), again]).await;
        running.kill();
        let scrubbed = snaplark_cloud::scrub(backend.place()).await.unwrap();
        assert_eq!(scrubbed.damages.len(), 0, "after point {point}");
    }
    println!(
        "figures: crash points of publishing an edit: {}, killed at {killed}, {switched} of them after the answer",
        end - start
    );
    assert!(killed * 10 >= tried.len() * 6, "{killed} of {} were killed", tried.len());
}
