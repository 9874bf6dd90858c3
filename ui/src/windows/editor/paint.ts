/*!
 * Paints a shape onto a canvas, for effects that are computed from what lies below them. It reads the elements of
 * `svgOf`, so there is one declaration of how a shape looks.
 */
import { MULTIPLY, svgOf } from "./svg";
import type { Shape } from "./types";

/** The elements of a shape, and how their colours meet what lies below. */
interface Parsed {
  elements: Element[];
  isMultiplied: boolean;
}
const parsed = new WeakMap<Shape, Parsed>();

function parse(shape: Shape): Parsed {
  const known = parsed.get(shape);
  if (known !== undefined) return known;
  const svg = svgOf(shape);
  const text = `<svg xmlns="http://www.w3.org/2000/svg">${svg.replaceAll(MULTIPLY, "")}</svg>`;
  const elements = [...new DOMParser().parseFromString(text, "image/svg+xml").documentElement.children];
  const found = { elements, isMultiplied: svg.includes(MULTIPLY) };
  parsed.set(shape, found);
  return found;
}

/** Paints a shape, in the picture's pixels as the context's transform has them. */
export function paint(context: CanvasRenderingContext2D, shape: Shape) {
  const { elements, isMultiplied } = parse(shape);
  context.save();
  if (isMultiplied) context.globalCompositeOperation = "multiply";
  for (const element of elements) {
    const number = (name: string) => Number(element.getAttribute(name) ?? 0);
    const [fill, stroke] = [element.getAttribute("fill") ?? "#000000", element.getAttribute("stroke") ?? "none"];
    context.lineWidth = number("stroke-width");
    context.lineCap = (element.getAttribute("stroke-linecap") ?? "butt") as CanvasLineCap;
    context.lineJoin = (element.getAttribute("stroke-linejoin") ?? "miter") as CanvasLineJoin;
    context.fillStyle = fill === "none" ? "transparent" : fill;
    context.strokeStyle = stroke === "none" ? "transparent" : stroke;
    const draw = (what: "fill" | "stroke", act: () => void) => {
      if ((what === "fill" ? fill : stroke) === "none") return;
      context.globalAlpha = Number(element.getAttribute(`${what}-opacity`) ?? 1);
      act();
    };
    if (element.tagName === "text") {
      lettersOf(context, element, draw);
      continue;
    }
    const path = pathOf(element, number);
    draw("fill", () => context.fill(path));
    draw("stroke", () => context.stroke(path));
  }
  context.restore();
}

type Draw = (what: "fill" | "stroke", act: () => void) => void;

function lettersOf(context: CanvasRenderingContext2D, element: Element, draw: Draw) {
  const weight = element.getAttribute("font-weight") ?? "400";
  context.font = `${weight} ${element.getAttribute("font-size")}px ${element.getAttribute("font-family")}`;
  context.textAlign = element.getAttribute("text-anchor") === "middle" ? "center" : "left";
  context.direction = "ltr";
  const lines = element.children.length > 0 ? [...element.children] : [element];
  for (const line of lines) {
    const [x, y] = [Number(line.getAttribute("x")), Number(line.getAttribute("y"))];
    draw("fill", () => context.fillText(line.textContent ?? "", x, y));
    draw("stroke", () => context.strokeText(line.textContent ?? "", x, y));
  }
}

function pathOf(element: Element, number: (name: string) => number): Path2D {
  const path = new Path2D(element.tagName === "path" ? (element.getAttribute("d") ?? "") : "");
  if (element.tagName === "rect") {
    const [width, height] = [number("width"), number("height")];
    path.roundRect(number("x"), number("y"), width, height, Math.min(number("rx"), width / 2, height / 2));
  } else if (element.tagName === "ellipse") {
    path.ellipse(number("cx"), number("cy"), number("rx"), number("ry"), 0, 0, 2 * Math.PI);
  } else if (element.tagName === "circle") {
    path.arc(number("cx"), number("cy"), number("r"), 0, 2 * Math.PI);
  }
  return path;
}
