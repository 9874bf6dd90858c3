/*! Where an edit is on its way to the link, in words. */
import { expect, test } from "vitest";
import type { JobView } from "$lib/bindings/JobView";
import { cut, original } from "../../dev/cuts";
import type { CutView } from "./program";
import { canPublish, needsNewLink, publishLine } from "./publishing";

const job: JobView = {
  id: 5,
  kind: "publish",
  item: cut().id,
  target: null,
  thousandths: 425,
  startedUnixMs: null,
  secondsLeft: null,
  state: { kind: "running" },
};
const published = { ...original, version: 2, isOriginal: false };
const online: CutView["state"] = { kind: "done" };
const words = (view: Partial<CutView>) => publishLine(cut(view))?.text.replaceAll("\u00a0", " ");

test("each step of publishing has words of its own", () => {
  const refused: CutView["state"] = { kind: "needsYou", reason: "refused", detail: "The server is full" };
  const pending = { ...published, isShown: false };
  const shown: (string | undefined)[] = [
    words({ state: online, publish: original }),
    words({ publish: original, jobs: [job] }),
    words({ state: { kind: "uploading" }, publish: pending }),
    words({ state: { kind: "waits", reason: "offline" }, publish: pending }),
    words({ state: { kind: "waits", reason: "queue" }, publish: pending }),
    words({ state: { kind: "needsYou", reason: "sign-in", detail: "" }, publish: pending }),
    words({ state: { kind: "needsYou", reason: "new-link", detail: "" }, publish: pending }),
    words({ state: refused, publish: pending }),
    words({ state: online, publish: published }),
    words({ state: online, publish: { ...published, isCurrent: false } }),
    words({ state: online, publish: { ...published, isOriginal: true } }),
  ];
  expect(shown).toEqual([
    "Uploaded",
    "Publishing… 42%",
    "Publishing… 0%",
    "Will be published when you're online",
    "Waiting to be published",
    "Sign in to upload",
    "The edit needs a new link",
    "Not published. The server is full",
    "Published",
    "Changed since published",
    "The link shows the original",
  ]);
});

test("what is behind the link already is not published again", () => {
  expect(canPublish(cut({ state: online, publish: original }))).toBe(false);
  expect(canPublish(cut({ state: online, publish: published }))).toBe(false);
  const changed = { ...published, isCurrent: false };
  expect(canPublish(cut({ state: online, publish: changed }))).toBe(true);
  expect(canPublish(cut({ publish: { ...changed, way: "none" } })), "without a server").toBe(false);
  const rendering = { publish: changed, jobs: [job] };
  expect(canPublish(cut(rendering)), "while it is rendered").toBe(false);
  const refused = { kind: "needsYou" as const, reason: "refused" as const, detail: "" };
  expect(canPublish(cut({ state: refused, publish: published })), "after a failure").toBe(true);
});

test("a new link is needed where the server says so, before or after", () => {
  const edited = { ...original, way: "new-link" as const, isCurrent: false };
  expect(needsNewLink(cut({ publish: edited }))).toBe(true);
  expect(needsNewLink(cut({ publish: { ...edited, isCurrent: true } })), "never edited").toBe(false);
  const late = { kind: "needsYou" as const, reason: "new-link" as const, detail: "" };
  expect(needsNewLink(cut({ state: late, publish: { ...published, isShown: false } }))).toBe(true);
  expect(needsNewLink(cut({ state: online, publish: published }))).toBe(false);
});
