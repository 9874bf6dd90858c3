// Records a canvas that changes all the time, and sends what the browser's recorder gives, cut at
// places that have nothing to do with what stands there.
const [address, token, mimeType, seconds] = arguments;
const sent = (window.sent = { parts: 0, link: null, session: null, error: null, done: false, seconds: () => 0 });
const api = async (path, body, isForm) => {
  const headers = { authorization: `Bearer ${token}` };
  if (!isForm) headers["content-type"] = "application/json";
  const answer = await fetch(`${address}/api/v1${path}`, { method: "POST", headers, body: isForm ? body : JSON.stringify(body) });
  const json = await answer.json();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${JSON.stringify(json)}`);
  return json;
};
const run = async () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [320, 180];
  document.documentElement.append(canvas);
  const pen = canvas.getContext("2d");
  const begun = performance.now();
  sent.seconds = () => Math.min(seconds, (performance.now() - begun) / 1000);
  const timer = setInterval(() => {
    const t = (performance.now() - begun) / 1000;
    pen.fillStyle = `hsl(${t * 40} 70% 40%)`;
    pen.fillRect(0, 0, 320, 180);
    pen.fillStyle = "white";
    pen.font = "40px sans-serif";
    pen.fillText(t.toFixed(2), 20 + (t * 60) % 180, 100);
  }, 40);
  const opened = await api("/videos/init", {
    filename: "canvas.webm", timestamp: "2024-01-15T10-30-45", fps: 25, codec: mimeType, bitrate: 1000000,
    resolution: { width: 320, height: 180 },
  });
  sent.session = opened.sessionId;
  sent.link = opened.videoUrl;
  const recorder = new MediaRecorder(canvas.captureStream(25), {
    mimeType, videoBitsPerSecond: 400000, videoKeyFrameIntervalDuration: 1000,
  });
  let [held, whole, work, index] = [new Uint8Array(), [], Promise.resolve(), 0];
  // A cut somewhere in the middle, and the rest waits for the next piece.
  const take = async (blob, isLast) => {
    const bytes = new Uint8Array(await blob.arrayBuffer());
    whole.push(bytes);
    const all = new Uint8Array(held.length + bytes.length);
    all.set(held);
    all.set(bytes, held.length);
    const cut = isLast ? all.length : Math.floor(all.length * (0.3 + ((index * 7) % 11) / 20));
    if (cut > 0) {
      const form = new FormData();
      form.append("sessionId", sent.session);
      form.append("chunkIndex", String(index));
      form.append("chunk", new Blob([all.slice(0, cut)], { type: "video/webm" }), "chunk.webm");
      await api("/videos/chunk", form, true);
      index += 1;
      sent.parts = index;
    }
    held = all.slice(cut);
  };
  const stopped = new Promise((done) => (recorder.onstop = done));
  recorder.ondataavailable = (event) => {
    const isLast = recorder.state === "inactive";
    work = work.then(() => take(event.data, isLast));
    work.catch((error) => (sent.error = String(error)));
  };
  recorder.start(500);
  setTimeout(() => recorder.stop(), seconds * 1000);
  await stopped;
  clearInterval(timer);
  await work;
  sent.long = seconds;
  const digest = await crypto.subtle.digest("SHA-256", await new Blob(whole).arrayBuffer());
  sent.sha256 = [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, "0")).join("");
  await api("/videos/finalize", {
    sessionId: sent.session, totalChunks: index, uploadedChunks: [...Array(index).keys()], duration: seconds * 1000,
  });
  sent.done = true;
};
run().catch((error) => (sent.error = String(error)));
