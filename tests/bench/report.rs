//! The figures of the benchmarks: a history in docs/benchmarks.json, and the newest run of each area in
//! docs/benchmarks.md, with a picture for each figure. The README quotes some of the newest, between two marks.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use snaplark_tests::cost::Use;

const HISTORY: &str = "docs/benchmarks.json";
const PAGE: &str = "docs/benchmarks.md";
const PICTURES: &str = "docs/pictures";
const README: &str = "README.md";
/// What is between these lines of the README is written anew.
const QUOTES: [&str; 2] = ["<!-- benchmarks: begin -->\n", "<!-- benchmarks: end -->\n"];
/// The figures that the README quotes: their area, their name, and what they are, in words.
const QUOTED: [(&str, &str, &str); 3] = [
    (
        "recording",
        "CPU for a recorded second, scrolling page",
        "CPU time for a second of a scrolling page, 1080p30",
    ),
    ("upload", "Throughput", "Upload of 250 MiB over loopback"),
    (
        "finalize",
        "Finalize at 3600 parts",
        "From the last of 3,600 parts, two hours, to the finished video",
    ),
];

/// One run of one area.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Area {
    pub name: String,
    pub title: String,
    /// UTC.
    pub day: String,
    pub commit: String,
    pub machine: String,
    /// "release" or "debug".
    pub build: String,
    /// The programs that were measured, each with its version.
    pub versions: BTreeMap<String, String>,
    pub figures: Vec<Figure>,
    pub aims: Vec<Aim>,
    /// The parts that the area leaves out, and why.
    pub left_out: Vec<String>,
    pub took_seconds: u64,
    #[serde(skip, default = "Instant::now")]
    begun: Instant,
    #[serde(skip)]
    is_short: bool,
}

/// The figures of one side, one for each round.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    pub what: String,
    pub side: String,
    pub unit: String,
    pub values: Vec<f64>,
}

/// A ratio of two figures, and what it should be.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Aim {
    pub text: String,
    pub ratio: f64,
    pub at_least: Option<f64>,
    pub at_most: Option<f64>,
}

impl Area {
    /// Begins a run. It notes the machine and the commit. A short one does a little of everything, to see whether it
    /// runs; nobody may quote it.
    pub fn begin(name: &str, root: &Path, is_short: bool) -> Result<Self> {
        let git = |args: &[&str]| {
            let answer = Command::new("git").arg("-C").arg(root).args(args).output();
            answer.map(|answer| String::from_utf8_lossy(&answer.stdout).trim().to_owned())
        };
        let changed =
            if git(&["status", "--porcelain"])?.is_empty() { "" } else { " with changes" };
        let commit = format!("{}{changed}", git(&["rev-parse", "--short", "HEAD"])?);
        let day = Command::new("date").args(["-u", "+%Y-%m-%d"]).output()?;
        Ok(Area {
            name: name.to_owned(),
            title: String::new(),
            day: String::from_utf8_lossy(&day.stdout).trim().to_owned(),
            commit,
            machine: machine()?,
            build: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
            versions: BTreeMap::new(),
            figures: Vec::new(),
            aims: Vec::new(),
            left_out: Vec::new(),
            took_seconds: 0,
            begun: Instant::now(),
            is_short,
        })
    }

    /// Returns how much this run does of something.
    pub fn much<T>(&self, whole: T, short: T) -> T {
        if self.is_short { short } else { whole }
    }

    /// Says where the run is.
    pub fn progress(&self, what: &str) {
        eprintln!("  {:4} s  {what}", self.begun.elapsed().as_secs());
    }

    /// Adds the value of one round.
    pub fn add(&mut self, what: &str, side: &str, unit: &str, value: f64) {
        let is_it = |it: &&mut Figure| it.what == what && it.side == side;
        match self.figures.iter_mut().find(is_it) {
            Some(figure) => figure.values.push(value),
            None => self.figures.push(Figure {
                what: what.to_owned(),
                side: side.to_owned(),
                unit: unit.to_owned(),
                values: vec![value],
            }),
        }
    }

    /// Adds what a program has used for some bytes.
    pub fn add_use(&mut self, side: &str, bytes: u64, used: &Use) {
        let mib = bytes as f64 / (1024.0 * 1024.0);
        self.add("Throughput", side, "MiB/s", mib / used.time.as_secs_f64());
        self.add("CPU of the client", side, "ms/MiB", millis(used.cpu) / mib);
        self.add("Memory of the client", side, "MiB", used.peak_kib as f64 / 1024.0);
    }

    /// Returns the median of a figure.
    pub fn median(&self, what: &str, side: &str) -> Result<f64> {
        let is_it = |it: &&Figure| it.what == what && it.side == side;
        let figure = self.figures.iter().find(is_it);
        Ok(median(&figure.with_context(|| format!("no {what} of {side}"))?.values))
    }

    /// Compares two figures with an aim.
    pub fn aim(&mut self, text: &str, ratio: f64, at_least: Option<f64>, at_most: Option<f64>) {
        self.aims.push(Aim { text: text.to_owned(), ratio, at_least, at_most });
    }

    /// Ends the run.
    pub fn end(&mut self) {
        self.took_seconds = self.begun.elapsed().as_secs();
    }

    /// Returns the page's part about this run.
    pub fn section(&self) -> String {
        let mut page = format!("## {}\n\n", self.title);
        let versions: Vec<String> =
            self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let _ = writeln!(
            page,
            "Measured on {} in {} s by `cargo xtask bench {}` ({} build, commit {}, {}): {}.\n",
            self.day,
            self.took_seconds,
            self.name,
            self.build,
            self.commit,
            self.machine,
            versions.join(", ")
        );
        let _ = writeln!(page, "![{}](pictures/bench-{}.svg)\n", self.title, self.name);
        page.push_str(
            "| Figure | Side | Median | Least to most | Rounds |\n|---|---|---|---|---|\n",
        );
        for Figure { what, side, unit, values } in &self.figures {
            let (least, most) = spread(values);
            let _ = writeln!(
                page,
                "| {what} | {side} | {} {unit} | {} to {} | {} |",
                number(median(values)),
                number(least),
                number(most),
                values.len()
            );
        }
        if !self.aims.is_empty() {
            page.push_str("\n| Aim | Limit | Measured | |\n|---|---|---|---|\n");
        }
        for aim in &self.aims {
            let limit = match (aim.at_least, aim.at_most) {
                (Some(least), _) => format!("at least {}", number(least)),
                (None, Some(most)) => format!("at most {}", number(most)),
                (None, None) => "none".to_owned(),
            };
            let met = if aim.is_met() { "met" } else { "**missed**" };
            let _ = writeln!(page, "| {} | {limit} | {} | {met} |", aim.text, number(aim.ratio));
        }
        for line in &self.left_out {
            let _ = write!(page, "\n{line}\n");
        }
        page
    }

    /// Draws a bar for each figure, those of one kind below each other.
    fn picture(&self) -> String {
        const ROW: usize = 22;
        const LEFT: usize = 250;
        const BAR: f64 = 360.0;
        const TEXT: &str = "font-family=\"sans-serif\" font-size=\"12\" fill=\"currentColor\"";
        let mut rows = String::new();
        let (mut y, mut before) = (8, "");
        for figure in &self.figures {
            if figure.what != before {
                before = &figure.what;
                y += ROW;
                let _ = writeln!(
                    rows,
                    "<text x=\"8\" y=\"{y}\" {TEXT} font-weight=\"bold\">{}, {}</text>",
                    figure.what, figure.unit
                );
                y += 8;
            }
            let alike = self.figures.iter().filter(|it| it.what == figure.what);
            let most = alike.map(|it| median(&it.values)).fold(f64::MIN_POSITIVE, f64::max);
            let value = median(&figure.values);
            let width = BAR * value / most;
            let color = if figure.side.starts_with("Snaplark") { "#3b82f6" } else { "#9ca3af" };
            let _ = writeln!(
                rows,
                "<text x=\"{}\" y=\"{}\" {TEXT} text-anchor=\"end\">{}</text>\n\
                 <rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"16\" fill=\"{color}\"/>\n\
                 <text x=\"{:.1}\" y=\"{}\" {TEXT}>{}</text>",
                LEFT - 8,
                y + 13,
                figure.side,
                LEFT as f64 + width + 6.0,
                y + 13,
                number(value)
            );
            y += ROW;
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"{}\" role=\"img\" color=\"#6b7280\">\n\
             <title>{}</title>\n{rows}</svg>\n",
            y + 8,
            self.title
        )
    }
}

impl Aim {
    /// Returns whether the ratio is within its limits.
    fn is_met(&self) -> bool {
        self.at_least.is_none_or(|least| self.ratio >= least)
            && self.at_most.is_none_or(|most| self.ratio <= most)
    }
}

/// All runs that were ever written.
pub struct Report {
    root: PathBuf,
    runs: Vec<Area>,
}

impl Report {
    /// Reads the history.
    pub fn read(root: &Path) -> Result<Self> {
        let file = root.join(HISTORY);
        let runs = match std::fs::read(&file) {
            Ok(json) => {
                serde_json::from_slice(&json).with_context(|| file.display().to_string())?
            }
            Err(_) => Vec::new(),
        };
        Ok(Report { root: root.to_owned(), runs })
    }

    /// Adds a run.
    pub fn add(&mut self, area: Area) {
        self.runs.push(area);
    }

    /// Writes history, page and pictures.
    pub fn write(&self) -> Result<()> {
        let mut newest: BTreeMap<&str, &Area> = BTreeMap::new();
        for run in &self.runs {
            newest.insert(&run.name, run);
        }
        let mut page = String::from(
            "# Benchmarks\n\n\
             `cargo xtask bench AREA` runs Snaplark and its peers in turn on one machine and writes this page. A ratio \
             counts; a bare time depends on the machine. The history of all runs is in `benchmarks.json`.\n",
        );
        for run in newest.values() {
            let _ = write!(page, "\n{}", run.section());
            let picture = self.root.join(PICTURES).join(format!("bench-{}.svg", run.name));
            std::fs::write(&picture, run.picture())
                .with_context(|| picture.display().to_string())?;
        }
        std::fs::write(self.root.join(PAGE), page)?;
        self.quote(&newest)?;
        std::fs::write(self.root.join(HISTORY), serde_json::to_string_pretty(&self.runs)? + "\n")?;
        Ok(())
    }
}

impl Report {
    /// Writes the figures that the README quotes, as far as they were measured.
    fn quote(&self, newest: &BTreeMap<&str, &Area>) -> Result<()> {
        let mut rows = String::new();
        for (area, what, words) in QUOTED {
            let Some(area) = newest.get(area) else { continue };
            let sides = area.figures.iter().filter(|figure| figure.what == what);
            let (ours, peers): (Vec<&Figure>, Vec<&Figure>) =
                sides.partition(|figure| figure.side.starts_with("Snaplark"));
            let Some(ours) = ours.first() else { continue };
            let spoken =
                |figure: &Figure| format!("{} {}", number(median(&figure.values)), figure.unit);
            let peers: Vec<String> =
                peers.iter().map(|peer| format!("{}: {}", peer.side, spoken(peer))).collect();
            let _ = writeln!(rows, "| {words} | {} | {} |", spoken(ours), peers.join("; "));
        }
        if rows.is_empty() {
            return Ok(());
        }
        let file = self.root.join(README);
        let readme = std::fs::read_to_string(&file)?;
        let [begin, end] = QUOTES;
        let (before, rest) = readme.split_once(begin).context("README.md has no mark")?;
        let (_, after) = rest.split_once(end).context("README.md has no second mark")?;
        let section = format!(
            "## Measured beside its peers\n\n| What | Snaplark | Beside |\n|---|---|---|\n{rows}\n\
             Medians of `cargo xtask bench`, on one machine and in turn; [docs/benchmarks.md](docs/benchmarks.md) has \
             the rest, with what falls short.\n\n"
        );
        std::fs::write(&file, format!("{before}{begin}{section}{end}{after}"))?;
        Ok(())
    }
}

/// Returns a time in milliseconds.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => sorted[len / 2],
        len => f64::midpoint(sorted[len / 2 - 1], sorted[len / 2]),
    }
}

fn spread(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    (least, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

/// Returns a number with about three digits.
fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Returns the processor's name, the number of its cores, and the memory.
fn machine() -> Result<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo")?;
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let name = name.map_or("unknown processor", |(_, name)| name);
    let cores = std::thread::available_parallelism()?;
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let kib =
        memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next());
    let gib = kib.and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / (1024.0 * 1024.0);
    Ok(format!("{name}, {cores} cores, {gib:.0} GiB"))
}
