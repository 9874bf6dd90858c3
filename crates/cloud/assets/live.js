// A recording that still comes in: its parts are fetched as they arrive at the server and handed
// to the video element through Media Source Extensions. Loads what is around the playing position,
// so that one can join late, go back, and come back to the edge.
//
// Parts that are whole clusters (the app's) are handed over in any order. Parts that are cut anywhere
// (browsers' recorders) mean something one after the other only: a run of them begins at a joint, which
// is a place in a part where playing can begin, and goes on part by part. Whoever seeks out of what a
// run has loaded begins another.

const POLL_MS = 1000;
/** Loaded ahead of the position, at most. */
const AHEAD_S = 45;
/** Kept behind it when the browser's buffer is full. */
const BEHIND_S = 20;
/** How far behind the present one joins: a part, and this for a poll (1 s) and the way. */
const JOIN_S = 1.8;
/** The shortest part that is reckoned with; the app's are as long. */
const PART_S = 2;
/** Following means: brought back to the edge when further behind than where one joins and this. */
const LAG_S = 2.2;
/** A run of parts leads to what is up to so far ahead of it; beyond that another one begins. */
const LEAP_S = 10;
/** No part for so long: the recorder is offline, or paused. */
const QUIET_MS = 15_000;

export class Live extends EventTarget {
  /** Where the recording ends so far, in seconds. */
  edge = 0;
  /** Stays at the edge by itself, until someone seeks or pauses. */
  following = false;
  finished = false;

  #stage;
  #video;
  #base;
  #parts = [];
  /** Parts are cut anywhere. */
  #isCut = false;
  /** Of the run: when it began, and the part that comes next. */
  #run = null;
  #source = new MediaSource();
  #buffer = null;
  #init = null;
  #quietSince = performance.now();
  #work = Promise.resolve();
  #busy = false;

  constructor(stage, video) {
    super();
    this.#stage = stage;
    this.#video = video;
    this.#base = stage.dataset.base;
  }

  async start(at) {
    const mime = this.#stage.dataset.mime;
    if (!mime || !globalThis.MediaSource?.isTypeSupported(mime)) return this.#plain();
    const once = (target, event) => new Promise((done) => target.addEventListener(event, done, { once: true }));
    const [opened, known] = [once(this.#source, "sourceopen"), once(this.#video, "loadedmetadata")];
    this.#video.src = URL.createObjectURL(this.#source);
    await opened;
    this.#buffer = this.#source.addSourceBuffer(mime);
    this.#init = await this.#bytes("live/init.webm");
    await this.#append(this.#init);
    // Before this a position is not kept.
    await known;
    this.#stage.querySelector(".live").hidden = false;
    this.#video.addEventListener("seeking", () => this.#leap());
    this.#video.addEventListener("timeupdate", () => this.#load());
    this.#video.addEventListener("waiting", () => this.#skipGap());
    this.#video.addEventListener("pause", () => this.left());
    await this.#ask();
    // Nor is one beyond the duration.
    this.#settle();
    if (at === null) this.join();
    else this.#video.currentTime = Math.min(at, this.edge);
    this.#play();
    this.#poll();
  }

  /** To the newest second, and stay there. */
  join() {
    this.#video.currentTime = this.#joint();
    this.following = !this.finished;
    this.#play();
    this.#load();
  }

  /** The present is as far ahead of the edge as the last part is old. */
  #joint() {
    const old = Math.min(this.#quiet() / 1000, this.#behind() - 1);
    return Math.max(0, this.edge + old - this.#behind());
  }

  /** How far behind the present what is played now is whole: long parts come seldom. */
  #behind() {
    const longest = Math.max(PART_S, ...this.#parts.slice(-3).map((p) => p.end - p.start));
    return JOIN_S + longest;
  }

  #quiet() {
    return performance.now() - this.#quietSince;
  }

  left() {
    this.following = false;
  }

  draw(now) {
    const badge = this.#stage.querySelector(".live");
    badge.hidden = this.finished;
    if (this.finished) return;
    const quiet = this.#quiet();
    const behind = Math.max(1, Math.round(this.edge - now + Math.min(quiet, QUIET_MS) / 1000));
    const silent = quiet > QUIET_MS;
    badge.toggleAttribute("data-quiet", silent);
    const words = silent ? "Waiting" : `Live, ${behind < 100 ? `${behind} s` : `${Math.round(behind / 60)} min`} behind`;
    const span = badge.querySelector("[data-behind]");
    if (span.textContent !== words) span.textContent = words;
    const text = document.querySelector("[data-live-text]");
    if (!text) return;
    const line = silent ? "The rest is on its way" : "Being recorded now";
    if (text.textContent !== line) text.textContent = line;
  }

  /** Muted where the browser asks for that. */
  async #play() {
    const refused = await this.#video.play().then(() => false, (e) => e.name === "NotAllowedError");
    if (refused) {
      this.#video.muted = true;
      await this.#video.play().catch(() => {});
    }
  }

  /** Without MSE for this codec: what is here plays as a file; the rest after a reload. */
  async #plain() {
    const line = document.querySelector("[data-live-text]");
    if (line) line.textContent = "Being recorded now. This browser shows all of it when it is finished";
    const answer = await fetch(`${this.#base}/live`).then((r) => r.json()).catch(() => null);
    if (answer?.state === "finished") return location.reload();
    setTimeout(() => this.#plain(), 5 * POLL_MS);
  }

  async #poll() {
    await this.#ask();
    this.#settle();
    this.#load();
    const lag = this.edge - this.#video.currentTime;
    if (this.following && !this.#video.paused && lag > this.#behind() + LAG_S) this.#video.currentTime = this.#joint();
    this.dispatchEvent(new Event("change"));
    if (!this.finished) setTimeout(() => this.#poll(), POLL_MS);
  }

  async #ask() {
    try {
      const answer = await fetch(`${this.#base}/live?after=${this.#parts.length}`).then((r) => r.json());
      if (answer.state === "gone") return location.reload();
      this.#isCut = this.#isCut || Boolean(answer.joints?.length);
      for (const [i, [start, end]] of (answer.parts ?? []).entries()) {
        const [at, part, offset] = answer.joints?.[i] ?? [];
        const joint = at === undefined ? null : { at: at / 1000, part, offset };
        this.#parts.push({ start: start / 1000, end: end / 1000, joint, loaded: false });
        this.edge = Math.max(this.edge, end / 1000);
      }
      if (answer.state === "live") this.#quietSince = performance.now() - answer.quietMs;
      if (answer.state === "finished") this.#finish();
    } catch {
      // The server is out of reach for now; what is loaded plays on.
    }
  }

  #finish() {
    this.finished = true;
    this.following = false;
    const text = document.querySelector("[data-live-text]");
    if (text) text.textContent = "Recorded just now";
  }

  /** The next part that playing will need: the one at the position, then those behind it. */
  #wanted() {
    const now = this.#video.currentTime;
    if (this.#isCut) return this.#nextOfRun(now);
    return this.#parts.find((p) => !p.loaded && p.end > now - 0.05 && p.start < now + AHEAD_S);
  }

  /** The part that goes on where the last one was cut, where the run leads to the position at all. */
  #nextOfRun(now) {
    const run = this.#run;
    const reached = run && (this.#parts[run.next - 1]?.end ?? 0) + LEAP_S;
    if (!run || now < run.from - 0.1 || now > reached) {
      const joints = this.#parts.map((p) => p.joint).filter(Boolean);
      const joint = joints.findLast((j) => j.at <= now + 0.05) ?? joints[0];
      if (!joint) return undefined;
      this.#run = { from: joint.at, next: joint.part, skip: joint.offset, begins: true };
    }
    const part = this.#parts[this.#run.next];
    return part && part.start < now + AHEAD_S ? part : undefined;
  }

  /** Out of what is loaded: what the run had loaded there was dropped, or is still to come. */
  #leap() {
    const { buffered, currentTime } = this.#video;
    const ranges = [...Array(buffered.length).keys()];
    const isLoaded = ranges.some((i) => buffered.start(i) <= currentTime + 0.05 && currentTime < buffered.end(i));
    if (this.#isCut && !isLoaded && this.#run) this.#run = null;
    this.#load();
  }

  async #load() {
    if (this.#busy || !this.#buffer) return;
    this.#busy = true;
    try {
      for (let part = this.#wanted(); part; part = this.#wanted()) {
        const run = this.#run;
        let bytes = await this.#bytes(`live/${this.#parts.indexOf(part)}`);
        // Somebody sought meanwhile.
        if (run !== this.#run) continue;
        if (run?.begins) {
          // Opens a source that had come to its end.
          if (this.#source.readyState === "ended") await this.#append(this.#init);
          await this.#work.catch(() => {});
          // What the player holds of a part that was cut is no beginning of what comes now.
          this.#buffer.abort();
          bytes = bytes.slice(run.skip);
          run.begins = false;
        }
        await this.#append(bytes);
        if (run) run.next += 1;
        part.loaded = true;
        this.#settle();
        this.dispatchEvent(new Event("change"));
      }
    } catch {
      // Tried again with the next poll or the next move of the position.
    } finally {
      this.#busy = false;
    }
  }

  /** The source knows its end when all of it is known. */
  #settle() {
    if (this.#source.readyState !== "open" || this.#buffer.updating) return;
    if (this.finished && this.#parts.at(-1)?.loaded) {
      this.#source.endOfStream();
    } else if (this.#source.duration < this.edge || !Number.isFinite(this.#source.duration)) {
      this.#source.duration = this.edge;
    }
  }

  async #bytes(path) {
    const response = await fetch(`${this.#base}/${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response.arrayBuffer();
  }

  #append(bytes) {
    return (this.#work = this.#work.catch(() => {}).then(async () => {
      for (let tries = 0; ; tries += 1) {
        try {
          await this.#updated(() => this.#buffer.appendBuffer(bytes));
          return;
        } catch (error) {
          if (error.name !== "QuotaExceededError" || tries > 1) throw error;
          await this.#makeRoom();
        }
      }
    }));
  }

  async #makeRoom() {
    const until = this.#video.currentTime - BEHIND_S;
    if (until <= 0) throw new Error("full");
    await this.#updated(() => this.#buffer.remove(0, until));
    if (this.#run) this.#run.from = Math.max(this.#run.from, until);
    for (const part of this.#parts) if (part.start < until) part.loaded = false;
  }

  #updated(act) {
    return new Promise((done, failed) => {
      const end = (call, value) => {
        this.#buffer.removeEventListener("updateend", ended);
        this.#buffer.removeEventListener("error", broke);
        call(value);
      };
      const ended = () => end(done);
      const broke = () => end(failed, new Error("the browser did not take a part"));
      this.#buffer.addEventListener("updateend", ended);
      this.#buffer.addEventListener("error", broke);
      try {
        act();
      } catch (error) {
        end(failed, error);
      }
    });
  }

  /** A hole of a frame or two between parts is stepped over. */
  #skipGap() {
    const { buffered, currentTime } = this.#video;
    for (let i = 0; i < buffered.length; i += 1) {
      const gap = buffered.start(i) - currentTime;
      if (gap > 0 && gap < 1) this.#video.currentTime = buffered.start(i) + 0.01;
    }
  }
}
