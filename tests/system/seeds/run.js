// Runs the documents' own code as it stands: it is put together here, and never changed. Around it is
// only what the documents leave to their readers: axios, the token's keeper, the network's watcher, and
// three methods of which they say no more than the names. Runs in browsers and in node:
// `seeds(documents, address, token, pieces)` sends `pieces` (Blobs, or a recorder's when it is null).
globalThis.seeds = async (documents, address, token, pieces, seconds) => {
  const block = (heading) => {
    const rest = documents.split(`## ${heading}\n`)[1];
    if (rest === undefined) throw new Error(`no block '${heading}'`);
    return rest.split(/^```\w*\n/m)[1].split(/^```$/m)[0];
  };
  const cloud = (name) => block(`Cloud Upload: ${name}`);
  const AsyncFunction = (async () => {}).constructor;

  // The document names its own host; everything behind that is the test's server.
  const at = (url) => url.replace("https://snaplark.com", address);
  const axios = {
    create(config) {
      const uses = [];
      return {
        interceptors: { request: { use: (act) => uses.push(act) } },
        async post(path, data, more = {}) {
          let request = { headers: { ...config.headers, ...more.headers } };
          for (const act of uses) request = act(request);
          // A browser and axios write the boundary themselves.
          const isForm = data instanceof FormData;
          if (isForm) delete request.headers["Content-Type"];
          const body = isForm ? data : JSON.stringify(data);
          const answer = await fetch(at(config.baseURL) + path, { method: "POST", headers: request.headers, body });
          const json = await answer.json();
          if (!answer.ok) throw new Error(`${path}: ${answer.status} ${JSON.stringify(json)}`);
          return { data: json };
        },
      };
    },
  };
  const TokenManager = { getToken: () => token };
  const apiClient = new Function("axios", "TokenManager", `${cloud("API client").replace("export const", "const")}; return apiClient;`)(axios, TokenManager);
  const heard = {};
  const connectivityService = { isOnline: true, on: (what, act) => (heard[what] = act) };

  // Step 2 begins with a line of the constructor's.
  const [before, method] = cloud("Step 2").split(/^(?=addToBuffer)/m);
  const methods = [cloud("Step 1"), method, cloud("Step 3"), cloud("Step 5"), cloud("Step 6"), cloud("Progress")];
  const Manager = new Function("apiClient", "connectivityService", `return class {
    constructor() {
      this.chunkBuffer = []; this.chunkBufferSize = 0; this.nextChunkIndex = 0;
      this.uploadQueue = []; this.uploadedChunks = new Set(); this.failedChunks = new Map();
      ${before}
    }
    queueInit(metadata) { this.metadata = metadata; this.uploadQueue.push({ type: "init", metadata }); this.processQueue(); }
    queueChunkDirectly(blob, chunkIndex) { this.uploadQueue.push({ type: "chunk", blob, chunkIndex }); this.processQueue(); }
    flushBuffer() {
      if (this.chunkBufferSize === 0) return;
      this.queueChunkDirectly(new Blob(this.chunkBuffer.splice(0), { type: "video/webm" }), this.nextChunkIndex++);
      this.chunkBufferSize = 0;
    }
    ${methods.join("\n")}
  };`)(apiClient, connectivityService);
  const manager = new Manager();
  const quiet = { log() {} };
  new Function("connectivityService", "console", cloud("Connectivity")).call(manager, connectivityService, quiet);

  const filename = `recording-${Date.now()}.webm`;
  manager.queueInit({ filename, timestamp: 1234567890, fps: 30, codec: "vp9", bitrate: 2500000, resolution: "320x180" });
  const whole = [];
  if (pieces === null) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [320, 180];
    const pen = canvas.getContext("2d");
    const timer = setInterval(() => {
      pen.fillStyle = `hsl(${performance.now() / 20} 70% 40%)`;
      pen.fillRect(0, 0, 320, 180);
    }, 40);
    const mediaRecorder = new MediaRecorder(canvas.captureStream(25));
    const stopped = new Promise((done) => (mediaRecorder.onstop = done));
    mediaRecorder.ondataavailable = (event) => {
      whole.push(event.data);
      manager.addToBuffer(event.data, whole.length - 1);
    };
    new Function("mediaRecorder", block("Chunk Upload Implementation Summary: Chunk generation"))(mediaRecorder);
    setTimeout(() => mediaRecorder.stop(), seconds * 1000);
    await stopped;
    clearInterval(timer);
  } else {
    for (const piece of pieces) {
      whole.push(piece);
      manager.addToBuffer(piece, whole.length - 1);
      // The network goes and comes again.
      if (whole.length === 20) connectivityService.isOnline = false;
      if (whole.length === 30) {
        connectivityService.isOnline = true;
        heard.restored.call(manager);
      }
      await new Promise((done) => setTimeout(done, 1));
    }
  }
  heard.restored.call?.(manager);
  const finished = await manager.finalizeSession({ duration: seconds });
  const progress = manager.getProgress();

  const relative = (path, options) => fetch(address + path, { ...options, headers: { ...options.headers, authorization: `Bearer ${token}` } });
  const metadata = await new AsyncFunction("fetch", "filename", `${block("Chunked Video Upload System Flow: Metadata")}; return response;`)(relative, filename);
  const png = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const shareUrl = await new AsyncFunction("dataUrl", "apiClient", `${cloud("Screenshots")}; return shareUrl;`)(png, apiClient);

  const bytes = await new Blob(whole).arrayBuffer();
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  const sha256 = [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, "0")).join("");
  const picture = await fetch(shareUrl).then((r) => [r.status, r.headers.get("content-type")]);
  return { finished, progress, metadata: metadata.status, title: (await metadata.json()).video?.title, picture, sha256, size: bytes.byteLength };
};
