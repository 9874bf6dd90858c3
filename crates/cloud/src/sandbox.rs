//! Runs a program that reads other people's files (ffmpeg) in such a way that a fault in it affects
//! nothing else.
//!
//! On every system: an empty environment, its own folder as the working directory, and its own
//! process group, which is killed as a whole. On Unix: limits on CPU time, memory, file size and open
//! files. On Linux also seccomp (no sockets, no signals to others, no tracing, no mounts) and, since
//! kernel 5.13, Landlock (the program reads the system's programs and libraries, and writes only its
//! own folder). Both need no privilege and work in containers and under systemd's restrictions, where
//! bubblewrap's namespaces mostly don't. So there is only one way, and `Sandbox::describe` says which
//! parts of it apply.
//!
//! Everything is prepared before the fork: between fork and exec there are only system calls.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

/// The time between SIGTERM and SIGKILL.
const TERM_MAX: Duration = Duration::from_secs(2);

/// Limits on one run. Windows has none of them, and macOS has no limit on address space.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
pub struct Limits {
    /// CPU time of all threads together.
    pub cpu: Duration,
    /// Address space, which is more than the memory in use.
    pub memory_bytes: u64,
    /// The size of each file that it writes.
    pub file_bytes: u64,
}

/// The sandboxing features of this computer.
#[derive(Clone, Copy, Debug)]
pub struct Sandbox {
    #[cfg(target_os = "linux")]
    landlock_abi: u32,
}

impl Sandbox {
    pub fn detect() -> Self {
        Sandbox {
            #[cfg(target_os = "linux")]
            landlock_abi: linux::landlock_abi(),
        }
    }

    /// Describes how ffmpeg is confined here, and what is missing.
    pub fn describe(self) -> String {
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
    pub fn command(self, program: &Path, folder: &Path, limits: &Limits) -> io::Result<Command> {
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
pub fn find(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return Some(program.to_owned());
    }
    let paths = std::env::var_os("PATH")?;
    let name =
        |folder: PathBuf| folder.join(program).with_extension(std::env::consts::EXE_EXTENSION);
    std::env::split_paths(&paths).map(name).find(|file| file.is_file())
}

/// Returns which ffmpeg is used and what confines it, for `doctor`. The error says what is missing.
pub fn report(ffmpeg: &Path) -> Result<String, String> {
    let missing = || "not installed: links have no picture and no MP4".to_owned();
    let program = find(ffmpeg).filter(|program| program.is_file()).ok_or_else(missing)?;
    Ok(format!("{}, confined by {}", program.display(), Sandbox::detect().describe()))
}

/// The lowest priority: it gets the processor time that nothing else uses.
#[cfg(unix)]
const NICENESS: i32 = 19;

/// A child process and all processes that it started. Dropping it kills them at once.
#[derive(Debug)]
pub struct Group {
    pub child: Child,
    #[cfg(unix)]
    id: Option<i32>,
}

impl Group {
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let child = command.spawn()?;
        #[cfg(unix)]
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Ok(Group {
            child,
            #[cfg(unix)]
            id,
        })
    }

    /// Asks the process to end, and kills it if it doesn't.
    pub async fn end(mut self) {
        #[cfg(unix)]
        self.signal(libc::SIGTERM);
        if tokio::time::timeout(TERM_MAX, self.child.wait()).await.is_err() {
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

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(unix)]
#[allow(unsafe_code)]
fn confine(
    command: &mut Command,
    sandbox: Sandbox,
    program: &Path,
    folder: &Path,
    limits: Limits,
) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    let prepared = linux::Prepared::new(sandbox.landlock_abi, program, folder)?;
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
mod linux {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;

    /// The paths that the program and its libraries are read from, if they exist.
    const READABLE: [&str; 12] = [
        "/usr",
        "/bin",
        "/lib",
        "/lib32",
        "/lib64",
        "/opt",
        "/nix/store",
        "/gnu/store",
        "/etc/ld.so.cache",
        "/etc/ld.so.preload",
        "/dev/urandom",
        "/dev/zero",
    ];

    // `linux/landlock.h`.
    const EXECUTE: u64 = 1;
    const WRITE_FILE: u64 = 1 << 1;
    const READ_FILE: u64 = 1 << 2;
    const READ_DIR: u64 = 1 << 3;
    /// All access rights of the first version.
    const ALL_1: u64 = (1 << 13) - 1;
    const REFER: u64 = 1 << 13;
    const TRUNCATE: u64 = 1 << 14;
    const IOCTL_DEV: u64 = 1 << 15;
    const OF_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE;
    const CREATE_RULESET_VERSION: u32 = 1;
    const RULE_PATH_BENEATH: u32 = 1;

    #[repr(C)]
    struct RulesetAttr {
        fs: u64,
        net: u64,
        scoped: u64,
    }

    #[repr(C, packed)]
    struct PathBeneath {
        access: u64,
        parent: i32,
    }

    /// Returns Landlock's ABI version, or zero if the kernel has no Landlock or denies its use.
    pub fn landlock_abi() -> u32 {
        // SAFETY: with this flag it reads no memory.
        let abi = unsafe {
            libc::syscall(
                libc::SYS_landlock_create_ruleset,
                std::ptr::null::<RulesetAttr>(),
                0_usize,
                CREATE_RULESET_VERSION,
            )
        };
        u32::try_from(abi).unwrap_or(0)
    }

    pub struct Prepared {
        rules: Option<OwnedFd>,
        filter: Vec<libc::sock_filter>,
    }

    impl Prepared {
        pub fn new(abi: u32, program: &Path, folder: &Path) -> io::Result<Self> {
            let rules = if abi > 0 { Some(ruleset(abi, program, folder)?) } else { None };
            Ok(Prepared { rules, filter: filter() })
        }

        /// Runs in the child: system calls only.
        pub fn apply(&self) -> io::Result<()> {
            // If memory runs out, the kernel should kill this process and not the server. It works without.
            // SAFETY: both strings end where they say; the number is a file of this process.
            unsafe {
                let file = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY);
                if file >= 0 {
                    libc::write(file, c"1000".as_ptr().cast(), 4);
                    libc::close(file);
                }
            }
            // SAFETY: numbers only.
            done(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }.into())?;
            if let Some(rules) = &self.rules {
                // SAFETY: a file descriptor and a number.
                done(unsafe {
                    libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0_u32)
                })?;
            }
            let program = libc::sock_fprog {
                len: u16::try_from(self.filter.len()).unwrap_or(0),
                filter: self.filter.as_ptr().cast_mut(),
            };
            // SAFETY: the kernel reads the filter, which outlives the call, and writes nothing.
            done(
                unsafe {
                    libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
                }
                .into(),
            )
        }
    }

    fn done(result: libc::c_long) -> io::Result<()> {
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    fn ruleset(abi: u32, program: &Path, folder: &Path) -> io::Result<OwnedFd> {
        let mut handled = ALL_1;
        for (since, right) in [(2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)] {
            handled |= if abi >= since { right } else { 0 };
        }
        // TCP bind and connect; signals and abstract sockets.
        let attr = RulesetAttr {
            fs: handled,
            net: if abi >= 4 { 3 } else { 0 },
            scoped: if abi >= 6 { 3 } else { 0 },
        };
        let len: usize = match abi {
            ..=3 => 8,
            4..=5 => 16,
            _ => 24,
        };
        // SAFETY: the kernel reads `len` bytes of the struct, which has 24.
        let rules = unsafe {
            libc::syscall(libc::SYS_landlock_create_ruleset, &raw const attr, len, 0_u32)
        };
        done(rules)?;
        let rules = i32::try_from(rules).map_err(io::Error::other)?;
        // SAFETY: the kernel created it just now, and nothing else owns it.
        let rules = unsafe { OwnedFd::from_raw_fd(rules) };
        for path in READABLE.iter().map(Path::new).chain([program]) {
            match open(path) {
                Ok(file) => allow(&rules, &file, (EXECUTE | READ_FILE | READ_DIR) & handled)?,
                // A path that doesn't exist needs no rule.
                Err(_) => continue,
            }
        }
        if let Ok(null) = open(Path::new("/dev/null")) {
            allow(&rules, &null, (READ_FILE | WRITE_FILE | TRUNCATE) & handled)?;
        }
        let own = handled & !(EXECUTE | IOCTL_DEV);
        allow(&rules, &open(folder)?, own)?;
        Ok(rules)
    }

    fn open(path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).custom_flags(libc::O_PATH).open(path)
    }

    fn allow(rules: &OwnedFd, at: &File, access: u64) -> io::Result<()> {
        let is_file = !at.metadata()?.is_dir();
        let access = if is_file { access & OF_FILES } else { access };
        let rule = PathBeneath { access, parent: at.as_raw_fd() };
        // SAFETY: the kernel reads the struct, which lives until it returns.
        done(unsafe {
            libc::syscall(
                libc::SYS_landlock_add_rule,
                rules.as_raw_fd(),
                RULE_PATH_BENEATH,
                &raw const rule,
                0_u32,
            )
        })
    }

    /// System calls that reading one file and writing another never needs, but an attack does.
    const REFUSED: [libc::c_long; 28] = [
        libc::SYS_socket,
        libc::SYS_socketpair,
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_kill,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_send_signal,
        libc::SYS_io_uring_setup,
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_keyctl,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_open_by_handle_at,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_kexec_load,
    ];

    #[cfg(target_arch = "x86_64")]
    const ARCH: u32 = 0xC000_003E;
    #[cfg(target_arch = "aarch64")]
    const ARCH: u32 = 0xC000_00B7;
    /// System call numbers of x32, which are other names for the same calls, begin here.
    const X32: u32 = 0x4000_0000;

    fn filter() -> Vec<libc::sock_filter> {
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        {
            let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
            let op = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter {
                code: code as u16,
                jt,
                jf,
                k,
            };
            let load = |at: u32| op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, at);
            let ret = |answer: u32| op(libc::BPF_RET | libc::BPF_K, 0, 0, answer);
            let jump = libc::BPF_JMP | libc::BPF_K;
            // `struct seccomp_data`: number, architecture.
            let mut filter = vec![
                load(4),
                op(jump | libc::BPF_JEQ, 1, 0, ARCH),
                ret(libc::SECCOMP_RET_KILL_PROCESS),
                load(0),
                op(jump | libc::BPF_JGE, 0, 1, X32),
                ret(refuse),
            ];
            for number in REFUSED {
                filter.push(op(jump | libc::BPF_JEQ, 0, 1, u32::try_from(number).unwrap_or(X32)));
                filter.push(ret(refuse));
            }
            filter.push(ret(libc::SECCOMP_RET_ALLOW));
            filter
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        // The kernel refuses an empty filter, so this one has a single instruction that allows
        // everything.
        vec![libc::sock_filter {
            code: (libc::BPF_RET | libc::BPF_K) as u16,
            jt: 0,
            jf: 0,
            k: libc::SECCOMP_RET_ALLOW,
        }]
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::time::Instant;

    const LIMITS: Limits =
        Limits { cpu: Duration::from_secs(20), memory_bytes: 1 << 30, file_bytes: 1 << 20 };

    /// Runs a shell line in the sandbox. Returns whether it succeeds, and its output.
    async fn said(folder: &Path, limits: &Limits, line: &str) -> (bool, String) {
        let mut command =
            Sandbox::detect().command(Path::new("/bin/bash"), folder, limits).unwrap();
        command.args(["-c", line]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let out = command.output().await.unwrap();
        let text = [out.stdout, out.stderr].concat();
        (out.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    #[tokio::test]
    async fn boxed_program_sees_no_environment_and_no_files_but_its_own() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let secret = other.path().join("secret");
        std::fs::write(&secret, "s3cr3t").unwrap();
        let run = async |line: String| said(folder.path(), &LIMITS, &line).await;
        let (_, environment) = run("/usr/bin/env".to_owned()).await;
        assert!(!environment.contains("CARGO") && !environment.contains("USER="), "{environment}");
        assert!(run("echo a > own && cat own".to_owned()).await.0, "its own folder is its own");
        for line in [
            format!("cat {}", secret.display()),
            format!("echo a > {}/b", other.path().display()),
            "cat /etc/passwd".to_owned(),
            "cat /proc/$PPID/environ".to_owned(),
            "ls /tmp".to_owned(),
        ] {
            let (is_well, text) = run(line.clone()).await;
            assert!(!is_well && !text.contains("s3cr3t"), "{line}: {text}");
        }
        assert!(Sandbox::detect().describe().contains("Landlock"), "this machine has it");
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

    #[tokio::test]
    async fn boxed_program_is_ended_where_it_uses_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { cpu: Duration::from_secs(1), ..LIMITS };
        let begun = Instant::now();
        assert!(!said(folder.path(), &limits, "while :; do :; done").await.0);
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
        assert!(!said(folder.path(), &LIMITS, "yes | head -c 3000000 > a").await.0);
        let len = std::fs::metadata(folder.path().join("a")).map_or(0, |meta| meta.len());
        assert!(len <= 1 << 20, "{len}");
        let hungry = "a=$(head -c 2000000000 < <(yes))";
        assert!(!said(folder.path(), &LIMITS, hungry).await.0);
    }

    #[tokio::test]
    async fn program_that_ignores_the_request_to_end_is_killed_with_all_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let mut command =
            Sandbox::detect().command(Path::new("/bin/bash"), folder.path(), &LIMITS).unwrap();
        let line = "trap '' TERM; (trap '' TERM; while :; do echo a > alive; sleep 0.05; done) & \
                    while :; do sleep 0.1; done";
        let group = Group::spawn(command.args(["-c", line])).unwrap();
        let alive = folder.path().join("alive");
        let begun = Instant::now();
        while !alive.exists() {
            assert!(begun.elapsed() < Duration::from_secs(20));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let begun = Instant::now();
        group.end().await;
        assert!(begun.elapsed() < TERM_MAX + Duration::from_secs(5), "{:?}", begun.elapsed());
        std::fs::remove_file(&alive).ok();
        // Ten times the interval at which the child writes.
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!alive.exists(), "its child still writes");
    }
}
