//! The programs that are compared: how each is started, and what it uses.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use snaplark_tests::cost::{self, Use};
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, output, tool};
use snaplark_tests::wait;

/// The time in which any server has to be there.
const START: Duration = Duration::from_secs(60);
/// The time that one side of one round may take.
const LIMIT: Duration = Duration::from_secs(300);
/// The password of SeaweedFS's only user.
const KEYS: (&str, &str) = ("bench", "bench-secret");
/// The library that turns fsync into nothing, by Debian's package `eatmydata`.
const NO_FSYNC: &str = "libeatmydata.so";

/// Runs a program to its end and measures it.
pub fn measured(home: &Home, name: &str, command: Command) -> Result<Use> {
    cost::of_run(home, name, command, LIMIT)
}

/// Returns a client for this machine's own addresses.
pub fn client() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().timeout(LIMIT).build()?)
}

/// Returns the folder of the peers that come from npm and PyPI.
pub fn peers() -> Result<PathBuf> {
    let folder = std::env::var_os("SNAPLARK_PEERS").map(PathBuf::from);
    folder.context("SNAPLARK_PEERS is not set: start this by `cargo xtask bench`")
}

/// Returns a command that runs a script of ours in Node with the peers' modules.
pub fn node(home: &Home, script: &str) -> Result<Command> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/peers");
    let mut node = command(home, "node");
    node.arg(scripts.join(script)).env("PEERS", peers()?.join("npm/"));
    Ok(node)
}

/// Returns an address that is free now.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// Makes everything that this home starts skip fsync.
pub fn without_fsync(home: &mut Home) {
    home.set("LD_PRELOAD", NO_FSYNC);
}

/// @tus/server with its store of files, which syncs nothing.
pub struct TusServer {
    pub address: String,
    process: Process,
}

impl TusServer {
    pub fn start(home: &Home) -> Result<Self> {
        let mut serve = node(home, "tus-server.cjs")?;
        serve.arg(home.path().join("tus"));
        let mut process = Process::start(home, "tus-server", serve)?;
        let address = process.line(START)?;
        Ok(TusServer { address, process })
    }

    /// Returns where it listens.
    pub fn socket(&self) -> Result<SocketAddr> {
        let rest = self.address.strip_prefix("http://").context("its address")?;
        Ok(rest.split('/').next().unwrap_or_default().parse()?)
    }

    pub fn cpu(&self) -> Result<Duration> {
        cost::cpu(self.process.id())
    }

    pub fn peak_kib(&self) -> Result<u64> {
        cost::peak_kib(self.process.id())
    }
}

/// nginx with a folder that it serves and into which it puts what is sent, with as many workers as there are cores.
pub struct Nginx {
    pub address: SocketAddr,
    process: Process,
}

impl Nginx {
    pub fn start(home: &Home, folder: &Path) -> Result<Self> {
        let address = free_address()?;
        let own = home.path().join("nginx");
        std::fs::create_dir_all(&own)?;
        // As root it would give its workers to a user who may not write here.
        let user = if rustix::process::getuid().is_root() { "user root;" } else { "" };
        let config = format!(
            "daemon off; {user} pid {own}/pid; error_log {own}/error.log; worker_processes auto;\n\
             events {{}}\n\
             http {{ access_log off; sendfile on; client_body_temp_path {own}/body; proxy_temp_path {own}/proxy;\n\
             fastcgi_temp_path {own}/fastcgi; uwsgi_temp_path {own}/uwsgi; scgi_temp_path {own}/scgi;\n\
             client_max_body_size 0;\n\
             server {{ listen {address}; root {folder}; dav_methods PUT; }} }}\n",
            own = own.display(),
            folder = folder.display(),
        );
        let file = own.join("nginx.conf");
        std::fs::write(&file, config)?;
        let mut nginx = command(home, "nginx");
        nginx.arg("-p").arg(&own).arg("-c").arg(&file);
        let process = Process::start(home, "nginx", nginx)?;
        wait::until("nginx", START, || Ok(std::net::TcpStream::connect(address).ok()))?;
        Ok(Nginx { address, process })
    }

    pub fn cpu(&self) -> Result<Duration> {
        cost::cpu(self.process.id())
    }
}

/// SeaweedFS with one bucket, `videos`.
pub struct SeaweedFs {
    /// The port of its S3 endpoint.
    pub port: u16,
    process: Process,
}

impl SeaweedFs {
    pub fn start(home: &Home) -> Result<Self> {
        let folder = home.path().join("weed");
        std::fs::create_dir_all(&folder)?;
        let mut weed = command(home, tool("weed")?);
        weed.current_dir(&folder).arg("mini").arg(format!("-dir={}", folder.display()));
        weed.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-bucket=videos"]);
        weed.args(["-master.telemetry=false", "-webdav=false", "-admin.ui=false"]);
        weed.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
        let port = free_address()?.port();
        for name in ["s3", "filer", "master", "volume", "admin"] {
            let own = if name == "s3" { port } else { free_address()?.port() };
            weed.arg(format!("-{name}.port={own}"));
            weed.arg(format!("-{name}.port.grpc={}", free_address()?.port()));
        }
        weed.env("AWS_ACCESS_KEY_ID", KEYS.0).env("AWS_SECRET_ACCESS_KEY", KEYS.1);
        let mut process = Process::start(home, "weed", weed)?;
        while !process.line(START)?.contains("All enabled components are running") {}
        Ok(SeaweedFs { port, process })
    }

    pub fn cpu(&self) -> Result<Duration> {
        cost::cpu(self.process.id())
    }

    /// Returns a command that copies a file into the bucket by rclone, two parts at once.
    pub fn rclone(&self, home: &Home, file: &Path, key: &str) -> Command {
        let mut rclone = command(home, "rclone");
        // rclone 1.60 fails where a bundle of certificates is named, also for HTTP.
        rclone.env_remove("AWS_CA_BUNDLE");
        rclone.arg("copyto").arg(file).arg(format!(":s3:videos/{key}"));
        rclone.args(["--s3-provider", "Other", "--s3-access-key-id", KEYS.0]);
        rclone.args(["--s3-secret-access-key", KEYS.1, "--s3-chunk-size", "5Mi"]);
        rclone.args(["--s3-endpoint", &format!("http://127.0.0.1:{}", self.port)]);
        rclone.args(["--s3-upload-concurrency", "2", "--s3-upload-cutoff", "5Mi"]);
        rclone.args(["--s3-no-check-bucket", "--retries", "1", "--config", ""]);
        rclone
    }
}

/// Returns the command by which curl sends a file whole, from the beginning again after a failure.
pub fn curl(home: &Home, file: &Path, url: &str) -> Command {
    let mut curl = command(home, "curl");
    curl.args(["-sS", "--fail", "--noproxy", "*", "-H", "Expect:", "-o", "/dev/null"]);
    curl.args(["--retry", "5", "--retry-all-errors", "-T"]).arg(file).arg(url);
    curl
}

/// Returns the command by which tus-js-client sends a file.
pub fn tus_upload(
    home: &Home,
    url: &str,
    file: &Path,
    part_bytes: u64,
    at_once: u32,
) -> Result<Command> {
    let mut upload = node(home, "tus-upload.cjs")?;
    upload.arg(url).arg(file).args([part_bytes.to_string(), at_once.to_string()]);
    Ok(upload)
}

/// Returns the first line that a program says about its version.
pub fn version(home: &Home, name: &str, arg: &str) -> Result<String> {
    let mut ask = command(home, name);
    ask.arg(arg);
    let said = output(ask, START)?;
    let words = said.split_whitespace();
    let number = words.into_iter().find(|word| word.contains(|c: char| c.is_ascii_digit()));
    Ok(number.unwrap_or("?").trim_start_matches('v').to_owned())
}

/// Returns the version of a peer from npm.
pub fn npm_version(module: &str) -> Result<String> {
    let file = peers()?.join("npm/node_modules").join(module).join("package.json");
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(file)?)?;
    Ok(json["version"].as_str().unwrap_or("?").to_owned())
}
