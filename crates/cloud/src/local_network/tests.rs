use std::sync::Mutex;

use reqwest::{Client, StatusCode};

use super::*;
use crate::embedded::{Embedded, start_embedded};

/// A home's cloud, and addresses that the test says.
struct House {
    embedded: Embedded,
    network: LocalNetwork,
    addresses: Arc<Mutex<Vec<LocalAddress>>>,
    folder: tempfile::TempDir,
}

fn at(ip: &str) -> LocalAddress {
    LocalAddress { ip: ip.parse().unwrap(), interface: 1 }
}

impl House {
    async fn with(ips: &[&str]) -> House {
        let folder = tempfile::tempdir().unwrap();
        // Ports of other tests' listeners on these addresses are not ours to take.
        fs::write(folder.path().join(PORT_FILE), free_port().to_string()).unwrap();
        House::over(folder, ips).await
    }

    async fn over(folder: tempfile::TempDir, ips: &[&str]) -> House {
        let embedded = start_embedded(folder.path()).await.unwrap();
        let addresses: Vec<LocalAddress> = ips.iter().map(|ip| at(ip)).collect();
        let addresses = Arc::new(Mutex::new(addresses));
        let told = Arc::clone(&addresses);
        let network = LocalNetwork::with(
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
    assert!(page.contains("Not here yet"), "the right link is awaited: {page}");
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
    // As its own round would.
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
