/*! All keys of the recording editor, in words. */
import type { KeysSection } from "$lib/components/KeysSheet.svelte";
import * as m from "$lib/messages/messages";

export const keysSections = (): readonly KeysSection[] => [
  {
    title: m.cutter_keys_playing(),
    rows: [
      [m.cutter_key_space(), m.cutter_keys_play()],
      ["J K L", m.cutter_keys_shuttle()],
      ["← →", m.cutter_keys_frame()],
      ["Home End", m.cutter_keys_ends()],
    ],
  },
  {
    title: m.cutter_keys_editing(),
    rows: [
      ["I O", m.cutter_keys_in_out()],
      ["Delete", m.cutter_keys_delete()],
      ["S", m.cutter_split()],
      ["R", m.cutter_add_cover()],
      ["M", m.cutter_add_chapter()],
      ["E", m.cutter_export()],
      ["P", m.cutter_publish()],
      ["Ctrl Z", m.undo()],
      ["Ctrl Shift Z", m.editor_redo()],
      ["Esc", m.cutter_keys_escape()],
    ],
  },
  {
    title: m.cutter_covers(),
    rows: [
      ["Enter", m.editor_keys_place()],
      ["← ↑ → ↓", m.editor_keys_nudge()],
      ["Ctrl ← ↑ → ↓", m.editor_keys_grow()],
    ],
  },
  {
    title: m.editor_keys_view(),
    rows: [
      ["+  −", m.editor_zoom()],
      ["0", m.editor_fit()],
    ],
  },
];
