// Pages of one's own: small comforts. All of them work without this, too.

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
