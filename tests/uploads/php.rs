//! The true client against a PHP server behind nginx, both with the settings that they are installed with: nginx takes
//! bodies of up to 1 MiB, and PHP's fileinfo calls a cluster without a header `application/octet-stream`. Nobody is
//! asked anything.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use snaplark_app::Profile;
use snaplark_tests::fake_capture::{Clip, Pace, SIZE};
use snaplark_tests::home::Home;
use snaplark_tests::media;
use snaplark_tests::ports;
use snaplark_tests::process::{Process, command};
use snaplark_tests::wait;

use crate::rig::{Client, account, runtime};

const START: Duration = Duration::from_secs(30);
const DONE: Duration = Duration::from_secs(120);
const FRAMES_A_SEGMENT: u32 = 30;
const TOKEN: &str = "1|a-token-of-php";
const NGINX_BYTES_MAX: u64 = 1024 * 1024;

/// A PHP server and the nginx before it. Both end when it is dropped.
struct PhpServer {
    port: u16,
    folder: PathBuf,
    access_log: PathBuf,
    _nginx: Process,
    _php: Process,
}

impl PhpServer {
    fn start(home: &Home) -> Result<Self> {
        let root = home.path().join("php");
        let folder = root.join("videos");
        for name in ["videos", "body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            std::fs::create_dir_all(root.join(name))?;
        }
        let [port, php_port] = ports::free()?;
        let mut php = command(home, "php-cgi");
        php.env("PHP_FCGI_CHILDREN", "2").env("PHP_FCGI_MAX_REQUESTS", "0");
        php.args(["-b", &format!("127.0.0.1:{php_port}")]);
        let php = Process::start(home, "php-cgi", php)?;
        let access_log = root.join("access.log");
        let configuration = root.join("nginx.conf");
        std::fs::write(&configuration, nginx_configuration(&root, &folder, port, php_port))?;
        // A person's own search path lacks the folder of system programs.
        let installed = Path::new("/usr/sbin/nginx");
        let program = if installed.exists() { installed } else { Path::new("nginx") };
        let mut nginx = command(home, program);
        nginx.arg("-e").arg("stderr").arg("-p").arg(&root).arg("-c").arg(&configuration);
        let nginx = Process::start(home, "nginx", nginx)?;
        for port in [port, php_port] {
            wait::until("nginx and PHP to listen", START, || {
                Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok())
            })?;
        }
        Ok(Self { port, folder, access_log, _nginx: nginx, _php: php })
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns how many requests were answered with a status.
    fn count(&self, status: u16) -> usize {
        let log = std::fs::read_to_string(&self.access_log).unwrap_or_default();
        log.lines().filter(|line| line.ends_with(&format!(" {status}"))).count()
    }

    /// Returns the folder of the session that was finalized for this link.
    fn session(&self, link: &str) -> PathBuf {
        self.folder.join(link.rsplit('/').next().expect("a link has a name"))
    }
}

/// Sets where things are, and nothing else: all limits are nginx's own.
fn nginx_configuration(root: &Path, folder: &Path, port: u16, php_port: u16) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("uploads/php/index.php");
    let (root, folder, script) = (root.display(), folder.display(), script.display());
    format!(
        r#"daemon off;
master_process off;
pid {root}/nginx.pid;
events {{}}
http {{
    log_format statuses '$request_method $uri $status';
    access_log {root}/access.log statuses;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            fastcgi_pass 127.0.0.1:{php_port};
            fastcgi_param REDIRECT_STATUS 200;
            fastcgi_param SCRIPT_FILENAME {script};
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param REQUEST_URI $request_uri;
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param CONTENT_TYPE $content_type;
            fastcgi_param CONTENT_LENGTH $content_length;
            fastcgi_param SERVER_PROTOCOL $server_protocol;
            fastcgi_param SNAPLARK_FOLDER {folder};
            fastcgi_param SNAPLARK_TOKEN '{TOKEN}';
        }}
    }}
}}
"#
    )
}

struct Arrived {
    server: PhpServer,
    client: Client,
    /// The sizes of the chunks that the server has, in their order.
    chunk_bytes: Vec<u64>,
    // They end after the client.
    _runtime: tokio::runtime::Runtime,
    _home: Home,
}

/// Records and waits until it is online. Checks that all frames are there.
fn upload(clip: Clip, segments: u32) -> Arrived {
    let home = Home::new().unwrap();
    let runtime = runtime().unwrap();
    let server = PhpServer::start(&home).unwrap();
    let account = account(&server.url(), TOKEN, Profile::Spec);
    let pace = Pace { segments_max: segments, every: Duration::from_millis(100), segment_bytes: 0 };
    let client = Client::start_with(runtime.handle(), &home, account, pace, clip).unwrap();
    let chunk_bytes = record(&client, &server, segments);
    Arrived { server, client, chunk_bytes, _runtime: runtime, _home: home }
}

fn record(client: &Client, server: &PhpServer, segments: u32) -> Vec<u64> {
    let id = client.begin().unwrap();
    client.end(id).unwrap();
    let view = client.done(id, DONE).unwrap();
    client.hold_recording(&view);
    let session = server.session(&view.link.expect("finalize has returned one"));
    let file = session.join("final.webm");
    let file = file.to_str().unwrap();
    let probe = media::probe(file).unwrap();
    assert_eq!((probe.codec.as_str(), probe.width, probe.height), ("vp9", SIZE.0, SIZE.1));
    assert_eq!(media::decode(file).unwrap(), segments * FRAMES_A_SEGMENT, "all frames are there");
    let duration_s = probe.duration_s.context("the file has no duration").unwrap();
    assert!((duration_s - 2.0 * f64::from(segments)).abs() < 0.2, "{duration_s} s");
    let chunks = (0..).map(|index| session.join(format!("chunk_{index}.webm")));
    chunks.map_while(|chunk| std::fs::metadata(chunk).ok()).map(|found| found.len()).collect()
}

#[test]
fn recording_arrives_at_a_php_server_that_wants_each_part_to_be_a_video() {
    let clip = Clip::at(crate::rig::clip_file()).unwrap();
    let Arrived { server, client, chunk_bytes, .. } = &upload(clip, 6);
    assert_eq!(chunk_bytes.len(), 6, "one segment a part");
    let refused = server.count(422);
    assert!((1..=2).contains(&refused), "{refused} parts were refused");
    assert_eq!(server.count(413), 0);
    // What was learned holds for the next recording.
    record(client, server, 6);
    assert_eq!(server.count(422), refused, "a part was refused again");
}

#[test]
fn recording_with_segments_above_nginx_limit_arrives_in_clusters_of_fewer_frames() {
    let clip =
        Clip::of_noise_at(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("noise.ivf")).unwrap();
    let segments = 5;
    let Arrived { server, client, chunk_bytes, .. } = &upload(clip, segments);
    let recorded = client.capture.record();
    assert!(recorded.bytes / u64::from(segments) > NGINX_BYTES_MAX, "{} bytes", recorded.bytes);
    assert!(chunk_bytes.len() > segments as usize, "{chunk_bytes:?}");
    assert!(chunk_bytes.iter().all(|bytes| *bytes < NGINX_BYTES_MAX), "{chunk_bytes:?}");
    assert!(server.count(413) >= 1);
    println!(
        "figures: PHP behind nginx: {segments} segments of {} bytes in {} parts of up to {} bytes; {} times 413, {} \
         times 422",
        recorded.bytes / u64::from(segments),
        chunk_bytes.len(),
        chunk_bytes.iter().max().unwrap(),
        server.count(413),
        server.count(422)
    );
    // Neither is learned again.
    let (too_large, refused) = (server.count(413), server.count(422));
    record(client, server, segments);
    assert_eq!((server.count(413), server.count(422)), (too_large, refused));
}
