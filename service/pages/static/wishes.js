/** Wishes: a slider with its drawings for values that have an order, chips for others. */

import { fill, fresh, h } from "./dom.js";
import { drawing, empty } from "./pictures.js";
import { sayWish, wishFor } from "./wish.js";
import { brief, inOrder, isOrdered, nameOf, say } from "./words.js";

const MOST_SHOWN = 9; // drawings above a slider; more become too small to tell apart

/**
 * Make the control of one attribute.
 *
 * @param {string} attribute
 * @param {string[]} values All that can be wished for.
 * @param {{preview: function(): void, wish: function(string, Object|null): void, weighs: boolean, excludes: boolean}} on
 *     `preview` is called while a slider moves, `wish` when it rests; null: as it is. `weighs`:
 *     whether the score can weigh a wish; `excludes`: whether something must not be shown while
 *     something else shall.
 */
export function makeControl(attribute, values, on) {
  const kind = isOrdered(values) ? Slider : Chips;
  return new kind(attribute, inOrder(attribute, values), on);
}

/** What slider and chips share: a heading, what is wished, and a way back to "as it is". */
class Control {
  constructor(attribute, values, on) {
    Object.assign(this, { attribute, values, on, wish: null, estimate: null, drawings: new Map() });
    this.title = h("h3", { id: fresh("wish") }, nameOf(attribute));
    this.said = h("output", { class: "wish-said" }, "as it is");
    this.clear = h("button", { type: "button", class: "quiet small", hidden: true, onclick: () => this.choose(null) }, "as it is");
    this.problem = h("p", { class: "wish-problem", role: "status" });
    this.body = h("div", { class: "wish-body" });
    this.more = this.manner();
    this.element = h("section", { class: "wish", "aria-labelledby": this.title.id, "data-attribute": attribute }, h("div", { class: "wish-head" }, this.title, this.said, this.clear), this.body, this.more, this.problem);
  }

  /** Say in what manner it is wished: that it must not be, and how much it counts. */
  manner() {
    this.negated = choice("Shall it be so?", [["", "shall be so"], ["not", "must not be so"]], () => this.choose(this.value));
    this.weight = choice("How much does it count?", [["0.5", "counts half"], ["1", "counts as usual"], ["2", "counts twice"], ["4", "counts four times"]], () => this.choose(this.value));
    this.weight.value = "1";
    const negated = this.on.excludes && this.negated;
    return h("details", { class: "manner", hidden: true }, h("summary", {}, "how it counts"), h("div", {}, negated, this.weight));
  }

  /** The wished value, or null. */
  get value() {
    return this.wish?.value ?? null;
  }

  /** Wish for a value, in the manner that was chosen. */
  wishing(value) {
    return value === null ? null : wishFor(value, { negated: this.negated.value === "not", weight: Number(this.weight.value) });
  }

  /** Show the drawings of all values, or that they are waited for. */
  setDrawings(found) {
    this.drawings = new Map((found?.drawings ?? []).map((one) => [one.value, one.image]));
    this.estimate = found?.estimate?.[this.attribute] ?? null;
    this.busy = false;
    this.element.setAttribute("aria-busy", "false");
    fill(this.problem);
    this.render();
  }

  wait() {
    this.element.setAttribute("aria-busy", "true");
  }

  fail(text) {
    this.element.setAttribute("aria-busy", "false");
    fill(this.problem, text);
    this.render();
  }

  /** Set what is wished from outside, without telling anybody. */
  set(wish) {
    this.wish = wish;
    this.negated.value = wish?.negated ? "not" : "";
    this.weight.value = String(wish?.weight ?? 1);
    if (this.weight.selectedIndex < 0) this.weight.value = "1"; // a weight that only the address can say
    this.render();
  }

  choose(value) {
    this.set(this.wishing(value));
    this.on.wish(this.attribute, this.wish);
  }

  sayIt() {
    const asIs = this.estimate === null ? "as it is" : `as it is: ${say(this.attribute, this.estimate)}`;
    const text = this.wish ? sayWish(this.attribute, this.wish) : asIs;
    if (this.said.textContent !== text) fill(this.said, text);
    this.element.classList.toggle("is-wished", this.wish !== null);
    this.element.classList.toggle("is-negated", Boolean(this.wish?.negated));
    this.clear.hidden = this.wish === null;
    this.more.hidden = this.wish === null || !this.on.weighs;
    return text;
  }

  picture(value) {
    const source = this.drawings.get(value);
    return source ? drawing(source, "", { badge: false }) : empty();
  }
}

class Slider extends Control {
  constructor(...given) {
    super(...given);
    const { values } = this;
    this.input = h("input", { type: "range", min: 0, max: values.length - 1, step: 1, "aria-labelledby": this.title.id });
    this.strip = h("div", { class: "strip", "aria-hidden": "true" });
    this.ends = h("div", { class: "ends", "aria-hidden": "true" });
    this.body.append(this.strip, this.input, this.ends);
    this.shown = sample(values);
    this.body.style.setProperty("--shown", this.shown.length);
    this.cells = this.shown.map((value) => h("span", { class: "cell", "data-value": value }));
    this.strip.append(...this.cells);
    fill(this.ends, this.shown.map((value) => h("span", {}, brief(this.attribute, value))));
    this.listen();
    this.render();
  }

  listen() {
    const at = () => this.values[Number(this.input.value)];
    this.input.addEventListener("input", () => {
      this.set(this.wishing(at()));
      this.on.preview();
    });
    this.input.addEventListener("change", () => this.choose(at()));
    this.input.addEventListener("keydown", (event) => {
      if (["Delete", "Backspace"].includes(event.key)) this.choose(null);
      else if (["Enter", " "].includes(event.key)) this.choose(at());
      else return;
      event.preventDefault();
    });
    this.strip.addEventListener("pointerdown", (event) => this.scrub(event));
  }

  /** Let the drawings themselves be slid over. */
  scrub(event) {
    event.preventDefault();
    this.strip.setPointerCapture(event.pointerId);
    const to = (now) => {
      const box = this.strip.getBoundingClientRect();
      const share = (now.clientX - box.left) / box.width;
      const step = this.values.length <= MOST_SHOWN ? Math.floor(share * this.values.length) : Math.round(share * (this.values.length - 1));
      const value = this.values[Math.min(Math.max(step, 0), this.values.length - 1)];
      if (value === this.value) return;
      this.set(this.wishing(value));
      this.on.preview();
    };
    const end = () => {
      this.strip.removeEventListener("pointermove", to);
      this.strip.removeEventListener("pointerup", end);
      this.strip.removeEventListener("pointercancel", end);
      this.input.focus({ preventScroll: true });
      this.choose(this.value);
    };
    to(event);
    this.strip.addEventListener("pointermove", to);
    this.strip.addEventListener("pointerup", end);
    this.strip.addEventListener("pointercancel", end);
  }

  render() {
    const now = this.value ?? this.estimate ?? this.values[Math.floor(this.values.length / 2)];
    this.input.value = Math.max(0, this.values.indexOf(now));
    this.input.setAttribute("aria-valuetext", this.sayIt());
    this.cells.forEach((cell) => {
      const { value } = cell.dataset;
      if (cell.dataset.source !== (this.drawings.get(value) ?? "")) {
        cell.dataset.source = this.drawings.get(value) ?? "";
        fill(cell, this.picture(value));
      }
      cell.classList.toggle("at", value === this.value);
      cell.classList.toggle("as-is", value === this.estimate);
    });
  }
}

function choice(label, options, chosen) {
  return h("select", { "aria-label": label, onchange: chosen }, options.map(([value, text]) => h("option", { value }, text)));
}

function sample(values) {
  if (values.length <= MOST_SHOWN) return values;
  return Array.from({ length: MOST_SHOWN }, (_, at) => values[Math.round((at * (values.length - 1)) / (MOST_SHOWN - 1))]);
}

class Chips extends Control {
  constructor(...given) {
    super(...given);
    this.group = h("div", { class: "chips", role: "radiogroup", "aria-labelledby": this.title.id });
    this.name = fresh("chip");
    this.chips = [null, ...this.values].map((value) => this.chip(value));
    this.group.append(...this.chips.map((one) => one.element));
    this.body.append(this.group);
    this.render();
  }

  chip(value) {
    const input = h("input", { type: "radio", name: this.name, value: value ?? "", class: "unseen", onchange: () => this.choose(value) });
    const place = h("span", { class: "chip-picture", "aria-hidden": "true" });
    return { value, input, place, element: h("label", { class: "chip" }, input, place, h("span", {}, value === null ? "as it is" : say(this.attribute, value))) };
  }

  render() {
    this.sayIt();
    this.clear.hidden = true;
    for (const { value, input, place } of this.chips) {
      input.checked = value === this.value;
      fill(place, value === null ? null : this.picture(value));
      place.hidden = value === null;
    }
  }
}
