//! Edited recordings behind their links, over true sockets and with the true cloud: what is kept isn't sent again,
//! and neither an outage nor a kill loses an edit or shows half of one.
//!
//! Length: all of these publish an edit and disturb that, by the same few functions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use snaplark_app::cuts::view::{ChapterView, CutEdit, KeptSpan, PublishView, PublishWay};
use snaplark_app::view::{NeedReason, RecordingState, Snapshot, WaitReason};
use snaplark_app::{ErrorCode, Profile, RecordingId};
use snaplark_tests::cost::own_cpu;
use snaplark_tests::document_servers::{DocumentServer, Kind};
use snaplark_tests::fake_capture::{FPS, Pace, SEGMENT_MS};
use snaplark_tests::fault_proxy::{Asked, FaultProxy, Route, Turn};
use snaplark_tests::home::Home;
use snaplark_tests::media;
use snaplark_tests::process::{Answer, command, finish};
use snaplark_tests::wait;
use snaplark_tests::webdriver::client;
use tokio::runtime::Runtime;

use crate::rig::{Client, Rig, Server, Unusual, account, clip_file, is_soak, runtime};

const SEGMENTS: u32 = 6;
const PACE: Pace =
    Pace { segments_max: SEGMENTS, every: Duration::from_millis(50), segment_bytes: 60_000 };
const DONE: Duration = Duration::from_secs(60);
const WHOLE: (u64, u64) = (0, SEGMENTS as u64 * SEGMENT_MS);
/// How long something is given to overtake what it has to wait for.
const OVERTAKES: Duration = Duration::from_secs(1);
/// Cuts the second segment and the fifth one in half, and the first and the last away.
const TRIM: (u64, u64) = (3_000, 9_000);

pub fn keeping((start_ms, end_ms): (u64, u64)) -> CutEdit {
    let keep = vec![KeptSpan { start_ms, end_ms }];
    CutEdit { keep, covers: Vec::new(), chapters: Vec::new() }
}

fn recorded(rig: &Rig) -> (RecordingId, String) {
    let id = rig.record();
    let link = rig.client.done(id, DONE).unwrap().link.unwrap();
    (id, link)
}

/// Publishes an edit, and returns before it is uploaded.
fn begin(client: &Client, id: RecordingId, edit: CutEdit) -> Result<bool, ErrorCode> {
    let cuts = client.app.cuts();
    client.run(cuts.save(id, edit, None)).unwrap();
    client.run(cuts.publish(id)).map_err(|error| error.code())
}

pub fn state(client: &Client, id: RecordingId) -> PublishView {
    client.run(client.app.cuts().published(id)).unwrap()
}

/// Waits until the link shows the edit as it is.
pub fn until_shown(client: &Client, id: RecordingId) -> PublishView {
    let looking = async {
        let mut changes = client.app.changes();
        loop {
            let state = client.app.cuts().published(id).await.unwrap();
            if state.is_shown && state.is_current {
                return state;
            }
            changes.changed().await.unwrap();
        }
    };
    let limited = client.run(async { tokio::time::timeout(DONE, looking).await });
    limited.unwrap_or_else(|_| {
        let view = client.run(client.app.snapshot()).unwrap();
        panic!("the link never showed the edit: {:#?} {:?}", view.recordings, state(client, id))
    })
}

pub fn publish(rig: &Rig, id: RecordingId, edit: CutEdit) -> PublishView {
    assert_eq!(begin(&rig.client, id, edit), Ok(true));
    until_shown(&rig.client, id)
}

/// The parts that were sent from some request on.
pub fn sent(rig: &Rig, before: usize) -> Vec<Asked> {
    rig.proxy.asked().split_off(before).into_iter().filter(|it| it.route == Route::Chunk).collect()
}

pub fn video(link: &str) -> String {
    format!("{link}/video.webm")
}

/// Returns how many pictures of this length the clip has.
pub fn frames(ms: u64) -> u32 {
    (ms * u64::from(FPS) / 1_000) as u32
}

/// Holds that the link shows a video of that length.
pub fn hold_shown(link: &str, ms: u64) {
    assert_eq!(media::decode(&video(link)).unwrap(), frames(ms), "pictures behind {link}");
    let seconds = media::probe(&video(link)).unwrap().duration_s.unwrap();
    assert!((seconds - ms as f64 / 1_000.0).abs() < 0.1, "{seconds} s instead of {ms} ms");
}

/// Holds that an address of a link answers with that status.
fn hold_status(url: &str, status: u16) {
    let answer = client().unwrap().get(url).send().unwrap();
    assert_eq!(answer.status().as_u16(), status, "{url}");
}

#[test]
fn trim_is_behind_the_same_link_and_only_what_is_at_the_cuts_is_sent() {
    let rig = Rig::start(PACE);
    let (id, link) = recorded(&rig);
    hold_shown(&link, WHOLE.1);
    let before = rig.proxy.asked().len();
    let chapters = [(500, "Secret chapter"), (5_000, "Kept chapter")];
    let chapters = chapters.map(|(start_ms, title)| ChapterView { start_ms, title: title.into() });
    let edit = CutEdit { chapters: chapters.to_vec(), ..keeping(TRIM) };
    let published = publish(&rig, id, edit);
    assert_eq!((published.version, published.duration_ms), (Some(2), Some(6_000)));
    assert_eq!(published.way, PublishWay::SameLink);
    let view = rig.client.done(id, DONE).unwrap();
    assert_eq!(view.link.as_ref(), Some(&link), "the link stays");
    hold_shown(&link, 6_000);
    // Segments 1 and 4 are cut in half, and 2 and 3 are kept.
    let parts = sent(&rig, before);
    let indices: BTreeSet<Option<u32>> = parts.iter().map(|part| part.index).collect();
    assert_eq!((parts.len(), indices), (2, [Some(0), Some(3)].into()), "{parts:#?}");
    let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
    println!(
        "figures: a trim of 12 s: {} bytes in 2 of 4 parts, {bytes} with their forms",
        published.sent_bytes
    );
    let forms = bytes.checked_sub(published.sent_bytes);
    assert!(forms.is_some_and(|forms| forms < 4_000), "{bytes} were sent: {published:?}");
    let page = client().unwrap().get(&link).send().unwrap().text().unwrap();
    assert!(
        page.contains("Kept chapter") && !page.contains("Secret chapter"),
        "chapters of the page"
    );
    // Publishing once more what is shown sends nothing.
    let before = rig.proxy.asked().len();
    assert_eq!(rig.client.run(rig.client.app.cuts().publish(id)).ok(), Some(true));
    assert_eq!(rig.proxy.asked().len(), before);
}

#[test]
fn the_next_edit_keeps_what_is_there_and_the_original_comes_back_from_this_computer() {
    let rig = Rig::start(PACE);
    let (id, link) = recorded(&rig);
    publish(&rig, id, keeping(TRIM));
    let before = rig.proxy.asked().len();
    let shorter = publish(&rig, id, keeping((4_000, 7_000)));
    assert_eq!(shorter.version, Some(3));
    hold_shown(&link, 3_000);
    let parts = sent(&rig, before);
    assert_eq!(parts.len(), 1, "segment 2 is kept of version 2, and 3 is cut: {parts:#?}");
    let rig = rig.restart_client(PACE, |_| {});
    let before = rig.proxy.asked().len();
    let original = publish(&rig, id, keeping(WHOLE));
    assert!(original.is_original && original.version == Some(4), "{original:?}");
    hold_shown(&link, WHOLE.1);
    let parts = sent(&rig, before);
    let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
    let missing = u64::from(SEGMENTS - 1) * PACE.segment_bytes;
    assert!((missing..missing + PACE.segment_bytes).contains(&bytes), "{bytes}: {parts:#?}");
    // The person's own file has the same pictures.
    let file = rig.client.done(id, DONE).unwrap().file.unwrap();
    assert_eq!(media::decode(&file).unwrap(), frames(WHOLE.1));
    hold_status(&format!("{link}/video.webm?v=2"), 410);
}

#[test]
fn edit_that_was_published_offline_is_shown_after_a_restart() {
    let rig = Rig::start(PACE);
    let (id, link) = recorded(&rig);
    rig.proxy.close();
    assert_eq!(begin(&rig.client, id, keeping(TRIM)), Ok(true));
    let waits =
        |state: &RecordingState| *state == RecordingState::Waits { reason: WaitReason::Offline };
    rig.client
        .until("the upload to wait", DONE, |view| view.recordings.iter().any(|it| waits(&it.state)))
        .unwrap();
    assert!(!state(&rig.client, id).is_shown);
    let rig = rig.restart_client(PACE, |_| {});
    rig.client.run(rig.proxy.reopen()).unwrap();
    rig.client.run(rig.client.app.hint_network()).unwrap();
    until_shown(&rig.client, id);
    hold_shown(&link, 6_000);
    assert_eq!(rig.client.done(id, DONE).unwrap().link, Some(link));
}

#[test]
fn edit_of_a_recording_that_is_not_online_yet_takes_its_place() {
    let rig = Rig::start(PACE);
    // The parts of the original don't get through.
    rig.proxy.script(|asked| match asked.route {
        Route::Chunk if asked.nth <= 40 => Turn::answer("503 Service Unavailable", &[], ""),
        _ => Turn::Pass,
    });
    let id = rig.record();
    assert_eq!(begin(&rig.client, id, keeping(TRIM)), Ok(true));
    rig.proxy.script(|_| Turn::Pass);
    until_shown(&rig.client, id);
    let link = rig.client.done(id, DONE).unwrap().link.unwrap();
    hold_shown(&link, 6_000);
    assert_eq!(rig.proxy.count(&Route::Finalize), 1, "the original was never shown");
}

#[test]
fn what_is_published_last_is_shown_even_if_the_one_before_takes_longer_to_render() {
    let rig = Rig::start(PACE);
    let (id, link) = recorded(&rig);
    let (app, runtime) = (rig.client.app.clone(), rig.runtime.handle().clone());
    let (later, publishing) = channel();
    rig.client.capture.during_next_cut(move || {
        // Somebody takes the cut back and publishes that, for which nothing is rendered.
        runtime.block_on(app.cuts().save(id, keeping(WHOLE), None)).unwrap();
        let (ended, end) = channel();
        later
            .send(runtime.spawn(async move {
                let published = app.cuts().publish(id).await;
                ended.send(()).ok();
                published
            }))
            .unwrap();
        // It waits for its turn, so this waits in vain.
        end.recv_timeout(OVERTAKES).ok();
    });
    assert_eq!(begin(&rig.client, id, keeping(TRIM)), Ok(true));
    let publishing = publishing.recv().unwrap();
    assert_eq!(rig.client.run(publishing).unwrap().ok(), Some(true));
    let shown = until_shown(&rig.client, id);
    assert!(shown.is_original && shown.version == Some(3), "{shown:?}");
    hold_shown(&link, WHOLE.1);
}

#[test]
fn version_is_planned_anew_when_the_original_comes_online_while_it_is_rendered() {
    let rig = Rig::start(PACE);
    let is_open = Arc::new(AtomicBool::new(false));
    let opens = Arc::clone(&is_open);
    rig.proxy.script(move |asked| match asked.route {
        Route::Finalize if !is_open.load(Ordering::SeqCst) => {
            Turn::answer("503 Service Unavailable", &[], "")
        }
        _ => Turn::Pass,
    });
    let id = rig.record();
    let is_refused = || Ok((rig.proxy.count(&Route::Finalize) > 0).then_some(()));
    wait::until("finalize to be refused", DONE, is_refused).unwrap();
    let before = rig.proxy.asked().len();
    let (app, runtime) = (rig.client.app.clone(), rig.runtime.handle().clone());
    rig.client.capture.during_next_cut(move || {
        opens.store(true, Ordering::SeqCst);
        runtime.block_on(async {
            let mut changes = app.changes();
            app.retry(id).await.unwrap();
            while app.snapshot().await.unwrap().recordings[0].state != RecordingState::Done {
                changes.changed().await.unwrap();
            }
        });
    });
    let published = publish(&rig, id, keeping(TRIM));
    assert_eq!(published.version, Some(2));
    let indices: BTreeSet<Option<u32>> = sent(&rig, before).iter().map(|part| part.index).collect();
    assert_eq!(indices, [Some(0), Some(3)].into(), "what the server has of the original is kept");
    hold_shown(&rig.client.done(id, DONE).unwrap().link.unwrap(), 6_000);
}

#[test]
fn recording_that_is_deleted_while_its_edit_is_rendered_is_not_uploaded_again() {
    let rig = Rig::start(PACE);
    let (id, link) = recorded(&rig);
    let (app, runtime) = (rig.client.app.clone(), rig.runtime.handle().clone());
    rig.client.capture.during_next_cut(move || {
        runtime.block_on(app.delete_undoably(vec![id])).unwrap();
    });
    assert_eq!(begin(&rig.client, id, keeping(TRIM)), Err(ErrorCode::NoSuchRecording));
    assert_eq!(version_files(&rig.client_root(), &id.to_string()), [""; 0], "left over");
    rig.client.run(rig.client.app.undo_delete()).unwrap();
    assert_eq!(rig.client.done(id, DONE).unwrap().link, Some(link));
    assert_eq!(state(&rig.client, id).version, None);
    assert_eq!(rig.proxy.count(&Route::Init), 1, "no upload has begun since");
}

#[test]
fn every_request_of_publishing_may_fail_and_its_answer_be_lost() {
    let rig = Rig::start(PACE);
    let (id, link) = recorded(&rig);
    let mut tried = BTreeMap::new();
    rig.proxy.script(move |asked| {
        let name = match &asked.route {
            Route::Other(path) if path.ends_with("/pieces") => "pieces".to_owned(),
            Route::Other(_) => return Turn::Pass,
            route => format!("{route:?} {:?}", asked.index),
        };
        let tries: &mut u32 = tried.entry(name).or_default();
        *tries += 1;
        match *tries {
            1 => Turn::LoseReply,
            2 => Turn::answer("503 Service Unavailable", &[], ""),
            _ => Turn::Pass,
        }
    });
    let published = publish(&rig, id, keeping(TRIM));
    assert_eq!(published.version, Some(2));
    hold_shown(&link, 6_000);
}

#[test]
fn server_of_the_documents_alone_gives_an_edit_a_new_link_if_that_is_wanted() {
    let home = Home::new().unwrap();
    let runtime = runtime().unwrap();
    let folder = home.path().join("server");
    let server = runtime.block_on(DocumentServer::start(Kind::Joined, &folder)).unwrap();
    let account = account(&server.url(), &server.token, Profile::Spec);
    let pace = Pace { segment_bytes: 0, ..PACE };
    let client = Client::start(runtime.handle(), &home, account, pace).unwrap();
    let id = client.begin().unwrap();
    client.end(id).unwrap();
    let link = client.done(id, DONE).unwrap().link;
    assert_eq!(begin(&client, id, keeping(TRIM)), Err(ErrorCode::NewLinkOnly), "said before");
    assert_eq!(state(&client, id).way, PublishWay::NewLink);
    let copy = client.run(client.app.cuts().copy(id)).unwrap().unwrap();
    let copied = client.done(copy, DONE).unwrap();
    assert!(copied.link.is_some() && copied.link != link, "{copied:?}");
    assert_eq!(client.done(id, DONE).unwrap().link, link, "the old link stays");
    assert_eq!(media::decode(copied.file.as_deref().unwrap()).unwrap(), frames(6_000));
    let violations = server.violations();
    assert!(violations.is_empty(), "the document forbids:\n{}", violations.join("\n"));
}

/// A proxy that refuses larger requests.
const PROXY_BYTES_MAX: u64 = 300_000;

fn through_proxy(asked: &Asked) -> Turn {
    match asked.route == Route::Chunk && asked.bytes > PROXY_BYTES_MAX {
        true => Turn::answer("413 Payload Too Large", &[], ""),
        false => Turn::Pass,
    }
}

#[test]
fn parts_that_a_proxy_refuses_become_smaller_by_themselves() {
    let rig = Rig::start(Pace { segment_bytes: 200_000, ..PACE });
    rig.proxy.script(through_proxy);
    let id = rig.client.begin().unwrap();
    rig.client.run(rig.client.app.pause_upload(id)).unwrap();
    rig.client.end(id).unwrap();
    // Nothing is online, so the two segments between the cuts are one part.
    assert_eq!(begin(&rig.client, id, keeping(TRIM)), Ok(true));
    assert_eq!(until_shown(&rig.client, id).version, Some(3), "the next list has smaller parts");
    let refused = |asked: &Asked| asked.route == Route::Chunk && asked.bytes > PROXY_BYTES_MAX;
    assert_eq!(rig.proxy.asked().iter().filter(|asked| refused(asked)).count(), 1);
    hold_shown(&rig.client.done(id, DONE).unwrap().link.unwrap(), 6_000);
}

#[test]
fn edit_whose_parts_a_proxy_refuses_does_not_take_the_upload_of_the_original_along() {
    let rig = Rig::start(Pace { segment_bytes: 600_000, ..PACE });
    let is_open = Arc::new(AtomicBool::new(false));
    let opens = Arc::clone(&is_open);
    rig.proxy.script(move |asked| match asked.route {
        Route::Finalize if !opens.load(Ordering::SeqCst) => {
            Turn::answer("503 Service Unavailable", &[], "")
        }
        _ => through_proxy(asked),
    });
    let id = rig.record();
    let is_sent = || Ok((rig.proxy.count(&Route::Finalize) > 0).then_some(()));
    wait::until("the pieces of all segments to be sent", DONE, is_sent).unwrap();
    assert_eq!(begin(&rig.client, id, keeping(TRIM)), Err(ErrorCode::PartTooLarge));
    is_open.store(true, Ordering::SeqCst);
    let link = rig.client.done(id, DONE).unwrap().link.unwrap();
    assert_eq!(media::decode(&video(&link)).unwrap(), frames(WHOLE.1), "the original is online");
}

#[test]
fn recording_that_was_never_edited_is_published_at_a_server_of_the_documents_alone() {
    let home = Home::new().unwrap();
    let runtime = runtime().unwrap();
    let folder = home.path().join("server");
    let server = runtime.block_on(DocumentServer::start(Kind::Joined, &folder)).unwrap();
    let address = server.url().trim_start_matches("http://").parse().unwrap();
    let proxy = runtime.block_on(FaultProxy::start(address)).unwrap();
    proxy.script(|asked| match asked.route {
        Route::Init => Turn::answer("403 Forbidden", &[], ""),
        _ => Turn::Pass,
    });
    let account = account(&proxy.url(), &server.token, Profile::Spec);
    let pace = Pace { segment_bytes: 0, ..PACE };
    let client = Client::start(runtime.handle(), &home, account, pace).unwrap();
    let id = client.begin().unwrap();
    client.end(id).unwrap();
    let is_stopped = |view: &Snapshot| {
        let state = &view.recordings[0].state;
        matches!(state, RecordingState::NeedsYou { reason: NeedReason::Refused, .. })
    };
    client.until("the upload to be refused", DONE, is_stopped).unwrap();
    assert_eq!(state(&client, id).way, PublishWay::NewLink);
    proxy.script(|_| Turn::Pass);
    assert_eq!(client.run(client.app.cuts().publish(id)).ok(), Some(true));
    assert!(client.done(id, DONE).unwrap().link.is_some());
}

/// The exit code of `crash-point` when it has killed the program.
const KILLED: i32 = 99;
/// One run of the recorder, killed or not.
const RUN: Duration = Duration::from_secs(60);
/// The number of points before which publishing is killed.
const SAMPLE: usize = 6;

/// A cloud, and recorders that can be killed.
pub struct Crashes {
    proxy: FaultProxy,
    server: Server,
    pub home: Home,
    _runtime: Runtime,
}

impl Crashes {
    pub fn start() -> Self {
        let home = Home::new().unwrap();
        let runtime = runtime().unwrap();
        let server = Server::start_with(&home, &["--parts-per-second", "1000"]).unwrap();
        let proxy = runtime.block_on(FaultProxy::start(server.address)).unwrap();
        Crashes { proxy, server, home, _runtime: runtime }
    }

    fn recorder(&self, root: &Path, segments: u32, publish: &[&str]) -> Vec<String> {
        let (root, clip) = (root.to_str().unwrap(), clip_file().to_str().unwrap());
        let (url, segments) = (self.proxy.url(), segments.to_string());
        [env!("CARGO_BIN_EXE_fake-recorder"), "--home", root, "--server", &url]
            .into_iter()
            .chain(["--token", &self.server.token, "--clip", clip, "--segments", &segments])
            .chain(publish.iter().copied())
            .map(str::to_owned)
            .collect()
    }

    pub fn run(&self, root: &Path, segments: u32, publish: &[&str]) -> Value {
        let words = self.recorder(root, segments, publish);
        let mut run = command(&self.home, &words[0]);
        run.args(&words[1..]);
        let Answer { status, stdout, stderr } = finish(&mut run, RUN).unwrap();
        assert!(status.success(), "{status}:\n{stdout}{stderr}");
        serde_json::from_str(stdout.lines().last().unwrap()).unwrap()
    }

    /// Runs the recorder, and kills it before a point. `None`: it ended before.
    pub fn kill(
        &self,
        root: &Path,
        point: usize,
        list: Option<&Path>,
        (segments, words): (u32, &[&str]),
    ) -> Option<String> {
        let mut run = command(&self.home, env!("CARGO_BIN_EXE_crash-point"));
        run.args(["--at", &point.to_string(), "--root"]).arg(root);
        if let Some(list) = list {
            run.arg("--list").arg(list);
        }
        run.arg("--").args(self.recorder(root, segments, words));
        let Answer { status, stdout, stderr } = finish(&mut run, RUN).unwrap();
        match status.code() {
            Some(0) => None,
            Some(KILLED) => Some(stdout.lines().last().unwrap_or_default().to_owned()),
            _ => panic!("{status} at point {point}:\n{stdout}{stderr}"),
        }
    }
}

const PUBLISH: [&str; 3] = ["--publish", "3000", "7000"];
const PUBLISHED_MS: u64 = 4_000;

/// Files that are named like those of versions, and how many of them the last version has.
fn version_files(root: &Path, id: &str) -> Vec<String> {
    let folder = root.join("recordings").join(id);
    let names = std::fs::read_dir(folder).unwrap().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names
        .filter(|name| name.starts_with("version-") || name.starts_with("rendered-"))
        .collect();
    names.sort();
    names
}

#[test]
fn killed_at_any_step_of_publishing_the_link_shows_all_of_one_version_and_at_last_the_edit() {
    let world = Crashes::start();
    let online = |name: &str| {
        let root = world.home.path().join(name);
        let said = world.run(&root, 4, &[]);
        let recording = &said["recordings"][0];
        let text = |key: &str| recording[key].as_str().unwrap().to_owned();
        (root.clone(), text("id"), text("link"))
    };
    let (root, _, link) = online("points");
    let list = root.with_extension("points");
    assert_eq!(world.kill(&root, 0, Some(&list), (0, &PUBLISH)), None);
    hold_shown(&link, PUBLISHED_MS);
    let listed = std::fs::read_to_string(list).unwrap();
    let points = listed.lines().count();
    // The folder of the rendered pieces is removed when the version has its row and no upload yet.
    let is_between = |point: &str| point.starts_with("unlinkat") && point.contains("/rendered-");
    let between = listed.lines().position(is_between).unwrap() + 1;
    let tried: BTreeSet<usize> = match is_soak() {
        true => (1..=points).collect(),
        false => {
            let sample = (0..SAMPLE).map(|n| 1 + n * (points - 1) / (SAMPLE - 1));
            sample.chain([between]).collect()
        }
    };
    let (mut killed, mut resumed) = (0, 0);
    for point in &tried {
        let (root, id, link) = online(&format!("case-{point}"));
        let Some(at) = world.kill(&root, *point, None, (0, &PUBLISH)) else { continue };
        killed += 1;
        println!("killed before point {point}: {at}");
        // A visitor sees the recording, or the edit, and nothing in between.
        let shown = media::decode(&video(&link)).unwrap();
        assert!([frames(8_000), frames(PUBLISHED_MS)].contains(&shown), "{shown} pictures");
        // A version with a row goes up by itself, and without one the edit is published again.
        let said = world.run(&root, 0, &[]);
        match said["recordings"][0]["versionBefore"].is_null() {
            true => drop(world.run(&root, 0, &PUBLISH)),
            false => resumed += 1,
        }
        hold_shown(&link, PUBLISHED_MS);
        let files = version_files(&root, &id);
        assert!(files.iter().all(|name| name.starts_with("version-")), "left over: {files:?}");
        assert_eq!(files.len(), 2, "the two pieces at the cuts: {files:?}");
    }
    println!(
        "figures: crash points of publishing: {points} in one run, killed at {killed}, {resumed} resumed"
    );
    assert!(resumed > 0, "no version had its row when it was killed");
    assert!(killed * 10 >= tried.len() * 7, "{killed} of {} were killed", tried.len());
}

/// The cost of publishing an edit.
#[derive(Debug)]
struct Cost {
    wall: Duration,
    client: Duration,
    server: Duration,
    sent_bytes: u64,
    parts: usize,
    /// When the version was durable on this computer, and when each request arrived.
    steps: Vec<(String, Duration)>,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Cost { wall, client, server, sent_bytes, parts, steps } = self;
        let [wall, client, server] = [wall, client, server].map(Duration::as_millis);
        write!(
            f,
            "{wall} ms ({client} ms CPU of the client, {server} ms of the server), {sent_bytes} bytes in {parts} parts;"
        )?;
        steps.iter().try_for_each(|(name, after)| write!(f, " {name} {}", after.as_millis()))
    }
}

/// A recording that is online, of which trims are published.
struct Trimmed {
    rig: Rig,
    id: RecordingId,
    end_ms: u64,
    trims: u64,
}

impl Trimmed {
    fn of(segments: u32) -> Self {
        let pace = Pace { segments_max: segments, every: Duration::ZERO, segment_bytes: 60_000 };
        let unusual =
            Unusual { parts_per_second: Some(10_000), has_ffmpeg: false, ..Default::default() };
        let rig = Rig::start_with(pace, &unusual);
        let id = rig.client.begin().unwrap();
        let limit = DONE + Duration::from_secs(u64::from(segments));
        rig.client
            .until("all segments", limit, |view| {
                view.recordings.iter().any(|it| it.segments == segments)
            })
            .unwrap();
        rig.client.run(rig.client.app.stop_recording()).unwrap();
        rig.client.done(id, limit).unwrap();
        Trimmed { rig, id, end_ms: u64::from(segments) * SEGMENT_MS, trims: 0 }
    }

    /// Publishes a trim of both ends, inside of the one before: two segments are rendered, and all between are kept.
    fn trim(&mut self) -> Cost {
        let Trimmed { rig, id, end_ms, .. } = &*self;
        let cut_ms = 3_000 + self.trims * 4_000;
        let steps = Arc::<Mutex<Vec<(String, Duration)>>>::default();
        let (sent_before, began) = (rig.proxy.asked().len(), Instant::now());
        let noted = Arc::clone(&steps);
        rig.proxy.script(move |asked| {
            let name = match &asked.route {
                Route::Other(path) => path.rsplit('/').next().unwrap_or_default().to_owned(),
                route => format!("{route:?}").to_lowercase(),
            };
            noted.lock().unwrap().push((name, began.elapsed()));
            Turn::Pass
        });
        let cpu = || (own_cpu().unwrap(), rig.server.cpu().unwrap());
        let before = cpu();
        assert_eq!(begin(&rig.client, *id, keeping((cut_ms, end_ms - cut_ms))), Ok(true));
        let durable = began.elapsed();
        let published = until_shown(&rig.client, *id);
        let (wall, after) = (began.elapsed(), cpu());
        let mut steps = std::mem::take(&mut *steps.lock().unwrap());
        steps.push(("durable".to_owned(), durable));
        steps.sort_by_key(|(_, after)| *after);
        let cost = Cost {
            steps,
            wall,
            client: after.0 - before.0,
            server: after.1 - before.1,
            sent_bytes: published.sent_bytes,
            parts: sent(rig, sent_before).len(),
        };
        assert_eq!(cost.parts, 2, "the segments at the cuts: {cost}");
        self.trims += 1;
        cost
    }
}

/// How many trims of each recording are measured.
const TRIMS: usize = 6;
/// The most that publishing may take for a recording of two hours, beside one of a minute.
const HOURS_MAX: f64 = 1.2;

/// With SNAPLARK_BENCH or SNAPLARK_SOAK a recording of two hours, else one of five minutes.
#[test]
fn publishing_a_trim_sends_for_hours_what_it_sends_for_a_minute() {
    let is_bench = std::env::var_os("SNAPLARK_BENCH").is_some();
    let segments = if is_soak() || is_bench { 3_600 } else { 150 };
    let (mut minute, mut long) = (Trimmed::of(30), Trimmed::of(segments));
    // One of each in turn, so that other work on this machine slows both down.
    let costs: Vec<(Cost, Cost)> = (0..TRIMS).map(|_| (minute.trim(), long.trim())).collect();
    let (short, long): (Vec<Cost>, Vec<Cost>) = costs.into_iter().unzip();
    let fastest = |costs: Vec<Cost>| costs.into_iter().min_by_key(|cost| cost.wall).unwrap();
    let (short, long) = (fastest(short), fastest(long));
    println!("figures: a trim of 1 min: {short}");
    println!("figures: a trim of {} min: {long}", segments / 30);
    assert!(long.sent_bytes <= short.sent_bytes + short.sent_bytes / 10, "{long} of {short}");
    // The time says something only where nothing else runs.
    if is_bench {
        assert!(long.wall <= short.wall.mul_f64(HOURS_MAX), "{long} of {short}");
    }
}
