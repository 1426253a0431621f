/** Adding pictures to the gallery: a job that says how far it is. */

import { Problem, call, follow } from "./api.js";
import { fill, h } from "./dom.js";
import { showProblem, tell } from "./notices.js";
import { count } from "./words.js";

/** Choose pictures and add them. */
export function addPhotographs(system) {
  const input = h("input", { type: "file", accept: "image/*", multiple: true });
  input.addEventListener("change", () => { if (input.files.length) add([...input.files], system); });
  input.click();
}

function add(files, system) {
  const who = h("input", { type: "text", autocomplete: "off", id: "add-who", placeholder: "not known" });
  const progress = h("div", {});
  const start = h("button", { type: "submit", class: "main" }, `Add ${count(files.length, "picture")}`);
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", {}, `Add ${count(files.length, "picture")}`),
    h("label", { for: who.id }, "Who is on them, if it is one person"),
    who,
    progress,
    h("div", { class: "acts end" }, close, start),
  );
  const dialog = h("dialog", { class: "ask", "aria-label": "Add pictures" }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    start.disabled = true;
    try {
      await send(files, who.value.trim(), system, progress);
      fill(close, "Close");
      start.remove();
    } catch (problem) {
      if (!dialog.open) tell(problem.message, { kind: "bad" }); // it was closed, and the work went on
      showProblem(progress, problem);
      start.disabled = false;
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

async function send(files, who, system, progress) {
  const form = new FormData();
  let bytes = 0;
  for (const file of files) {
    form.append("image", file);
    bytes += file.size;
  }
  if (files.length > system.limits.files || bytes > system.limits.request_bytes) {
    throw new Problem({ detail: `At most ${system.limits.files} pictures of ${Math.floor(system.limits.request_bytes / 2 ** 20)} MiB together go at once. Take fewer.` });
  }
  if (who) form.append("identity", who);
  const bar = h("progress", { max: 1, "aria-label": "Adding pictures" });
  const said = h("p", { role: "status" }, "Sending…");
  fill(progress, said, bar);
  let last = null;
  for await (const job of follow(await call("/v1/images", { form }))) {
    last = job;
    if (job.total) bar.value = job.done / job.total;
    fill(said, job.phase ? `${job.phase}: ${job.done} of ${job.total}` : "Waiting…");
  }
  bar.remove();
  if (last.state !== "done") throw new Problem({ detail: last.problem ?? `The work was ${last.state}.` });
  fill(said, outcome(last.result));
  fill(progress, said, notes(last.notes), skipped(last.result), h("button", { type: "button", class: "main", onclick: () => location.reload() }, "Show the gallery"));
  tell("The pictures are in the gallery.");
}

function outcome({ indexed, known, duplicates = 0 }) {
  const parts = [`${count(indexed, "picture")} added`];
  if (known + duplicates) parts.push(`${known + duplicates} there already`);
  return `${parts.join(", ")}.`;
}

function notes(said) {
  return said.length ? h("ul", { class: "hint" }, said.map((one) => h("li", {}, one))) : null;
}

function skipped(result) {
  if (!result.skipped?.length) return null;
  return h("details", { open: true }, h("summary", {}, `${count(result.skipped.length, "picture")} left out`), h("ul", {}, result.skipped.map((one) => h("li", {}, `${one.name}: ${one.reason}`))));
}
