/** Picking a face: one of the gallery, or one that is dropped, pasted, chosen or photographed. */

import { call } from "./api.js";
import { photographWithCamera } from "./camera.js";
import { $, fill, h, icon } from "./dom.js";
import { filterBox } from "./filter.js";
import { addPhotographs } from "./add.js";
import { sentence, showProblem, tell } from "./notices.js";
import { photograph } from "./pictures.js";
import { count, sayCondition } from "./words.js";

const PAGE = 36;

/**
 * Show the picker.
 *
 * @param {{system: Object, collection: Object, vocabulary: Object,
 *     pick: function(Object): void, bring: function(File): void}} about
 */
export function makePicker({ system, collection, vocabulary, pick, bring }) {
  const canAdd = system.uploads && !system.read_only && collection.uploads;
  offerOwn({ system, bring, canAdd });
  const state = { where: "", cursor: null, turned: spaceOfPose(collection) };
  const box = filterBox({
    label: "Only some faces",
    vocabulary,
    value: "",
    apply: (where) => {
      state.where = where;
      load(state, pick, box, { again: true });
    },
  });
  fill($("#picker-filter"), box.element);
  $("#more-people").addEventListener("click", () => load(state, pick, box, { again: false }));
  return { load: () => load(state, pick, box, { again: true }) };
}

async function load(state, pick, box, { again }) {
  const list = $("#people");
  const problem = $("#picker-problem");
  const more = $("#more-people");
  fill(problem);
  list.setAttribute("aria-busy", "true");
  more.disabled = true;
  try {
    const found = await people(state, again);
    const items = found.images.map((one) => face(one, pick));
    if (again) fill(list, items);
    else list.append(...items);
    if (!again) items[0]?.querySelector("button").focus();
    state.cursor = found.next;
    more.hidden = !found.next;
    box.say(state.where ? (found.total ? count(found.total, "face") : "No face is like that. Take something away from the filter.") : "");
  } catch (error) {
    if (error.code === "bad_request" && state.where) box.say(error.message);
    else showProblem(problem, error, () => load(state, pick, box, { again }));
    if (again) fill(list);
  } finally {
    list.setAttribute("aria-busy", "false");
    more.disabled = false;
  }
}

/** One face for each person: of those who look straight ahead, where that is estimated. */
async function people(state, again) {
  const ask = (query) => call("/v1/images", { query: { limit: PAGE, one_each: "identity", ...query } });
  if (!again) return ask({ ...state.asked, cursor: state.cursor });
  if (!state.where && state.turned) {
    state.asked = { where: "estimate.pose = 0", space: state.turned };
    const found = await ask(state.asked);
    if (found.total > 0) return found;
  }
  state.asked = { where: state.where };
  return ask(state.asked);
}

/** The space that estimates who looks straight ahead, if one does. */
function spaceOfPose({ spaces }) {
  return spaces.find((one) => one.attributes.pose?.includes("0"))?.name ?? null;
}

function face(image, pick) {
  const name = image.identity ?? image.name;
  const said = [name, sayCondition(image.condition, [])].filter(Boolean).join(", ");
  const button = h("button", { type: "button", class: "face-button", onclick: () => pick(image) }, photograph(image.thumbnail, `${said}`, { size: 256 }));
  return h("li", { class: "face" }, button, h("span", { class: "name", "aria-hidden": "true" }, name));
}

/** Offer to bring a picture of one's own. */
function offerOwn({ system, bring, canAdd }) {
  const input = h("input", { type: "file", accept: "image/*", class: "unseen", tabindex: "-1", "aria-hidden": "true", id: "own-file" });
  const take = (file) => {
    const problem = whatIsWrong(file, system.limits);
    if (problem) tell(problem, { kind: "bad" });
    else bring(file);
  };
  input.addEventListener("change", () => {
    if (input.files.length) take(input.files[0]);
    input.value = "";
  });
  const choose = h("button", { type: "button", class: "main", onclick: () => input.click() }, icon("picture"), "Your own picture");
  const shoot = h("button", { type: "button", onclick: async () => { const file = await photographWithCamera(); if (file) take(file); } }, icon("camera"), "Photograph");
  const add = canAdd && h("button", { type: "button", onclick: () => addPhotographs(system) }, icon("add"), "Add to the gallery");
  fill($("#own"), h("div", { class: "own" }, choose, shoot, add, h("span", { class: "hint" }, "or drop or paste one anywhere"), input));
  listenForPictures(take);
}

function whatIsWrong(file, limits) {
  if (!file.type.startsWith("image/")) return `${file.name || "What was pasted"} is no picture. Take a JPEG, PNG or WebP file.`;
  if (file.size > limits.upload_bytes) return `${file.name} is too large: ${mib(file.size)} of at most ${mib(limits.upload_bytes)}. Make it smaller, then try again.`;
  return "";
}

const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Take pictures that are dropped or pasted anywhere. */
function listenForPictures(take) {
  let depth = 0;
  const mark = (on) => document.body.classList.toggle("dropping", on);
  const carriesFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => { if (carriesFile(event)) mark(++depth > 0); });
  addEventListener("dragleave", (event) => { if (carriesFile(event)) mark(--depth > 0); });
  addEventListener("dragover", (event) => { if (carriesFile(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    depth = 0;
    mark(false);
    if (!document.querySelector("dialog[open]")) take(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])][0];
    if (file && !document.querySelector("dialog[open]")) take(file);
  });
}

/** Say what to do with a gallery that holds nothing yet. */
export function showEmptyGallery(system, collection) {
  const canAdd = system.uploads && !system.read_only && collection?.uploads;
  const name = collection?.name ?? "my-faces";
  const command = `mindseye index build folder:photos --attribute pose --collection ${name}`;
  const copy = h("button", { type: "button", class: "quiet", "aria-label": "Copy the command", onclick: () => navigator.clipboard?.writeText(command).then(() => tell("Copied.")) }, icon("copy"));
  fill(
    $("#picker"),
    h("div", { class: "lead" }, h("h1", { id: "picker-title" }, "There is no face here yet"), h("p", {}, "A gallery is a folder of pictures of faces. Fill it in one of these ways; then this page shows it."), system.problem && h("p", { class: "hint" }, sentence(system.problem))),
    h(
      "ol",
      { class: "ways" },
      canAdd && h("li", {}, h("h2", {}, "Add pictures here"), h("p", {}, "They are copied into the folder that the server was given for uploads."), h("button", { type: "button", class: "main", onclick: () => addPhotographs(system) }, icon("add"), "Add pictures")),
      h("li", {}, h("h2", {}, "Index a folder"), h("p", {}, "Pictures stay where they are. In a terminal, with your own folder in place of photos:"), h("p", { class: "command" }, h("code", {}, command), copy)),
      h("li", {}, h("h2", {}, "Look at the demonstration first"), h("p", {}, "A gallery of people who do not exist comes with mindseye:"), h("p", { class: "command" }, h("code", {}, "mindseye serve --demo"))),
    ),
    h("p", {}, h("button", { type: "button", onclick: () => location.reload() }, "Look again")),
  );
}

/** Fetch what the filter box completes. */
export async function fetchVocabulary(collection) {
  const labels = await call("/v1/labels");
  const names = ["identity", ...Object.keys(labels.attributes), ...Object.keys(collection.attributes).map((one) => `estimate.${one}`)];
  return { names: [...new Set(names)], values: { identity: labels.identities, ...collection.attributes, ...labels.attributes } };
}

