//! Measures the costs of a range: of two hours of video, and of the worst video that is taken.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::backend::Backend;
use crate::program::{Running, token};
use crate::support::{Recording, User, is_quiet, long_parts, synthetic};

/// A range of the worst video.
const WORST_RANGE_MAX: Duration =
    Duration::from_millis(if cfg!(debug_assertions) { 60 } else { 20 });
/// Half of the answers of `/healthz` while 64 read the worst video.
const HEALTHY_MAX: Duration = Duration::from_millis(50);
/// All of them. In a debug build the latest was 31 to 49 ms where nothing else runs.
const HEALTHY_LATEST_MAX: Duration = Duration::from_millis(50);
const MEMORY_MAX_KIB: u64 = 200 * 1024;
const CLUSTERS_MAX: usize = 50_000;

/// Returns a limit as it holds here. Beside other tests, at the lowest priority, times say more of these than of the
/// server: a limit is twenty times as long there.
fn limit(where_nothing_else_runs: Duration) -> Duration {
    where_nothing_else_runs * if is_quiet() { 1 } else { 20 }
}

struct Program {
    running: Running,
    user: User,
    _folder: tempfile::TempDir,
}

fn program() -> Program {
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let running = Running::start(&backend);
    let user = User::new(&running.url, &token(&backend));
    Program { running, user, _folder: folder }
}

impl Program {
    async fn send(&self, parts: Vec<Vec<u8>>) -> (String, Value) {
        let session = self.user.init().await;
        let total = parts.len();
        let mut sends = tokio::task::JoinSet::new();
        for (index, part) in parts.into_iter().enumerate() {
            while sends.len() >= 8 {
                sends.join_next().await.unwrap().unwrap();
            }
            let (user, session) = (self.user.clone(), session.clone());
            sends.spawn(async move {
                user.chunk(&session, index, &part).await.ok();
            });
        }
        sends.join_all().await;
        let answer = self.user.finalize(&session, total).await.ok();
        let path = format!("/{}", answer["key"].as_str().unwrap());
        (path, self.user.get(&format!("/videos/{session}")).await.ok())
    }

    async fn range(&self, path: &str, range: &str) -> Duration {
        let begun = Instant::now();
        let request = self.user.http.get(format!("{}{path}", self.running.url));
        let response = request.header("Range", range).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 206);
        response.bytes().await.unwrap();
        begun.elapsed()
    }

    /// Reads 51 ranges of each video in turn, so that a busy machine slows both down. Returns the times of
    /// each, sorted.
    async fn ranges<const N: usize>(&self, paths: &[String; N]) -> [Vec<Duration>; N] {
        let mut took = std::array::from_fn(|_| Vec::new());
        for at in 0..51 {
            for (path, took) in paths.iter().zip(&mut took) {
                took.push(self.range(path, &format!("bytes={at}0-{at}9")).await);
            }
        }
        took.iter_mut().for_each(|took| took.sort_unstable());
        took
    }

    /// Resident memory in KiB: now, or the most there ever was.
    fn memory(&self, name: &str) -> u64 {
        let file = format!("/proc/{}/status", self.running.child.id());
        let status = std::fs::read_to_string(file).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn range_of_a_long_video_is_answered_as_soon_as_that_of_a_minute() {
    let program = program();
    let (minute, _) = program.send(synthetic(30, 20).stream()).await;
    let (hours, _) = program.send(synthetic(long_parts(), 20).stream()).await;
    for path in [&minute, &hours] {
        eprintln!("first range {:?}", program.range(path, "bytes=0-0").await);
    }
    let took = program.ranges(&[minute, hours]).await;
    eprintln!(
        "p50 and max of a minute and the long video: {:?}",
        took.each_ref().map(|it| (it[25], it[50]))
    );
    let [minute, hours] = took.map(|took| took[25]);
    assert!(hours < limit(Backend::RANGE_P50_MAX), "{minute:?} {hours:?}");
    assert!(hours < 3 * minute + Duration::from_millis(5), "{minute:?} {hours:?}");
    program.running.kill();
}

/// Parts of clusters of a few bytes, each of which a way in leads to, and with so many gaps.
pub fn torn(parts: usize, clusters: usize, gaps: usize) -> Vec<Vec<u8>> {
    let Recording { init, segments } = synthetic(1, 1);
    // Every cluster begins at the same time: any order is right.
    let row = segments[0].repeat(clusters / (gaps + 1));
    let mut all = vec![vec![row; gaps + 1].join(&[0xEC, 0x81, 0][..]); parts];
    all[0] = [init, all[0].clone()].concat();
    all
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn worst_video_is_read_by_64_at_once_in_little_memory() {
    let program = program();
    let (path, status) = program.send(torn(CLUSTERS_MAX / 900, 900, 8)).await;
    assert_eq!(status["durationMs"], 2_000, "it was taken apart: {status}");
    let before_kib = program.memory("VmRSS");
    let mut reads = tokio::task::JoinSet::new();
    let begun = Instant::now();
    for _ in 0..64 {
        let (user, path) = (program.user.clone(), path.clone());
        reads.spawn(async move {
            let request = user.http.get(format!("{}{path}", user.url));
            let mut response = request.header("Range", "bytes=0-300000").send().await.unwrap();
            while response.chunk().await.unwrap().is_some() {}
        });
    }
    let mut healthy = Vec::new();
    while !reads.is_empty() {
        let begun = Instant::now();
        let request = program.user.http.get(format!("{}/healthz", program.running.url));
        assert!(request.send().await.unwrap().status().is_success());
        healthy.push(begun.elapsed());
        while reads.try_join_next().transpose().unwrap().is_some() {}
    }
    healthy.sort_unstable();
    let (p50, max) = (healthy[healthy.len() / 2], healthy[healthy.len() - 1]);
    let most_kib = program.memory("VmHWM");
    eprintln!(
        "64 readers of {CLUSTERS_MAX} clusters: {:?}; before {before_kib} KiB, at most {most_kib} KiB; \
         /healthz p50 {p50:?}, max {max:?} of {}",
        begun.elapsed(),
        healthy.len()
    );
    assert!(most_kib < MEMORY_MAX_KIB, "{most_kib} KiB");
    assert!(p50 < limit(HEALTHY_MAX), "{p50:?}");
    // Beside other tests, the latest of hundreds says more of them than of the server.
    if is_quiet() {
        assert!(max < HEALTHY_LATEST_MAX, "{max:?}");
    }
    let [took] = program.ranges(&[path]).await;
    eprintln!("range of it: p50 {:?}", took[25]);
    assert!(took[25] < limit(WORST_RANGE_MAX), "{:?}", took[25]);
    program.running.kill();
}

#[tokio::test]
async fn parts_beyond_the_most_clusters_are_kept_as_they_came() {
    let program = program();
    let too_many = torn(CLUSTERS_MAX / 1_000 + 2, 1_000, 0);
    let too_torn = torn(1, 900, 9);
    for parts in [too_many, too_torn] {
        let whole = parts.concat();
        let (path, status) = program.send(parts).await;
        assert_eq!(status["sizeBytes"], whole.len(), "{status}");
        assert!(program.user.bytes(&path).await == whole);
    }
    program.running.kill();
}
