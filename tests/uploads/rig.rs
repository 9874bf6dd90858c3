//! One client, one server, and the proxy between them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use snaplark_app::view::{Reach, RecordingState, RecordingView, Snapshot};
use snaplark_app::{
    Account, App, AppOptions, Home as AppHome, Keeps, Profile, StartRequest, Token,
};
use snaplark_core::RecordingId;
use snaplark_core::capture::CaptureEnd;
use snaplark_tests::fake_capture::{Clip, FakeCapture, Pace, SIZE, sha256_of};
use snaplark_tests::fault_proxy::FaultProxy;
use snaplark_tests::home::Home;
use snaplark_tests::media;
use snaplark_tests::process::{Process, command};
pub use snaplark_tests::server::Server;
use snaplark_tests::webdriver::client;
use tokio::runtime::{Handle, Runtime};
use tokio::time::timeout;

const START: Duration = Duration::from_secs(30);
/// A recording's own work, without any wait of the upload: generous on a machine that is busy.
pub const RECORDING: Duration = Duration::from_secs(60);

/// A soak takes as long as it takes.
pub fn is_soak() -> bool {
    std::env::var_os("SNAPLARK_SOAK").is_some()
}

/// A recorder in a process of its own, with a fake for capture: something that can be killed.
pub fn fake_recorder(home: &Home, server: &str, token: &str, more: &[&str]) -> Result<Process> {
    let mut recorder = command(home, env!("CARGO_BIN_EXE_fake-recorder"));
    recorder.args(["--server", server, "--token", token]).args(more);
    recorder.arg("--clip").arg(clip_file()).arg("--home").arg(home.snaplark());
    Process::start(home, "fake-recorder", recorder)
}

/// The one clip that all recordings are made of.
pub fn clip_file() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clip.ivf");
        Clip::at(&file).unwrap();
        file
    })
}

/// A client in this process. Everything on it has a limit, and ends with it.
pub struct Client {
    pub app: App,
    pub capture: Arc<FakeCapture>,
    segments: u32,
    runtime: Handle,
}

impl Client {
    pub fn start(runtime: &Handle, home: &Home, account: Account, pace: Pace) -> Result<Self> {
        Self::start_with(runtime, home, account, pace, Clip::at(clip_file())?)
    }

    /// Does the same with another clip.
    pub fn start_with(
        runtime: &Handle,
        home: &Home,
        account: Account,
        pace: Pace,
        clip: Clip,
    ) -> Result<Self> {
        let clip = Arc::new(clip);
        let capture = Arc::new(FakeCapture::new(clip, pace));
        let root = home.path().join("client");
        let home = AppHome { save_folder: root.join("saved"), root };
        let app = runtime.block_on(App::open(AppOptions {
            home,
            account: Some(account),
            capture: capture.clone(),
            render: capture.clone(),
            keeps: Keeps::AsSet,
            notices: Box::new(|_| {}),
        }))?;
        Ok(Self { app, capture, segments: pace.segments_max, runtime: runtime.clone() })
    }

    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub fn begin(&self) -> Result<RecordingId> {
        Ok(self.run(self.app.start_recording(StartRequest::default()))?)
    }

    /// Waits until everything is recorded, and ends it.
    pub fn end(&self, id: RecordingId) -> Result<()> {
        self.until("all segments", RECORDING, |view| {
            view.recordings.iter().any(|r| r.id == id.to_string() && r.segments == self.segments)
        })?;
        self.run(self.app.stop_recording())?;
        Ok(())
    }

    /// Looks at each change until `is_so`.
    pub fn until(
        &self,
        what: &str,
        limit: Duration,
        mut is_so: impl FnMut(&Snapshot) -> bool,
    ) -> Result<Snapshot> {
        let mut last = None;
        let looking = async {
            let mut changes = self.app.changes();
            loop {
                let snapshot = self.app.snapshot().await?;
                if is_so(&snapshot) {
                    return Ok(snapshot);
                }
                last = Some(snapshot);
                changes.changed().await.context("the app ended by itself")?;
            }
        };
        match self.run(async { timeout(limit, looking).await }) {
            Ok(answer) => answer,
            Err(_) => bail!(
                "waited {} s for {what}, in vain; the last that was seen: {:#?}",
                limit.as_secs(),
                last.map(|snapshot| (snapshot.account, snapshot.recordings))
            ),
        }
    }

    /// Waits until the server has confirmed the upload and the person's own file is written.
    pub fn done(&self, id: RecordingId, limit: Duration) -> Result<RecordingView> {
        let snapshot = self.until("the upload to be done", limit, |view| {
            let found = view.recordings.iter().find(|r| r.id == id.to_string());
            found.is_some_and(|r| r.state == RecordingState::Done && r.file.is_some())
        })?;
        let found = snapshot.recordings.into_iter().find(|r| r.id == id.to_string());
        found.context("the recording is gone")
    }

    /// The recording went on whatever happened to the upload: asked to end, not before, and every
    /// segment of it has its row.
    pub fn hold_recording(&self, view: &RecordingView) {
        let record = self.capture.record();
        assert_eq!(record.end, Some(CaptureEnd::Stopped), "the recording ended by itself");
        assert_eq!(record.segments, self.segments, "segments were written");
        assert_eq!(view.segments, self.segments, "segments were committed");
        assert_eq!(view.size_bytes, record.bytes, "bytes were committed");
        assert_eq!(view.dropped, 0);
        media::decode(view.file.as_deref().unwrap()).unwrap();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It closes its store before the home is removed.
        self.runtime.block_on(async { timeout(START, self.app.shutdown()).await }).ok();
    }
}

pub fn runtime() -> Result<Runtime> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    Ok(runtime.worker_threads(2).enable_all().build()?)
}

pub fn account(url: &str, token: &str, profile: Profile) -> Account {
    let account = Account::at(url, Some(profile)).expect("it is an address");
    account.with_token(Token::new(token))
}

/// Returns the result of the last real exchange with the account's server.
pub fn reach(view: &Snapshot) -> Option<Reach> {
    view.account.as_ref().map(|account| account.reach)
}

/// Client, proxy and server, and a home for them. In the order in which they end.
pub struct Rig {
    pub client: Client,
    pub proxy: FaultProxy,
    pub server: Server,
    pub runtime: Runtime,
    pub home: Home,
}

/// The options in which a test differs from the usual setup.
pub struct Unusual {
    pub profile: Profile,
    pub parts_per_second: Option<u32>,
    /// Whether the server makes thumbnails and other files of its videos, which takes CPU time.
    pub has_ffmpeg: bool,
}

impl Default for Unusual {
    fn default() -> Self {
        Self { profile: Profile::Spec, parts_per_second: None, has_ffmpeg: true }
    }
}

impl Rig {
    pub fn start(pace: Pace) -> Self {
        Self::start_with(pace, &Unusual::default())
    }

    pub fn start_with(pace: Pace, unusual: &Unusual) -> Self {
        let home = Home::new().unwrap();
        let runtime = runtime().unwrap();
        let rate = unusual.parts_per_second.map(|rate| rate.to_string());
        let mut args = Vec::new();
        args.extend(rate.iter().flat_map(|rate| ["--parts-per-second", rate.as_str()]));
        if !unusual.has_ffmpeg {
            args.extend(["--ffmpeg", "no-ffmpeg-here"]);
        }
        let server = match args.is_empty() {
            true => Server::start(&home),
            false => Server::start_with(&home, &args),
        };
        let server = server.unwrap();
        let proxy = runtime.block_on(FaultProxy::start(server.address)).unwrap();
        let account = account(&proxy.url(), &server.token, unusual.profile);
        let client = Client::start(runtime.handle(), &home, account, pace).unwrap();
        Self { client, proxy, server, runtime, home }
    }

    /// Returns the folder in which the client keeps its recordings.
    pub fn client_root(&self) -> PathBuf {
        self.home.path().join("client")
    }

    /// The client ends, and is there again after what was done meanwhile.
    pub fn restart_client(self, pace: Pace, meanwhile: impl FnOnce(&Path)) -> Self {
        let Self { client, proxy, server, runtime, home } = self;
        let account = client.run(client.app.account()).unwrap().unwrap();
        drop(client);
        meanwhile(&home.path().join("client"));
        let client = Client::start(runtime.handle(), &home, account, pace).unwrap();
        Self { client, proxy, server, runtime, home }
    }

    /// Records to the end, with whatever the proxy does meanwhile.
    pub fn record(&self) -> RecordingId {
        let id = self.client.begin().unwrap();
        self.client.end(id).unwrap();
        id
    }

    /// The video is whole at the server, the recording went on, and each of the proxy's faults cost
    /// two parts at the most. Prints what it cost.
    pub fn hold(&self, name: &str, id: RecordingId, limit: Duration) {
        self.client.done(id, limit).unwrap();
        self.hold_whole(name, id, limit, self.proxy.faults());
    }

    /// The same where the proxy can't count the faults.
    pub fn hold_whole(&self, name: &str, id: RecordingId, limit: Duration, faults: usize) {
        let view = self.client.done(id, limit).unwrap();
        self.client.hold_recording(&view);
        let record = self.client.capture.record();
        hold_served(view.link.as_deref().unwrap(), record.bytes, record.sha256());
        let again = self.proxy.again();
        println!(
            "figures: {name}: {faults} faults, {} parts ({} bytes) sent again, the largest part \
             {} bytes; the recording was held up {} ms at the most",
            again.parts,
            again.bytes,
            again.largest_part_bytes,
            record.held_up_max.as_millis()
        );
        let allowed = 2 * faults as u64 * again.largest_part_bytes;
        assert!(again.bytes <= allowed, "{again:?} for {faults} faults");
    }
}

/// Checks that the server has the recorded bytes and serves a valid video.
pub fn hold_served(link: &str, bytes: u64, sha256: [u8; 32]) {
    let answer = client().unwrap().get(format!("{link}/original.webm")).send().unwrap();
    assert!(answer.status().is_success(), "{link} answers {}", answer.status());
    let (served_bytes, served_sha256) = sha256_of(answer).unwrap();
    assert_eq!(served_bytes, bytes, "bytes are served");
    assert!(served_sha256 == sha256, "what is served differs from what was recorded");
    let video = format!("{link}/video.webm");
    let probe = media::probe(&video).unwrap();
    assert_eq!((probe.codec.as_str(), probe.width, probe.height), ("vp9", SIZE.0, SIZE.1));
    media::decode(&video).unwrap();
}
