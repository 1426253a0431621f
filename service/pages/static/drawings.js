/** The drawings of a source: every value of every attribute, as far as it was not drawn yet. */

import { call } from "./api.js";
import { $, fill } from "./dom.js";
import { showProblem } from "./notices.js";
import { together } from "./question.js";

export class Drawings {
  /**
   * @param {{collection: Object, controls: Map, form: function(Array): FormData, shown: function(): void}} about
   *     `controls`: by attribute. `form` writes the source and wishes into a form. `shown` is called
   *     when a control has got drawings.
   */
  constructor(about) {
    Object.assign(this, about);
    this.seen = new Map(); // by attribute and what is wished besides
    this.asking = null; // AbortController of what is on its way
  }

  /** Forget what was drawn: another source is looked at. */
  forget() {
    this.stop();
    this.seen.clear();
  }

  stop() {
    this.asking?.abort();
  }

  /**
   * Give all controls their drawings, one after the other.
   *
   * @param {Map} wishes By attribute, in the order in which they were wished.
   */
  async draw(wishes) {
    this.stop();
    const mine = (this.asking = new AbortController());
    fill($("#wish-problem"));
    for (const [attribute, control] of this.order(wishes)) {
      const besides = this.besides(attribute, wishes);
      const key = JSON.stringify([attribute, ...besides]);
      if (!this.seen.has(key)) {
        control.wait();
        try {
          const form = this.form(besides);
          form.append("attribute", attribute);
          this.seen.set(key, await call("/v1/draw", { form, signal: mine.signal }));
        } catch (problem) {
          if (problem.name === "AbortError") return;
          control.fail("");
          showProblem($("#wish-problem"), problem, () => this.draw(wishes));
          if (!problem.status || problem.status >= 429 || problem.status === 422) return;
          continue;
        }
      }
      control.setDrawings(this.seen.get(key));
      this.shown();
    }
  }

  /** The attribute that was wished for last comes first: its slider is looked at. */
  order(wishes) {
    const last = [...wishes.keys()].at(-1);
    return [...this.controls].sort(([one], [other]) => (other === last) - (one === last));
  }

  /** What is wished for besides an attribute, as far as some weights draw both. */
  besides(attribute, wishes) {
    return [...wishes].filter(([name]) => name !== attribute && together(this.collection, [name, attribute]));
  }
}
