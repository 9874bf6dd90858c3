/*
 * Uploads a recording with the types that openapi-typescript makes, and prints its state.
 * Arguments: address, token, number of parts, folder of the parts.
 */
import { readFileSync } from "node:fs";
import { argv } from "node:process";
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const [address, token, count, folder] = argv.slice(2) as [string, string, string, string];
const client = createClient<paths>({
  baseUrl: address,
  headers: { Authorization: `Bearer ${token}` },
});

function answer<T>(result: { data?: T; error?: unknown }): T {
  if (result.data === undefined) throw new Error(JSON.stringify(result.error));
  return result.data;
}

const opened = answer(
  await client.POST("/api/v1/videos/init", {
    body: {
      filename: "recording.webm",
      timestamp: "2024-01-15T10-30-45",
      fps: 30,
      codec: "video/webm;codecs=vp9",
      bitrate: 2_500_000,
      resolution: { width: 1920, height: 1080 },
    },
  }),
);
const session: string = opened.sessionId;
const indices = Array.from({ length: Number(count) }, (_, index) => index);
for (const index of indices) {
  const received = answer(
    await client.POST("/api/v1/videos/chunk", {
      // A form's file is a text in the document's terms; the serializer sends its bytes.
      body: { sessionId: session, chunkIndex: String(index), chunk: `${folder}/${index}.webm` },
      bodySerializer: (body) => {
        const form = new FormData();
        form.set("sessionId", body.sessionId);
        form.set("chunkIndex", body.chunkIndex);
        form.set("chunk", new Blob([readFileSync(body.chunk)], { type: "video/webm" }), "chunk");
        return form;
      },
    }),
  );
  if (received.receivedChunkIndex !== index) throw new Error(JSON.stringify(received));
}
const finished = answer(
  await client.POST("/api/v1/videos/finalize", {
    body: {
      sessionId: session,
      totalChunks: indices.length,
      uploadedChunks: indices,
      duration: 2000 * indices.length,
    },
  }),
);
if (!finished.videoUrl.startsWith(address)) throw new Error(finished.videoUrl);
const video = answer(
  await client.GET("/api/v1/videos/{session}", { params: { path: { session } } }),
);
console.log(JSON.stringify(video));
