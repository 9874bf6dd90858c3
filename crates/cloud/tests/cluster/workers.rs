//! Two workers and one piece of work: one that dies in the middle is followed, one that is only slow
//! is overtaken, and either way it takes effect once.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use snaplark_cloud::{Clock, Cloud, CloudOptions};

use crate::backend::Backend;
use crate::program::{Running, token};
use crate::support::{User, probe, real};

const MADE_MAX: Duration = Duration::from_secs(120);
/// Well past a lease.
const LATER_MS: i64 = 10 * 60 * 1000;

/// An ffmpeg that waits for a word before it does anything. It writes nothing outside its sandbox.
fn waiting_ffmpeg(folder: &Path) -> PathBuf {
    let program = folder.join("ffmpeg");
    let at = folder.display();
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = -version ] && exit 0\n\
         while [ -d {at} ] && [ ! -e {at}/go ]; do sleep 0.05; done\nexec ffmpeg \"$@\"\n"
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is().await {
        assert!(begun.elapsed() < MADE_MAX, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A node that lives ten minutes later: the other one's lease is long over.
async fn later(backend: &Backend) -> Cloud {
    let mut options = CloudOptions::new(backend.place(), "127.0.0.1:0".parse().unwrap());
    let system = Clock::system();
    options.clock = Clock::new(move || system.now_ms() + LATER_MS);
    snaplark_cloud::start(options).await.unwrap()
}

/// Everything is made, and the one that was begun twice.
async fn is_done(user: &User, session: &str) -> bool {
    let status = user.get(&format!("/videos/{session}")).await.ok();
    let jobs = status["jobs"].as_array().unwrap();
    assert!(jobs.iter().all(|job| job["state"] != "failed"), "{status}");
    let tries: u64 = jobs.iter().map(|job| job["attempts"].as_u64().unwrap()).sum();
    jobs.iter().all(|job| job["state"] == "done") && tries == jobs.len() as u64 + 1
}

/// What there is of a video: its part, and what was made of it.
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
    until("a job to begin", is_begun).await;
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
    until("the picture", async || is_done(&user, &session).await).await;
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
    until("the picture", async || is_done(&user, &session).await).await;
    let expected = objects(&user, &session).await;
    assert_eq!(backend.objects(), expected);
    let picture = user.bytes(&path).await;
    // The first one wakes up, makes its own, and finds that nobody waits for it any more.
    std::fs::write(folder.path().join("go"), "").unwrap();
    let log = folder.path().join("log");
    let said = async || std::fs::read_to_string(&log).unwrap().contains("Made too late");
    until("the late picture", said).await;
    until("the late picture to be gone", async || backend.objects() == expected).await;
    assert!(user.bytes(&path).await == picture);
    running.kill();
    cloud.shutdown().await.unwrap();
}
