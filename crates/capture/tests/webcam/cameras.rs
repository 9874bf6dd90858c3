//! A media server for each process, and cameras that other processes play into it.

use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use snaplark_capture::SystemCapture;
use snaplark_core::devices::Devices as _;

use crate::common::{Folder, wait};

/// One test at a time has the cameras of the session.
pub struct Session {
    _turn: MutexGuard<'static, ()>,
}

struct Server {
    _folder: Folder,
    programs: Vec<Child>,
}

impl Session {
    pub fn begin() -> Self {
        static SERVER: LazyLock<Mutex<Server>> = LazyLock::new(|| Mutex::new(Server::on_thread()));
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut server = SERVER.lock().unwrap();
        let alive = server.programs.iter_mut().all(|program| program.try_wait().unwrap().is_none());
        assert!(alive, "the media server ended");
        Session { _turn: turn }
    }
}

impl Server {
    /// The programs end with the thread that began them, which no test is.
    fn on_thread() -> Self {
        let (begun, server) = channel();
        std::thread::spawn(move || {
            begun.send(Server::start()).unwrap();
            loop {
                std::thread::park();
            }
        });
        server.recv().unwrap()
    }

    #[allow(unsafe_code)]
    fn start() -> Self {
        let folder = Folder::new();
        let address = format!("unix:path={}", folder.0.join("bus").display());
        for (name, value) in [
            ("XDG_RUNTIME_DIR", folder.0.to_str().unwrap()),
            ("HOME", folder.0.to_str().unwrap()),
            ("DBUS_SESSION_BUS_ADDRESS", &address),
        ] {
            // SAFETY: every test here begins with this and waits for it, and no thread that reads
            // the environment is there before.
            unsafe { std::env::set_var(name, value) };
        }
        let arguments = ["--session", "--nofork", "--nopidfile", "--address", &address];
        let bus = program("dbus-daemon", &arguments);
        until_there(&folder, "bus");
        let pipewire = program("pipewire", &[]);
        until_there(&folder, "pipewire-0");
        let manager = program("wireplumber", &[]);
        Server { _folder: folder, programs: vec![bus, pipewire, manager] }
    }
}

fn program(name: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new("setpriv");
    // A static is never dropped: the kernel ends what it holds.
    command.args(["--pdeathsig", "KILL", name]).args(arguments).env_remove("DISPLAY");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap_or_else(|error| panic!("{name} is needed for this test: {error}"))
}

fn until_there(folder: &Folder, name: &str) {
    wait::until_true(name, || folder.0.join(name).exists());
}

/// Plugged in until it is dropped.
pub struct Camera(Child);

impl Camera {
    /// Bars of known colours.
    pub fn bars(session: &Session, name: &str) -> Self {
        Camera::playing(session, name, &["pattern=smpte100"], 30)
    }

    pub fn green(session: &Session, name: &str) -> Self {
        let green = ["pattern=solid-color", "foreground-color=0xff00ff00"];
        Camera::playing(session, name, &green, 30)
    }

    /// It moves, everywhere: what moves in a corner is outside a round webcam.
    pub fn snow(session: &Session, name: &str, per_second: u32) -> Self {
        Camera::playing(session, name, &["pattern=snow"], per_second)
    }

    fn playing(_: &Session, name: &str, pattern: &[&str], per_second: u32) -> Self {
        let caps = format!("video/x-raw,format=YUY2,width=640,height=480,framerate={per_second}/1");
        let properties = format!("stream-properties=p,media.class=Video/Source,node.name={name}");
        let mut arguments = vec!["-q", "videotestsrc", "is-live=true"];
        arguments.extend(pattern);
        arguments.extend(["!", &caps, "!", "pipewiresink", "mode=provide", &properties]);
        let camera = Camera(program("gst-launch-1.0", &arguments));
        wait::until_true(name, || {
            let cameras = SystemCapture::new().cameras().unwrap();
            cameras.iter().any(|camera| camera.name == name)
        });
        camera
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
