/*!
 * What can be done with one recording or several: the one list that the menu, the bar of a
 * selection and the keyboard go by. What doesn't work for a recording is not offered.
 */
import type { Name } from "$lib/components/Icon.svelte";
import type { MenuItem } from "$lib/components/Menu.svelte";
import { program } from "$lib/ipc";
import type { Live } from "$lib/live.svelte";
import * as m from "$lib/messages/messages";
import { placeName } from "$lib/words";
import type { Item } from "./item";

/** Its keys are as `keyName` gives them. */
export type Act = MenuItem & { icon: Name };

export interface Place {
  live: Live;
  play: (id: string) => void;
  rename: (id: string) => void;
  /** Shows the places that an item was sent to. */
  places: (id: string) => void;
  /** Nothing is chosen any more. */
  clear: () => void;
}

export function actsOn(recordings: readonly Item[], place: Place): Act[] {
  const only = recordings.length === 1 ? recordings[0] : undefined;
  if (only === undefined) return onMany(recordings, place);
  return only.picture === undefined ? onOne(only, place) : onPicture(only, place);
}

const isHeld = ({ state }: Item) => state.kind === "waits" && state.reason === "paused";
const isSent = ({ state }: Item) => state.kind === "done" || state.kind === "local";
export const needsSignIn = ({ state }: Item) =>
  state.kind === "needsYou" && state.reason === "sign-in";
export const retries = (one: Item) =>
  (one.state.kind === "needsYou" && !needsSignIn(one)) ||
  (one.state.kind === "waits" && !isHeld(one));
const pauses = (one: Item) =>
  one.state.kind === "uploading" || (one.state.kind === "waits" && !isHeld(one));

/** Returns whether it can be played here. A video that was brought in needs its file. */
export const plays = ({ isImported, here }: Item) => !isImported || here;

/** Opens a video that was brought in and isn't here: its page, or the folder where it was. */
export const openImport = ({ id, link, state }: Item): Promise<void> =>
  program.act(link !== null && state.kind === "done" ? `open-link:${id}` : `show-file:${id}`);

/** Tries an upload again. A picture is published again: its drawing may have changed, or its file be missing. */
export const again = ({ id, picture, state }: Item): Promise<void> =>
  picture === undefined || state.kind === "waits"
    ? program.act(`retry:${id}`)
    : program.publishPicture(id).then(() => {});

function onPicture(one: Item, place: Place): Act[] {
  const { id, link, picture } = one;
  const { live, rename } = place;
  const publishes = one.state.kind === "local" || picture?.hasChanges === true;
  const offered: Array<Act | false> = [
    {
      name: "edit",
      words: m.picture_open(),
      icon: "rename",
      keys: "Enter",
      run: () => live.run(program.openEditor(id)),
    },
    { name: "rename", words: m.rename(), icon: "rename", keys: "F2", run: () => rename(id) },
    link !== null && {
      name: "copy",
      words: m.copy_link(),
      icon: "copy",
      keys: "Ctrl+C",
      run: () => live.run(program.act(`copy-link:${id}`)),
    },
    link !== null && {
      name: "copy-markdown",
      words: m.picture_copy_markdown(),
      icon: "copy",
      run: () => live.run(program.copyPictureMarkdown(id)),
    },
    link !== null && {
      name: "open-link",
      words: m.open_link(),
      icon: "external",
      keys: "Ctrl+O",
      run: () => live.run(program.act(`open-link:${id}`)),
    },
    {
      name: "copy-image",
      words: m.picture_copy(),
      icon: "copy",
      keys: "Ctrl+Shift+C",
      run: () => live.run(program.copyPicture(id)),
    },
    publishes && {
      name: "publish",
      words: link === null ? m.picture_publish() : m.picture_publish_again(),
      icon: "upload",
      run: () => live.run(program.publishPicture(id).then(() => {})),
    },
    {
      name: "save",
      words: m.picture_save(),
      icon: "hard-drive",
      run: () => live.run(program.savePicture(id, null, true).then(() => {})),
    },
    {
      name: "reveal",
      words: m.picture_show(),
      icon: "folder",
      keys: "Ctrl+Shift+F",
      run: () => live.run(program.showPicture(id)),
    },
    retries(one) && {
      name: "retry",
      words: m.retry(),
      icon: "retry",
      run: () => live.run(again(one)),
    },
    ...sends(one, place),
    sentTo(one, place),
    deletes([one], place, m.delete_it()),
  ];
  return offered.filter((act) => act !== false);
}

function onOne(one: Item, place: Place): Act[] {
  const { id } = one;
  const { live, play, rename } = place;
  const offered: Array<Act | false> = [
    plays(one) && {
      name: "play",
      words: m.play(),
      icon: "play",
      keys: "Enter",
      run: () => play(id),
    },
    !one.isImported &&
      one.state.kind !== "recording" &&
      one.here && {
        name: "edit",
        words: m.edit_recording(),
        icon: "scissors",
        keys: "Ctrl+E",
        run: () => live.run(program.act(`edit:${id}`)),
      },
    { name: "rename", words: m.rename(), icon: "rename", keys: "F2", run: () => rename(id) },
    one.link !== null && {
      name: "copy",
      words: m.copy_link(),
      icon: "copy",
      keys: "Ctrl+C",
      run: () => live.run(program.act(`copy-link:${id}`)),
    },
    one.link !== null && {
      name: "open-link",
      words: m.open_link(),
      icon: "external",
      keys: "Ctrl+O",
      run: () => live.run(program.act(`open-link:${id}`)),
    },
    one.file !== null &&
      (one.here || !one.isImported) && {
        name: "reveal",
        words: m.reveal_file(),
        icon: "folder",
        keys: "Ctrl+Shift+F",
        run: () => live.run(program.act(`show-file:${id}`)),
      },
    !one.isImported &&
      one.state.kind !== "recording" &&
      one.here && {
        name: "record-on",
        words: m.record_on(),
        icon: "record",
        run: () => live.run(program.act(`record-on:${id}`)),
      },
    pauses(one) && {
      name: "pause",
      words: m.pause_upload(),
      icon: "pause",
      run: () => live.run(program.pauseUpload(id)),
    },
    isHeld(one) && {
      name: "resume",
      words: m.resume_upload(),
      icon: "resume",
      run: () => live.run(program.resumeUpload(id)),
    },
    retries(one) && {
      name: "retry",
      words: m.retry(),
      icon: "retry",
      run: () => live.run(program.act(`retry:${id}`)),
    },
    ...sends(one, place),
    sentTo(one, place),
    one.state.kind !== "recording" && deletes([one], place, m.delete_it()),
  ];
  return offered.filter((act) => act !== false);
}

/** The places that an item was sent to, where there are several. */
const sentTo = ({ id, uploads }: Item, { places }: Place): Act | false =>
  uploads.length > 1 && {
    name: "places",
    words: m.sent_to(),
    icon: "list",
    run: () => places(id),
  };

/**
 * The places at which the person is signed in and that don't have an item yet. A further place is sent a picture that
 * was drawn on once more, if it has changed.
 */
function sends({ id, here, picture, state, uploads }: Item, { live }: Place): Act[] {
  if (!here || state.kind === "recording") return [];
  const { account = null, otherServers = [] } = live.snapshot ?? {};
  const places = [
    ...(account === null || account.needsSignIn ? [] : [{ ...account, place: account.server }]),
    ...otherServers.filter(({ signedIn }) => signedIn).map((other) => ({ ...other, place: other.server })),
  ];
  // With one place only, it is the one that everything goes to.
  if (places.length < 2) return [];
  const settled = picture?.isEdited === true ? uploads.slice(0, 1) : uploads;
  const missing = places.filter(({ place, kind }) => !settled.some((it) => it.place === place && it.kind === kind));
  return missing.map((to, n) => ({
    name: `send-${n}`,
    words: m.send_to({ place: placeName(to) }),
    icon: to.kind === "folder" ? "folder" : "upload",
    ...(n === 0 && { parts: true as const }),
    run: () => live.run(program.act(`send-to:${id}@${to.key}`)),
  }));
}

function onMany(all: readonly Item[], place: Place): Act[] {
  const { live } = place;
  const linked = all.filter(({ link }) => link !== null);
  const stuck = all.filter((one) => retries(one) && !isSent(one));
  const gone = all.filter(({ state }) => state.kind !== "recording");
  const offered: Array<Act | false> = [
    linked.length > 0 && {
      name: "copy",
      words: m.copy_links({ count: linked.length }),
      icon: "copy",
      keys: "Ctrl+C",
      run: () => live.run(program.copyLinks(linked.map(({ id }) => id))),
    },
    stuck.length > 0 && {
      name: "retry",
      words: m.retry_count({ count: stuck.length }),
      icon: "retry",
      run: () => Promise.all(stuck.map((one) => live.run(again(one)))),
    },
    gone.length > 0 && deletes(gone, place, m.delete_count({ count: gone.length })),
  ];
  return offered.filter((act) => act !== false);
}

const deletes = (all: readonly Item[], { live, clear }: Place, words: string): Act => ({
  name: "delete",
  words,
  icon: "trash",
  keys: "Delete",
  parts: true,
  run: () => {
    // Had back, they are not chosen: whoever deletes next means something else.
    clear();
    return live.run(program.deleteRecordings(all.map(({ id }) => id)));
  },
});

/** Ctrl+Shift+F, Delete: as menus show it. */
export function keyName(event: KeyboardEvent): string {
  const held = [(event.ctrlKey || event.metaKey) && "Ctrl", event.shiftKey && "Shift"];
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  return [...held.filter((name) => name !== false), key].join("+");
}
