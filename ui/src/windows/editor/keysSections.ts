/*! All keys of the picture editor, in words. */
import type { KeysSection } from "$lib/components/KeysSheet.svelte";
import * as m from "$lib/messages/messages";
import { toolName } from "./names";
import { TOOLS } from "./tools";

export const keysSections = (): readonly KeysSection[] => [
  {
    title: m.editor_tools(),
    rows: [
      ...TOOLS.map(({ tool, key }): [string, string] => [key, toolName(tool)]),
      ["F", m.editor_background()],
      ["I", m.editor_resize()],
      ["Q", m.editor_turn()],
      ["W", m.editor_words()],
      ["1 – 9", m.editor_color()],
    ],
  },
  {
    title: m.editor_keys_drawing(),
    rows: [
      ["Enter", m.editor_keys_place()],
      ["Shift", m.editor_keys_shift()],
      ["Alt", m.editor_keys_alt()],
      [m.editor_keys_wheel_key(), m.editor_keys_wheel()],
      ["Esc", m.editor_keys_escape()],
    ],
  },
  {
    title: m.editor_objects(),
    rows: [
      ["Tab", m.editor_keys_walk()],
      ["← ↑ → ↓", m.editor_keys_nudge()],
      ["Ctrl ← ↑ → ↓", m.editor_keys_grow()],
      ["Ctrl A", m.editor_keys_all()],
      ["Ctrl D", m.editor_duplicate()],
      ["Ctrl ]", m.editor_forward()],
      ["Ctrl [", m.editor_backward()],
      ["Delete", m.editor_delete_objects()],
      ["Ctrl Z", m.undo()],
      ["Ctrl Y", m.editor_redo()],
    ],
  },
  {
    title: m.editor_keys_view(),
    rows: [
      ["+  −", m.editor_zoom()],
      ["0", m.editor_fit()],
      ["Ctrl 1", m.editor_actual_size()],
      [m.editor_keys_space(), m.editor_keys_pan()],
      ["Ctrl L", m.editor_objects()],
    ],
  },
  {
    title: m.editor_keys_out(),
    rows: [
      ["Alt U", m.editor_upload()],
      ["Alt C", m.editor_copy()],
      ["Ctrl S", m.editor_save()],
      ["Alt D", m.editor_save_as()],
      ["Alt M", m.editor_copy_markdown()],
      ["Alt P", m.editor_pin()],
      ["Ctrl O", m.editor_open()],
    ],
  },
];
