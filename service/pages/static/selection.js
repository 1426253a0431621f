/** Selecting images: set a label, take out of the gallery, save as CSV. */

import { call } from "./api.js";
import { toCsv } from "./csv.js";
import { $, fill, fresh, h, icon } from "./dom.js";
import { sentence, tell } from "./notices.js";
import { photograph } from "./pictures.js";
import { ask } from "./shell.js";
import { count, nameOf } from "./words.js";

/**
 * Make a selection.
 *
 * @param {{system: Object, vocabulary: function(): Object, changed: function(number[], Object): void,
 *     removed: function(number[]): void}} about What may be done, and who wants to know.
 */
export function makeSelection({ system, vocabulary, changed, removed }) {
  const chosen = new Map();
  const bar = $("#selected");
  const boxes = () => document.querySelectorAll("input[data-select]");
  const update = () => {
    bar.hidden = !chosen.size;
    document.body.classList.toggle("selecting", chosen.size > 0);
    if (chosen.size) fill(bar, acts());
    for (const box of boxes()) {
      box.checked = chosen.has(Number(box.dataset.select));
      box.closest("li")?.classList.toggle("chosen", box.checked);
    }
  };
  const clear = () => {
    chosen.clear();
    update();
  };
  const acts = () => [
    h("strong", { role: "status" }, `${chosen.size} selected`),
    !system.read_only && h("button", { type: "button", onclick: () => setLabel(chosen, vocabulary(), changed, clear) }, icon("label"), "Set label"),
    !system.read_only && h("button", { type: "button", onclick: () => remove(chosen, removed, clear) }, icon("remove"), "Remove"),
    h("button", { type: "button", onclick: () => save([...chosen.values()]) }, icon("save"), "CSV"),
    h("button", { type: "button", class: "quiet", onclick: () => { clear(); $("#main").focus({ preventScroll: true }); } }, "Clear"),
  ];
  return {
    clear,
    /** Make the box that selects an image. */
    box: (image, label) =>
      h("label", { class: "pick" }, h("input", {
        type: "checkbox", "data-select": image.id, "aria-label": label, checked: chosen.has(image.id),
        onchange: (event) => { if (event.target.checked) chosen.set(image.id, image); else chosen.delete(image.id); update(); },
      })),
  };
}

async function setLabel(chosen, vocabulary, changed, done) {
  const ids = [...chosen.keys()];
  const names = [...new Set(["identity", ...vocabulary.names.filter((one) => !one.startsWith("estimate."))])];
  const offers = h("datalist", { id: fresh("values") });
  const name = h("select", { id: fresh("label") }, names.map((one) => h("option", { value: one }, one === "identity" ? "Who it is" : nameOf(one))));
  const value = h("input", { type: "text", id: fresh("value"), list: offers.id, autocomplete: "off" });
  const complete = () => fill(offers, (vocabulary.values[name.value] ?? []).map((one) => h("option", { value: one })));
  name.addEventListener("change", complete);
  complete();
  const body = [
    h("label", { for: name.id }, "Label"), name,
    h("label", { for: value.id }, "Right value"), value, offers,
    h("p", { class: "hint" }, "Left empty, the label is taken away: it is not known."),
  ];
  const change = await ask({ title: `Label ${count(ids.length, "picture")}`, body, yes: "Set label", value: () => ({ name: name.value, value: value.value.trim() || null }) });
  if (!change) return;
  const json = change.name === "identity" ? { ids, identity: change.value } : { ids, labels: { [change.name]: change.value } };
  await attempt(async () => {
    await call("/v1/images", { method: "PATCH", json });
    for (const image of chosen.values()) apply(image, change);
    tell(`${count(ids.length, "picture")} labelled.`);
    done();
    changed(ids, change);
  });
}

function apply(image, { name, value }) {
  if (name === "identity") image.identity = value;
  else if (value === null) delete image.condition[name];
  else image.condition = { ...image.condition, [name]: value };
}

async function remove(chosen, removed, done) {
  const images = [...chosen.values()];
  const shown = images.slice(0, 12).map((one) => photograph(one.thumbnail, one.identity ?? one.name, { size: 96 }));
  const body = [
    h("div", { class: "few" }, shown, images.length > 12 && h("span", { class: "muted" }, `and ${images.length - 12} more`)),
    h("p", {}, "They leave every answer at once. The files stay where they are."),
  ];
  const sure = await ask({ title: `Remove ${count(images.length, "picture")} from the gallery?`, body, yes: "Remove", danger: true, value: () => true, no: false });
  if (!sure) return;
  await attempt(async () => {
    const said = await call("/v1/images", { method: "DELETE", json: { ids: images.map((one) => one.id) } });
    tell([`${count(said.removed.length, "picture")} removed.`, ...said.notes].join(" "));
    done();
    removed(said.removed);
  });
}

async function attempt(act) {
  try {
    await act();
  } catch (problem) {
    tell(sentence(problem.message), { kind: "bad" });
  }
}

function save(images) {
  const file = new Blob([toCsv(images)], { type: "text/csv;charset=utf-8" });
  const link = h("a", { href: URL.createObjectURL(file), download: "mindseye.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
