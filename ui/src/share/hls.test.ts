import { afterEach, describe, expect, it, vi } from "vitest";
import { Hls, readPlaylist, typeOf } from "./hls.ts";

const OPTIONS = { base: "https://videos.example.com/videos/1-key", version: "2", playlist: "all", lengthMs: null };
const BASE = "https://videos.example.com/videos/1-key/hls/720.m3u8?v=2";

describe("readPlaylist", () => {
  it("reads the header, the times of the pieces, and whether it is whole", () => {
    const text =
      '#EXTM3U\n#EXT-X-MAP:URI="720.init.mp4?v=2"\n#EXTINF:2.000,\n720.0.m4s?v=2\n#EXTINF:1.033,\n720.1.m4s?v=2\n';
    const at = "https://videos.example.com/videos/1-key/hls/";
    const expected = {
      header: `${at}720.init.mp4?v=2`,
      pieces: [
        { startMs: 0, endMs: 2000, address: `${at}720.0.m4s?v=2` },
        { startMs: 2000, endMs: 3033, address: `${at}720.1.m4s?v=2` },
      ],
      whole: false,
    };
    expect(readPlaylist(text, BASE)).toEqual(expected);
    expect(readPlaylist(`${text}#EXT-X-ENDLIST\n`, BASE)).toEqual({ ...expected, whole: true });
  });

  it("takes nothing without a header", () => {
    expect(readPlaylist("#EXTM3U\n", BASE)).toBeNull();
  });
});

describe("typeOf", () => {
  const header = (text: string, ...more: number[]) =>
    new Uint8Array([...[...text].map((letter) => letter.charCodeAt(0)), ...more]);

  it("names profile and level, and sound only where there is some", () => {
    expect(typeOf(header("....avcC", 1, 0x64, 0, 0x1f))).toBe('video/mp4; codecs="avc1.64001f"');
    const both = header("mp4a....avcC", 1, 0x4d, 0x40, 0x0a);
    expect(typeOf(both)).toBe('video/mp4; codecs="avc1.4d400a,mp4a.40.2"');
  });

  it("names nothing without H.264", () => {
    expect(typeOf(header("hvcC"))).toBeNull();
  });
});

describe("Hls", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  const fake = (readyState: number, videoWidth: number) =>
    Object.assign(new EventTarget(), {
      canPlayType: () => "maybe",
      querySelectorAll: () => [],
      play: vi.fn(async () => {}),
      readyState,
      videoWidth,
      currentTime: 0,
      paused: false,
      src: "",
    });

  /** A browser that plays playlists by itself, and reports what an event says it knows. */
  function starts(readyState: number, videoWidth: number, event: string) {
    vi.useFakeTimers();
    const text = '#EXTM3U\n#EXT-X-MAP:URI="720.init.mp4"\n#EXTINF:2.000,\n720.0.m4s\n#EXT-X-ENDLIST\n';
    vi.stubGlobal("fetch", async () => ({ status: 200, text: async () => text }));
    const video = fake(readyState, videoWidth);
    const started = new Hls(video as unknown as HTMLVideoElement, OPTIONS, () => {}).start();
    setTimeout(() => video.dispatchEvent(new Event(event)), 100);
    return started;
  }

  it("plays in a browser that loads no picture before somebody plays", async () => {
    const plays = starts(1, 320, "loadedmetadata");
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await plays).toBe(true);
  });

  it("plays at once where a picture was loaded", async () => {
    const plays = starts(2, 320, "loadeddata");
    await vi.advanceTimersByTimeAsync(200);
    expect(await plays).toBe(true);
  });

  it("begins anew by the browser itself where the stream is made anew", async () => {
    vi.useFakeTimers();
    // No Media Source Extensions, as on older iPhones.
    vi.stubGlobal("MediaSource", undefined);
    const piece = "#EXTINF:2.000,\n720.0.m4s\n";
    const list = (made: number, pieces: number) =>
      `#EXTM3U\n#EXT-X-MAP:URI="720.init.mp4?g=${made}"\n${piece.repeat(pieces)}`;
    let answer = { status: 200, text: async () => list(1, 3) };
    vi.stubGlobal("fetch", async (address: string) =>
      address.includes("init") ? { ok: true, arrayBuffer: async () => new ArrayBuffer(4) } : answer,
    );
    const video = fake(2, 320);
    const loads: string[] = [];
    Object.defineProperty(video, "src", {
      set: (address: string) => {
        loads.push(address);
        setTimeout(() => video.dispatchEvent(new Event("loadeddata")), 100);
      },
    });
    const failed = vi.fn();
    const started = new Hls(video as unknown as HTMLVideoElement, OPTIONS, failed).start();
    await vi.advanceTimersByTimeAsync(200);
    expect([await started, loads.length]).toEqual([true, 1]);
    expect(loads[0]).toBe("https://videos.example.com/videos/1-key/hls/all.m3u8?v=2");
    video.currentTime = 5;

    // The pieces are gone, and then there are others, and more of them than before.
    answer = { status: 202, text: async () => "" };
    await vi.advanceTimersByTimeAsync(20_000);
    expect(loads.length).toBe(1);
    answer = { status: 200, text: async () => list(2, 4) };
    await vi.advanceTimersByTimeAsync(4_000);
    expect(loads.length).toBe(2);
    expect([video.currentTime, video.play.mock.calls.length]).toEqual([5, 1]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([loads.length, failed.mock.calls.length]).toEqual([2, 0]);
  });
});
