// Generated from ui/src/share/live.ts by `npm run share`; not edited by hand.
// Length: the player by pieces, the stream and the live player, which the page loads as one file.
// src/lib/mediaFeed.ts
/*!
* Feeds the pieces of a recording to a <video> by Media Source Extensions. The app's player and the share
* page's live player are built on it; the page's is compiled into the cloud (`npm run share`).
*
* It loads what is around the playing position, so that one can join late, go back, and come back. Pieces
* that are whole clusters (the app's) are appended in any order. Pieces that are cut anywhere (browsers'
* recorders) mean something one after the other only: a run of them begins at a joint, which is a place in
* a piece where playing can begin, and goes on piece by piece. Whoever seeks out of what a run has loaded
* begins another.
*
* One append or removal is under way at a time. Failures are reported and end the loop; the next move of
* the position, or `load`, tries again.
*/
/** Kept behind the position when the browser's buffer is full. */
var FULL_BEHIND_MS = 2e4;
/** How often one append makes room and tries again. */
var ROOM_TRIES_MAX = 2;
/** A hole of a picture or two between pieces is stepped over. */
var GAP_S_MAX = 1;
/** Into the range behind a hole, past rounding. */
var GAP_STEP_S = .01;
/** A run of pieces leads to what is up to so far ahead of it; beyond that another one begins. */
var LEAP_MS = 1e4;
/** What rounding takes off a position. */
var ROUNDING_S = .05;
/** Returns what pieces can be fed to here: `MediaSource`, or the kind that iPhones have in its place. */
function mediaSource() {
	const managed = globalThis.ManagedMediaSource;
	return globalThis.MediaSource ?? managed;
}
var MediaFeed = class {
	#video;
	#options;
	#source = new ((mediaSource()) ?? MediaSource)();
	#address;
	#ready;
	#buffer = null;
	#init = null;
	#pieces = [];
	/** The end of what is known. */
	#endS = 0;
	/** No more pieces come. */
	#whole = false;
	#held = /* @__PURE__ */ new Set();
	#cut = false;
	#run = null;
	#busy = false;
	#again = false;
	#closed = false;
	constructor(video, options) {
		this.#video = video;
		this.#options = options;
		this.#address = URL.createObjectURL(this.#source);
		const once = (target, event) => new Promise((done) => target.addEventListener(event, () => done(), { once: true }));
		const [opened, known] = [once(this.#source, "sourceopen"), once(video, "loadedmetadata")];
		this.#ready = opened.then(() => this.#open()).then(() => known);
		this.#ready.catch((reason) => this.#fail(reason));
		video.addEventListener("timeupdate", this.load);
		video.addEventListener("seeking", this.#seeking);
		video.addEventListener("waiting", this.#waiting);
		if (mediaSource() !== globalThis.MediaSource) video.disableRemotePlayback = true;
		video.src = this.#address;
	}
	/** The element knows what it plays: from now on a position is kept. Fails if nothing can be loaded. */
	get ready() {
		return this.#ready;
	}
	/** There are more pieces, or no more come. `endMs`: how long it will be at least. Loads nothing yet. */
	extend(pieces, whole, endMs = 0) {
		this.#pieces = pieces;
		this.#whole = whole;
		this.#endS = pieces.reduce((end, piece) => Math.max(end, piece.endMs), endMs) / 1e3;
		this.#cut ||= pieces.some((piece) => piece.joint !== void 0);
		this.#settle();
	}
	/** Loads what the position needs. One at a time; what happens meanwhile is looked at after it. */
	load = async () => {
		this.#again = true;
		if (this.#busy || this.#buffer === null || this.#closed) return;
		this.#busy = true;
		try {
			while (this.#again && !this.#closed) {
				this.#again = false;
				await this.#fill(this.#buffer);
			}
		} catch (reason) {
			this.#fail(reason);
		} finally {
			this.#busy = false;
		}
	};
	close() {
		this.#closed = true;
		this.#video.removeEventListener("timeupdate", this.load);
		this.#video.removeEventListener("seeking", this.#seeking);
		this.#video.removeEventListener("waiting", this.#waiting);
		this.#video.removeAttribute("src");
		this.#video.load();
		URL.revokeObjectURL(this.#address);
	}
	async #open() {
		const buffer = this.#source.addSourceBuffer(this.#options.mime);
		this.#init = await this.#options.readInit();
		if (this.#closed) return;
		await updated(buffer, () => buffer.appendBuffer(this.#init));
		this.#buffer = buffer;
		this.#settle();
		this.load();
	}
	async #fill(buffer) {
		this.#settle();
		this.#forgetEvicted();
		for (let next = this.#wanted(); next !== null && !this.#closed; next = this.#wanted()) {
			await this.#dropStale(buffer);
			const run = this.#run;
			let bytes = await this.#options.readPiece(next);
			if (this.#closed) return;
			if (run !== this.#run) continue;
			if (run?.begins) {
				await this.#beginRun(buffer);
				bytes = bytes.slice(run.skip);
				run.begins = false;
			}
			await this.#append(buffer, bytes);
			if (run) run.next += 1;
			this.#held.add(next);
			if (this.#video.readyState <= HTMLMediaElement.HAVE_METADATA) this.#stepOverGap();
			this.#settle();
			this.#options.onload?.();
		}
	}
	/** What the player holds of a piece that was cut is no beginning of what comes now. */
	async #beginRun(buffer) {
		if (this.#source.readyState === "ended" && this.#init) await this.#append(buffer, this.#init);
		buffer.abort();
	}
	/** The next piece that playing will need: what is played now first, then what comes. */
	#wanted() {
		const nowMs = this.#video.currentTime * 1e3;
		if (this.#cut) return this.#nextOfRun(nowMs);
		return due(this.#pieces, this.#held, nowMs, this.#options.aheadMs);
	}
	/** The piece that goes on where the last one was cut, where the run leads to the position at all. */
	#nextOfRun(nowMs) {
		const run = this.#run;
		const reachedMs = run && (this.#pieces[run.next - 1]?.endMs ?? 0) + LEAP_MS;
		if (run === null || reachedMs === null || nowMs < run.fromMs - 100 || nowMs > reachedMs) {
			const joints = this.#pieces.map((piece) => piece.joint).filter((joint) => joint != null);
			const joint = joints.findLast((joint) => joint.atMs <= nowMs + ROUNDING_S * 1e3) ?? joints[0];
			if (joint === void 0) return null;
			this.#run = {
				fromMs: joint.atMs,
				next: joint.part,
				skip: joint.offset,
				begins: true
			};
		}
		const next = this.#run?.next ?? 0;
		const piece = this.#pieces[next];
		return piece && piece.startMs < nowMs + this.#options.aheadMs ? next : null;
	}
	#seeking = () => {
		if (this.#cut && !this.#isBuffered()) this.#run = null;
		this.load();
	};
	#waiting = () => {
		this.#stepOverGap();
		this.load();
	};
	#isBuffered() {
		const now = this.#video.currentTime;
		return ranges(this.#video.buffered).some(([start, end]) => start <= now + ROUNDING_S && now <= end);
	}
	/** The browser drops what it has no room for, and doesn't report it. */
	#forgetEvicted() {
		if (this.#cut || this.#video.readyState > HTMLMediaElement.HAVE_METADATA) return;
		if (!this.#isBuffered() && this.#gapEnd() === null) {
			const nowMs = this.#video.currentTime * 1e3;
			const at = pieceAt(this.#pieces, nowMs);
			if (nowMs < (this.#pieces[at]?.endMs ?? 0)) this.#held.delete(at);
		}
	}
	/** Pictures begin a little after where one has sought, or a hair's breadth after the piece before. */
	#stepOverGap() {
		const end = this.#gapEnd();
		if (end !== null) this.#video.currentTime = end + GAP_STEP_S;
	}
	/** Where playing goes on behind a hole, if the position is in one whose pieces are loaded. */
	#gapEnd() {
		const now = this.#video.currentTime;
		if (!this.#cut && !this.#held.has(pieceAt(this.#pieces, now * 1e3))) return null;
		const buffered = ranges(this.#video.buffered);
		if (buffered.some(([start, end]) => start <= now && end - now > ROUNDING_S)) return null;
		const next = buffered.find(([start]) => start > now);
		return next && next[0] - now < GAP_S_MAX ? next[0] : null;
	}
	/** The source knows its length before its pieces are there, and its end when all of it is loaded. */
	#settle() {
		if (this.#source.readyState !== "open" || this.#buffer === null || this.#buffer.updating) return;
		if (this.#pieces.length === 0) return;
		const { duration } = this.#source;
		if (this.#whole && this.#held.has(this.#pieces.length - 1)) this.#source.endOfStream();
		else if (!Number.isFinite(duration) || duration < this.#endS) this.#source.duration = this.#endS;
	}
	async #append(buffer, bytes) {
		for (let tries = 0; !this.#closed; tries += 1) try {
			return await updated(buffer, () => buffer.appendBuffer(bytes));
		} catch (error) {
			if (!(error instanceof DOMException && error.name === "QuotaExceededError") || tries >= ROOM_TRIES_MAX) throw error;
			await this.#makeRoom(buffer);
		}
	}
	async #makeRoom(buffer) {
		const untilMs = this.#video.currentTime * 1e3 - FULL_BEHIND_MS;
		if (untilMs <= 0) throw new Error("the browser has no room for this recording");
		await updated(buffer, () => buffer.remove(0, untilMs / 1e3));
		if (this.#run) this.#run.fromMs = Math.max(this.#run.fromMs, untilMs);
		for (const [index, piece] of this.#pieces.entries()) if (piece.startMs < untilMs) this.#held.delete(index);
	}
	async #dropStale(buffer) {
		const { keep } = this.#options;
		if (keep === null) return;
		const old = stale(this.#pieces, this.#held, this.#video.currentTime * 1e3, keep);
		if (old === null) return;
		await updated(buffer, () => buffer.remove(old.startMs / 1e3, old.endMs / 1e3));
		for (const index of old.indices) this.#held.delete(index);
	}
	#fail(reason) {
		if (!this.#closed) this.#options.onfailure?.(reason);
	}
};
/** Returns the piece that is played at a time; the nearest where there is none. */
function pieceAt(pieces, atMs) {
	let [low, high] = [0, pieces.length - 1];
	while (low < high) {
		const middle = Math.ceil((low + high) / 2);
		if ((pieces[middle]?.startMs ?? 0) <= atMs) low = middle;
		else high = middle - 1;
	}
	return Math.max(0, low);
}
/** Returns the next piece to read: what is played now first, then what comes. */
function due(pieces, held, atMs, aheadMs) {
	for (let n = pieceAt(pieces, atMs); n < pieces.length; n += 1) {
		if ((pieces[n]?.startMs ?? 0) > atMs + aheadMs) return null;
		if (!held.has(n)) return n;
	}
	return null;
}
/** Returns the first run of loaded pieces that is far from what is played. */
function stale(pieces, held, atMs, keep) {
	const far = [...held].filter((n) => {
		const piece = pieces[n];
		return piece !== void 0 && (piece.endMs < atMs - keep.behindMs || piece.startMs > atMs + keep.aheadMs);
	}).sort((a, b) => a - b);
	const first = far[0];
	if (first === void 0) return null;
	const indices = far.filter((n, place) => n === first + place);
	const last = indices.at(-1) ?? first;
	return {
		indices,
		startMs: pieces[first]?.startMs ?? 0,
		endMs: pieces[last + 1]?.startMs ?? pieces[last]?.endMs ?? 0
	};
}
var ranges = (buffered) => Array.from({ length: buffered.length }, (_, n) => [buffered.start(n), buffered.end(n)]);
var updated = (buffer, begin) => new Promise((done, failed) => {
	const settle = (how) => () => {
		buffer.removeEventListener("updateend", fine);
		buffer.removeEventListener("error", broken);
		how();
	};
	const fine = settle(done);
	const broken = settle(() => failed(/* @__PURE__ */ new Error("the media can't be played")));
	buffer.addEventListener("updateend", fine);
	buffer.addEventListener("error", broken);
	try {
		begin();
	} catch (error) {
		settle(() => failed(error))();
	}
});
// src/share/hls.ts
/*!
* The H.264 stream of a recording (HLS with fragmented MP4), for a browser that doesn't play the recording
* as it is: by the browser itself, or else piece by piece through `MediaFeed`. The stream is made when it is
* first asked for, and its playlist grows until it is complete.
*/
var PLAYLIST = "application/vnd.apple.mpegurl";
/** Between two looks at a playlist that grows. A piece has two seconds. */
var LOOK_MS = 1500;
/** Loaded ahead of the position, at most. */
var AHEAD_MS$1 = 45e3;
/** A browser that shows nothing of a stream for so long doesn't play it. */
var START_WAIT_MS = 12e3;
/** Older iPhones load no picture before somebody plays. One that fails does so earlier. */
var PICTURE_WAIT_MS = 1500;
/** A stream that has no piece after so long is not waited for: the server has too much to do. */
var MADE_WAIT_MS = 12e4;
/** Failures in a row, a look apart, after which nothing more is expected. */
var FAILURES_MAX = 8;
/** Reads a playlist of ours: a header, and pieces one after the other. */
function readPlaylist(text, base) {
	const header = /#EXT-X-MAP:URI="([^"]+)"/.exec(text)?.[1];
	if (header === void 0) return null;
	const pieces = [];
	let endMs = 0;
	for (const [, seconds, address] of text.matchAll(/#EXTINF:([\d.]+),[^\n]*\n([^#\n]+)/g)) {
		const startMs = endMs;
		endMs += Number(seconds) * 1e3;
		pieces.push({
			startMs,
			endMs,
			address: new URL(address ?? "", base).href
		});
	}
	return {
		header: new URL(header, base).href,
		pieces,
		whole: text.includes("#EXT-X-ENDLIST")
	};
}
/** Returns the type of a stream by its header, as Media Source Extensions expect it. */
function typeOf(header) {
	const at = (name) => {
		const letters = [...name].map((letter) => letter.charCodeAt(0));
		return header.findIndex((_, n) => letters.every((letter, i) => header[n + i] === letter));
	};
	const avc = at("avcC");
	if (avc < 0) return null;
	const profile = [...header.slice(avc + 5, avc + 8)].map((byte) => byte.toString(16).padStart(2, "0"));
	const sound = at("mp4a") < 0 ? "" : ",mp4a.40.2";
	return `video/mp4; codecs="avc1.${profile.join("")}${sound}"`;
}
var Hls = class {
	#video;
	#address;
	#lengthMs;
	#onfailure;
	/** What the browser's own player is given: it can choose among heights. */
	#ownAddress;
	#feed = null;
	#failures = 0;
	/**
	* `base`: the address of the video's page. `version`: the version that is shown, if the recording is over.
	* `playlist`: the one for the browser's own player. `lengthMs`: the length of the whole recording, if it is
	* over. `onfailure`: it played, and can't go on.
	*/
	constructor(video, { base, version, playlist, lengthMs }, onfailure) {
		this.#video = video;
		this.#lengthMs = lengthMs;
		const query = version ? `?v=${version}` : "";
		const address = (name) => new URL(`${base}/hls/${name}.m3u8${query}`, location.href).href;
		this.#address = address("720");
		this.#ownAddress = address(playlist || "720");
		this.#onfailure = onfailure;
	}
	/** Waits until the stream can be played. Returns whether this browser plays it. */
	async start() {
		const playlist = await this.#made();
		if (playlist === null) return false;
		for (const source of this.#video.querySelectorAll("source")) source.remove();
		const isNative = this.#video.canPlayType(PLAYLIST) !== "";
		const isPartial = !playlist.whole;
		if (isPartial && await this.#byPieces(playlist)) return true;
		if (isNative && await this.#native()) {
			if (isPartial) this.#watch(playlist.header);
			return true;
		}
		return !isPartial && this.#byPieces(playlist);
	}
	/**
	* Looks whether the stream that the browser's own player shows is made anew: that player doesn't notice,
	* and would go on with the pieces that it has, which show parts that were replaced.
	*/
	#watch(header) {
		const look = async () => {
			const now = await this.#look();
			if (now !== null && now.header !== header) return this.#reload();
			if (!now?.whole) setTimeout(() => void look(), LOOK_MS);
		};
		setTimeout(() => void look(), LOOK_MS);
	}
	/** The same stream once more by the browser itself, from where it was. */
	async #reload() {
		const { currentTime, paused } = this.#video;
		this.#video.removeEventListener("error", this.#onfailure);
		const playlist = await this.#made();
		if (playlist === null || !await this.#native()) return this.#onfailure();
		if (!playlist.whole) this.#watch(playlist.header);
		this.#video.currentTime = currentTime;
		if (!paused) await this.#video.play().catch(() => {});
	}
	/** Asks for the stream until it has a piece. `null`: it isn't made. */
	async #made() {
		const asked = performance.now();
		for (let failures = 0; failures < FAILURES_MAX && performance.now() - asked < MADE_WAIT_MS;) {
			const answer = await fetch(this.#address).catch(() => null);
			if (answer?.status === 200) return readPlaylist(await answer.text(), this.#address);
			if (answer && answer.status !== 202) return null;
			if (answer === null) failures += 1;
			await pass(LOOK_MS);
		}
		return null;
	}
	#native() {
		const video = this.#video;
		return new Promise((done) => {
			const end = (plays) => {
				clearTimeout(late);
				video.removeEventListener("loadedmetadata", wait);
				video.removeEventListener("loadeddata", look);
				video.removeEventListener("error", fail);
				if (plays) video.addEventListener("error", this.#onfailure);
				done(plays);
			};
			const look = () => end(video.readyState >= HTMLMediaElement.HAVE_METADATA && video.videoWidth > 0);
			const fail = () => end(false);
			let late = setTimeout(look, START_WAIT_MS);
			const wait = () => {
				if (video.videoWidth === 0) return;
				clearTimeout(late);
				late = setTimeout(look, PICTURE_WAIT_MS);
			};
			video.addEventListener("loadedmetadata", wait);
			video.addEventListener("loadeddata", look);
			video.addEventListener("error", fail);
			video.preload = "auto";
			video.src = this.#ownAddress;
		});
	}
	async #byPieces(playlist) {
		const header = await bytes(playlist.header).catch(() => null);
		const type = header && typeOf(new Uint8Array(header));
		if (!header || !type || !mediaSource()?.isTypeSupported(type)) return false;
		let { pieces } = playlist;
		const feed = new MediaFeed(this.#video, {
			mime: type,
			readInit: async () => header,
			readPiece: (index) => bytes(pieces[index]?.address ?? this.#address),
			aheadMs: AHEAD_MS$1,
			keep: null,
			onload: () => this.#failures = 0,
			onfailure: () => this.#count()
		});
		this.#feed = feed;
		const endMs = this.#lengthMs ?? 0;
		feed.extend(pieces, playlist.whole, playlist.whole ? 0 : endMs);
		const look = async () => {
			const more = await this.#look();
			if (this.#feed !== feed) return;
			if (more && more.header !== playlist.header) return this.#again(more);
			if (more) {
				pieces = more.pieces;
				feed.extend(pieces, more.whole, more.whole ? 0 : endMs);
			}
			feed.load();
			if (!more?.whole) setTimeout(() => void look(), LOOK_MS);
		};
		if (!playlist.whole) setTimeout(() => void look(), LOOK_MS);
		const late = pass(START_WAIT_MS).then(() => Promise.reject(/* @__PURE__ */ new Error("the source is not opened")));
		return Promise.race([feed.ready, late]).then(() => true, () => {
			if (this.#feed === feed) this.#close();
			return false;
		});
	}
	/** Parts of the recording were replaced, so its stream is made anew: what is loaded shows the old ones. */
	async #again(playlist) {
		const { currentTime, paused } = this.#video;
		this.#close();
		if (!await this.#byPieces(playlist)) return this.#onfailure();
		this.#video.currentTime = currentTime;
		if (!paused) await this.#video.play().catch(() => {});
	}
	async #look() {
		const answer = await fetch(this.#address).catch(() => null);
		if (answer?.status === 200) return readPlaylist(await answer.text(), this.#address);
		if (answer?.status !== 202) this.#count();
		return null;
	}
	/** The browser's own player finds out by itself that nothing comes any more. */
	#count() {
		this.#failures += 1;
		if (this.#failures < FAILURES_MAX || this.#feed === null) return;
		this.#close();
		this.#onfailure();
	}
	#close() {
		this.#feed?.close();
		this.#feed = null;
	}
};
async function bytes(address) {
	const response = await fetch(address);
	if (!response.ok) throw new Error(`${address}: ${response.status}`);
	return response.arrayBuffer();
}
var pass = (ms) => new Promise((done) => setTimeout(done, ms));
// src/share/live.ts
/*!
* A recording that still comes in, on its share page: asks the server what has arrived, has it loaded
* (`MediaFeed`), and stays at the newest second until someone seeks or pauses.
*
* `npm run share` compiles this file into the cloud's assets as `live.js`.
*/
var POLL_MS = 1e3;
/** Loaded ahead of the position, at most. */
var AHEAD_MS = 45e3;
/** How far behind the present one joins: a part, and this for a poll (1 s) and the way. */
var JOIN_S = 1.8;
/** The shortest part that is reckoned with; the app's are as long. */
var PART_S = 2;
/** Following means: brought back to the edge when further behind than where one joins and this. */
var LAG_S = 2.2;
/** No part for so long: the recorder is offline, or paused. */
var QUIET_MS = 15e3;
/** For so long one who joins waits for the H.264 stream to come near the newest second, and then is there. */
var CATCH_UP_MS = 2e4;
/** How much later the H.264 stream is: its encoder ends a piece with the next one, and a look at its list. */
var STREAM_S = 4.5;
var Live = class extends EventTarget {
	/** Where the recording ends so far, in seconds. */
	edge = 0;
	/** Stays at the edge by itself, until someone seeks or pauses. */
	following = false;
	finished = false;
	#stage;
	#video;
	#base;
	#says;
	#feed = null;
	#parts = [];
	/** Parts are cut anywhere. */
	#cut = false;
	#quietSince = performance.now();
	/** When one wanted to join the newest second, until that could be played. */
	#joined = null;
	/** How much later than the recording itself is what is played, in seconds. */
	#late = 0;
	constructor(stage, video, says) {
		super();
		this.#says = says;
		this.#stage = stage;
		this.#video = video;
		this.#base = stage.dataset.base ?? "";
	}
	async start(at) {
		const mime = this.#stage.dataset.mime;
		if (mime && mediaSource()?.isTypeSupported(mime)) {
			for (const source of this.#video.querySelectorAll("source")) source.remove();
			const feed = new MediaFeed(this.#video, {
				mime,
				readInit: () => this.#bytes("live/init.webm"),
				readPiece: (index) => this.#bytes(`live/${index}`),
				aheadMs: AHEAD_MS,
				keep: null,
				onload: () => this.dispatchEvent(new Event("change"))
			});
			await feed.ready;
			this.#feed = feed;
		} else if (await this.#stream()) this.#late = STREAM_S;
		else return this.#plain();
		this.#badge.hidden = false;
		this.#video.addEventListener("pause", () => this.left());
		await this.#ask();
		if (at === null) this.join();
		else this.#video.currentTime = Math.min(at, this.#reach());
		this.#play();
		this.#poll();
	}
	/** To the newest second, and stay there. */
	join() {
		this.following = !this.finished;
		this.#joined = performance.now();
		if (this.#isNear()) this.#toNewest();
		this.#play();
		this.#feed?.load();
	}
	left() {
		this.following = false;
	}
	draw(now) {
		const badge = this.#badge;
		badge.hidden = this.finished;
		if (this.finished) return;
		const quiet = this.#quiet();
		const behind = Math.max(1, Math.round(this.edge - now + Math.min(quiet, QUIET_MS) / 1e3));
		const silent = quiet > QUIET_MS;
		badge.toggleAttribute("data-quiet", silent);
		const { words, fill } = this.#says;
		const live = behind < 100 ? fill(words.behind_seconds, { count: behind }) : fill(words.behind_minutes, { count: Math.round(behind / 60) });
		write(badge.querySelector("[data-behind]"), silent ? words.waiting : live);
		this.#say(silent ? words.rest_uploads : words.recording_now);
	}
	get #badge() {
		const badge = this.#stage.querySelector(".live");
		if (badge === null) throw new Error("the page has no place for the state");
		return badge;
	}
	/** The present is as far ahead of the edge as the last part is old. */
	#joint() {
		const old = Math.min(this.#quiet() / 1e3, this.#behind() - 1);
		return Math.max(0, this.edge + old - this.#behind());
	}
	/** How far it can be played. The H.264 stream of a recording is made from its beginning on. */
	#reach() {
		if (this.#late === 0) return this.edge;
		const { seekable } = this.#video;
		return seekable.length === 0 ? 0 : Math.min(this.edge, seekable.end(seekable.length - 1));
	}
	/** Whether the newest second can be played. Until then it plays on from where it is. */
	#isNear() {
		return this.edge - this.#reach() < this.#behind() + LAG_S;
	}
	#toNewest() {
		this.#video.currentTime = this.#joint();
		this.#joined = null;
	}
	#follow() {
		const lag = this.edge - this.#video.currentTime;
		if (this.#isNear()) {
			this.#joined = null;
			if (lag > this.#behind() + LAG_S) this.#toNewest();
		} else if (this.#joined !== null && performance.now() - this.#joined > CATCH_UP_MS) this.following = false;
	}
	/** How far behind the present what is played now is whole: long parts come seldom. */
	#behind() {
		return JOIN_S + Math.max(PART_S, ...this.#parts.slice(-3).map((part) => (part.endMs - part.startMs) / 1e3)) + this.#late;
	}
	#quiet() {
		return performance.now() - this.#quietSince;
	}
	/** Muted where the browser asks for that. */
	async #play() {
		if (await this.#video.play().then(() => false, (error) => error instanceof DOMException && error.name === "NotAllowedError")) {
			this.#video.muted = true;
			await this.#video.play().catch(() => {});
		}
	}
	/** The same as H.264, where the server makes that. Returns whether this browser plays it. */
	async #stream() {
		if (this.#stage.dataset.hls === void 0) return false;
		const prepares = this.#stage.querySelector(".preparing");
		if (prepares) prepares.hidden = false;
		const options = {
			base: this.#base,
			playlist: this.#stage.dataset.hls,
			lengthMs: null
		};
		const plays = await new Hls(this.#video, options, () => void this.#plain()).start();
		if (prepares) prepares.hidden = true;
		return plays;
	}
	/** Without MSE for this codec: what is here plays as a file; the rest after a reload. */
	async #plain() {
		this.#say(this.#says.words.watch_later);
		if ((await fetch(`${this.#base}/live`).then((response) => response.json()).catch(() => null))?.state === "finished") return location.reload();
		setTimeout(() => void this.#plain(), 5 * POLL_MS);
	}
	async #poll() {
		await this.#ask();
		this.#feed?.load();
		if (this.following && !this.#video.paused) this.#follow();
		this.dispatchEvent(new Event("change"));
		if (!this.finished) setTimeout(() => void this.#poll(), POLL_MS);
	}
	async #ask() {
		try {
			const answer = await (await fetch(`${this.#base}/live?after=${this.#parts.length}`)).json();
			if (answer.state === "gone") return location.reload();
			this.#cut ||= Boolean(answer.joints?.length);
			for (const [i, [startMs, endMs]] of (answer.parts ?? []).entries()) {
				this.edge = Math.max(this.edge, endMs / 1e3);
				this.#parts.push(this.#cut ? {
					startMs,
					endMs,
					joint: joint(answer.joints?.[i])
				} : {
					startMs,
					endMs
				});
			}
			if (answer.state === "live") this.#quietSince = performance.now() - answer.quietMs;
			if (answer.state === "finished") this.#finish();
			this.#feed?.extend(this.#parts, this.finished);
		} catch {}
	}
	#finish() {
		this.finished = true;
		this.following = false;
		this.#say(this.#says.words.recorded);
	}
	/** The page's line about the recording. */
	#say(line) {
		write(document.querySelector("[data-live-text]"), line);
	}
	async #bytes(path) {
		const response = await fetch(`${this.#base}/${path}`);
		if (!response.ok) throw new Error(`${path}: ${response.status}`);
		return response.arrayBuffer();
	}
};
function joint(told) {
	return told ? {
		atMs: told[0],
		part: told[1],
		offset: told[2]
	} : null;
}
/** Only what changed: screen readers announce what is written. */
function write(place, words) {
	if (place && place.textContent !== words) place.textContent = words;
}
export { Hls, Live };
