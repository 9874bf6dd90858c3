//! probe
use snaplark_tests::desk::Desk;
use std::path::Path;
#[test]
fn probe() {
    let mut desk = Desk::start(1280, 720).unwrap();
    desk.paint(15).unwrap();
    snaplark_tests::wait::pass("a second", std::time::Duration::from_secs(4)).unwrap();
    desk.display.picture(&desk.home, Path::new("/tmp/desk.png"), None).unwrap();
    let mut rec = snaplark_tests::process::command(&desk.home, "ffmpeg");
    rec.args(["-v","error","-y","-f","x11grab","-framerate","30","-i",desk.display.name(),"-t","6","-c:v","libvpx-vp9","-deadline","realtime","-cpu-used","8","-b:v","2500k","/tmp/grab.webm"]);
    snaplark_tests::process::output(rec, std::time::Duration::from_secs(30)).unwrap();
    let r = snaplark_tests::numbers::read_file(Path::new("/tmp/grab.webm"), (1280,720)).unwrap();
    println!("{:?}", r.hold(6.0,15.0,0.01));
    println!("{:?}", r.missing());
    let b = snaplark_tests::browser::Browser::chromium(&desk.home).unwrap();
    println!("{:?}", snaplark_tests::browser::play(&b.session, "file:///tmp/grab.webm"));
    println!("{:?}", snaplark_tests::media::probe("/tmp/grab.webm"));
    println!("{:?}", snaplark_tests::media::decode("/tmp/grab.webm"));
}
