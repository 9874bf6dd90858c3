// Plays a film by Media Source Extensions and leaves in the page what the player makes of its times.
// Before this stand `film`, the file in base64, and `times`, the seconds to seek to.
/** A picture that was sought is painted within this time, or the player shows the wrong one. */
const PAINT_MS_MAX = 3_000;
/** A picture stays if it is there for this time. */
const STEADY_MS = 120;
const bytes = Uint8Array.from(atob(film), (letter) => letter.charCodeAt(0));
const seen = { error: null, buffered: [], length: 0, shown: [] };
const video = document.createElement("video");
video.muted = true;
document.body.replaceChildren(video);
const heard = (target, name) =>
  new Promise((resolve, reject) => {
    target.addEventListener(name, resolve, { once: true });
    video.addEventListener("error", () => reject(new Error(`${name}: ${video.error.code} ${video.error.message}`)), { once: true });
  });
/** Returns a number that tells the video's picture from others. */
function picture() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return data.reduce((sum, value) => (sum * 31 + value) % 1_000_000_007, 7);
}
(async () => {
  const source = new MediaSource();
  const opened = heard(source, "sourceopen");
  video.src = URL.createObjectURL(source);
  await opened;
  const buffer = source.addSourceBuffer('video/webm; codecs="vp9"');
  const appended = heard(buffer, "updateend");
  buffer.appendBuffer(bytes);
  await appended;
  const ended = heard(source, "sourceended");
  source.endOfStream();
  await ended;
  const { buffered } = video;
  for (let n = 0; n < buffered.length; n++) seen.buffered.push([buffered.start(n), buffered.end(n)]);
  seen.length = video.duration;
  let before = 0;
  for (const time of times) {
    const sought = heard(video, "seeked");
    const painted = new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    video.currentTime = time;
    await Promise.all([sought, painted]);
    // A busy machine may paint the picture of the time before once more, and one on the way to it: what counts is
    // the picture that stays. Each time has another one than the time before.
    const until = performance.now() + PAINT_MS_MAX;
    let [shown, since] = [picture(), performance.now()];
    while (performance.now() < until && (shown === before || performance.now() < since + STEADY_MS)) {
      await new Promise(requestAnimationFrame);
      const now = picture();
      if (now !== shown) [shown, since] = [now, performance.now()];
    }
    before = shown;
    seen.shown.push([video.currentTime, shown]);
  }
})()
  .catch((error) => (seen.error = String(error)))
  .finally(() => (document.body.dataset.seen = JSON.stringify(seen)));
