/** What else an answer depends on: how many, which ones, the filter. */

import { $, fill, fresh, h } from "./dom.js";
import { filterBox } from "./filter.js";

const COUNTS = [12, 24, 48, 96];

export class Options {
  /**
   * @param {{collection: Object, vocabulary: Object, changed: function(): void}} about
   */
  constructor({ collection, vocabulary, changed }) {
    Object.assign(this, { collection, vocabulary, changed, k: COUNTS[0], where: "", exclude: true, likely: false });
    this.render();
    this.setWhere("");
  }

  /** The least score that few strangers reach, if it was measured. */
  get bound() {
    return this.collection.spaces.map((one) => one.min_score).find((one) => one) ?? null;
  }

  /** Begin with a filter, in a new box. */
  setWhere(where) {
    this.where = where;
    this.filter = filterBox({
      label: "Only some answers",
      vocabulary: this.vocabulary,
      value: where,
      apply: (now) => {
        this.where = now;
        this.changed();
      },
    });
    fill($("#found-filter"), this.filter.element);
  }

  write(form) {
    form.append("k", this.k);
    if (this.where) form.append("where", this.where);
    if (this.exclude) form.append("exclude_source", "true");
    if (this.likely && this.bound) form.append("min_score", this.bound.score);
    form.append("source", "false");
  }

  /** Say what could be changed when nothing answers. */
  whyNothing() {
    if (this.likely) return "Every score is below the bound. Take away “only likely ones”, and judge for yourself.";
    return this.where ? "Take something away from the filter." : "The gallery holds no other picture.";
  }

  render() {
    const many = h("select", { id: fresh("k"), onchange: () => { this.k = Number(many.value); this.changed(); } }, COUNTS.map((one) => h("option", { value: one }, one)));
    const said = this.bound && `Score of ${this.bound.score} at least; ${Math.round(this.bound.strangers * 100)} of 100 strangers reach that`;
    fill(
      $("#found-options"),
      this.check("without the asked picture", "exclude"),
      this.bound && this.check("only likely ones", "likely", said),
      h("span", {}, h("label", { for: many.id }, "show "), many),
    );
  }

  check(text, option, title = null) {
    const box = h("input", { type: "checkbox", checked: this[option], onchange: () => { this[option] = box.checked; this.changed(); } });
    return h("label", { class: "check", title }, box, text);
  }
}
