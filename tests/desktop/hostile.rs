//! Pages of the web never get into the program's own windows, which may ask the program for things.

use std::io::{ErrorKind, Read as _};
use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;
use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::home::Home;
use snaplark_tests::wait;

use crate::{SOON, pictures};

#[test]
fn window_refuses_to_navigate_away_from_its_page() {
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &pictures("hostile")).unwrap();
    let windows = &shown.windows().unwrap().session;
    shown.open_library().unwrap();
    windows.enter_window_at("library", SOON).unwrap();
    windows.find("[data-testid=account]", SOON).unwrap();
    let before = windows.run("return location.href;", &[]).unwrap();
    let count = windows.windows().unwrap().len();

    let web = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    web.set_nonblocking(true).unwrap();
    let page = format!("http://{}/", web.local_addr().unwrap());
    for ask in [
        "location.href = arguments[0];",
        "location.replace(arguments[0]);",
        "window.open(arguments[0]);",
        "const a = document.createElement('a'); [a.href, a.target] = [arguments[0], '_blank'];
         document.body.append(a); a.click(); a.remove();",
        "const a = document.createElement('a'); a.href = arguments[0];
         document.body.append(a); a.click(); a.remove();",
        "const f = document.createElement('form'); f.action = arguments[0];
         document.body.append(f); f.submit(); f.remove();",
    ] {
        for address in [&page, "file:///etc/passwd", "data:text/html,<h1>x</h1>"] {
            // What a page refuses by itself is as well.
            drop(windows.run(ask, &[json!(address)]));
        }
    }
    // Whoever would be asked has been by then.
    wait::pass("a page to come", Duration::from_secs(2)).unwrap();
    assert_eq!(windows.run("return location.href;", &[]).unwrap(), before);
    assert_eq!(windows.windows().unwrap().len(), count, "no window was opened");
    windows.find("[data-testid=account]", SOON).unwrap();
    // WebKit connects ahead of its own decision; nothing may be asked for, and nothing is told.
    while let Ok((mut stream, _)) = web.accept() {
        stream.set_nonblocking(true).unwrap();
        let mut asked = [0; 256];
        match stream.read(&mut asked) {
            Ok(0) => {}
            Ok(count) => panic!("asked: {}", String::from_utf8_lossy(&asked[..count])),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
}
