/*!
 * The only door to the program: its commands and its events. Windows name recordings by id and never
 * hand over a link or a path; the program looks those up itself.
 */
import { convertFileSrc } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import type { About } from "$lib/bindings/About";
import type { Ability } from "$lib/bindings/Ability";
import type { Bound as BoundShortcut } from "$lib/bindings/Bound";
import type { Card } from "$lib/bindings/Card";
import type { Choice } from "$lib/bindings/Choice";
import type { ChooserView } from "$lib/bindings/ChooserView";
import type { ChosenSource as Chosen } from "$lib/bindings/ChosenSource";
import type { CommandError } from "$lib/bindings/CommandError";
import type { Desktop } from "$lib/bindings/Desktop";
import type { DeviceView } from "$lib/bindings/DeviceView";
import type { NewPlace } from "$lib/bindings/NewPlace";
import type { Playable } from "$lib/bindings/Playable";
import type { Reached } from "$lib/bindings/Reached";
import type { Rect } from "$lib/bindings/Rect";
import type { SignInView as SignIn } from "$lib/bindings/SignInView";
import type { Size } from "$lib/bindings/Size";
import { commands } from "$lib/bindings/commands";
import type { UiEvent } from "$lib/bindings/UiEvent";
import type { UpdateView as Updates } from "$lib/bindings/UpdateView";
import type { WindowView as ChooserWindow } from "$lib/bindings/WindowView";

// All generated from the Rust types (`cargo xtask tidy --fix`).
export type {
  About,
  Ability,
  BoundShortcut,
  Card,
  Choice,
  ChooserView,
  ChooserWindow,
  Chosen,
  CommandError,
  Desktop,
  DeviceView,
  Playable,
  Reached,
  Rect,
  SignIn,
  Size,
  Updates,
};

/** The commands as the program declares them, and defaults where most callers want the same. */
export const program = {
  ...commands,
  /** To the account's own server where none is named. Again while it waits: the page opens again. */
  signIn: (server: string | null = null, remember = true, allowHttp = false) =>
    commands.signIn(server, remember, allowHttp),
  addPlace: (place: NewPlace, remember = true, allowHttp = false) =>
    commands.addPlace(place, remember, allowHttp),
  signInWithToken: (server: string, token: string) => commands.signInWithToken(server, token, true),
};

/** Recordings themselves, at addresses that only the library and the preview may read. */
export const media = {
  /** Another version of it is asked for anew. */
  still: (id: string, version: number) => `${at(id, "still")}?${version}`,
  /** The first picture of a piece. */
  frame: (id: string, index: number) => at(id, `frame-${index}`),
  init: (id: string) => at(id, "init"),
  piece: (id: string, index: number) => at(id, String(index)),
  /** A picture with its drawing, small; another revision is asked for anew. */
  thumbnail: (id: string, revision: number) => at(id, `thumbnail-${revision}`),
  /** An animation on which nothing is drawn, as it moves. */
  moving: (id: string, revision: number) => at(id, `moving-${revision}`),
};
const at = (id: string, part: string) => convertFileSrc(`${id}/${part}`, "recording");

/** The events as `src-tauri/src/events.rs` declares them: another name or payload doesn't compile. */
type Payload<Name> = Extract<UiEvent, { name: Name }> extends { payload: infer P } ? P : null;
const on =
  <Name extends UiEvent["name"]>(name: Name) =>
  (tell: (payload: Payload<Name>) => void) =>
    listen<Payload<Name>>(name, (event) => tell(event.payload));

export const onChanged = on("changed");
export const onLevels = on("levels");
export const onLanguage = on("language");
/** The desktop gave keys, or others. */
export const onShortcuts = on("shortcuts");
export const onUpdates = on("updates");
export const onChooserOpened = on("chooser-opened");
/** The picture for which this editor waits is there. */
export const onPictureAdded = on("picture-added");
/** A countdown to a screenshot began, or ended. */
export const onCountdown = on("countdown");
export const onSignIn = on("sign-in");

export function asCommandError(thrown: unknown): CommandError {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown) {
    return thrown as CommandError;
  }
  return { code: "out-of-reach", params: {} };
}
