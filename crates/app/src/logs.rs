//! The records that the program keeps of itself below `logs/` in the home: a log of bounded size, and a
//! note of the last panic. None of it is sent anywhere.
//!
//! Secrets and private text are kept out of the log when it is written: it takes no DEBUG lines (the shell's
//! filter), the person's home folder is replaced by `~` in every line, and of a panic message only literals
//! from the source are kept.

use std::fs::File;
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};

use snaplark_api::untrusted::escaped;
use snaplark_files as files;

use crate::Home;

const LOG: &str = "snaplark.log";
const LOG_BEFORE: &str = "snaplark.1.log";
const CRASH: &str = "crash.txt";

/// Holds some days of log, and is small enough to send by mail. There are two files: the current log and
/// the previous one.
const LOG_BYTES_MAX: u64 = 1_000_000;

/// A log file that is created with its first line, so that a program which only asks another one to come to
/// the front creates none.
pub struct LogFile {
    folder: PathBuf,
    file: Option<(File, u64)>,
    bytes_max: u64,
}

impl LogFile {
    /// Returns the files of logs in a home.
    pub fn below(home: &Home) -> Self {
        LogFile { folder: home.logs(), file: None, bytes_max: LOG_BYTES_MAX }
    }

    fn open(&self) -> io::Result<(File, u64)> {
        files::make_folder(&self.folder)?;
        let file = files::append(&self.folder.join(LOG))?;
        let size = file.metadata()?.len();
        Ok((file, size))
    }
}

/// Each write is a whole line, since `tracing` hands over one line at a time.
impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let clean = without_home(&escaped(&String::from_utf8_lossy(line)));
        let (mut file, size) = match self.file.take() {
            Some(open) => open,
            None => self.open()?,
        };
        let grown = size + clean.len() as u64;
        let (mut file, grown) = if size > 0 && grown > self.bytes_max {
            file.flush()?;
            std::fs::rename(self.folder.join(LOG), self.folder.join(LOG_BEFORE))?;
            (self.open()?.0, clean.len() as u64)
        } else {
            (file, grown)
        };
        file.write_all(clean.as_bytes())?;
        self.file = Some((file, grown));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |(file, _)| file.flush())
    }
}

/// Returns the last lines of the log.
pub(crate) fn last_lines(home: &Home, count: usize) -> String {
    let text = std::fs::read(home.logs().join(LOG)).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// Installs a panic hook that leaves a note of where the panic was. Only the last note is kept.
pub fn note_panics(home: &Home) {
    let folder = home.logs();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // The program may be ending; a note that can't be written is lost.
        drop(write_crash(&folder, &describe(panic)));
        before(panic);
    }));
}

/// Returns the note of the last panic, until it is forgotten.
pub fn crash(home: &Home) -> Option<String> {
    std::fs::read_to_string(home.logs().join(CRASH)).ok()
}

/// Removes the note of where the program crashed.
pub fn forget_crash(home: &Home) -> io::Result<()> {
    match std::fs::remove_file(home.logs().join(CRASH)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn write_crash(folder: &Path, text: &str) -> io::Result<()> {
    files::make_folder(folder)?;
    files::create(&folder.join(CRASH))?.write_all(text.as_bytes())
}

fn describe(panic: &PanicHookInfo<'_>) -> String {
    // A message formatted at run time may hold a title or a path; a literal can't.
    let words = panic.payload().downcast_ref::<&str>().copied();
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    format!(
        "Snaplark {} on {} {}\n{}\nthread {}\n{}\n{}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC"),
        thread.name().unwrap_or("without a name"),
        without_home(&place),
        words.unwrap_or("(its words may hold something of yours and are left out)"),
    )
}

/// Replaces the person's home folder by `~`, since its name identifies the person.
pub(crate) fn without_home(text: &str) -> String {
    match dirs::home_dir().as_deref().and_then(Path::to_str) {
        Some(home) if home.len() > 1 => text.replace(home, "~"),
        Some(_) | None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> Home {
        let root = std::env::temp_dir().join(format!("snaplark-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&root));
        Home { save_folder: root.join("saved"), root }
    }

    #[test]
    fn the_log_is_bounded_and_keeps_its_newest_lines() {
        let home = folder("logs");
        let mut log = LogFile { bytes_max: 1000, ..LogFile::below(&home) };
        assert!(!home.logs().exists(), "nothing is there before the first line");
        for n in 0..500 {
            log.write_all(format!("line {n} of what happened\n").as_bytes()).unwrap();
        }
        let size = |name| std::fs::metadata(home.logs().join(name)).unwrap().len();
        assert!(size(LOG) <= 1000 && size(LOG_BEFORE) <= 1000);
        assert!(last_lines(&home, 1).ends_with("line 499 of what happened"));

        // The next start continues in the same file.
        let mut log = LogFile { bytes_max: 1000, ..LogFile::below(&home) };
        log.write_all(b"and on\n").unwrap();
        assert!(last_lines(&home, 2).starts_with("line 499"));
        std::fs::remove_dir_all(&home.root).unwrap();
    }

    #[test]
    fn the_persons_folder_is_not_named() {
        let person = dirs::home_dir().unwrap();
        let text = format!("{}/videos/a.webm can't be written", person.display());
        assert_eq!(without_home(&text), "~/videos/a.webm can't be written");
    }

    #[test]
    fn a_panic_leaves_its_place_and_no_words_that_were_made_at_run_time() {
        let home = folder("crash");
        note_panics(&home);
        let title = String::from("Salaries of the board");
        std::thread::spawn(move || panic!("{title} is odd")).join().unwrap_err();
        let noted = crash(&home).unwrap();
        assert!(noted.contains("logs.rs:"), "{noted}");
        assert!(!noted.contains("Salaries"), "{noted}");
        std::thread::spawn(|| panic!("a door is missing")).join().unwrap_err();
        assert!(crash(&home).unwrap().contains("a door is missing"));
        forget_crash(&home).unwrap();
        assert_eq!(crash(&home), None);
        forget_crash(&home).unwrap();
        drop(std::panic::take_hook());
        std::fs::remove_dir_all(&home.root).unwrap();
    }
}
