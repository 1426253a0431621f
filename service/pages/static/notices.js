/** Short messages at the lower edge, and problems where they happened. */

import { $, fill, h, icon } from "./dom.js";

/** Say something that needs no answer. It is read out, and goes after some seconds, or when what is returned is called. */
export function tell(text, { kind = "note", action = null } = {}) {
  const close = h("button", { type: "button", class: "quiet", "aria-label": "Close this message", onclick: () => box.remove() }, icon("close"));
  const act = action && h("button", { type: "button", onclick: () => { box.remove(); action.run(); } }, action.name);
  const box = h("div", { class: `notice ${kind}` }, h("p", {}, text), act, close);
  $("#notices").append(box);
  if (!action) setTimeout(() => box.remove(), 12000);
  return () => box.remove();
}

/** Say in an element what went wrong and what to do. */
export function showProblem(element, problem, again = null) {
  if (problem.name === "AbortError") return;
  const own = "code" in problem; // else it is a mistake of the page itself
  if (!own) console.error(problem);
  fill(
    element,
    h(
      "div",
      { class: "problem", role: "alert" },
      h("p", {}, own ? sentence(problem.message) : `This page made a mistake (${problem.message}). Load it anew.`),
      again && h("button", { type: "button", onclick: again }, "Try again"),
      problem.request_id && h("small", {}, `Request ${problem.request_id}`),
    ),
  );
}

/** Begin with a capital and end with a stop. */
export function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
