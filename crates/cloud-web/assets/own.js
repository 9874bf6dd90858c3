// Pages of one's own: small comforts. All of them work without this, too.

import { clock, fill, words } from "./page.js";

// What was said once isn't said again when the page is loaded anew.
const here = new URL(location.href);
if (here.searchParams.has("said")) {
  here.searchParams.delete("said");
  history.replaceState(null, "", here);
}

// Days end where the reader is; the server has them in UTC.
for (const form of document.querySelectorAll("form")) {
  const until = form.elements.until;
  if (!until) continue;
  if (until.dataset.at) {
    const at = new Date(Number(until.dataset.at));
    until.value = new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
  }
  form.addEventListener("submit", () => {
    if (until.value) form.elements.zone.value = String(new Date(`${until.value}T12:00`).getTimezoneOffset());
  });
}

for (const field of document.querySelectorAll("input[readonly]")) {
  field.addEventListener("focus", () => field.select());
}

// Where a video is trimmed, its times are shown, and the start stays before the end.
for (const form of document.querySelectorAll("[data-trim]")) {
  const { from, to } = form.elements;
  const show = (moved) => {
    if (moved === from && from.valueAsNumber >= to.valueAsNumber) to.valueAsNumber = from.valueAsNumber + 1;
    if (moved === to && to.valueAsNumber <= from.valueAsNumber) from.valueAsNumber = to.valueAsNumber - 1;
    for (const field of [from, to]) {
      const text = clock(field.valueAsNumber);
      field.labels[0].querySelector("output").textContent = text;
      field.setAttribute("aria-valuetext", text);
    }
  };
  form.addEventListener("input", (event) => show(event.target));
  show();
}

// A choice that is sent as soon as it is made needs no button.
for (const choice of document.querySelectorAll("[data-sends]")) {
  choice.addEventListener("change", () => choice.form.requestSubmit());
  choice.form.querySelector("[data-without-script]").hidden = true;
}

// "/" searches, where nothing is being typed.
const search = document.querySelector("[type=search]");
if (search) {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    search.focus();
    search.select();
  });
}

// While the browser stores an export, the page says how far the server is.
const ASK_MS = 1000;
for (const form of document.querySelectorAll("[data-export]")) {
  const [bar, line] = [form.querySelector("progress"), form.querySelector("[data-progress]")];
  const show = (share, text) => {
    bar.hidden = share === null;
    bar.value = share ?? 0;
    line.hidden = false;
    if (line.textContent !== text) line.textContent = text;
  };
  const ask = async () => {
    const answer = await fetch(form.action).then((r) => r.json()).catch(() => null);
    if (answer?.state === "done") return show(1, words.export_done);
    if (answer?.state === "failed") return show(null, words.export_failed);
    if (answer?.state === "running") show(answer.share, fill(words.export_progress, answer));
    setTimeout(ask, ASK_MS);
  };
  form.addEventListener("submit", () => {
    show(0, words.export_preparing);
    setTimeout(ask, ASK_MS);
  });
}
