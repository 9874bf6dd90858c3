/*! The editor draws the same elements as the export: both are held to one file. */
import { expect, test } from "vitest";
import fixtures from "../../../../crates/render/tests/shapes.json";
import { svgOf } from "./svg";
import type { Shape } from "./types";

const all = fixtures as unknown as { shape: Shape; svg: string }[];

test.each(all.map(({ shape, svg }) => [`${shape.tool} ${shape.id}`, shape, svg] as const))(
  "%s has the elements that both renderers agreed on",
  (_, shape, svg) => {
    expect(svgOf(shape)).toBe(svg);
  },
);
