/** The compare view: source, drawing, hit, and the hit as the gallery redrew it. */

import { address, fetchBlob } from "./api.js";
import { sureness } from "./answers.js";
import { fill, h, icon } from "./dom.js";
import { drawing, empty, photograph } from "./pictures.js";
import { bare, nameOf, partOf } from "./words.js";

/**
 * Open the compare view on one answer; the arrow keys go on to others.
 *
 * @param {{answer: Object, at: number, source: Object, wishSaid: string,
 *     alike: function(Object): void, closed: function(number): void}} about
 */
export function compare(about) {
  const { answer } = about;
  let at = about.at;
  const body = h("div", { class: "compare-body" });
  const title = h("h2", { "aria-live": "polite" });
  const before = h("button", { type: "button", class: "quiet", "aria-label": "The answer before", onclick: () => go(-1) }, icon("back"));
  const after = h("button", { type: "button", class: "quiet", "aria-label": "The next answer", onclick: () => go(1) }, icon("next"));
  const close = h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"));
  const dialog = h("dialog", { class: "compare", "aria-label": "Compare" }, h("div", { class: "compare-head" }, before, title, after, close), body);
  const go = (step) => {
    at = (at + step + answer.hits.length) % answer.hits.length;
    render();
  };
  const render = () => {
    const hit = answer.hits[at];
    fill(title, `Answer ${hit.rank}${hit.identity ? `: ${hit.identity}` : ""}`);
    fill(body, pictures(about, hit), details(about, hit, dialog));
  };
  dialog.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea")) return;
    if (event.key === "ArrowRight") go(1);
    else if (event.key === "ArrowLeft") go(-1);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    about.closed(at);
  });
  document.body.append(dialog);
  render();
  dialog.showModal();
  close.focus();
}

/** Two columns, asked and found; photographs above, drawings below: drawings are compared with drawings. */
function pictures({ answer, source, wishSaid }, hit) {
  const name = hit.identity ?? "the answer";
  const figure = (cell, shown, caption) => h("figure", { class: cell }, shown, h("figcaption", {}, caption));
  const between = (cell, name_) =>
    hit.parts && name_ in hit.parts ? h("div", { class: `between ${cell}` }, h("span", { class: `dot ${name_}` }), h("span", {}, partOf(name_)), h("strong", {}, hit.parts[name_].toFixed(2))) : null;
  return h(
    "div",
    { class: "four" },
    figure("asked photo-row", source.show(), `asked: ${source.name}`),
    between("photo-row", "identity"),
    figure("found photo-row", photograph(hit.thumbnail, `The answer: ${name}`, { size: 512, lazy: false }), `found: ${name}`),
    figure("asked drawn-row", drawing(answer.drawn, `Drawing of what was asked for: ${wishSaid}`), `as wished: ${wishSaid}`),
    between("drawn-row", "drawing"),
    figure("found drawn-row", redrawn(hit, answer.space), "as the gallery redrew it"),
  );
}

/** The hit's canonical view; fetched, since its address may need the token. */
function redrawn(hit, space) {
  const place = h("div", {}, empty("The drawing is on its way"));
  fetchBlob(address(`/v1/images/${hit.id}/redrawn`, { space }))
    .then((blob) => fill(place, drawing(URL.createObjectURL(blob), "The answer, redrawn as it is")))
    .catch((problem) => fill(place, h("span", { class: "photo gone" }, h("span", { class: "gone-text" }, problem.message))));
  return place;
}

function details({ answer, alike }, hit, dialog) {
  const rows = Object.entries(hit.parts ?? {}).map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, h("span", { class: `dot ${name}` }), partOf(name)), h("td", {}, value.toFixed(3))));
  const more = h("button", { type: "button", onclick: () => { dialog.close(); alike(hit); } }, icon("alike"), "More like this");
  return h(
    "div",
    { class: "details" },
    h("div", { class: "sure-line" }, sureness(hit) ?? h("span", { class: "muted" }, answer.no_confidence ? `No confidence: ${answer.no_confidence}` : "No confidence was fitted for these weights.")),
    h("table", {}, h("caption", {}, "Score"), h("tbody", {}, rows, h("tr", { class: "sum" }, h("th", { scope: "row" }, "together"), h("td", {}, hit.score.toFixed(3))))),
    values("Labels", hit.condition, "This picture has no labels."),
    values("Seen in it", hit.estimate, ""),
    hit.second_estimate && values("Or else", hit.second_estimate, ""),
    h("p", { class: "muted file" }, hit.name),
    h("div", { class: "acts" }, more),
  );
}

function values(title, condition, otherwise) {
  const entries = Object.entries(condition ?? {});
  if (!entries.length) return otherwise ? h("p", { class: "muted" }, otherwise) : null;
  return h("dl", {}, h("dt", { class: "dl-title" }, title), entries.map(([name, value]) => h("dd", {}, h("span", { class: "muted" }, `${nameOf(name)}: `), bare(name, value))));
}
