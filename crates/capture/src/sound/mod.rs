//! Records sound devices into one Opus track on the recording's own clock.
//!
//! ```text
//! device     one thread for each device: keeps it open and moves its frames into its resampler
//!            (`device`, `devices`)
//! resampler  knows from the device's clock when each frame was heard, and returns the frames of any span
//!            of time (`clock`)
//! thread     every 20 ms reads each resampler, mixes, mutes, reports levels (`mix`) and encodes (`opus`)
//! ```
//!
//! The sound thread follows only the recording's clock: each 20 ms of the recording make one packet,
//! whatever the devices do. It waits for a late device up to `SOUND_WAIT`; if nothing arrives, it
//! inserts silence. So sound never delays a segment for longer and has no gap, and neither the drift
//! nor the absence of a device shifts the sound that follows.

mod clock;
mod device;
mod devices;
mod meter;
mod mix;
mod opus;
mod recent;
mod resampler;
#[cfg(windows)]
mod wasapi;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use snaplark_core::capture::{CaptureError, Device, Issue, Listening, Sound};
use snaplark_formats::webm::Audio;

use self::devices::SoundServer;
pub(crate) use devices::list;
pub(crate) use meter::measure_microphone;

use self::device::AudioInput;
use self::mix::Mixer;
use self::opus::SoundInput;
use self::recent::RecentSound;
use self::resampler::Frame;
use crate::graph::Graph;
use crate::policy::{SOUND_PACKETS_MAX, SOUND_POLL, SOUND_WAIT};
use crate::signals::Signals;

/// The native sample rate and packet length of Opus.
pub(crate) const RATE: u32 = 48_000;
pub(crate) const BLOCK_MS: u64 = 20;
pub(crate) const BLOCK_FRAMES: usize = RATE as usize / 1_000 * BLOCK_MS as usize;
/// One `Level` each tenth of a second.
const LEVEL_BLOCKS: u64 = 100 / BLOCK_MS;

pub(crate) enum SoundEvent {
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

/// A running sound track. `encoder` must be dropped after `events`.
pub(crate) struct SoundTrack {
    pub audio: Audio,
    pub events: Receiver<SoundEvent>,
    pub encoder: Graph,
}

/// Starts the sound. Returns `None` if no sound was requested, or if none can be encoded here, which is
/// reported as an issue. A missing device is noticed later, and reported then. The threads end with the
/// stop.
pub(crate) fn start(
    sound: &Sound,
    server: Option<&str>,
    fps: u32,
    signals: &Arc<Signals>,
) -> Result<Option<SoundTrack>, CaptureError> {
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
        && let Err(reason) = devices::answers(&SoundServer::named(server))
    {
        // Without a sound server there is nothing to unmute later. There is no sound track, and a
        // person who unmutes is told why.
        let (input, signals) = (AudioInput::new(Listening::Microphone, true), signals.clone());
        crate::spawn("sound-in", move || {
            if input.wait_until_wanted(&signals) {
                let listening = Listening::Microphone;
                signals.report_issue(Issue::AudioLost { listening, reason });
            }
        })?;
        return Ok(None);
    }
    let (out, events) = sync_channel(SOUND_PACKETS_MAX);
    let started = opus::describe().and_then(|audio| {
        let (encoder, encoder_input) = opus::start(out.clone(), signals.clone())?;
        Ok((SoundTrack { audio, events, encoder }, encoder_input))
    });
    let (track, encoder_input) = match started {
        Ok(started) => started,
        Err(reason) => {
            for (listening, _) in wanted {
                signals.report_issue(Issue::AudioLost { listening, reason: reason.clone() });
            }
            return Ok(None);
        }
    };
    let mut inputs = Vec::new();
    for (listening, device) in wanted {
        let waits = sound.microphone_waits && listening == Listening::Microphone;
        let input = AudioInput::new(listening, waits);
        inputs.push(MixerInput { input: input.clone(), lost: false, frames: SILENCE });
        let (server, signals) = (SoundServer::named(server), signals.clone());
        crate::spawn("sound-in", move || device::run(&server, &device, &input, &signals))?;
    }
    let levels = sound.levels.then_some(out);
    let mixer = Mixer::default();
    let late = Duration::from_secs(1) / fps / 2;
    let recent = RecentSound::default();
    let thread = SoundThread {
        inputs,
        late,
        levels,
        mixer,
        encoder_input,
        recent,
        signals: signals.clone(),
    };
    crate::spawn("ear", move || thread.run())?;
    Ok(Some(track))
}

const SILENCE: [Frame; BLOCK_FRAMES] = [[0.0; 2]; BLOCK_FRAMES];

struct MixerInput {
    input: Arc<AudioInput>,
    /// Whether the loss was reported.
    lost: bool,
    /// The sound of the current block.
    frames: [Frame; BLOCK_FRAMES],
}

struct SoundThread {
    inputs: Vec<MixerInput>,
    /// The delay of the sound. A change on the screen is recorded at the next grab, half a period later
    /// on average, so sound is delayed as much: viewers tolerate sound that is late, but not sound that
    /// is early.
    late: Duration,
    /// Where levels go, if they are wanted.
    levels: Option<SyncSender<SoundEvent>>,
    mixer: Mixer,
    encoder_input: SoundInput,
    recent: RecentSound,
    signals: Arc<Signals>,
}

impl SoundThread {
    /// Runs the sound thread until the stop.
    fn run(mut self) {
        let signals = self.signals.clone();
        let _guard = signals.fail_on_panic();
        let mut loudest = [0; 2];
        for number in 0.. {
            let Some(moment) = self.wait_for_block(number) else { return };
            let joint = self.rejoin(number);
            self.block(number, moment, joint);
            self.report_losses();
            if self.levels.is_some() {
                self.report_level(number, &mut loudest);
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
                self.report_all_lost(&reason);
                return None;
            }
            if let Some(timeline) = self.signals.timeline() {
                if stop.is_some_and(|stop| timeline.time_of(stop) <= time) {
                    return None;
                }
                // In a pause, the recording's time does not reach the block.
                let begin = timeline.moment_of(time).map(|begin| begin - self.late);
                if let Some(begin) = begin
                    && self.has_arrived(begin + length)
                {
                    return Some(begin);
                }
            } else if stop.is_some() {
                return None;
            }
            std::thread::sleep(SOUND_POLL);
        }
    }

    /// Returns whether all sound up to that moment has arrived, or is too late.
    fn has_arrived(&self, end: Instant) -> bool {
        let now = Instant::now();
        let covers =
            |input: &MixerInput| input.input.waits() || input.input.lock().resampler.covers(end);
        now >= end && (now >= end + SOUND_WAIT || self.inputs.iter().all(covers))
    }

    /// If a strike ends with this block, gives the encoder the sound before the strike once more, as decoders will
    /// have it. The first packet that is kept holds its end. Returns whether it did.
    fn rejoin(&mut self, number: u64) -> bool {
        let Some(span) = self.signals.struck_until(number * BLOCK_MS) else { return false };
        for block in self.recent.strike(span.from_ms / BLOCK_MS, number) {
            self.encoder_input.push(&block, None);
        }
        true
    }

    fn block(&mut self, number: u64, moment: Instant, is_joint: bool) {
        for input in &mut self.inputs {
            input.input.lock().resampler.read(moment, &mut input.frames);
        }
        let muted = self.signals.muted();
        let open = |n: usize| {
            let since = Duration::from_secs_f64(n as f64 / f64::from(RATE));
            !muted.was_on(moment + since)
        };
        let mut mixed = [[0; 2]; BLOCK_FRAMES];
        self.mixer.mix(
            frames_of(&self.inputs, Listening::Microphone),
            frames_of(&self.inputs, Listening::System),
            open,
            &mut mixed,
        );
        if is_joint {
            recent::fade_in(&mut mixed);
        }
        self.encoder_input.push(&mixed, Some(number));
        self.recent.push(number, mixed);
    }

    fn report_losses(&mut self) {
        for input in &mut self.inputs {
            let listening = input.input.listening;
            let problem = input.input.problem();
            match (problem, input.lost) {
                (Some(reason), false) => {
                    input.lost = true;
                    self.signals.report_issue(Issue::AudioLost { listening, reason });
                }
                (None, true) => {
                    input.lost = false;
                    self.signals.report_issue(Issue::AudioBack { listening });
                }
                (Some(_), true) | (None, false) => {}
            }
        }
    }

    fn report_all_lost(&self, reason: &str) {
        for input in self.inputs.iter().filter(|input| !input.lost) {
            let (listening, reason) = (input.input.listening, reason.to_owned());
            self.signals.report_issue(Issue::AudioLost { listening, reason });
        }
    }

    fn report_level(&self, number: u64, loudest: &mut [u16; 2]) {
        let wanted = [Listening::Microphone, Listening::System];
        for (loudest, listening) in loudest.iter_mut().zip(wanted) {
            let now = frames_of(&self.inputs, listening).map_or(0, mix::level);
            *loudest = now.max(*loudest);
        }
        if number.is_multiple_of(LEVEL_BLOCKS) {
            let [microphone, system] = std::mem::take(loudest);
            // If the queue is full, the level is dropped: it is of no use later.
            let told = self
                .levels
                .as_ref()
                .map(|out| out.try_send(SoundEvent::Level { microphone, system }));
            drop(told);
        }
    }
}

fn frames_of(inputs: &[MixerInput], listening: Listening) -> Option<&[Frame]> {
    let input = inputs.iter().find(|input| input.input.listening == listening)?;
    Some(&input.frames)
}
