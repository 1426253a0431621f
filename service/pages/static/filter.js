/** The filter box: the language of `--where`, with completion. */

import { fill, fresh, h } from "./dom.js";

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)|(!=|<=|>=|[=<>~(),])|([^\s"'=!<>~(),]+))/y;
const SIGNS = ["=", "!=", "<", "<=", ">", ">=", "~"];
const COLUMNS = ["identity", "path", "id"];

/**
 * Make a filter box.
 *
 * @param {{label: string, vocabulary: {names: string[], values: Object<string, string[]>},
 *     value: string, apply: function(string): void}} about
 * @returns {{element: HTMLElement, say: function(string): void, value: function(): string}}
 */
export function filterBox({ label, vocabulary, value, apply }) {
  const list = h("ul", { class: "offers", role: "listbox", id: fresh("offers"), "aria-label": "Completions", hidden: true });
  const said = h("p", { class: "filter-said", id: fresh("said"), "aria-live": "polite" });
  const input = h("input", {
    type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", autocapitalize: "off", value,
    "aria-label": label, "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id, "aria-describedby": said.id,
    placeholder: `Filter, like ${example(vocabulary)}`,
  });
  const box = { input, list, vocabulary, at: -1, offers: [] };
  let applied = value;
  const run = () => {
    hide(box);
    if (input.value.trim() === applied) return;
    applied = input.value.trim();
    fill(said);
    apply(applied);
  };
  input.addEventListener("input", () => offer(box));
  input.addEventListener("keydown", (event) => onKey(box, event, run));
  input.addEventListener("blur", () => setTimeout(() => hide(box), 150));
  input.addEventListener("change", run);
  list.addEventListener("pointerdown", (event) => {
    const item = event.target.closest("[role=option]");
    if (!item) return;
    event.preventDefault();
    take(box, Number(item.dataset.at));
  });
  const element = h("div", { class: "filter" }, input, list, said);
  return { element, value: () => applied, say: (text) => { fill(said, text); input.toggleAttribute("aria-invalid", Boolean(text)); } };
}

function example({ names, values }) {
  const name = names.find((one) => values[one]?.length);
  return name ? `${name} = ${quoted(values[name][0])}` : "identity = ann";
}

function onKey(box, event, run) {
  const open = !box.list.hidden;
  if (event.key === "Enter") {
    event.preventDefault();
    if (open && box.at >= 0) take(box, box.at);
    else run();
  } else if (event.key === "Escape" && open) {
    event.preventDefault();
    hide(box);
  } else if (event.key === "Tab" && open && box.at >= 0) {
    event.preventDefault();
    take(box, box.at);
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (!open) offer(box);
    else point(box, (box.at + (event.key === "ArrowDown" ? 1 : -1) + box.offers.length) % box.offers.length);
  }
}

function offer(box) {
  const before = box.input.value.slice(0, box.input.selectionStart);
  const { begun, expected } = where(before);
  box.offers = choices(box.vocabulary, expected).filter((one) => one.toLowerCase().startsWith(begun.toLowerCase()) && one !== begun).slice(0, 8);
  box.begun = begun;
  box.at = -1;
  box.list.hidden = !box.offers.length;
  box.input.setAttribute("aria-expanded", String(!box.list.hidden));
  box.input.removeAttribute("aria-activedescendant");
  fill(box.list, box.offers.map((text, at) => h("li", { role: "option", id: `${box.list.id}-${at}`, "data-at": at, "aria-selected": "false" }, text)));
}

function point(box, at) {
  box.at = at;
  [...box.list.children].forEach((one, index) => one.setAttribute("aria-selected", String(index === at)));
  box.input.setAttribute("aria-activedescendant", `${box.list.id}-${at}`);
}

function take(box, at) {
  const end = box.input.selectionStart;
  const start = end - box.begun.length;
  const text = `${box.offers[at]} `;
  box.input.setRangeText(text, start, end, "end");
  box.input.focus();
  offer(box);
}

function hide(box) {
  box.list.hidden = true;
  box.input.setAttribute("aria-expanded", "false");
  box.input.removeAttribute("aria-activedescendant");
}

/** Say what a filter that was begun expects next: "name", "sign", "joint", or {value of: name}. */
export function where(text) {
  const tokens = [...split(text)];
  const last = tokens.at(-1);
  const begun = last && !/\s$/.test(text) && !SIGNS.includes(last) && !"(),".includes(last) ? tokens.pop() : "";
  let expected = "name";
  let name = "";
  let listed = false;
  for (const token of tokens) {
    [expected, name, listed] = step(expected, name, listed, token);
  }
  return { begun, expected: expected === "value" ? { valueOf: name } : expected };
}

function step(expected, name, listed, token) {
  const word = token.toLowerCase();
  if (expected === "name") return word === "not" || token === "(" ? ["name", "", false] : ["sign", token, false];
  if (expected === "sign") {
    if (SIGNS.includes(token)) return ["value", name, false];
    if (word === "is") return ["known", name, false];
    return token === "(" ? ["value", name, true] : ["sign", name, listed];
  }
  if (expected === "known") return word === "not" ? ["known", name, false] : ["joint", name, false];
  if (expected === "value") return ["joint", name, listed];
  if (listed && token === ",") return ["value", name, true];
  return token === ")" ? ["joint", name, false] : ["name", "", false];
}

function* split(text) {
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const found = TOKEN.exec(text);
    if (!found) return;
    yield found[1] ?? found[2] ?? found[3];
  }
}

function choices({ names, values }, expected) {
  if (expected === "name") return [...names, ...COLUMNS.filter((one) => !names.includes(one)), "not"];
  if (expected === "sign") return ["=", "!=", "in (", "is known", "is unknown", "<", ">", "~"];
  if (expected === "known") return ["known", "unknown"];
  if (expected === "joint") return ["and", "or"];
  return (values[expected.valueOf] ?? values[expected.valueOf.replace(/^(estimate|condition)\./, "")] ?? []).map(quoted);
}

/** Quote a value of the filter language where it needs to be. */
export function quoted(value) {
  return /^[^\s"'=!<>~(),]+$/.test(value) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
}
