//! Two workers and one piece of work: one that dies in the middle is followed, one that is only slow
//! is overtaken, and either way it takes effect once.

use std::path::{Path, PathBuf};

use snaplark_cloud::Clock;
use snaplark_cloud_server::ServerOptions;
use snaplark_cloud_web::Cloud;

use crate::backend::Backend;
use crate::jobs::{ffmpeg_after_go, in_ffmpegs_place};
use crate::program::{Running, token};
use crate::support::{User, probe, real};
use crate::wait;

/// Well past a lease.
const LATER_MS: i64 = 10 * 60 * 1000;

/// An ffmpeg that waits for a word before it does anything. It writes nothing outside its sandbox.
fn waiting_ffmpeg(folder: &Path) -> PathBuf {
    in_ffmpegs_place(folder, &ffmpeg_after_go(folder))
}

/// A node that lives ten minutes later: the other one's lease is long over.
async fn later(backend: &Backend) -> Cloud {
    let mut options = ServerOptions::new(backend.place(), "127.0.0.1:0".parse().unwrap());
    let system = Clock::system();
    options.cloud.clock = Clock::new(move || system.now_ms() + LATER_MS);
    snaplark_cloud_server::start(options).await.unwrap().cloud
}

/// Everything is made, and the one that was begun twice.
async fn is_done(user: &User, session: &str) -> bool {
    let status = user.get(&format!("/videos/{session}")).await.ok();
    let jobs = status["jobs"].as_array().unwrap();
    assert!(jobs.iter().all(|job| job["state"] != "failed"), "{status}");
    let tries: u64 = jobs.iter().map(|job| job["attempts"].as_u64().unwrap()).sum();
    jobs.iter().all(|job| job["state"] == "done") && tries == jobs.len() as u64 + 1
}

/// Counts the objects of a video: its part and its products.
async fn objects(user: &User, session: &str) -> usize {
    let status = user.get(&format!("/videos/{session}")).await.ok();
    1 + status["jobs"].as_array().unwrap().len()
}

struct Begun {
    running: Running,
    token: String,
    session: String,
    path: String,
}

/// A node that is in the middle of making a picture.
async fn begun(backend: &Backend, folder: &Path) -> Begun {
    let program = waiting_ffmpeg(folder);
    let token = token(backend);
    let env =
        [("SNAPLARK_PARTS_PER_SECOND", "1000000"), ("SNAPLARK_FFMPEG", program.to_str().unwrap())];
    let running = Running::start_logging(backend, &env, &folder.join("log"));
    let user = User::new(&running.url, &token);
    let session = user.init().await;
    user.chunk(&session, 0, &real().whole()).await.ok();
    let answer = user.finalize(&session, 1).await.ok();
    let path = format!("/videos/{}/made/thumbnail.jpg", answer["videoId"].as_str().unwrap());
    let is_begun = async || {
        let status = user.get(&format!("/videos/{session}")).await.ok();
        let jobs = status["jobs"].as_array().unwrap();
        jobs.iter().any(|job| job["state"] == "running")
    };
    wait::until_true("a job to begin", is_begun).await;
    Begun { running, token, session, path }
}

#[tokio::test]
async fn a_worker_that_dies_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let Begun { running, token, session, path } = begun(&backend, folder.path()).await;
    running.kill();
    let cloud = later(&backend).await;
    let user = User::new(&format!("http://{}", cloud.address()), &token);
    wait::until_true("the picture", async || is_done(&user, &session).await).await;
    assert_eq!(probe(&user.bytes(&path).await, "stream=width,height"), "320,180");
    assert_eq!(backend.objects(), objects(&user, &session).await);
    cloud.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_worker_that_is_overtaken_commits_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let Begun { running, token, session, path } = begun(&backend, folder.path()).await;
    let cloud = later(&backend).await;
    let user = User::new(&format!("http://{}", cloud.address()), &token);
    wait::until_true("the picture", async || is_done(&user, &session).await).await;
    let expected = objects(&user, &session).await;
    assert_eq!(backend.objects(), expected);
    let picture = user.bytes(&path).await;
    // The first one wakes up, makes its own, and finds that nobody waits for it any more.
    std::fs::write(folder.path().join("go"), "").unwrap();
    let log = folder.path().join("log");
    let said = async || std::fs::read_to_string(&log).unwrap().contains("Made too late");
    wait::until_true("the late picture", said).await;
    wait::until_true("the late picture to be gone", async || backend.objects() == expected).await;
    assert!(user.bytes(&path).await == picture);
    running.kill();
    cloud.shutdown().await.unwrap();
}
