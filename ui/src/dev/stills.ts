/*! Pictures and a video of screens that nobody recorded, for cards and the player: the look's own. */
import demo from "./demo.webm?url";

const GROUNDS = [
  ["#24405c", "#5b4a86"],
  ["#0f8a72", "#0c4356"],
  ["#b4469f", "#f05a78"],
  ["#2b394b", "#171c26"],
  ["#4c5a66", "#252d38"],
  ["#bd6c25", "#6b2a1f"],
] as const;
const bar = (x: number, y: number, width: number, colour: string, height = 6) =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${height / 2}" fill="${colour}"/>`;
const PALE = "rgb(255 255 255 / 55%)";
const MOTIFS = [
  bar(62, 20, 94, PALE) + bar(70, 33, 54, "#d9b261") + bar(70, 46, 104, "#7fb2e5") + bar(78, 59, 54, "#97cf9d") + bar(62, 72, 80, PALE),
  bar(20, 20, 82, "#ffffff", 8) + bar(20, 38, 150, PALE) + bar(20, 51, 124, PALE) +
    `<rect x="20" y="76" width="70" height="36" rx="6" fill="${PALE}"/><rect x="100" y="76" width="70" height="36" rx="6" fill="${PALE}"/>`,
  bar(18, 17, 60, "#ffffff", 8) +
    `<polyline points="18,108 54,80 84,95 122,48 154,64 202,26" fill="none" stroke="#fff" stroke-width="4"/>`,
];

/** The same one for the same recording, whatever is asked of it. */
export function still(path: string): string {
  const n = Number.parseInt(path.slice(24, 36), 10) || 0;
  const [from, to] = GROUNDS[(n - 1) % GROUNDS.length] ?? GROUNDS[0];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 220 136" preserveAspectRatio="xMidYMid slice">
    <linearGradient id="g" x2="0" y2="1"><stop stop-color="${from}"/><stop offset="1" stop-color="${to}"/></linearGradient>
    <rect width="220" height="136" fill="url(#g)"/>${MOTIFS[(n - 1) % MOTIFS.length]}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}#`;
}

/** The element id of a cluster in WebM. */
const CLUSTER = [0x1f, 0x43, 0xb6, 0x75];

/** The video's init and pieces, cut as the program cuts: addresses for `ID/init`, `ID/0`, `ID/1`, ... */
export async function pieces(): Promise<(path: string) => string | undefined> {
  const bytes = new Uint8Array(await (await fetch(demo)).arrayBuffer());
  const begins = [...bytes.keys()].filter((at) => CLUSTER.every((byte, n) => bytes[at + n] === byte));
  const cuts = [0, ...begins, bytes.length];
  const addresses = cuts
    .slice(0, -1)
    .map((cut, n) => URL.createObjectURL(new Blob([bytes.subarray(cut, cuts[n + 1])])));
  return (path) => {
    const part = path.split("/")[1] ?? "";
    return part === "init" ? addresses[0] : addresses[Number(part) + 1];
  };
}
