/*! Effects are computed from what lies below them, as at the export. */
import { expect, test } from "vitest";
import { patch } from "./patch";
import type { Area, Form, Rgb, Shape } from "./types";

const SIZE = { width: 80, height: 60 };
const RED: Rgb = [255, 0, 0];

async function white(): Promise<HTMLImageElement> {
  const canvas = Object.assign(document.createElement("canvas"), SIZE);
  const context = canvas.getContext("2d")!;
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, SIZE.width, SIZE.height);
  const image = new Image();
  image.src = canvas.toDataURL();
  await image.decode();
  return image;
}

const numbered = (...forms: Form[]): Shape[] => forms.map((form, n) => ({ ...form, id: n + 1 }) as Shape);
const box = (area: Area): Form => ({ tool: "box", area, color: RED, widthPx: 2, radiusPx: 0, filled: true });
const blurOf = (area: Area, radiusPx = 6): Form => ({ tool: "blur", area, radiusPx });

/** Returns the middle pixel of the last effect of these shapes. */
async function middle(shapes: Shape[], of = shapes.length - 1, canvas = document.createElement("canvas")) {
  const shape = shapes[of] as Parameters<typeof patch>[1];
  patch(canvas, shape, { source: await white(), size: SIZE, shapes });
  const at = [canvas.width >> 1, canvas.height >> 1] as const;
  return [...canvas.getContext("2d")!.getImageData(...at, 1, 1).data.slice(0, 3)];
}

const whole: Area = { x: 0, y: 0, ...SIZE };
const part: Area = { x: 20, y: 15, width: 40, height: 30 };

test("object below a blur is blurred with it, and one above is not", async () => {
  expect(await middle(numbered(box(whole), blurOf(part)))).toEqual(RED);
  expect(await middle(numbered(box(whole), blurOf(part, 24)))).toEqual(RED);
  expect(await middle(numbered(blurOf(part), box(whole)), 0)).toEqual([255, 255, 255]);
});

test("rim of a pixelated area has the objects that lie below it", async () => {
  const pixelate: Form = { tool: "pixelate", area: part, blockPx: 30 };
  const [, green] = await middle(numbered(box(whole), pixelate));
  expect(green).toBeLessThan(20);
  const [, above] = await middle(numbered(pixelate, box(whole)), 0);
  expect(above).toBeGreaterThan(230);
});

test("what is covered by a later object is not in a blur", async () => {
  const cover: Form = { tool: "cover", area: whole, color: [0, 0, 255] };
  expect(await middle(numbered(blurOf(part), cover), 0)).toEqual([0, 0, 255]);
});

test("blur below a blur is part of it", async () => {
  const shapes = numbered(box(whole), blurOf(whole), blurOf(part));
  expect(await middle(shapes)).toEqual(RED);
});

test("effect is drawn again when what lies below it changes, and after undo", async () => {
  const canvas = document.createElement("canvas");
  const [below, blur] = numbered(box(whole), blurOf(part)) as [Shape, Shape];
  expect(await middle([below, blur], 1, canvas)).toEqual(RED);
  const green = { ...below, color: [0, 255, 0] } as Shape;
  expect(await middle([green, blur], 1, canvas)).toEqual([0, 255, 0]);
  expect(await middle([below, blur], 1, canvas)).toEqual(RED);
});
