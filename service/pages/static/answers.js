/** Answers: pictures with how well they answer, and how sure that is. */

import { fill, h, icon } from "./dom.js";
import { photograph } from "./pictures.js";
import { partOf, percent, plainNote, sayCondition } from "./words.js";

/**
 * Show answers.
 *
 * @param {HTMLElement} list
 * @param {Object} answer What POST /v1/query returned.
 * @param {{open: function(number): void, alike: function(Object): void, selection: Object}} on
 */
export function showAnswers(list, answer, on) {
  const longest = Math.max(...answer.hits.map(positive), 1e-9);
  fill(list, answer.hits.map((hit, at) => card(hit, at, { answer, longest, on })));
  list.setAttribute("aria-busy", "false");
}

function card(hit, at, { answer, longest, on }) {
  const name = hit.identity ?? "nobody named it";
  const wished = Object.keys(answer.wish ?? {});
  const shows = sayCondition(Object.keys(hit.condition ?? {}).length ? hit.condition : hit.estimate, wished);
  const open = h(
    "button",
    { type: "button", class: "shot", onclick: () => on.open(at), "aria-label": `Answer ${hit.rank}, ${name}${shows ? `, ${shows}` : ""}: compare` },
    photograph(hit.thumbnail, "", { size: 320, lazy: at > 11 }),
    h("span", { class: "rank", "aria-hidden": "true" }, hit.rank),
  );
  return h(
    "li",
    { class: "answer", "data-id": hit.id },
    open,
    on.selection.box(hit, `Select answer ${hit.rank}, ${name}`),
    scoreBar(hit, longest),
    h("div", { class: "answer-line" }, h("strong", { class: "name" }, hit.identity ?? h("span", { class: "muted" }, "no name")), sureness(hit)),
    shows && h("div", { class: "shows" }, shows),
    h("button", { type: "button", class: "quiet small alike", onclick: () => on.alike(hit), "aria-label": `more like this: answer ${hit.rank}` }, icon("alike"), "more like this"),
  );
}

/** Say how sure an answer is, if that is known. */
export function sureness(hit) {
  if (hit.confidence === null || hit.confidence === undefined) return null;
  const level = hit.confidence >= 0.9 ? "high" : hit.confidence >= 0.5 ? "middle" : "low";
  return h("span", { class: `sure ${level}`, title: "Confidence: how probable it is that person and wish are right" }, `${percent(hit.confidence)} sure`);
}

/** What a score is the sum of; a score without parts is that of the drawing alone. */
function partsOf(hit) {
  const parts = Object.entries(hit.parts ?? {});
  return parts.length ? parts : [["drawing", hit.score]];
}

const positive = (hit) => partsOf(hit).reduce((sum, [, one]) => sum + Math.max(0, one), 0);

/** A bar as long as the score is high, made of its parts. */
function scoreBar(hit, longest) {
  const parts = partsOf(hit);
  const said = parts.map(([name, value]) => `${partOf(name)} ${value.toFixed(2)}`).join(", ");
  const pieces = parts.filter(([, value]) => value > 0).map(([name, value]) => h("span", { class: `part ${name}`, vars: { share: value / longest } }));
  return h("div", { class: "score", role: "img", "aria-label": `Score ${hit.score.toFixed(2)}${said ? `: ${said}` : ""}`, title: `Score ${hit.score.toFixed(3)}\n${said.replaceAll(", ", "\n")}` }, h("span", { class: "track" }, pieces), h("span", { class: "number", "aria-hidden": "true" }, hit.score.toFixed(2)));
}

/** Say what the server wants known: why there is no confidence, doubts, missing files. */
export function showNotes(element, answer) {
  const notes = [];
  if (answer.no_confidence) notes.push(["doubt", "No confidence", answer.no_confidence]);
  for (const note of answer.notes ?? []) notes.push(["hint", "", plainNote(note)]);
  if (!answer.no_confidence && answer.hits.length && answer.hits.every((one) => one.confidence === null)) {
    notes.push(["hint", "", "These weights give no confidence: a score tells the order, not how sure it is."]);
  }
  fill(element, notes.map(([kind, name, text]) => h("p", { class: kind }, name && h("strong", {}, `${name}. `), text)));
}

/** The legend of score bars. */
export function legend(answer) {
  const names = Object.keys(answer.hits[0]?.parts ?? {});
  if (names.length < 2) return null;
  return h("ul", { class: "legend", "aria-label": "What a score bar is made of" }, h("li", {}, "The longer the bar, the better it"), names.filter((one) => one !== "log_p").map((name) => h("li", {}, h("span", { class: `dot ${name}` }), partOf(name))));
}
