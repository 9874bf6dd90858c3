//! Runs a program that reads other people's files (ffmpeg) in such a way that a fault in it affects
//! nothing else.
//!
//! On every system: an empty environment, its own folder as the working directory, and its own
//! process group, which is killed as a whole. On Unix: limits on CPU time, memory, file size and open
//! files. On Linux also seccomp (no other processes, no sockets, no signals to others, no tracing, no
//! mounts) and, since kernel 5.13, Landlock (the program reads the system's programs and libraries, but
//! no data folder that lies among them, and writes only its own folder). The limits count per process,
//! so there has to be one process: threads are allowed, children are not. Both need no privilege and work in containers and under systemd's restrictions, where
//! bubblewrap's namespaces mostly don't. So there is only one way, and `Sandbox::describe` says which
//! parts of it apply.
//!
//! Everything is prepared before the fork: between fork and exec there are only system calls.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};

/// The time between SIGTERM and SIGKILL.
const TERM_MAX: Duration = Duration::from_secs(2);

/// Limits on one run. Windows has none of them, and macOS has no limit on address space.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
pub(crate) struct SandboxLimits {
    /// CPU time of all threads together.
    pub cpu: Duration,
    /// Address space, which is more than the memory in use.
    pub memory_bytes: u64,
    /// The size of each file that it writes.
    pub file_bytes: u64,
}

/// The sandboxing features of this computer.
#[derive(Clone, Debug)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
pub(crate) struct Sandbox {
    #[cfg(target_os = "linux")]
    landlock_abi: u32,
    /// The server's data folder, which is not readable wherever it lies.
    data: Option<PathBuf>,
    /// The devices that the program may use.
    devices: &'static [&'static str],
}

impl Sandbox {
    pub(crate) fn detect(data: Option<&Path>) -> Self {
        Sandbox {
            #[cfg(target_os = "linux")]
            landlock_abi: linux::landlock_abi(),
            // Landlock knows folders and no links. A folder that doesn't exist has nothing to read.
            data: data.and_then(|data| data.canonicalize().ok()),
            devices: &[],
        }
    }

    /// Returns the same sandbox with devices that the program may use. It may then also read what the kernel says
    /// about devices.
    pub(crate) fn with_devices(&self, devices: &'static [&'static str]) -> Self {
        Sandbox { devices, ..self.clone() }
    }

    /// Describes how ffmpeg is confined here, and what is missing.
    pub(crate) fn describe(&self) -> String {
        #[cfg(target_os = "linux")]
        return match self.landlock_abi {
            0 => "limits and seccomp; without Landlock here it can read what this server can"
                .to_owned(),
            abi => format!("limits, seccomp, Landlock {abi}"),
        };
        #[cfg(all(unix, not(target_os = "linux")))]
        return "limits only".to_owned();
        #[cfg(not(unix))]
        return "an empty environment and time limits only".to_owned();
    }

    /// Returns a command that runs `program`, which may write only below `folder`.
    pub(crate) fn command(
        &self,
        program: &Path,
        folder: &Path,
        limits: &SandboxLimits,
    ) -> io::Result<Command> {
        let mut command = Command::new(program);
        command.env_clear().current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
        command.env("HOME", folder).env("TMPDIR", folder).env("LC_ALL", "C");
        // Each malloc arena takes 64 MB of address space.
        command.env("MALLOC_ARENA_MAX", "2");
        #[cfg(windows)]
        if let Some(root) = std::env::var_os("SystemRoot") {
            command.env("SystemRoot", root);
        }
        #[cfg(unix)]
        {
            command.process_group(0);
            confine(&mut command, self, program, folder, *limits)?;
        }
        #[cfg(not(unix))]
        let _ = limits;
        command.kill_on_drop(true);
        Ok(command)
    }
}

/// Finds a program as a shell would, because the sandbox has no PATH.
pub(crate) fn find(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return Some(program.to_owned());
    }
    let paths = std::env::var_os("PATH")?;
    let name =
        |folder: PathBuf| folder.join(program).with_extension(std::env::consts::EXE_EXTENSION);
    std::env::split_paths(&paths).map(name).find(|file| file.is_file())
}

/// Returns which ffmpeg is used and what confines it, for `doctor`. The error says what is missing.
pub(crate) fn report(ffmpeg: &Path) -> Result<String, String> {
    let missing = || "not installed: links have no picture and no MP4".to_owned();
    let program = find(ffmpeg).filter(|program| program.is_file()).ok_or_else(missing)?;
    Ok(format!("{}, confined by {}", program.display(), Sandbox::detect(None).describe()))
}

/// The lowest priority: it gets the processor time that nothing else uses.
#[cfg(unix)]
const NICENESS: i32 = 19;

/// A child process and all processes that it started. Dropping it kills them at once.
#[derive(Debug)]
pub(crate) struct Group {
    pub child: Child,
    #[cfg(unix)]
    id: Option<i32>,
}

impl Group {
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        let child = command.spawn()?;
        #[cfg(unix)]
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Ok(Group {
            child,
            #[cfg(unix)]
            id,
        })
    }

    /// Waits until the process has ended, and kills what it started and left running.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        #[cfg(unix)]
        if let Some(id) = self.id.filter(|_| self.child.id().is_some()) {
            // Not reaped yet, the process keeps its id, so that no other group can have it.
            let ended = tokio::task::spawn_blocking(move || wait_unreaped(id)).await;
            ended.map_err(io::Error::other)??;
            self.signal(libc::SIGKILL);
        }
        self.child.wait().await
    }

    /// Asks the process to end, and kills it if it doesn't.
    pub(crate) async fn end(mut self) {
        #[cfg(unix)]
        self.signal(libc::SIGTERM);
        if tokio::time::timeout(TERM_MAX, self.wait()).await.is_err() {
            self.kill();
            self.child.wait().await.ok();
        }
    }

    fn kill(&mut self) {
        #[cfg(unix)]
        self.signal(libc::SIGKILL);
        self.child.start_kill().ok();
    }

    #[cfg(unix)]
    #[allow(unsafe_code)]
    fn signal(&self, signal: i32) {
        // After the child was waited for, its process id may belong to another group.
        if let Some(id) = self.id.filter(|_| self.child.id().is_some()) {
            // SAFETY: `kill` takes two numbers and touches no memory of ours.
            unsafe { libc::kill(-id, signal) };
        }
    }
}

/// Blocks until a child has ended, and leaves it as it is. The thread is free again as soon as the group
/// is killed, which dropping it does.
#[cfg(unix)]
#[allow(unsafe_code)]
fn wait_unreaped(child: i32) -> io::Result<()> {
    let id = libc::id_t::try_from(child).map_err(io::Error::other)?;
    loop {
        // SAFETY: all zeros are a valid `siginfo_t`, and the kernel writes into this one alone.
        let result = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(libc::P_PID, id, &raw mut info, libc::WEXITED | libc::WNOWAIT)
        };
        if result == 0 {
            return Ok(());
        }
        match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => {}
            // It was reaped by the task that dropped it.
            error if error.raw_os_error() == Some(libc::ECHILD) => return Ok(()),
            error => return Err(error),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(unix)]
#[allow(unsafe_code)]
fn confine(
    command: &mut Command,
    sandbox: &Sandbox,
    program: &Path,
    folder: &Path,
    limits: SandboxLimits,
) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    let mut prepared = linux::Prepared::new(sandbox, program, folder)?;
    #[cfg(not(target_os = "linux"))]
    let _ = (sandbox, program, folder);
    let apply = move || {
        let cpu_s = limits.cpu.as_secs().max(1);
        let set = |resource, soft: u64, hard: u64| {
            let limit =
                libc::rlimit { rlim_cur: soft as libc::rlim_t, rlim_max: hard as libc::rlim_t };
            // SAFETY: it reads the struct, which lives until it returns.
            if unsafe { libc::setrlimit(resource, &raw const limit) } == 0 {
                Ok(())
            } else {
                Err(io::Error::last_os_error())
            }
        };
        // Requests that wait for an answer get the processor first. If the system refuses, it works without.
        // SAFETY: numbers only.
        unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
        set(libc::RLIMIT_CORE, 0, 0)?;
        // SIGXCPU first, SIGKILL a moment later.
        set(libc::RLIMIT_CPU, cpu_s, cpu_s + 5)?;
        set(libc::RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes)?;
        set(libc::RLIMIT_NOFILE, 64, 64)?;
        #[cfg(target_os = "linux")]
        {
            set(libc::RLIMIT_AS, limits.memory_bytes, limits.memory_bytes)?;
            prepared.apply()?;
        }
        Ok(())
    };
    // SAFETY: `apply` only makes system calls on what was prepared before the fork.
    unsafe { command.pre_exec(apply) };
    Ok(())
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod linux;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::time::Instant;

    const LIMITS: SandboxLimits =
        SandboxLimits { cpu: Duration::from_secs(20), memory_bytes: 1 << 30, file_bytes: 1 << 20 };

    /// Runs a program in the sandbox. Returns whether it succeeds, and its output.
    async fn run(folder: &Path, limits: &SandboxLimits, words: &[&str]) -> (bool, String) {
        let (program, arguments) = words.split_first().unwrap();
        let mut command =
            Sandbox::detect(None).command(Path::new(program), folder, limits).unwrap();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let out = command.output().await.unwrap();
        let text = [out.stdout, out.stderr].concat();
        (out.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    /// Runs a shell line in the sandbox, where only what the shell has built in works: it starts nothing.
    async fn said(folder: &Path, limits: &SandboxLimits, line: &str) -> (bool, String) {
        run(folder, limits, &["/bin/bash", "-c", line]).await
    }

    /// Makes a system call in the sandbox. Returns zero or the error.
    async fn called(folder: &Path, call: libc::c_long, arguments: &str) -> String {
        let line = format!("$! = 0; syscall({call}, {arguments}); print $! + 0");
        let (is_well, text) = run(folder, &LIMITS, &["/usr/bin/perl", "-e", &line]).await;
        assert!(is_well, "{line}: {text}");
        text
    }

    #[tokio::test]
    async fn boxed_program_sees_no_environment_and_no_files_but_its_own() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let secret = other.path().join("secret");
        std::fs::write(&secret, "s3cr3t").unwrap();
        let (_, environment) = run(folder.path(), &LIMITS, &["/usr/bin/env"]).await;
        assert!(!environment.contains("CARGO") && !environment.contains("USER="), "{environment}");
        let line = "echo a > own && read b < own && [ $b = a ]";
        assert!(said(folder.path(), &LIMITS, line).await.0, "its own folder is its own");
        for line in [
            format!("exec cat {}", secret.display()),
            format!("echo a > {}/b", other.path().display()),
            "exec cat /etc/passwd".to_owned(),
            "exec cat /proc/$PPID/environ".to_owned(),
            "exec ls /tmp".to_owned(),
        ] {
            let (is_well, text) = said(folder.path(), &LIMITS, &line).await;
            assert!(!is_well && text.contains("denied"), "{line}: {text}");
        }
        assert!(Sandbox::detect(None).describe().contains("Landlock"), "this machine has it");
    }

    /// As with `--data /opt/snaplark`: programs are read from `/opt`.
    #[tokio::test]
    async fn boxed_program_can_not_read_a_data_folder_among_the_systems_programs() {
        let work = tempfile::tempdir().unwrap();
        // What the system's own folders are is known by their names: `/usr/bin` stands for the data.
        let sandbox = Sandbox::detect(Some(Path::new("/usr/share/doc")));
        for (folder, is_read) in
            [("/usr/share/doc", false), ("/usr/share", false), ("/usr/lib", true)]
        {
            let mut command =
                sandbox.command(Path::new("/usr/bin/ls"), work.path(), &LIMITS).unwrap();
            let out = command.arg(folder).stderr(Stdio::piped()).output().await.unwrap();
            assert_eq!(out.status.success(), is_read, "{folder}: {out:?}");
        }
    }

    #[tokio::test]
    async fn boxed_program_opens_the_devices_that_it_was_given_and_no_others() {
        let work = tempfile::tempdir().unwrap();
        let plain = Sandbox::detect(None);
        let with_device = plain.with_devices(&["/dev/full", "/dev/no-such-device"]);
        for (sandbox, is_opened) in [(&plain, false), (&with_device, true)] {
            for (line, is_well) in [("exec 3<>/dev/full", is_opened), ("exec 3</dev/random", false)]
            {
                let mut command =
                    sandbox.command(Path::new("/bin/bash"), work.path(), &LIMITS).unwrap();
                let out = command.args(["-c", line]).stderr(Stdio::piped()).output().await.unwrap();
                assert_eq!(out.status.success(), is_well, "{line}: {out:?}");
            }
        }
    }

    #[test]
    fn report_names_the_program_and_what_confines_it() {
        let report_of = |program: &str| report(Path::new(program));
        let words = report_of("sh").unwrap();
        assert!(words.contains("/sh, confined by limits, seccomp, Landlock"), "{words}");
        assert!(report_of("no-ffmpeg-here").unwrap_err().contains("no MP4"));
        assert!(report_of("/no/ffmpeg").is_err());
    }

    #[tokio::test]
    async fn boxed_program_reaches_no_network_and_signals_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
        let (is_well, text) = said(folder.path(), &LIMITS, &line).await;
        assert!(!is_well && text.contains("Operation not permitted"), "{text}");
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let (is_well, text) = said(folder.path(), &LIMITS, "kill -0 $PPID").await;
        assert!(!is_well && text.contains("ermitted"), "{text}");
    }

    /// Below version 6 of Landlock's ABI nothing but the filter stands in the way.
    #[tokio::test]
    async fn boxed_program_signals_and_limits_itself_alone_whatever_call_it_makes() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let server = std::process::id();
        let (refused, well) = (libc::EPERM.to_string(), "0");
        for (call, arguments) in [
            (libc::SYS_tkill, format!("{server}, 0")),
            (libc::SYS_tgkill, format!("{server}, {server}, 0")),
            (libc::SYS_rt_sigqueueinfo, format!("{server}, 0, 0")),
            (libc::SYS_rt_tgsigqueueinfo, format!("{server}, {server}, 0, 0")),
            (libc::SYS_prlimit64, format!("{server}, {}, 0, 0", libc::RLIMIT_NOFILE)),
            (libc::SYS_setpriority, format!("{}, {server}, 19", libc::PRIO_PROCESS)),
            (libc::SYS_fcntl, format!("0, {}, {server}", libc::F_SETOWN)),
            (libc::SYS_fcntl, format!("0, {}, 9", 10)),
        ] {
            assert_eq!(called(folder, call, &arguments).await, refused, "{call}({arguments})");
        }
        // `abort`, and `getrlimit`.
        assert_eq!(called(folder, libc::SYS_tgkill, "$$+0, $$+0, 0").await, well);
        assert_eq!(called(folder, libc::SYS_prlimit64, "0, 0, 0, 0").await, well);
        assert_eq!(
            called(folder, libc::SYS_fcntl, &format!("0, {}, 0", libc::F_GETFD)).await,
            well
        );
    }

    /// The limits count for each process, and a group is left by `setsid`.
    #[tokio::test]
    async fn boxed_program_starts_no_process_and_leaves_no_group() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let refused = libc::EPERM.to_string();
        for (call, arguments) in [
            (libc::SYS_clone, format!("{}, 0, 0, 0, 0", libc::SIGCHLD)),
            #[cfg(target_arch = "x86_64")]
            (libc::SYS_fork, "0".to_owned()),
            #[cfg(target_arch = "x86_64")]
            (libc::SYS_vfork, "0".to_owned()),
            (libc::SYS_setsid, "0".to_owned()),
            (libc::SYS_setpgid, "0, 0".to_owned()),
        ] {
            assert_eq!(called(folder, call, &arguments).await, refused, "{call}({arguments})");
        }
        assert_eq!(called(folder, libc::SYS_clone3, "0, 0").await, libc::ENOSYS.to_string());
        let (is_well, text) = said(folder, &LIMITS, "/bin/true; /bin/true").await;
        assert!(!is_well && text.contains("fork"), "{text}");
    }

    #[tokio::test]
    async fn ffmpeg_runs_with_its_threads_in_its_box() {
        let folder = tempfile::tempdir().unwrap();
        let ffmpeg = find(Path::new("ffmpeg")).unwrap();
        let line = "-v error -nostdin -f lavfi -i testsrc2=size=320x240:rate=30 -t 1 -c:v libx264 \
                    -threads 4 -f mp4 a.mp4";
        let words: Vec<&str> =
            [ffmpeg.to_str().unwrap()].into_iter().chain(line.split(' ')).collect();
        let (is_well, text) = run(folder.path(), &LIMITS, &words).await;
        assert!(is_well, "{text}");
        assert!(std::fs::metadata(folder.path().join("a.mp4")).unwrap().len() > 1_000);
    }

    #[tokio::test]
    async fn boxed_program_is_ended_where_it_uses_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let limits = SandboxLimits { cpu: Duration::from_secs(1), ..LIMITS };
        let begun = Instant::now();
        assert!(!said(folder.path(), &limits, "while :; do :; done").await.0);
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
        assert!(!said(folder.path(), &LIMITS, "exec head -c 3000000 /dev/zero > a").await.0);
        let len = std::fs::metadata(folder.path().join("a")).map_or(0, |meta| meta.len());
        assert!(len <= 1 << 20, "{len}");
        let hungry = ["/usr/bin/perl", "-e", "$a = 'a' x 2_000_000_000"];
        assert!(!run(folder.path(), &LIMITS, &hungry).await.0);
    }

    /// Starts a shell outside the box, which may start others, and waits until it has written `alive`.
    async fn started(folder: &Path, line: &str) -> Group {
        let mut command = Command::new("/bin/bash");
        command.args(["-c", line]).current_dir(folder).process_group(0).kill_on_drop(true);
        let group = Group::spawn(&mut command).unwrap();
        let begun = Instant::now();
        while !folder.join("alive").exists() {
            assert!(begun.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        group
    }

    /// Fails if something still writes `alive`.
    async fn nothing_writes(folder: &Path) {
        std::fs::remove_file(folder.join("alive")).ok();
        // Ten times the interval at which the child writes.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!folder.join("alive").exists(), "its child still writes");
    }

    #[tokio::test]
    async fn program_that_ignores_the_request_to_end_is_killed_with_all_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let line = "trap '' TERM; (trap '' TERM; while :; do echo a > alive; sleep 0.05; done) & \
                    while :; do sleep 0.1; done";
        let group = started(folder.path(), line).await;
        let begun = Instant::now();
        group.end().await;
        assert!(begun.elapsed() < TERM_MAX + Duration::from_secs(5), "{:?}", begun.elapsed());
        nothing_writes(folder.path()).await;
    }

    /// On systems whose kernel lets it start children.
    #[tokio::test]
    async fn children_of_a_program_that_ends_by_itself_end_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let line = "(while :; do echo a > alive; sleep 0.05; done) & \
                    while [ ! -e alive ]; do sleep 0.01; done; exit 1";
        let mut group = started(folder.path(), line).await;
        assert_eq!(group.wait().await.unwrap().code(), Some(1));
        nothing_writes(folder.path()).await;
    }
}
