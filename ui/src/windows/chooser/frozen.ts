/*! The frozen picture of a display. It comes in strips, which are decoded at the same time. */
import type { StripView } from "$lib/bindings/StripView";

export interface Strip {
  image: HTMLImageElement;
  /** Its first row, and how many there are. */
  y: number;
  height: number;
}

/** Reads and decodes a picture. The elements that were decoded are those that are shown. */
export const load = (strips: readonly StripView[]): Promise<Strip[]> =>
  Promise.all(
    strips.map(async ({ src, y, height }) => {
      const image = new Image();
      [image.src, image.alt] = [src, ""];
      await image.decode();
      return { image, y, height };
    }),
  );

/** Fills an element with the picture. */
export function place(strips: readonly Strip[], into: HTMLElement, total: number) {
  for (const { image, y, height } of strips) {
    image.style.top = `${(y / total) * 100}%`;
    image.style.height = `${(height / total) * 100}%`;
  }
  into.replaceChildren(...strips.map(({ image }) => image));
}
