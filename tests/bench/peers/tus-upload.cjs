/**
 * Uploads a file by tus-js-client, in chunks, and prints its addresses: `node tus-upload.cjs ENDPOINT FILE CHUNK_BYTES
 * AT_ONCE`. @tus/server joins no partial uploads, so with two at once each half of the file is an upload. With STORE set
 * it keeps its URLs in that file and resumes.
 */
const fs = require("node:fs");
const { createRequire } = require("node:module");
const peers = createRequire(process.env.PEERS);
const tus = peers("tus-js-client");

const [endpoint, file, chunkBytes, atOnce] = process.argv.slice(2);
const store = process.env.STORE;
const share = Math.ceil(fs.statSync(file).size / Number(atOnce));

for (let index = 0; index < Number(atOnce); index += 1) {
  const whole = Number(atOnce) === 1;
  const range = whole ? {} : { start: index * share, end: Math.min((index + 1) * share, fs.statSync(file).size) - 1 };
  const upload = new tus.Upload(fs.createReadStream(file, range), {
    endpoint,
    chunkSize: Number(chunkBytes),
    retryDelays: [0, 100, 500, 1000, 2000],
    urlStorage: store ? new tus.FileUrlStorage(store) : undefined,
    storeFingerprintForResuming: Boolean(store),
    metadata: { filename: "recording.webm" },
    onError(error) {
      console.error(String(error));
      process.exit(1);
    },
    onSuccess() {
      console.log(upload.url);
    },
  });
  begin(upload);
}

async function begin(upload) {
  if (store) {
    const [before] = await upload.findPreviousUploads();
    if (before) upload.resumeFromPreviousUpload(before);
  }
  upload.start();
}
