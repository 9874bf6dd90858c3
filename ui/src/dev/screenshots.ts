/*! A made-up screenshot, and drawings on it, for pictures and tests of the editor. */
import type { PictureView } from "$lib/bindings/PictureView";
import type { RecognizedView } from "$lib/bindings/RecognizedView";
import type { Drawing, Rgb, Shape } from "../windows/editor/types";

export const WIDTH = 1440;
export const HEIGHT = 900;
const RED: Rgb = [229, 56, 59];
const BLUE: Rgb = [33, 113, 255];
const YELLOW: Rgb = [250, 204, 21];

const word = (x: number, y: number, size: number, text: string, color = "#10141c", weight = 600) =>
  `<text x="${x}" y="${y}" font-family="system-ui, sans-serif" font-size="${size}" font-weight="${weight}" fill="${color}">${text}</text>`;
const card = (x: number, title: string, value: string, color: string) =>
  `<rect x="${x}" y="170" width="340" height="150" rx="14" fill="#ffffff" stroke="#e3e6ec"/>` +
  word(x + 24, 210, 17, title, "#5b6472", 500) +
  word(x + 24, 268, 42, value) +
  `<rect x="${x + 230}" y="238" width="86" height="30" rx="15" fill="${color}" fill-opacity="0.14"/>`;
const row = (y: number, name: string, mail: string, sum: string) =>
  `<circle cx="332" cy="${y}" r="17" fill="#d7defa"/>` +
  word(364, y + 6, 18, name, "#10141c", 500) +
  word(620, y + 6, 18, mail, "#5b6472", 400) +
  word(1240, y + 6, 18, sum) +
  `<path d="M300 ${y + 34} H1380" stroke="#eceef2"/>`;

/** An order list, as programs have them. */
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}">
  <rect width="${WIDTH}" height="${HEIGHT}" fill="#f6f7f9"/>
  <rect width="240" height="${HEIGHT}" fill="#141a26"/>
  ${word(36, 62, 24, "Northwind", "#ffffff")}
  ${["Overview", "Orders", "Customers", "Reports", "Settings"].map((name, n) => (n === 1 ? `<rect x="20" y="136" width="200" height="44" rx="10" fill="#26324a"/>` : "") + word(40, 114 + n * 50, 18, name, n === 1 ? "#ffffff" : "#96a0b5", 500)).join("")}
  ${word(280, 84, 34, "Orders")}
  <rect x="1216" y="48" width="164" height="48" rx="10" fill="#2170ff"/>${word(1254, 79, 18, "New order", "#ffffff")}
  ${card(280, "Revenue today", "$ 12,480", "#13864b")}${card(660, "Open orders", "38", "#a15c00")}${card(1040, "Cart total", "$ -0.00", "#e5383b")}
  <rect x="280" y="352" width="1120" height="500" rx="14" fill="#ffffff" stroke="#e3e6ec"/>
  ${word(308, 398, 20, "Latest orders")}
  ${row(448, "Ada Meyer", "ada.meyer@mail.example", "$ 128.00")}${row(516, "Jonas Weber", "jonas@weber.example", "$ 64.50")}
  ${row(584, "Layla Haddad", "layla.haddad@mail.example", "$ 310.20")}${row(652, "Tom Clark", "tom.clark@mail.example", "$ 19.99")}
  ${row(720, "Mina Sato", "mina@sato.example", "$ 87.00")}${row(788, "Olu Ade", "olu.ade@mail.example", "$ 45.10")}
</svg>`;

export const sourceUrl = `data:image/svg+xml,${encodeURIComponent(SVG)}`;

export const plain: Drawing = {
  canvas: { crop: null, quarterTurns: 0, width: null, background: null },
  shapes: [],
};

/** One of everything, as a person would place it. */
export const marked: Drawing = {
  ...plain,
  shapes: (
    [
      { tool: "pixelate", area: { x: 612, y: 426, width: 260, height: 44 }, blockPx: 12 },
      { tool: "blur", area: { x: 612, y: 494, width: 250, height: 44 }, radiusPx: 12 },
      { tool: "cover", area: { x: 612, y: 562, width: 270, height: 44 }, color: [16, 20, 28] },
      {
        tool: "marker",
        points: [
          { x: 366, y: 652 },
          { x: 420, y: 653 },
          { x: 470, y: 651 },
        ],
        color: YELLOW,
        widthPx: 30,
      },
      { tool: "box", area: { x: 1028, y: 158, width: 364, height: 174 }, radiusPx: 8, filled: false, color: RED, widthPx: 6 },
      { tool: "arrow", from: { x: 830, y: 96 }, to: { x: 1046, y: 196 }, bend: { x: 980, y: 90 }, color: RED, widthPx: 8 },
      { tool: "text", at: { x: 560, y: 64 }, text: "Total is negative", sizePx: 34, color: RED, plate: true },
      { tool: "step", at: { x: 308, y: 448 }, number: 1, sizePx: 40, color: BLUE },
      { tool: "step", at: { x: 308, y: 584 }, number: 2, sizePx: 40, color: BLUE },
      { tool: "ellipse", area: { x: 1216, y: 560, width: 140, height: 52 }, filled: false, color: BLUE, widthPx: 5 },
      {
        tool: "pen",
        points: [
          { x: 1228, y: 736 },
          { x: 1260, y: 742 },
          { x: 1290, y: 734 },
          { x: 1330, y: 741 },
        ],
        color: RED,
        widthPx: 5,
      },
      { tool: "line", from: { x: 366, y: 742 }, to: { x: 470, y: 742 }, color: RED, widthPx: 5 },
      { tool: "emoji", at: { x: 1110, y: 448 }, emoji: "👍", sizePx: 48 },
    ] as const
  ).map((form, n) => ({ ...structuredClone(form), id: n + 1 }) as unknown as Shape),
};

export const picture = (more: Partial<PictureView> = {}): PictureView => ({
  id: "0198c0de-0000-7000-8000-000000000801",
  title: "Orders – Northwind",
  width: WIDTH,
  height: HEIGHT,
  drawing: null,
  isOfNewerForm: false,
  sourceUrl,
  stillUrl: null,
  glanceUrl: null,
  link: null,
  state: { kind: "local" },
  version: 1,
  takenAtMs: 0,
  ...more,
});

export const recognized: RecognizedView = {
  text: "Latest orders\nAda Meyer  ada.meyer@mail.example  $ 128.00\nJonas Weber  jonas@weber.example  $ 64.50\nLayla Haddad  layla.haddad@mail.example  $ 310.20",
  codes: ["https://northwind.example/orders/4711"],
  install: null,
};

/** The made-up screenshot as PNG, as the program gives it to a pin. */
export async function pinned(): Promise<ArrayBuffer> {
  const image = new Image();
  image.src = sourceUrl;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH / 2, HEIGHT / 2];
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((then) => canvas.toBlob(then));
  return (await blob?.arrayBuffer()) ?? new ArrayBuffer(0);
}
