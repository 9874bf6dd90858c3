//! Confines a program on Linux: Landlock for files, seccomp for system calls. Prepared before the fork.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Sandbox;

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

/// The files that drivers read about the devices that they use: their vendor and model, and the version of the kernel's
/// part. None of it is about people.
const DEVICE_FACTS: [&str; 4] =
    ["/sys/dev/char", "/sys/devices", "/sys/class/drm", "/proc/driver/nvidia"];

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
const OF_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;
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
pub(super) fn landlock_abi() -> u32 {
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

pub(super) struct Prepared {
    rules: Option<OwnedFd>,
    filter: Vec<libc::sock_filter>,
}

impl Prepared {
    pub(super) fn new(sandbox: &Sandbox, program: &Path, folder: &Path) -> io::Result<Self> {
        let has_landlock = sandbox.landlock_abi > 0;
        let rules = has_landlock.then(|| ruleset(sandbox, program, folder)).transpose()?;
        let mut filter = filter();
        filter.shrink_to_fit();
        Ok(Prepared { rules, filter })
    }

    /// Runs in the child: system calls only.
    pub(super) fn apply(&mut self) -> io::Result<()> {
        // SAFETY: it takes nothing and can't fail.
        let own = unsafe { libc::getpid() };
        for instruction in &mut self.filter {
            if instruction.code == JUMP_IF_EQUAL && instruction.k == OWN_PID {
                instruction.k = own.cast_unsigned();
            }
        }
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

fn ruleset(sandbox: &Sandbox, program: &Path, folder: &Path) -> io::Result<OwnedFd> {
    let (abi, data) = (sandbox.landlock_abi, sandbox.data.as_deref());
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
    let rules =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const attr, len, 0_u32) };
    done(rules)?;
    let rules = i32::try_from(rules).map_err(io::Error::other)?;
    // SAFETY: the kernel created it just now, and nothing else owns it.
    let rules = unsafe { OwnedFd::from_raw_fd(rules) };
    let read = (EXECUTE | READ_FILE | READ_DIR) & handled;
    let readable = READABLE.iter().flat_map(|path| without(Path::new(path), data));
    for path in readable.chain([program.to_owned()]) {
        match open(&path) {
            Ok(file) => allow(&rules, &file, read)?,
            // A path that doesn't exist needs no rule.
            Err(_) => continue,
        }
    }
    if let Ok(null) = open(Path::new("/dev/null")) {
        allow(&rules, &null, (READ_FILE | WRITE_FILE | TRUNCATE) & handled)?;
    }
    let facts = if sandbox.devices.is_empty() { &[][..] } else { &DEVICE_FACTS };
    for (paths, access) in [
        (sandbox.devices, (READ_FILE | WRITE_FILE | READ_DIR | IOCTL_DEV) & handled),
        (facts, (READ_FILE | READ_DIR) & handled),
    ] {
        for path in paths {
            // As above: what isn't there needs no rule.
            if let Ok(file) = open(Path::new(path)) {
                allow(&rules, &file, access)?;
            }
        }
    }
    let own = handled & !(EXECUTE | IOCTL_DEV);
    allow(&rules, &open(folder)?, own)?;
    Ok(rules)
}

/// Returns the path, or if the data folder lies in it, everything else that lies in it: no rule
/// takes back further down what another one grants.
fn without(path: &Path, data: Option<&Path>) -> Vec<PathBuf> {
    match (data, path.canonicalize()) {
        (Some(data), Ok(real)) if real.starts_with(data) => Vec::new(),
        (Some(data), Ok(real)) if data.starts_with(&real) => {
            let entries = std::fs::read_dir(&real).into_iter().flatten().flatten();
            // What a link leads to has a rule of its own, or none.
            let own = entries.filter(|entry| entry.file_type().is_ok_and(|at| !at.is_symlink()));
            own.flat_map(|entry| without(&entry.path(), Some(data))).collect()
        }
        _ => vec![path.to_owned()],
    }
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
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const REFUSED: [libc::c_long; 38] = [
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_setsid,
    libc::SYS_setpgid,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setattr,
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
/// Older ways to make a process, which only this architecture has.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: [libc::c_long; 2] = [libc::SYS_fork, libc::SYS_vfork];
#[cfg(target_arch = "aarch64")]
const REFUSED_HERE: [libc::c_long; 0] = [];
/// `fcntl` commands that let the kernel send signals to a process of choice.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const SIGNALLING_FCNTL: [u32; 3] = [8, 10, 15];

#[cfg(target_arch = "x86_64")]
const ARCH: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCH: u32 = 0xC000_00B7;
/// System call numbers of x32, which are other names for the same calls, begin here.
const X32: u32 = 0x4000_0000;
const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_K | libc::BPF_JEQ) as u16;
/// Stands for the id of the process that the filter is for, which is known after the fork. No
/// process has it.
const OWN_PID: u32 = u32::MAX;

fn filter() -> Vec<libc::sock_filter> {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
        let op =
            |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
        let load = |at: u32| op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, at);
        let ret = |answer: u32| op(libc::BPF_RET | libc::BPF_K, 0, 0, answer);
        let jump = libc::BPF_JMP | libc::BPF_K;
        let equal = |value: u32, jt: u8, jf: u8| op(jump | libc::BPF_JEQ, jt, jf, value);
        let number = |call: libc::c_long| u32::try_from(call).unwrap_or(X32);
        // `struct seccomp_data`: number, architecture, instruction pointer, six arguments of 64 bits
        // each. All that is compared here are numbers of 32 bits.
        let argument = |at: u32| load(16 + 8 * at);
        let mut filter = vec![
            load(4),
            equal(ARCH, 1, 0),
            ret(libc::SECCOMP_RET_KILL_PROCESS),
            load(0),
            op(jump | libc::BPF_JGE, 0, 1, X32),
            ret(refuse),
        ];
        for call in REFUSED.iter().chain(&REFUSED_HERE) {
            filter.extend([equal(number(*call), 0, 1), ret(refuse)]);
        }
        // The flags are in memory, which a filter can't read. Libraries fall back to `clone`.
        let unknown = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
        filter.extend([equal(number(libc::SYS_clone3), 0, 1), ret(unknown)]);
        // Each of these ends with an answer, so that the number is still loaded for the next.
        // A thread of this process, and no new process.
        filter.extend([
            equal(number(libc::SYS_clone), 0, 4),
            argument(0),
            op(jump | libc::BPF_JSET, 0, 1, libc::CLONE_THREAD.cast_unsigned()),
            ret(libc::SECCOMP_RET_ALLOW),
            ret(refuse),
        ]);
        // A signal to itself: `abort` and `raise`.
        filter.extend([
            equal(number(libc::SYS_tgkill), 0, 4),
            argument(0),
            equal(OWN_PID, 0, 1),
            ret(libc::SECCOMP_RET_ALLOW),
            ret(refuse),
        ]);
        // Its own limits, and those of nobody else.
        filter.extend([
            equal(number(libc::SYS_prlimit64), 0, 5),
            argument(0),
            equal(0, 1, 0),
            equal(OWN_PID, 0, 1),
            ret(libc::SECCOMP_RET_ALLOW),
            ret(refuse),
        ]);
        filter.extend([equal(number(libc::SYS_fcntl), 0, 5), argument(1)]);
        let [owner, signal, owner_ex] = SIGNALLING_FCNTL;
        filter.extend([
            equal(owner, 2, 0),
            equal(signal, 1, 0),
            equal(owner_ex, 0, 1),
            ret(refuse),
            ret(libc::SECCOMP_RET_ALLOW),
        ]);
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
