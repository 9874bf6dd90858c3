//! Honest clients beside hostile ones (`load_hostile`) on one real server, for some seconds. Every
//! honest upload has to arrive whole; and where it runs long (`SNAPLARK_LOAD_SECONDS`, as
//! `cargo xtask soak load` sets it) honest requests have to be answered soon.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::backend::Backend;
use crate::browser::{Browser, PASSWORD};
use crate::load_hostile::{Hostile, Target};
use crate::program::{PROGRAM, Running, token_of};
use crate::support::{User, init_000, real, synthetic};

/// Too short to judge times, long enough for a few whole uploads.
const SECONDS: u64 = 4;
/// Many systems' default; a quarter of what is left of them is for one address.
const FILES: u32 = 1024;
const UPLOADERS: usize = 3;
const VIEWERS: usize = 4;
const SIGN_INS_EVERY: Duration = Duration::from_millis(1500);

/// How long each kind of honest request took.
#[derive(Clone, Default)]
struct Times(Arc<Mutex<BTreeMap<&'static str, Vec<Duration>>>>);

impl Times {
    async fn of<T>(&self, what: &'static str, work: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let done = work.await;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(what).or_default().push(begun.elapsed());
        done
    }

    fn taken(&self, kinds: impl Fn(&str) -> bool) -> Vec<Duration> {
        let all = self.0.lock().unwrap();
        let mut took: Vec<_> = all
            .iter()
            .filter(|(kind, _)| kinds(kind))
            .flat_map(|(_, took)| took)
            .copied()
            .collect();
        took.sort_unstable();
        took
    }
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted
        .get(((sorted.len() * percent).div_ceil(100)).saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

fn said(sorted: &[Duration]) -> String {
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let [p50, p99, max] = [50, 99, 100].map(|percent| ms(percentile(sorted, percent)));
    format!("{} at p50 {p50:.0}, p99 {p99:.0}, max {max:.0} ms", sorted.len())
}

#[derive(Clone)]
struct Honest {
    times: Times,
    whole: Arc<AtomicUsize>,
    until: Instant,
    url: String,
    begun: Arc<AtomicU32>,
}

impl Honest {
    /// Ticks from a moment of the client's own. Clients that nobody coordinates do not all ask in the
    /// same millisecond, four times a second.
    fn every(&self, period: Duration) -> tokio::time::Interval {
        // The golden ratio spreads any number of clients evenly over the period.
        let share = (f64::from(self.begun.fetch_add(1, Ordering::SeqCst)) * 0.618_034).fract();
        tokio::time::interval_at(tokio::time::Instant::now() + period.mul_f64(share), period)
    }

    /// A machine that is busy with other tests takes longer than the time that was planned.
    fn goes_on(&self) -> bool {
        Instant::now() < self.until || self.whole.load(Ordering::SeqCst) < UPLOADERS
    }

    /// Whole uploads one after the other, each compared with what was sent. A part has half a second
    /// of recording in it, as a recorder would send them.
    async fn uploads(self, user: User, live: Arc<Mutex<String>>) {
        let parts = real().stream();
        while self.goes_on() {
            let times = &self.times;
            let begun = times.of("init", user.post("/videos/init", &init_000())).await.ok();
            let session = begun["sessionId"].as_str().unwrap().to_owned();
            let status = times.of("status", user.get(&format!("/videos/{session}"))).await.ok();
            let path = format!("/videos/{}", status["videoId"].as_str().unwrap());
            live.lock().unwrap().clone_from(&path);
            let mut paced = self.every(Duration::from_millis(300));
            for (index, part) in parts.iter().enumerate() {
                paced.tick().await;
                times.of("part", user.chunk(&session, index, part)).await.ok();
            }
            times.of("finalize", user.finalize(&session, parts.len())).await.ok();
            let bytes = times.of("download", user.bytes(&format!("{path}/original.webm"))).await;
            assert!(bytes == parts.concat(), "what was sent is what is there");
            self.whole.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn views(self, http: reqwest::Client, path: String) {
        let mut paced = self.every(Duration::from_millis(100));
        let mut at = 0;
        while self.goes_on() {
            paced.tick().await;
            if at % 20 == 0 {
                self.get(&http, "page", &path, None).await;
            }
            let range = format!("bytes={}-{}", at * 1000, at * 1000 + 65_535);
            self.get(&http, "range", &format!("{path}/video.webm"), Some(range)).await;
            at = (at + 1) % 100;
        }
    }

    async fn follows(self, http: reqwest::Client, live: Arc<Mutex<String>>) {
        let mut paced = self.every(Duration::from_millis(250));
        while self.goes_on() {
            paced.tick().await;
            let path = live.lock().unwrap().clone();
            if !path.is_empty() {
                self.get(&http, "live", &format!("{path}/live"), None).await;
            }
        }
    }

    async fn lists(self, user: User) {
        let mut paced = self.every(Duration::from_millis(250));
        while self.goes_on() {
            paced.tick().await;
            self.times.of("list", user.get("/videos?limit=50")).await.ok();
            self.times.of("usage", user.get("/usage")).await.ok();
        }
    }

    /// Somebody else each time, from an address of their own.
    async fn signs_in(self, emails: Vec<String>) {
        let mut paced = self.every(SIGN_INS_EVERY);
        for (turn, email) in (0_u8..).zip(emails.iter().cycle()) {
            if !self.goes_on() {
                break;
            }
            paced.tick().await;
            let from = IpAddr::V4(Ipv4Addr::new(127, 0, 2, turn));
            let browser = Browser::at(&self.url, Some(from));
            let seen = self.times.of("sign-in", browser.try_sign_in(email, PASSWORD)).await;
            assert_eq!(seen.to(), "/my/videos");
            assert_eq!(self.times.of("my videos", browser.get("/my/videos")).await.status, 200);
        }
    }

    async fn asks_for_health(self, http: reqwest::Client) {
        let mut paced = self.every(Duration::from_millis(100));
        while self.goes_on() {
            paced.tick().await;
            self.get(&http, "healthz", "/healthz", None).await;
        }
    }

    async fn get(
        &self,
        http: &reqwest::Client,
        what: &'static str,
        path: &str,
        range: Option<String>,
    ) {
        let request = http.get(format!("{}{path}", self.url));
        let request = range.into_iter().fold(request, |it, range| it.header("Range", range));
        let answered = async {
            let response = request.send().await.unwrap();
            assert!(response.status().is_success(), "{what}: {}", response.status());
            response.bytes().await.unwrap();
        };
        self.times.of(what, answered).await;
    }
}

/// The server as a system starts it that allows a process so many open files; another build of it where
/// `SNAPLARK_LOAD_PROGRAM` names one.
fn with_files(files: u32) -> Command {
    let program = std::env::var("SNAPLARK_LOAD_PROGRAM").unwrap_or(PROGRAM.to_owned());
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\""), &program]);
    shell
}

/// How much of a core the server took, and what it started.
fn cpu(id: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let seconds = |at: usize| fields[at].parse::<f64>().unwrap() / 100.0;
    let (server, children) = (seconds(11) + seconds(12), seconds(13) + seconds(14));
    format!("{server:.0} s of a core by the server and {children:.0} by ffmpeg")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn honest_clients_are_served_beside_hostile_ones() {
    let asked = std::env::var("SNAPLARK_LOAD_SECONDS").ok().map(|text| text.parse().unwrap());
    let seconds: u64 = asked.unwrap_or(SECONDS);
    let folder = tempfile::tempdir().unwrap();
    let backend = Backend::new(folder.path());
    let running = Running::started(with_files(FILES), &backend, &[], Stdio::null());
    let url = running.url.clone();
    let user = |email: &str| User::new(&url, &token_of(&backend, email));

    // What is there before: an hour to watch, people who sign in, and somebody who is guessed at.
    let owner = user("owner@example.com");
    let watched = owner.upload(&synthetic(8, 50_000).stream()).await;
    let watched = format!("/videos/{}", watched["videoId"].as_str().unwrap());
    let emails: Vec<String> = (0..5).map(|at| format!("person-{at}@example.com")).collect();
    for email in emails.iter().map(String::as_str).chain(["victim@example.com"]) {
        let add = snaplark_cloud::SetPassword::Add;
        snaplark_cloud::set_password(backend.place(), email, PASSWORD, add).await.unwrap();
    }
    let member = user("hostile@example.com");
    let uploaders: Vec<User> =
        (0..UPLOADERS).map(|at| user(&format!("uploader-{at}@example.com"))).collect();
    let locked = owner.upload(&synthetic(1, 100).stream()).await;
    owner.lock(locked["sessionId"].as_str().unwrap(), "open sesame").await;
    let locked = format!("/videos/{}", locked["videoId"].as_str().unwrap());

    let target = Target { url: url.clone(), member, locked };
    let hostile = Hostile::begin(target, asked.is_some()).await;
    let honest = Honest {
        times: Times::default(),
        whole: Arc::default(),
        begun: Arc::default(),
        until: Instant::now() + Duration::from_secs(seconds),
        url,
    };
    let mut people = JoinSet::new();
    let live = Arc::new(Mutex::new(String::new()));
    for user in uploaders {
        people.spawn(honest.clone().lists(user.clone()));
        people.spawn(honest.clone().uploads(user, Arc::clone(&live)));
    }
    for _ in 0..VIEWERS {
        people.spawn(honest.clone().views(crate::support::http(), watched.clone()));
    }
    for _ in 0..2 {
        people.spawn(honest.clone().follows(crate::support::http(), Arc::clone(&live)));
    }
    people.spawn(honest.clone().signs_in(emails));
    people.spawn(honest.clone().asks_for_health(crate::support::http()));
    while let Some(ended) = people.join_next().await {
        ended.expect("no honest client is refused");
    }
    let tried = hostile.end();
    let cpu = cpu(running.child.id());
    running.kill();

    let times = &honest.times;
    let is_own = |kind: &str| matches!(kind, "sign-in" | "healthz");
    let (all, healthy) = (times.taken(|kind| !is_own(kind)), times.taken(|kind| kind == "healthz"));
    let whole = honest.whole.load(Ordering::SeqCst);
    let build = std::env::var("SNAPLARK_LOAD_PROGRAM").unwrap_or("a debug build".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut line = format!(
        "load: {seconds} s, {cores} cores, {build}, {cpu}: honest requests {}; /healthz {}; sign-in {}; \
         {whole} uploads whole, 0 failed; hostile: {tried}",
        said(&all),
        said(&healthy),
        said(&times.taken(|kind| kind == "sign-in")),
    );
    let kinds: Vec<_> = times.0.lock().unwrap().keys().copied().collect();
    for kind in kinds.into_iter().filter(|kind| !is_own(kind)) {
        write!(line, "; {kind} {}", said(&times.taken(|it| it == kind))).unwrap();
    }
    println!("{line}");
    if asked.is_some() {
        for (what, took) in [("honest requests", &all), ("/healthz", &healthy)] {
            let p99 = percentile(took, 99);
            let limit = Backend::HONEST_P99_MAX;
            assert!(p99 < limit, "{what}: p99 is {p99:?}, not below {limit:?}");
        }
    }
}
