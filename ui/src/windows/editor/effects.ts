/*!
 * The arithmetic of blur and pixelate, on RGBA pixels: `crates/render/src/picture/effects.rs` in TypeScript, whole
 * numbers only.
 *
 * Pixelate is computed from the rim of its area alone, so nothing of what it hides is left in the picture. A true
 * blur can be undone, which its tool says.
 */

export interface Pixels {
  data: Uint8ClampedArray;
  width: number;
  height: number;
}

const CHANNELS = 4;
/** Three box blurs come close to a Gaussian. */
const PASSES = 3;
const WEIGHT_UNIT = 1 << 16;
const GREY = 128;

/** Blurs pixels in place. Nothing outside of them is read: their edges are repeated outwards. */
export function blur(pixels: Pixels, radiusPx: number): Pixels {
  const radius = Math.max(1, Math.floor((radiusPx + Math.floor(PASSES / 2)) / PASSES));
  const { data, width, height } = pixels;
  const copy = new Uint8Array(Math.max(width, height) * CHANNELS);
  for (let y = 0; y < height; y += 1) boxes(data, y * width * CHANNELS, CHANNELS, width, copy, radius);
  for (let x = 0; x < width; x += 1) boxes(data, x * CHANNELS, width * CHANNELS, height, copy, radius);
  return pixels;
}

/** Replaces each pixel of a line by the mean of those around it, three times. */
function boxes(data: Uint8ClampedArray, start: number, step: number, length: number, copy: Uint8Array, radius: number) {
  const count = 2 * radius + 1;
  const half = count >> 1;
  const last = length - 1;
  for (let channel = 0; channel < CHANNELS; channel += 1) {
    const from = start + channel;
    for (let pass = 0; pass < PASSES; pass += 1) {
      for (let at = 0; at < length; at += 1) copy[at] = data[from + at * step]!;
      let sum = copy[0]! * (radius + 1);
      for (let at = 1; at <= radius; at += 1) sum += copy[Math.min(at, last)]!;
      for (let at = 0; at < length; at += 1) {
        data[from + at * step] = Math.floor((sum + half) / count);
        sum += copy[Math.min(at + radius + 1, last)]! - copy[Math.max(0, at - radius)]!;
      }
    }
  }
}

/** One side of an area: the pixels just outside of it, RGBA. What is hidden itself is not `known`. */
export interface Rim {
  data: Uint8ClampedArray;
  known?: readonly boolean[];
}

/** The sides of an area; `null` where they are outside of the picture. */
export interface Rims {
  above: Rim | null;
  below: Rim | null;
  before: Rim | null;
  after: Rim | null;
}

/** Returns the blocks of an area. Each has the mean of the four rims beside it, the nearer the heavier. */
export function mosaic({ width, height }: { width: number; height: number }, rims: Rims, blockPx: number): Pixels {
  const block = Math.max(1, blockPx);
  const data = new Uint8ClampedArray(width * height * CHANNELS);
  for (let top = 0; top < height; top += block) {
    const bottom = Math.min(height, top + block);
    for (let left = 0; left < width; left += block) {
      const right = Math.min(width, left + block);
      const [x, y] = [Math.floor((left + right) / 2), Math.floor((top + bottom) / 2)];
      const mixed = mix([
        [rims.above, left, right, y + 1],
        [rims.below, left, right, height - y + 1],
        [rims.before, top, bottom, x + 1],
        [rims.after, top, bottom, width - x + 1],
      ]);
      const offset = pattern(left / block, top / block);
      for (let down = top; down < bottom; down += 1) {
        for (let across = left; across < right; across += 1) {
          const at = (down * width + across) * CHANNELS;
          // Clamped by the array's type.
          data[at] = mixed[0] + offset;
          data[at + 1] = mixed[1] + offset;
          data[at + 2] = mixed[2] + offset;
          data[at + 3] = 255;
        }
      }
    }
  }
  return { data, width, height };
}

type Side = [rim: Rim | null, from: number, to: number, distance: number];

function mix(sides: readonly Side[]): [number, number, number] {
  const sums: [number, number, number] = [0, 0, 0];
  let weights = 0;
  for (const [rim, from, to, distance] of sides) {
    if (rim === null) continue;
    const { data, known } = rim;
    let count = to - from;
    if (known !== undefined) for (let at = from; at < to; at += 1) count -= known[at] ? 0 : 1;
    if (count === 0) continue;
    const weight = Math.floor(WEIGHT_UNIT / distance);
    weights += weight;
    for (const channel of [0, 1, 2] as const) {
      let sum = 0;
      for (let at = from; at < to; at += 1) if (known?.[at] ?? true) sum += data[at * CHANNELS + channel]!;
      sums[channel] += weight * Math.floor((sum + (count >> 1)) / count);
    }
  }
  if (weights === 0) return [GREY, GREY, GREY];
  return [Math.floor(sums[0] / weights), Math.floor(sums[1] / weights), Math.floor(sums[2] / weights)];
}

/** From -16 to 15, by the block's number alone: it makes the blocks visible. */
function pattern(x: number, y: number): number {
  let mixed = Math.imul(x, 0x9e3779b1) ^ Math.imul(y, 0x85ebca77);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x2c1b3c6d);
  mixed ^= mixed >>> 12;
  return (mixed & 31) - 16;
}
