//! Records sound devices into one Opus track on the recording's own clock.
//!
//! ```text
//! device  one thread for each device: keeps it open and moves its frames into its line (`device`, `devices`)
//! line    knows from the device's clock when each frame was heard, and returns the frames of any span
//!         of time (`clock`, `line`)
//! ear     the sound thread: every 20 ms reads each line, mixes, mutes, reports levels (`mix`) and
//!         encodes (`opus`)
//! ```
//!
//! The sound thread follows only the recording's clock: each 20 ms of the recording make one packet,
//! whatever the devices do. It waits for a late device up to `SOUND_WAIT`; if nothing arrives, it
//! inserts silence. So sound never delays a segment for longer and has no gap, and neither the drift
//! nor the absence of a device shifts the sound that follows.

mod clock;
mod device;
mod devices;
mod line;
mod meter;
mod mix;
mod opus;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use snaplark_core::capture::{CaptureError, Device, Listening, Sound, Trouble};
use snaplark_webm::Audio;

use self::devices::Server;
pub use devices::{DeviceProbe, list};
pub use meter::{Meter, listen};

use self::device::Input;
use self::line::Frame;
use self::mix::Mixer;
use self::opus::Feed;
use crate::graph::Graph;
use crate::policy::{EAR_LOOK, SOUND_PACKETS_MAX, SOUND_WAIT};
use crate::signals::Signals;

/// The native sample rate and packet length of Opus.
pub const RATE: u32 = 48_000;
pub const BLOCK_MS: u64 = 20;
pub const BLOCK_FRAMES: usize = RATE as usize / 1_000 * BLOCK_MS as usize;
/// One `Level` each tenth of a second.
const LEVEL_BLOCKS: u64 = 100 / BLOCK_MS;

pub enum Heard {
    Packet {
        time_ms: u64,
        data: Vec<u8>,
    },
    Level {
        microphone: u16,
        system: u16,
    },
    /// Marks the end of the sound: no packet follows.
    End,
}

/// A running sound track. `encoder` must be dropped after `heard`.
pub struct Track {
    pub audio: Audio,
    pub heard: Receiver<Heard>,
    pub encoder: Graph,
}

/// Starts the sound. Returns `None` if no sound was requested, or if none can be encoded here, which is
/// reported as an issue. A missing device is noticed later, and reported then. The threads end with the
/// stop.
pub fn start(
    sound: &Sound,
    server: Option<&str>,
    fps: u32,
    signals: &Arc<Signals>,
) -> Result<Option<Track>, CaptureError> {
    let microphone = sound.microphone.clone().map(|device| (Listening::Microphone, device));
    let system = sound.system.then_some((Listening::System, Device::Default));
    let wanted: Vec<(Listening, Device)> = microphone.into_iter().chain(system).collect();
    if wanted.is_empty() {
        return Ok(None);
    }
    if sound.microphone_waits {
        // Set before the device's thread starts, since that thread reads it.
        signals.set_muted(true);
    }
    if sound.microphone_waits
        && !sound.system
        && let Err(reason) = devices::answers(&Server::named(server))
    {
        // Without a sound server there is nothing to unmute later. There is no sound track, and a
        // person who unmutes is told why.
        let (input, signals) = (Input::new(Listening::Microphone, true), signals.clone());
        crate::spawn("sound-in", move || {
            if input.wait_until_wanted(&signals) {
                let listening = Listening::Microphone;
                signals.trouble(Trouble::AudioLost { listening, reason });
            }
        })?;
        return Ok(None);
    }
    let (out, heard) = sync_channel(SOUND_PACKETS_MAX);
    let started = opus::describe().and_then(|audio| {
        let (encoder, feed) = opus::start(out.clone(), signals.clone())?;
        Ok((Track { audio, heard, encoder }, feed))
    });
    let (track, feed) = match started {
        Ok(started) => started,
        Err(reason) => {
            for (listening, _) in wanted {
                signals.trouble(Trouble::AudioLost { listening, reason: reason.clone() });
            }
            return Ok(None);
        }
    };
    let mut listeners = Vec::new();
    for (listening, device) in wanted {
        let waits = sound.microphone_waits && listening == Listening::Microphone;
        let input = Input::new(listening, waits);
        listeners.push(Listener { input: input.clone(), lost: false, frames: SILENCE });
        let (server, signals) = (Server::named(server), signals.clone());
        crate::spawn("sound-in", move || device::run(&server, &device, &input, &signals))?;
    }
    let levels = sound.levels.then_some(out);
    let mixer = Mixer::default();
    let late = Duration::from_secs(1) / fps / 2;
    let ear = Ear { listeners, late, levels, mixer, feed, signals: signals.clone() };
    crate::spawn("ear", move || ear.run())?;
    Ok(Some(track))
}

const SILENCE: [Frame; BLOCK_FRAMES] = [[0.0; 2]; BLOCK_FRAMES];

struct Listener {
    input: Arc<Input>,
    /// Whether the loss was reported.
    lost: bool,
    /// The sound of the current block.
    frames: [Frame; BLOCK_FRAMES],
}

struct Ear {
    listeners: Vec<Listener>,
    /// The delay of the sound. A change on the screen is recorded at the next grab, half a period later
    /// on average, so sound is delayed as much: viewers tolerate sound that is late, but not sound that
    /// is early.
    late: Duration,
    /// Where levels go, if they are wanted.
    levels: Option<SyncSender<Heard>>,
    mixer: Mixer,
    feed: Feed,
    signals: Arc<Signals>,
}

impl Ear {
    /// Runs the sound thread until the stop.
    fn run(mut self) {
        let signals = self.signals.clone();
        let _guard = signals.fail_on_panic();
        let mut loudest = [0; 2];
        for number in 0.. {
            let Some(moment) = self.wait_for_block(number) else { return };
            self.block(moment);
            self.tell_losses();
            if self.levels.is_some() {
                self.tell_level(number, &mut loudest);
            }
        }
    }

    /// Waits until the block's sound has arrived or is too late, and returns the block's first moment.
    /// `None` if the recording ended before it, or if the encoder has failed.
    fn wait_for_block(&self, number: u64) -> Option<Instant> {
        let time = Duration::from_millis(number * BLOCK_MS);
        let length = Duration::from_millis(BLOCK_MS);
        loop {
            let stop = self.signals.stop_asked();
            if let Some(reason) = self.signals.sound_failure() {
                self.tell_all_lost(&reason);
                return None;
            }
            if let Some(timeline) = self.signals.timeline() {
                if stop.is_some_and(|stop| timeline.time_of(stop) <= time) {
                    return None;
                }
                // In a pause, the recording's time does not reach the block.
                let begin = timeline.moment_of(time).map(|begin| begin - self.late);
                if let Some(begin) = begin
                    && self.is_there(begin + length)
                {
                    return Some(begin);
                }
            } else if stop.is_some() {
                return None;
            }
            std::thread::sleep(EAR_LOOK);
        }
    }

    /// Returns whether all sound up to that moment has arrived, or is too late.
    fn is_there(&self, end: Instant) -> bool {
        let now = Instant::now();
        let covers =
            |listener: &Listener| listener.input.waits() || listener.input.lock().line.covers(end);
        now >= end && (now >= end + SOUND_WAIT || self.listeners.iter().all(covers))
    }

    fn block(&mut self, moment: Instant) {
        for listener in &mut self.listeners {
            listener.input.lock().line.read(moment, &mut listener.frames);
        }
        let muted = self.signals.muted();
        let open = |n: usize| {
            let since = Duration::from_secs_f64(n as f64 / f64::from(RATE));
            !muted.was_on(moment + since)
        };
        let mut mixed = [[0; 2]; BLOCK_FRAMES];
        self.mixer.mix(
            frames_of(&self.listeners, Listening::Microphone),
            frames_of(&self.listeners, Listening::System),
            open,
            &mut mixed,
        );
        self.feed.push(&mixed);
    }

    fn tell_losses(&mut self) {
        for listener in &mut self.listeners {
            let listening = listener.input.listening;
            let problem = listener.input.problem();
            match (problem, listener.lost) {
                (Some(reason), false) => {
                    listener.lost = true;
                    self.signals.trouble(Trouble::AudioLost { listening, reason });
                }
                (None, true) => {
                    listener.lost = false;
                    self.signals.trouble(Trouble::AudioBack { listening });
                }
                (Some(_), true) | (None, false) => {}
            }
        }
    }

    fn tell_all_lost(&self, reason: &str) {
        for listener in self.listeners.iter().filter(|listener| !listener.lost) {
            let (listening, reason) = (listener.input.listening, reason.to_owned());
            self.signals.trouble(Trouble::AudioLost { listening, reason });
        }
    }

    fn tell_level(&self, number: u64, loudest: &mut [u16; 2]) {
        let wanted = [Listening::Microphone, Listening::System];
        for (loudest, listening) in loudest.iter_mut().zip(wanted) {
            let now = frames_of(&self.listeners, listening).map_or(0, mix::level);
            *loudest = now.max(*loudest);
        }
        if number.is_multiple_of(LEVEL_BLOCKS) {
            let [microphone, system] = std::mem::take(loudest);
            // If the queue is full, the level is dropped: it is of no use later.
            let told =
                self.levels.as_ref().map(|out| out.try_send(Heard::Level { microphone, system }));
            drop(told);
        }
    }
}

fn frames_of(listeners: &[Listener], listening: Listening) -> Option<&[Frame]> {
    let listener = listeners.iter().find(|listener| listener.input.listening == listening)?;
    Some(&listener.frames)
}
