//! The system's hints about the network, from a stand-in for NetworkManager on a real bus: the real
//! one needs hardware that a test machine doesn't have.

use std::time::Duration;

use snaplark_tests::fault_proxy::{FaultProxy, Route};
use snaplark_tests::home::Home;
use snaplark_tests::process::output;
use snaplark_tests::recorder::snaplark;
use snaplark_tests::{session, wait};
use zbus::blocking::connection::Builder;
use zbus::interface;

use crate::rig::{Server, fake_recorder, runtime};

const LIMIT: Duration = Duration::from_secs(60);
/// Far longer than a part takes that nobody holds back.
const HELD: Duration = Duration::from_secs(2);

/// NMMetered's yes and no.
const YES: u32 = 1;
const NO: u32 = 2;

struct NetworkManager {
    metered: u32,
}

#[interface(name = "org.freedesktop.NetworkManager")]
impl NetworkManager {
    #[zbus(property)]
    fn metered(&self) -> u32 {
        self.metered
    }
}

#[test]
fn on_a_metered_link_parts_wait_where_the_person_wants_that() {
    let mut home = Home::new().unwrap();
    let _bus = session::system_bus(&mut home).unwrap();
    let system = Builder::address(home.var("DBUS_SYSTEM_BUS_ADDRESS").unwrap())
        .and_then(|bus| bus.name("org.freedesktop.NetworkManager"))
        .and_then(|bus| {
            bus.serve_at("/org/freedesktop/NetworkManager", NetworkManager { metered: YES })
        })
        .and_then(Builder::build)
        .unwrap();
    let server = Server::start(&home).unwrap();
    let runtime = runtime().unwrap();
    let proxy = runtime.block_on(FaultProxy::start(server.address)).unwrap();
    let settings = snaplark(&home, None, &["settings", "wait-on-metered", "yes"]).unwrap();
    output(settings, LIMIT).unwrap();

    proxy.close();
    let mut recorder =
        fake_recorder(&home, &proxy.url(), &server.token, &["--segments", "5"]).unwrap();
    assert_eq!(recorder.line(LIMIT).unwrap(), "recorded");
    runtime.block_on(proxy.reopen()).unwrap();
    wait::until("the server to be seen", LIMIT, || Ok((!proxy.asked().is_empty()).then_some(())))
        .unwrap();
    wait::pass("a part's time", HELD).unwrap();
    assert_eq!(proxy.count(&Route::Chunk), 0, "the link is metered");

    let object = system.object_server();
    let manager = object.interface::<_, NetworkManager>("/org/freedesktop/NetworkManager").unwrap();
    manager.get_mut().metered = NO;
    zbus::block_on(manager.get().metered_changed(manager.signal_emitter())).unwrap();
    assert!(recorder.wait(LIMIT).unwrap().success(), "{}", recorder.complaints());
    assert_eq!(proxy.count(&Route::Chunk), 5);
}
