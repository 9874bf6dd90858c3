// Reports which parts of the video were played, for its owner: hundredths of its length, and nothing about who
// watches. Loaded only where the owner has switched that on, and never for the owner.

import { total } from "./player.js";

const stage = document.querySelector("[data-player]");
const video = stage.querySelector("video");
const { base, version, stretches, length } = stage.dataset;
const COUNT = Number(stretches);
const EVERY_MS = 15_000;
const reported = new Set();

/** The stretches whose middle was played since the last report, as ranges. */
function fresh() {
  const seconds = Number(length) / 1000 || total();
  const ranges = [];
  if (!(seconds > 0)) return ranges;
  for (let i = 0; i < video.played.length; i++) {
    const first = Math.ceil((video.played.start(i) * COUNT) / seconds - 0.5);
    const end = Math.min(COUNT, Math.floor((video.played.end(i) * COUNT) / seconds - 0.5) + 1);
    for (let stretch = Math.max(0, first); stretch < end; stretch++) {
      if (reported.has(stretch)) continue;
      reported.add(stretch);
      const last = ranges.at(-1);
      if (last?.[1] === stretch) last[1]++;
      else ranges.push([stretch, stretch + 1]);
    }
  }
  return ranges;
}

function report() {
  const ranges = fresh();
  if (ranges.length === 0) return;
  const body = JSON.stringify({ version: Number(version), stretches: ranges });
  const headers = { "content-type": "application/json" };
  fetch(`${base}/watched`, { method: "POST", keepalive: true, headers, body }).catch(() => {});
}

// Who asks not to be counted isn't.
if (!navigator.globalPrivacyControl && navigator.doNotTrack !== "1") {
  for (const event of ["pause", "ended"]) video.addEventListener(event, report);
  document.addEventListener("visibilitychange", () => document.hidden && report());
  addEventListener("pagehide", report);
  setInterval(() => !video.paused && report(), EVERY_MS);
}
