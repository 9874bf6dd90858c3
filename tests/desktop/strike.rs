//! A person strikes the last seconds with uploads held back: they are in no request body, in no file and not behind
//! the link. Every cluster in any of these is decoded, and the screen's numbers say what it shows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use snaplark_formats::webm::{self, Track};
use snaplark_store::Store;
use snaplark_tests::cloud::{Cloud, fetch};
use snaplark_tests::demonstration::{Demonstration, NUMBERS_A_SECOND, SIZE};
use snaplark_tests::fault_proxy::{FaultProxy, Route};
use snaplark_tests::home::Home;
use snaplark_tests::numbers;
use snaplark_tests::process::output;
use snaplark_tests::recorder::{ask_json, pieces, snaplark};
use snaplark_tests::wait;

use crate::{SHOW, SOON, pictures};

/// Longer than what is struck, in seconds. What was recorded earlier leaves while it is recorded.
const HOLD_BACK: &str = "15";
/// What the bar strikes.
const STRUCK: Duration = Duration::from_secs(10);
/// How long the screen is recorded, and looked at, before the strike.
const BEFORE: Duration = Duration::from_secs(22);
/// How long is recorded after it.
const AFTER: Duration = Duration::from_secs(4);
/// The bytes of an encoded picture that are searched for. Those of two pictures are never the same.
const SAMPLE_BYTES: usize = 32;

/// Returns the number that the screen shows now.
fn number(shown: &Demonstration) -> Option<u16> {
    let pixels = shown.desk.display.pixels(numbers::field(SIZE.0, SIZE.1)).unwrap();
    // One of three equal colours.
    let grey: Vec<u8> = pixels.chunks_exact(4).map(|pixel| pixel[0]).collect();
    numbers::read(&grey)
}

/// Returns the first complete cluster of these bytes, if they begin with one.
fn cluster(bytes: &[u8]) -> Option<&[u8]> {
    const ID: [u8; 4] = [0x1f, 0x43, 0xb6, 0x75];
    let rest = bytes.strip_prefix(&ID)?;
    let width = rest.first()?.leading_zeros() as usize + 1;
    let number =
        rest.get(..width)?.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    // The first bit that is set says how wide the number is.
    let size = number & !(1_u64 << (7 * width));
    let end = usize::try_from(size).ok()?.checked_add(ID.len() + width)?;
    let cluster = bytes.get(..end)?;
    webm::blocks(cluster).is_ok_and(|blocks| !blocks.is_empty()).then_some(cluster)
}

/// Returns all clusters that are anywhere in these bytes.
fn clusters(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    (0..bytes.len()).filter(|at| bytes[*at] == 0x1f).filter_map(|at| cluster(&bytes[at..]))
}

/// The recording's pictures, known by their clusters.
struct Decoder {
    init: Vec<u8>,
    file: PathBuf,
    known: BTreeMap<Vec<u8>, Vec<Option<u16>>>,
}

impl Decoder {
    /// Returns the number of each picture of a cluster.
    fn pictures(&mut self, cluster: &[u8]) -> Vec<Option<u16>> {
        if let Some(known) = self.known.get(cluster) {
            return known.clone();
        }
        std::fs::write(&self.file, [&self.init, cluster].concat()).unwrap();
        let pictures = numbers::read_file(&self.file, SIZE).unwrap().frames;
        std::fs::remove_file(&self.file).unwrap();
        self.known.insert(cluster.to_vec(), pictures.clone());
        pictures
    }

    /// Returns all numbers that these bytes show.
    fn shown(&mut self, bytes: &[u8]) -> BTreeSet<u16> {
        clusters(bytes).flat_map(|cluster| self.pictures(cluster)).flatten().collect()
    }

    /// Returns bytes out of the middle of each encoded picture of a cluster that shows one of these numbers.
    fn samples(&mut self, cluster: &[u8], of: &BTreeSet<u16>) -> Vec<Vec<u8>> {
        let blocks = webm::blocks(cluster).unwrap();
        let blocks = blocks.into_iter().filter(|block| block.track == Track::Video);
        let numbered = self.pictures(cluster).into_iter().zip(blocks);
        let wanted = numbered.filter(|(number, block)| {
            number.is_some_and(|number| of.contains(&number))
                && block.data.len() >= 2 * SAMPLE_BYTES
        });
        let sample = |data: Vec<u8>| data[data.len() / 2..][..SAMPLE_BYTES].to_vec();
        wanted.map(|(_, block)| sample(block.data)).collect()
    }
}

/// Bytes to be searched for.
struct Samples {
    all: BTreeSet<Vec<u8>>,
    /// Whether any begins with these two bytes: most places are passed over by that.
    starts: Vec<bool>,
}

impl Samples {
    fn new(all: BTreeSet<Vec<u8>>) -> Self {
        let mut starts = vec![false; 1 << 16];
        for sample in &all {
            starts[start(sample)] = true;
        }
        Samples { all, starts }
    }

    /// Returns how many are in these bytes.
    fn found(&self, bytes: &[u8]) -> usize {
        let windows = bytes.windows(SAMPLE_BYTES).filter(|window| self.starts[start(window)]);
        let found: BTreeSet<&Vec<u8>> = windows.filter_map(|window| self.all.get(window)).collect();
        found.len()
    }
}

fn start(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            // A socket or a pipe would never end.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                Ok(_) | Err(_) => {}
            }
        }
    }
    files
}

#[test]
fn seconds_struck_while_uploads_are_held_back_are_in_no_request_and_no_file() {
    let mut home = Home::new().unwrap();
    let hold = snaplark(&home, None, &["settings", "hold-back", HOLD_BACK]).unwrap();
    output(hold, SHOW).unwrap();
    // With one display the bar would hide from the picture.
    let store = Store::open(home.snaplark()).unwrap();
    store.set_setting("desktop", r#"{"barInRecordings":true}"#).unwrap();
    drop(store);
    let cloud = Cloud::start(&home).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = cloud.address.strip_prefix("http://").unwrap().parse().unwrap();
    let proxy = runtime.block_on(FaultProxy::start(server)).unwrap();
    proxy.keep_bodies();
    home.set("SNAPLARK_SERVER", &proxy.url());
    home.set("SNAPLARK_TOKEN", &cloud.token);
    let shown = Demonstration::begin_driven(home, &pictures("strike")).unwrap();
    let windows = &shown.windows().unwrap().session;
    let home = &shown.desk.home;

    shown.start_recording().unwrap();
    let mut looks: Vec<(Instant, u16)> = Vec::new();
    let began = Instant::now();
    wait::until("what the screen shows before the strike", 2 * BEFORE, || {
        looks.extend(number(&shown).map(|number| (Instant::now(), number)));
        Ok((began.elapsed() > BEFORE).then_some(()))
    })
    .unwrap();
    windows.enter_window_at("windows/bar", SOON).unwrap();
    let list = ask_json(home, None, &["list", "--json"]).unwrap();
    let id = list["recordings"][0]["id"].as_str().unwrap().to_owned();
    let folder = home.snaplark().join("recordings").join(id);
    let sealed: Vec<Vec<u8>> = pieces(&folder)
        .unwrap()
        .iter()
        .filter(|piece| !piece.ends_with("init.webm"))
        .map(|piece| std::fs::read(piece).unwrap())
        .collect();
    assert!(proxy.count(&Route::Chunk) > 0, "nothing leaves while it is recorded");
    let before = number(&shown).unwrap();
    windows.press("[data-testid=bar-strike]", SOON).unwrap();
    let said = windows.says("[data-testid=bar-struck]", "removed", SOON).unwrap();
    let after = Instant::now();
    assert!(said.contains("before upload"), "the bar says '{said}'");
    wait::pass("the recording after the strike", AFTER).unwrap();
    let shared = shown.stop_recording().unwrap();

    // The strike was made between both looks, and a number is shown while it is looked at.
    let number_at = |moment: Instant| looks.iter().find(|(at, _)| *at >= moment).unwrap().1;
    let struck: BTreeSet<u16> = (number_at(after - STRUCK) + 1..before).collect();
    let least = STRUCK.as_secs() as usize / 2 * NUMBERS_A_SECOND as usize;
    assert!(struck.len() > least, "the strike took too long to tell what is struck: {struck:?}");
    let kept: BTreeSet<u16> = (looks[0].1..number_at(after - STRUCK - STRUCK / 10)).collect();

    let init = std::fs::read(folder.join("init.webm")).unwrap();
    let file = home.path().join("decoded.webm");
    let mut decoder = Decoder { init, file, known: BTreeMap::new() };
    let mut samples_of = |numbers: &BTreeSet<u16>| {
        let samples = sealed.iter().flat_map(|segment| decoder.samples(segment, numbers));
        Samples::new(samples.collect())
    };
    let (struck_samples, kept_samples) = (samples_of(&struck), samples_of(&kept));
    assert!(struck_samples.all.len() > least, "{} encoded pictures", struck_samples.all.len());

    let mut hold = |what: &str, bytes: &[u8]| -> BTreeSet<u16> {
        let numbers = decoder.shown(bytes);
        let left: Vec<&u16> = numbers.intersection(&struck).collect();
        assert!(left.is_empty(), "{what} shows what was struck: {left:?} of {struck:?}");
        assert_eq!(struck_samples.found(bytes), 0, "encoded pictures of what was struck in {what}");
        numbers
    };
    // The same search finds what was kept, so it would find what was struck.
    let mut hold_kept = |what: &str, bytes: &[u8]| {
        let there = hold(what, bytes).intersection(&kept).count();
        assert!(there * 2 >= kept.len(), "{there} of {} numbers are in {what}", kept.len());
        assert_eq!(kept_samples.found(bytes), kept_samples.all.len(), "pictures in {what}");
    };
    hold_kept("the requests", &proxy.bodies());
    hold_kept("the person's file", &std::fs::read(&shared.file).unwrap());
    for name in ["video.webm", "original.webm"] {
        hold_kept(name, &fetch(&format!("{}/{name}", shared.link)).unwrap());
    }
    let files = files_below(home.path());
    for file in &files {
        // Some are gone by now.
        let bytes = std::fs::read(file).unwrap_or_default();
        hold(&file.display().to_string(), &bytes);
    }
    println!(
        "figures: {} struck numbers and {} encoded pictures of them are in none of {} files",
        struck.len(),
        struck_samples.all.len(),
        files.len()
    );
}
