use std::sync::Mutex;

use reqwest::{Client, StatusCode};

use super::*;
use crate::embedded::{Embedded, start_embedded};

/// An embedded server, and addresses that the test sets.
struct House {
    embedded: Embedded,
    network: LocalNetworkSharing,
    addresses: Arc<Mutex<Vec<LocalAddress>>>,
    folder: tempfile::TempDir,
}

fn at(ip: &str) -> LocalAddress {
    LocalAddress { ip: ip.parse().unwrap(), interface: 1 }
}

impl House {
    async fn with(ips: &[&str]) -> House {
        let folder = tempfile::tempdir().unwrap();
        // Use a free port, because other tests listen on these addresses too.
        fs::write(folder.path().join(PORT_FILE), free_port().to_string()).unwrap();
        House::over(folder, ips).await
    }

    async fn over(folder: tempfile::TempDir, ips: &[&str]) -> House {
        let embedded = start_embedded(folder.path()).await.unwrap();
        let addresses: Vec<LocalAddress> = ips.iter().map(|ip| at(ip)).collect();
        let addresses = Arc::new(Mutex::new(addresses));
        let told = Arc::clone(&addresses);
        let network = LocalNetworkSharing::with(
            Arc::clone(&embedded.cloud.app),
            folder.path(),
            embedded.cloud.stop.child_token(),
            Box::new(move || told.lock().unwrap().clone()),
        );
        House { embedded, network, addresses, folder }
    }

    fn own_link(&self) -> String {
        format!("{}/videos/{}", self.embedded.cloud.public_url(), uuid::Uuid::now_v7())
    }

    fn base_url(&self) -> String {
        match &*self.network.state.borrow() {
            LocalNetworkState::Open { base_url, .. } => base_url.clone(),
            other => panic!("it is {other:?}"),
        }
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap().port()
}

fn http() -> Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

async fn get(url: &str) -> (StatusCode, String) {
    let answer = http().get(url).send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test]
async fn nothing_is_listened_on_until_it_is_wanted() {
    let house = House::with(&["127.0.0.2"]).await;
    let port: u16 =
        fs::read_to_string(house.folder.path().join(PORT_FILE)).unwrap().parse().unwrap();
    assert_eq!(*house.network.state.borrow(), LocalNetworkState::Off);
    assert_eq!(house.network.link(&house.own_link()), None);
    assert!(http().get(format!("http://127.0.0.2:{port}/")).send().await.is_err());
}

#[tokio::test]
async fn a_link_opens_with_its_key_and_nothing_else_does() {
    let house = House::with(&["127.0.0.2"]).await;
    house.network.set_open(true).await;
    let own = house.own_link();
    let link = house.network.link(&own).unwrap();
    let base = house.base_url();
    let id = own.rsplit('/').next().unwrap();
    let segment = link.rsplit('/').next().unwrap();
    assert!(link.starts_with(&format!("{base}/videos/{id}-")), "{link}");

    let (status, page) = get(&link).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(page.contains("Not uploaded yet"), "the right link is awaited: {page}");
    let awaits = format!("data-awaits=\"/videos/{segment}/live\"");
    assert!(page.contains(&awaits), "what the page asks for carries the key: {page}");
    let (status, live) = get(&format!("{link}/live")).await;
    assert_eq!((status, live.as_str()), (StatusCode::OK, r#"{"state":"awaited"}"#));

    let (_, nothing) = get(&format!("{base}/videos/{id}-AAAAAAAAAAAAAAAAAAAAAA")).await;
    for path in [
        "/",
        "/videos",
        "/my/videos",
        "/sign-in",
        "/healthz",
        "/readyz",
        "/oembed",
        "/api/v1/capabilities",
        "/api/v1/videos",
        "/api/v1/openapi.json",
        "/api/v1/usage",
        &format!("/videos/{id}"),
        &format!("/videos/{id}/live"),
        &format!("/screenshots/{id}"),
    ] {
        assert_eq!(
            get(&format!("{base}{path}")).await,
            (StatusCode::NOT_FOUND, nothing.clone()),
            "{path}"
        );
    }
    let token = &house.embedded.token;
    for path in ["/api/v1/videos/init", "/api/v1/videos"] {
        let asked = http().post(format!("{base}{path}")).bearer_auth(token).body("{}");
        assert_eq!(asked.send().await.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_switch_ends_connections_at_once() {
    use tokio::io::AsyncReadExt as _;
    let house = House::with(&["127.0.0.2"]).await;
    house.network.set_open(true).await;
    let own = house.own_link();
    let link = house.network.link(&own).unwrap();
    let address = house.base_url().strip_prefix("http://").unwrap().to_owned();
    let mut idle = tokio::net::TcpStream::connect(&address).await.unwrap();
    get(&link).await;

    house.network.set_open(false).await;
    assert_eq!(*house.network.state.borrow(), LocalNetworkState::Off);
    assert_eq!(house.network.link(&own), None);
    let read = tokio::time::timeout(Duration::from_secs(5), idle.read(&mut [0; 1])).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "an open connection ends: {read:?}");
    assert!(http().get(&link).send().await.is_err(), "no new one begins");

    house.network.set_open(true).await;
    assert_eq!(house.network.link(&own).as_deref(), Some(link.as_str()), "the same link again");
    assert_eq!(get(&link).await.0, StatusCode::NOT_FOUND, "and it is answered");
}

#[tokio::test]
async fn the_port_stays_from_run_to_run() {
    let house = House::with(&["127.0.0.2"]).await;
    house.network.set_open(true).await;
    let (own, base) = (house.own_link(), house.base_url());
    let link = house.network.link(&own);
    let House { embedded, folder, .. } = house;
    embedded.cloud.shutdown().await.unwrap();
    let again = House::over(folder, &["127.0.0.2"]).await;
    again.network.set_open(true).await;
    assert_eq!(again.base_url(), base);
    assert_eq!(again.network.link(&own), link, "yesterday's link is today's");
}

#[tokio::test]
async fn a_port_that_is_taken_is_replaced() {
    let house = House::with(&["127.0.0.2"]).await;
    let port_file = house.folder.path().join(PORT_FILE);
    let port: u16 = fs::read_to_string(&port_file).unwrap().parse().unwrap();
    let _taken = std::net::TcpListener::bind(("127.0.0.2", port)).unwrap();
    house.network.set_open(true).await;
    let kept: u16 = fs::read_to_string(&port_file).unwrap().parse().unwrap();
    assert_ne!(kept, port);
    assert_eq!(house.base_url(), format!("http://127.0.0.2:{kept}"));
}

#[tokio::test]
async fn addresses_are_followed() {
    let house = House::with(&["127.0.0.2"]).await;
    house.network.set_open(true).await;
    let own = house.own_link();
    let before = house.network.link(&own).unwrap();
    *house.addresses.lock().unwrap() = vec![at("127.0.0.3")];
    // As the task does by itself every few seconds.
    house.network.set_open(true).await;
    let after = house.network.link(&own).unwrap();
    assert!(after.starts_with("http://127.0.0.3:"), "{after}");
    assert!(http().get(&before).send().await.is_err(), "the address that went is closed");
    assert_eq!(get(&after).await.0, StatusCode::NOT_FOUND);

    house.addresses.lock().unwrap().clear();
    house.network.set_open(true).await;
    assert_eq!(*house.network.state.borrow(), LocalNetworkState::NoNetwork);
    assert_eq!(house.network.link(&own), None);
    *house.addresses.lock().unwrap() = vec![at("127.0.0.2")];
    house.network.set_open(true).await;
    assert_eq!(
        house.network.link(&own).unwrap(),
        before,
        "the address of before, the link of before"
    );
}

#[tokio::test]
async fn only_links_to_this_computer_are_made_over() {
    let house = House::with(&["127.0.0.2"]).await;
    house.network.set_open(true).await;
    let id = uuid::Uuid::now_v7();
    for own in
        [format!("http://127.0.0.1:1/videos/{id}"), format!("http://[::1]:9/screenshots/{id}")]
    {
        assert!(house.network.link(&own).is_some(), "{own}");
    }
    for other in [
        format!("https://snaplark.com/videos/{id}"),
        format!("http://192.168.1.9:8080/videos/{id}"),
        "http://127.0.0.1:1/videos/x".to_owned(),
        "http://127.0.0.1:1".to_owned(),
    ] {
        assert_eq!(house.network.link(&other), None, "{other}");
    }
}

#[tokio::test]
async fn pages_say_that_they_open_only_here_on_this_computers_own_address() {
    let house = House::with(&["127.0.0.2"]).await;
    assert!(house.embedded.cloud.app.is_this_computer);
    let visitors = house.embedded.cloud.app.for_visitors(String::new());
    assert!(!visitors.is_this_computer);
}

/// Set for the second run of this test, which happens in its own network namespace.
#[cfg(target_os = "linux")]
const IN_NAMESPACE: &str = "SNAPLARK_TEST_HOST";

/// Another computer on the same network: a namespace that is connected to this one by a virtual
/// cable.
#[cfg(target_os = "linux")]
struct Friend(std::process::Child);

#[cfg(target_os = "linux")]
impl Friend {
    fn join() -> Friend {
        let computer = std::process::Command::new("unshare").args(["-n", "sleep", "600"]).spawn();
        let friend = Friend(computer.expect("util-linux is installed"));
        let pid = friend.0.id().to_string();
        let own = fs::read_link("/proc/self/ns/net").unwrap();
        while fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|theirs| theirs == own) {
            std::thread::yield_now();
        }
        run("ip", &["link", "set", "lo", "up"]);
        run(
            "ip",
            &["link", "add", "lan0", "type", "veth", "peer", "name", "friend0", "netns", &pid],
        );
        run("ip", &["addr", "add", "10.77.0.1/24", "dev", "lan0"]);
        run("ip", &["link", "set", "lan0", "up"]);
        // An address of the internet. The server must not listen on it.
        run("ip", &["addr", "add", "198.18.0.1/24", "dev", "lan0"]);
        friend.run("ip", &["addr", "add", "10.77.0.2/24", "dev", "friend0"]);
        friend.run("ip", &["addr", "add", "198.18.0.2/24", "dev", "friend0"]);
        friend.run("ip", &["link", "set", "friend0", "up"]);
        friend
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let pid = self.0.id().to_string();
        let there = ["-t", &pid, "-n", program];
        run("nsenter", &[&there, arguments].concat())
    }

    /// Returns the status and the body. The status is 0 if there is no connection.
    async fn get(&self, url: &str, more: &[&str]) -> (u16, String) {
        let pid = self.0.id().to_string();
        let fixed = ["-t", &pid, "-n", "curl", "-s", "-m", "10", "-w", "\n%{http_code}", url];
        let asked = tokio::process::Command::new("nsenter").args(fixed).args(more).output();
        let text = String::from_utf8_lossy(&asked.await.unwrap().stdout).into_owned();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), body.to_owned())
    }
}

#[cfg(target_os = "linux")]
impl Drop for Friend {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[cfg(target_os = "linux")]
fn run(program: &str, arguments: &[&str]) -> String {
    let done = std::process::Command::new(program).args(arguments).output();
    let done = done.unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Returns two seconds of valid WebM, which nobody decodes.
#[cfg(target_os = "linux")]
fn video() -> Vec<u8> {
    use snaplark_formats::webm::{Block, Track, Tracks, Video, VideoCodec};
    let video = Video { codec: VideoCodec::Vp9, width: 640, height: 480 };
    let block = Block {
        track: Track::Video,
        time_ms: 0,
        keyframe: true,
        duration_ms: Some(2_000),
        data: vec![7; 5_000],
    };
    let cluster = snaplark_formats::webm::cluster(&[block]).unwrap();
    [snaplark_formats::webm::init(&Tracks { video, audio: None }), cluster].concat()
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn friend_on_the_network_plays_one_link_and_reaches_nothing_else() {
    if std::env::var_os(IN_NAMESPACE).is_none() {
        let name =
            "local_network::tests::friend_on_the_network_plays_one_link_and_reaches_nothing_else";
        let tests = std::env::current_exe().unwrap();
        let mut again = std::process::Command::new("unshare");
        again.args(["--map-root-user", "--net"]).arg(tests).args(["--exact", name, "--nocapture"]);
        let done = again.env(IN_NAMESPACE, "1").output().expect("util-linux is installed");
        let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let friend = Friend::join();
    let folder = tempfile::tempdir().unwrap();
    let embedded = start_embedded(folder.path()).await.unwrap();
    let api = format!("{}/api/v1", embedded.cloud.public_url());
    let post = |path: &str| http().post(format!("{api}{path}")).bearer_auth(&embedded.token);
    let mut links = Vec::new();
    for title in ["Shared", "Kept"] {
        let init = serde_json::json!({
            "filename": "a.webm", "timestamp": 1, "fps": 30, "codec": "vp9", "bitrate": 2_500_000,
            "resolution": "640x480", "recordingId": uuid::Uuid::now_v7(), "title": title,
        });
        let init = post("/videos/init").body(init.to_string());
        let init = init.header("content-type", "application/json").send().await.unwrap();
        let init: serde_json::Value = serde_json::from_str(&init.text().await.unwrap()).unwrap();
        let session = init["sessionId"].as_str().unwrap_or_else(|| panic!("{init}")).to_owned();
        let chunk = reqwest::multipart::Part::bytes(video()).file_name("c.webm");
        let chunk = chunk.mime_str("video/webm").unwrap();
        let form = reqwest::multipart::Form::new()
            .text("sessionId", session.clone())
            .text("chunkIndex", "0")
            .part("chunk", chunk);
        let sent = post("/videos/chunk").multipart(form).send().await.unwrap();
        assert!(sent.status().is_success(), "{:?}", sent.text().await);
        let end = serde_json::json!({"sessionId": session, "totalChunks": 1, "uploadedChunks": [0], "duration": 2000});
        let end = post("/videos/finalize").body(end.to_string());
        let end = end.header("content-type", "application/json").send().await.unwrap();
        assert!(end.status().is_success(), "{:?}", end.text().await);
        links.push(init["videoUrl"].as_str().unwrap().to_owned());
    }

    let network = &embedded.local_network;
    network.set_open(true).await;
    let state = network.state().borrow().clone();
    let LocalNetworkState::Open { base_url, addresses, .. } = state else { panic!("{state:?}") };
    let ips: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
    assert!(ips.contains(&"10.77.0.1".to_owned()), "{ips:?}");
    assert!(!ips.contains(&"198.18.0.1".to_owned()), "a public address: {ips:?}");
    let port = addresses[0].port();
    let link = network.link(&links[0]).unwrap();
    assert!(link.starts_with(&format!("{base_url}/videos/")), "{link}");

    // The link opens, and the video plays.
    let (status, page) = friend.get(&link, &[]).await;
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("<h1 title=\"Shared\"><bdi>Shared</bdi></h1>"), "{page}");
    assert!(!page.contains("opens only on this computer"), "{page}");
    let media = page.split("src=\"").find(|it| it.starts_with("/videos/")).unwrap();
    let media = format!("{base_url}{}", media.split('"').next().unwrap());
    let range =
        ["-H", "Range: bytes=100-199", "-o", "/dev/null", "-w", "%{size_download}\n%{http_code}"];
    assert_eq!(friend.get(&media, &range).await, (206, "100".to_owned()), "{media}");
    let own_page = http().get(&links[0]).send().await.unwrap().text().await.unwrap();
    assert!(own_page.contains("opens only on this computer"), "{own_page}");

    // Nothing else is reachable: lists, uploads, the other recording, its media, this one without its
    // key.
    let token = format!("Authorization: Bearer {}", embedded.token);
    let id = |link: &str| link.rsplit('/').next().unwrap().to_owned();
    let (shared, kept) = (id(&links[0]), id(&links[1]));
    let key = &id(&link)[shared.len()..];
    for path in [
        "/",
        "/my/videos",
        "/api/v1/videos",
        "/api/v1/capabilities",
        "/healthz",
        "/metrics",
        &format!("/videos/{shared}"),
        &format!("/videos/{shared}/video.webm"),
        &format!("/videos/{kept}"),
        &format!("/videos/{kept}{key}"),
        &format!("/videos/{kept}{key}/video.webm"),
    ] {
        assert_eq!(
            friend.get(&format!("{base_url}{path}"), &["-H", &token]).await.0,
            404,
            "{path}"
        );
    }
    let init = ["-X", "POST", "-d", "{}", "-H", &token];
    assert_eq!(friend.get(&format!("{base_url}/api/v1/videos/init"), &init).await.0, 404);
    let own_port = embedded.cloud.address().port();
    for address in [format!("10.77.0.1:{own_port}"), format!("198.18.0.1:{port}")] {
        assert_eq!(friend.get(&format!("http://{address}/"), &[]).await.0, 0, "{address}");
    }

    // The network changes, and then a new link has the new address.
    run("ip", &["addr", "del", "10.77.0.1/24", "dev", "lan0"]);
    run("ip", &["addr", "add", "10.77.0.9/24", "dev", "lan0"]);
    let moved = async {
        loop {
            match network.link(&links[0]) {
                Some(link) if link.starts_with(&format!("http://10.77.0.9:{port}/")) => {
                    return link;
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    let moved = tokio::time::timeout(Duration::from_secs(15), moved).await.unwrap();
    assert_eq!(friend.get(&moved, &[]).await.0, 200);

    network.set_open(false).await;
    assert_eq!(friend.get(&moved, &[]).await.0, 0, "it is off");
}
