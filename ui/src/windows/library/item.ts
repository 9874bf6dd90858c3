/*!
 * What the library lists: recordings, videos that were brought in, and pictures in the form of recordings, so that
 * search, order, selection and cards are the same for all.
 */
import type { PictureSummary } from "$lib/bindings/PictureSummary";
import type { RecordingView } from "$lib/bindings/RecordingView";

export type Item = RecordingView & { picture?: PictureSummary };

export const FILTERS = ["all", "recordings", "pictures", "imports"] as const;
export type Filter = (typeof FILTERS)[number];

/** Returns a picture as an item of the list. */
export const ofPicture = (picture: PictureSummary): Item => ({
  id: picture.id,
  isImported: picture.isImported,
  title: picture.title,
  startedUnixMs: picture.startedUnixMs,
  durationMs: 0,
  sizeBytes: picture.sizeBytes,
  segments: 0,
  state: picture.state,
  link: picture.link,
  linkReach: picture.linkReach,
  file: null,
  fileProblem: null,
  here: picture.here,
  frames: 0,
  dropped: 0,
  issues: [],
  endDetail: null,
  end: null,
  upload: picture.upload,
  uploads: picture.uploads,
  picture,
});

/** Returns the items of one kind or all, newest first. Ids sort by the time of their making. */
export function itemsOf(
  recordings: readonly RecordingView[],
  pictures: readonly PictureSummary[],
  filter: Filter,
): readonly Item[] {
  if (filter === "recordings") return recordings.filter(({ isImported }) => !isImported);
  const shown = pictures.map(ofPicture);
  if (filter === "pictures") return shown;
  if (filter === "imports") {
    return itemsOf(recordings, pictures, "all").filter(({ isImported }) => isImported);
  }
  if (shown.length === 0) return recordings;
  return [...recordings, ...shown].sort((a, b) => (a.id < b.id ? 1 : -1));
}
