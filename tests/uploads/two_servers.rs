//! Two real clouds, each behind a proxy of its own: what was begun for one ends there, whatever the person
//! does with the other, and neither gets anything that is meant for the other.

use std::time::Duration;

use snaplark_app::Profile;
use snaplark_app::view::Snapshot;
use snaplark_app::view::{NeedReason, OtherServerView, Reach, RecordingState, RecordingView};
use snaplark_core::RecordingId;
use snaplark_tests::fake_capture::{Pace, Record};
use snaplark_tests::fault_proxy::{FaultProxy, Route};
use snaplark_tests::home::Home;
use snaplark_tests::process::finish;
use snaplark_tests::recorder::snaplark;
use snaplark_tests::session;
use tokio::runtime::Runtime;

use crate::rig::{Client, RECORDING, Server, account, fake_recorder, hold_served, runtime};

const PACE: Pace =
    Pace { segments_max: 10, every: Duration::from_millis(50), segment_bytes: 50_000 };
const DONE: Duration = Duration::from_secs(60);

/// A cloud, the proxy before it, and a home for it. In the order in which they end.
struct Side {
    proxy: FaultProxy,
    server: Server,
    _home: Home,
}

impl Side {
    fn start(runtime: &Runtime) -> Self {
        let home = Home::new().unwrap();
        let server = Server::start(&home).unwrap();
        let proxy = runtime.block_on(FaultProxy::start(server.address)).unwrap();
        Side { proxy, server, _home: home }
    }

    fn address(&self) -> String {
        format!("{}/api/v1", self.proxy.url())
    }

    fn name(&self) -> String {
        self.proxy.url().replace("http://", "")
    }

    fn owns(&self, link: &str) -> bool {
        link.starts_with(&format!("http://{}/", self.server.address))
    }

    /// Whatever reached this server came with its own token and was about its own sessions.
    fn hold_apart_from(&self, other: &Side) {
        let (own, others) = (self.proxy.asked(), other.proxy.asked());
        for asked in &own {
            let is_own = |token: &String| *token == self.server.token;
            assert!(asked.token.iter().all(is_own), "another server's token with {asked:?}");
            let is_others = |it: &&_| asked.session.is_some() && *it == &asked.session;
            let foreign = others.iter().map(|it| &it.session).find(is_others);
            assert_eq!(foreign, None, "another server's session");
        }
        assert!(own.iter().any(|asked| asked.token.is_some()), "it was not sent to at all");
    }
}

/// A recording that was begun for the first server, which has vanished halfway. The person has moved to the
/// second.
struct Moved {
    client: Client,
    first: Side,
    second: Side,
    id: RecordingId,
    link: String,
    record: Record,
    runtime: Runtime,
    _home: Home,
}

impl Moved {
    fn new() -> Self {
        let (home, runtime) = (Home::new().unwrap(), runtime().unwrap());
        let (first, second) = (Side::start(&runtime), Side::start(&runtime));
        let at_first = account(&first.proxy.url(), &first.server.token, Profile::Spec);
        let client = Client::start(runtime.handle(), &home, at_first, PACE).unwrap();
        let id = client.begin().unwrap();
        let is_halfway = |view: &Snapshot| {
            let upload = view.recordings.first().and_then(|it| it.upload.as_ref());
            upload.is_some_and(|upload| upload.uploaded >= 2)
        };
        let view = client.until("some parts to be sent", RECORDING, is_halfway).unwrap();
        let link = view.recordings[0].link.clone().expect("the link is there at once");
        first.proxy.close();
        client.end(id).unwrap();
        let record = client.capture.record();
        let at_second = account(&second.proxy.url(), &second.server.token, Profile::Spec);
        client.run(client.app.sign_in(at_second, false)).unwrap();
        Moved { client, first, second, id, link, record, runtime, _home: home }
    }

    /// Records to the current server, which is the second.
    fn record_to_second(&self) {
        let id = self.client.begin().unwrap();
        self.client.end(id).unwrap();
        let done = self.client.done(id, DONE).unwrap();
        let record = self.client.capture.record();
        let link = done.link.unwrap();
        assert!(self.second.owns(&link), "{link} is not the second server's");
        hold_served(&link, record.bytes, record.sha256());
    }

    fn first_is_back(&self) {
        self.runtime.block_on(self.first.proxy.reopen()).unwrap();
    }

    fn recording(&self) -> RecordingView {
        let view = self.client.run(self.client.app.snapshot()).unwrap();
        view.recordings.into_iter().find(|it| it.id == self.id.to_string()).unwrap()
    }

    fn others(&self) -> Vec<OtherServerView> {
        self.client.run(self.client.app.snapshot()).unwrap().other_servers
    }

    fn hold_apart(&self) {
        self.first.hold_apart_from(&self.second);
        self.second.hold_apart_from(&self.first);
    }

    fn until_signed_out(&self) {
        let name = self.first.name();
        let id = self.id.to_string();
        let says = |view: &Snapshot| {
            let recording = view.recordings.iter().find(|it| it.id == id);
            recording.is_some_and(|it| match &it.state {
                RecordingState::NeedsYou { reason: NeedReason::OtherServer, detail } => {
                    *detail == name
                }
                _ => false,
            })
        };
        self.client.until("the missing sign-in to be named", DONE, says).unwrap();
    }
}

#[test]
fn upload_ends_at_its_own_server_after_the_person_has_moved_to_another() {
    let moved = Moved::new();
    moved.record_to_second();
    let waiting = moved.recording();
    let upload = waiting.upload.as_ref().unwrap();
    assert_eq!(upload.other_server, Some(moved.first.name()), "{waiting:?}");
    assert!(matches!(waiting.state, RecordingState::Waits { .. }), "{waiting:?}");
    let [other] = &moved.others()[..] else { panic!("{:?}", moved.others()) };
    assert_eq!((other.address.as_str(), other.uploads), (&*moved.first.address(), 1));
    assert!(other.signed_in && other.reach != Reach::Online, "{other:?}");

    moved.first_is_back();
    let done = moved.client.done(moved.id, DONE).unwrap();
    assert_eq!(done.link.as_deref(), Some(moved.link.as_str()), "the link stays");
    assert!(moved.first.owns(&moved.link), "{} is not the first server's", moved.link);
    assert_eq!(done.upload.unwrap().other_server, None, "nothing goes anywhere any more");
    hold_served(&moved.link, moved.record.bytes, moved.record.sha256());
    moved.hold_apart();
}

#[test]
fn upload_waits_for_a_sign_in_at_its_own_server_after_signing_out_there() {
    let moved = Moved::new();
    let address = moved.first.address();
    moved.client.run(moved.client.app.sign_out_at(&address)).unwrap();
    moved.until_signed_out();
    moved.first_is_back();
    moved.record_to_second();
    let parts = moved.first.proxy.count(&Route::Chunk);
    let at_first = account(&moved.first.proxy.url(), &moved.first.server.token, Profile::Spec);
    moved.client.run(moved.client.app.sign_in(at_first, false)).unwrap();
    let done = moved.client.done(moved.id, DONE).unwrap();
    assert_eq!(done.link.as_deref(), Some(moved.link.as_str()), "the link stays");
    assert!(moved.first.proxy.count(&Route::Chunk) > parts, "parts were sent after the sign-in");
    hold_served(&moved.link, moved.record.bytes, moved.record.sha256());
    moved.hold_apart();
}

#[test]
fn retry_sends_an_upload_to_the_current_server_after_signing_out_of_its_own() {
    let moved = Moved::new();
    let address = moved.first.address();
    moved.client.run(moved.client.app.sign_out_at(&address)).unwrap();
    moved.until_signed_out();
    moved.client.run(moved.client.app.retry(moved.id)).unwrap();
    let done = moved.client.done(moved.id, DONE).unwrap();
    let link = done.link.unwrap();
    assert!(moved.second.owns(&link), "{link} is not the second server's");
    assert_ne!(link, moved.link);
    hold_served(&link, moved.record.bytes, moved.record.sha256());
    assert_eq!(moved.others(), [], "nothing is left for the first");
    moved.hold_apart();
}

/// A recorder has died whose upload to the first server had not begun. The keyring has that server's token, and
/// the server can't be reached.
fn left_unsent(home: &Home, first: &Side) {
    sign_in(home, first);
    first.proxy.close();
    let mut recorder =
        fake_recorder(home, &first.proxy.url(), "another", &["--segments", "5"]).unwrap();
    assert_eq!(recorder.line(DONE).unwrap(), "recorded");
    recorder.kill().unwrap();
}

fn sign_in(home: &Home, side: &Side) {
    let token = home.path().join("token");
    std::fs::write(&token, &side.server.token).unwrap();
    let mut login = snaplark(home, None, &["login", &side.proxy.url()]).unwrap();
    login.stdin(std::fs::File::open(&token).unwrap());
    let answer = finish(&mut login, DONE).unwrap();
    std::fs::remove_file(&token).unwrap();
    assert!(answer.status.success(), "{}", answer.stderr);
}

#[test]
fn tokens_stay_in_the_keyring_for_each_server_until_the_person_signs_out_there() {
    let (mut home, runtime) = (Home::new().unwrap(), runtime().unwrap());
    let _bus = session::bus(&mut home).unwrap();
    let _keyring = session::keyring(&home).unwrap();
    let (first, second) = (Side::start(&runtime), Side::start(&runtime));
    left_unsent(&home, &first);
    sign_in(&home, &second);
    assert_eq!(session::secrets(&home).unwrap(), 2, "one for each server");
    runtime.block_on(first.proxy.reopen()).unwrap();

    let mut status = snaplark(&home, None, &["status", "--wait"]).unwrap();
    let answer = finish(&mut status, DONE).unwrap();
    assert!(answer.status.success(), "{}{}", answer.stdout, answer.stderr);
    assert_eq!(first.proxy.count(&Route::Chunk), 5, "the parts went to their own server");
    assert_eq!(second.proxy.count(&Route::Chunk), 0);

    for (logout, left) in [(vec!["logout", &*first.proxy.url()], 1), (vec!["logout"], 0)] {
        let answer = finish(&mut snaplark(&home, None, &logout).unwrap(), DONE).unwrap();
        assert!(answer.status.success(), "{}", answer.stderr);
        assert_eq!(session::secrets(&home).unwrap(), left, "{logout:?}");
    }
}

#[test]
fn run_for_another_server_sends_what_waits_for_the_persons_own() {
    let (mut home, runtime) = (Home::new().unwrap(), runtime().unwrap());
    let _bus = session::bus(&mut home).unwrap();
    let _keyring = session::keyring(&home).unwrap();
    let (first, second) = (Side::start(&runtime), Side::start(&runtime));
    left_unsent(&home, &first);
    runtime.block_on(first.proxy.reopen()).unwrap();

    let mut status = snaplark(&home, None, &["status", "--wait"]).unwrap();
    status.env("SNAPLARK_SERVER", second.proxy.url());
    status.env("SNAPLARK_TOKEN", &second.server.token);
    let answer = finish(&mut status, DONE).unwrap();
    assert!(answer.status.success(), "{}{}", answer.stdout, answer.stderr);
    assert_eq!(first.proxy.count(&Route::Chunk), 5, "the parts went to their own server");
    for asked in second.proxy.asked() {
        assert_ne!(asked.token.as_ref(), Some(&first.server.token), "{asked:?}");
    }
    assert_eq!(session::secrets(&home).unwrap(), 1, "the person stays signed in");
}
