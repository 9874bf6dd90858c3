//! Runs a program and kills it right before its N-th effect on the outside: each write, sync, rename and so
//! on below one folder, and each write to or connect of a socket, counted over all its threads. Prints
//! which one it was.
//!
//! It uses ptrace, since `strace`'s fault injection counts for each thread separately, so that no number
//! identifies one point in the whole program. The program itself is not changed for it.
//!
//! Exits with [`KILLED`] if it killed the program, else with the program's own code.

use std::collections::HashSet;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Parser;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

const KILLED: u8 = 99;
/// The longest path that is read from the program's memory.
const PATH_BYTES_MAX: usize = 512;

#[derive(Parser)]
struct Args {
    /// 0: kills nothing.
    #[arg(long)]
    at: usize,
    /// The folder that is watched. Calls on files elsewhere don't count.
    #[arg(long)]
    root: PathBuf,
    /// The file to which all points are written, one per line.
    #[arg(long)]
    list: Option<PathBuf>,
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// The kind of a call's first arguments.
enum Names {
    File,
    Path {
        argument: usize,
    },
    /// Counts regardless of its target.
    Socket,
}

fn watched(call: i64) -> Option<(&'static str, Names)> {
    let path = |argument| Names::Path { argument };
    Some(match call {
        libc::SYS_write => ("write", Names::File),
        libc::SYS_writev => ("writev", Names::File),
        libc::SYS_pwrite64 => ("pwrite64", Names::File),
        libc::SYS_fsync => ("fsync", Names::File),
        libc::SYS_fdatasync => ("fdatasync", Names::File),
        libc::SYS_ftruncate => ("ftruncate", Names::File),
        libc::SYS_copy_file_range => ("copy_file_range", Names::File),
        libc::SYS_sendfile => ("sendfile", Names::File),
        libc::SYS_renameat => ("renameat", path(1)),
        libc::SYS_renameat2 => ("renameat2", path(1)),
        libc::SYS_unlinkat => ("unlinkat", path(1)),
        libc::SYS_mkdirat => ("mkdirat", path(1)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename => ("rename", path(0)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_unlink => ("unlink", path(0)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mkdir => ("mkdir", path(0)),
        libc::SYS_sendto => ("sendto", Names::Socket),
        libc::SYS_sendmsg => ("sendmsg", Names::Socket),
        libc::SYS_connect => ("connect", Names::Socket),
        _ => return None,
    })
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("crash-point: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<u8> {
    let mut list = args.list.as_ref().map(std::fs::File::create).transpose()?;
    let main = start(&args.command)?;
    // Threads that have entered a call and not left it.
    let mut inside = HashSet::new();
    let mut running = false;
    let mut count = 0;
    loop {
        let (thread, signal) = match waitpid(None, Some(WaitPidFlag::__WALL))? {
            WaitStatus::Exited(pid, code) if pid == main => return Ok(code as u8),
            WaitStatus::Signaled(pid, signal, _) if pid == main => bail!("ended by {signal}"),
            WaitStatus::PtraceSyscall(thread) => {
                let entry = inside.insert(thread) || !inside.remove(&thread);
                let point = (entry && running).then(|| point(thread, &args.root)).flatten();
                if let Some(point) = point {
                    count += 1;
                    if let Some(list) = &mut list {
                        writeln!(list, "{point}")?;
                    }
                    if count == args.at {
                        println!("{point}");
                        kill(main, Signal::SIGKILL)?;
                        return gone(main);
                    }
                }
                (thread, None)
            }
            WaitStatus::PtraceEvent(thread, _, event) => {
                running |= event == ptrace::Event::PTRACE_EVENT_EXEC as i32;
                (thread, None)
            }
            WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
            _ => continue,
        };
        // The thread may have ended by now.
        ptrace::syscall(thread, signal).ok();
    }
}

/// Starts the program stopped, so that no call is missed, and attaches to it.
fn start(command: &[String]) -> Result<Pid> {
    let child = Command::new("sh")
        .args(["-c", "kill -STOP $$; exec \"$@\"", "sh"])
        .args(command)
        .spawn()
        .context("sh can't be started")?;
    let main = Pid::from_raw(child.id().cast_signed());
    match waitpid(main, Some(WaitPidFlag::WUNTRACED))? {
        WaitStatus::Stopped(..) => {}
        other => bail!("it does not stop: {other:?}"),
    }
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(main, options).context("this system lets nobody trace its own child")?;
    kill(main, Signal::SIGCONT)?;
    Ok(main)
}

/// Waits until the program has ended completely, so that its store is free.
fn gone(main: Pid) -> Result<u8> {
    loop {
        match waitpid(None, Some(WaitPidFlag::__WALL))? {
            WaitStatus::Signaled(pid, ..) | WaitStatus::Exited(pid, _) if pid == main => {
                return Ok(KILLED);
            }
            _ => {}
        }
    }
}

/// Returns what the thread is about to do, if that counts.
fn point(thread: Pid, root: &Path) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{thread}/syscall")).ok()?;
    let mut words = text.split_whitespace();
    let (call, names) = watched(words.next()?.parse().ok()?)?;
    let arguments: Vec<u64> = words
        .map_while(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok())
        .collect();
    let of_file = |number: u64| {
        let link = std::fs::read_link(format!("/proc/{thread}/fd/{number}")).ok()?;
        Some(link.to_string_lossy().into_owned())
    };
    let below_root = |path: &str| Path::new(path).starts_with(root);
    let target = match names {
        Names::File => {
            of_file(arguments[0]).filter(|path| below_root(path) || path.starts_with("socket:"))?
        }
        Names::Path { argument } => {
            path_at(thread, arguments[argument]).filter(|path| below_root(path))?
        }
        Names::Socket => of_file(arguments[0])?,
    };
    let target = match target.strip_prefix(&*root.to_string_lossy()) {
        Some(inside) => inside.trim_start_matches('/').to_owned(),
        None => "a socket".to_owned(),
    };
    let name = std::fs::read_to_string(format!("/proc/{thread}/comm")).unwrap_or_default();
    Some(format!("{call} {target} by {}", name.trim()))
}

fn path_at(thread: Pid, address: u64) -> Option<String> {
    let memory = std::fs::File::open(format!("/proc/{thread}/mem")).ok()?;
    let mut bytes = vec![0; PATH_BYTES_MAX];
    let count = memory.read_at(&mut bytes, address).ok()?;
    let end = bytes[..count].iter().position(|byte| *byte == 0)?;
    String::from_utf8(bytes[..end].to_vec()).ok()
}
