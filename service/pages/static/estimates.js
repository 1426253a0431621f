/** The gallery by what the weights see in it; wrong labels stand out. */

import { call } from "./api.js";
import { $, fill, fresh, h } from "./dom.js";
import { quoted } from "./filter.js";
import { showProblem } from "./notices.js";
import { fetchVocabulary, showEmptyGallery } from "./picker.js";
import { photograph } from "./pictures.js";
import { makeSelection } from "./selection.js";
import { run } from "./shell.js";
import { count, inOrder, nameOf, say } from "./words.js";

const PAGE = 12;

run(async ({ system, collection }) => {
  if (!collection || collection.images === 0) {
    fill($("#main"), h("section", { id: "picker" }));
    showEmptyGallery(system, collection);
    return;
  }
  const vocabulary = await fetchVocabulary(collection);
  new Estimates(system, collection, vocabulary).begin();
});

class Estimates {
  constructor(system, collection, vocabulary) {
    Object.assign(this, { collection, vocabulary, onlyWrong: false, attribute: Object.keys(collection.attributes)[0] });
    this.selection = makeSelection({ system, vocabulary: () => vocabulary, changed: () => this.load(), removed: () => this.load() });
  }

  begin() {
    const names = Object.keys(this.collection.attributes);
    const choose = h("select", { id: fresh("attribute"), onchange: () => { this.attribute = choose.value; this.load(); } }, names.map((one) => h("option", { value: one }, nameOf(one))));
    const wrong = h("input", { type: "checkbox", onchange: () => { this.onlyWrong = wrong.checked; this.load(); } });
    fill($("#estimate-options"), names.length > 1 && [h("label", { for: choose.id }, "By "), choose], h("label", { class: "check" }, wrong, "only where label and estimate differ"), h("span", { id: "estimate-sum", class: "muted", role: "status" }));
    this.load();
  }

  /** The space whose estimates are shown: the last one published that estimates the attribute. */
  space() {
    return this.collection.spaces.filter((one) => this.attribute in one.attributes).at(-1)?.name;
  }

  async load() {
    const { attribute } = this;
    const place = $("#estimates");
    const values = inOrder(attribute, this.collection.attributes[attribute]);
    place.setAttribute("aria-busy", "true");
    const columns = values.map((value) => new Column(this, value));
    fill(place, h("div", { class: "columns", vars: { columns: values.length } }, columns.map((one) => one.element)));
    fill($("#estimate-problem"));
    try {
      await Promise.all(columns.map((one) => one.load()));
      const [all, wrong] = ["total", "wrong"].map((name) => columns.reduce((sum, one) => sum + one[name], 0));
      fill($("#estimate-sum"), `${count(wrong, "label")} of ${all.toLocaleString("en")} ${wrong === 1 ? "differs" : "differ"} from the estimate`);
    } catch (problem) {
      showProblem($("#estimate-problem"), problem, () => this.load());
    }
    place.setAttribute("aria-busy", "false");
  }
}

/** The images in which one value was seen: those with another label first. */
class Column {
  constructor(view, value) {
    Object.assign(this, { view, value, total: 0, wrong: 0, right: null });
    this.title = h("h2", { id: fresh("column") }, say(view.attribute, value));
    this.sum = h("p", { class: "muted" }, "…");
    this.list = h("ul", { class: "tiles", "aria-labelledby": this.title.id }, Array.from({ length: 3 }, () => h("li", {}, h("span", { class: "photo waiting" }))));
    this.more = h("button", { type: "button", class: "small", hidden: true, onclick: () => this.next() }, "more");
    this.element = h("section", { class: "column", "aria-labelledby": this.title.id }, h("header", {}, this.title, this.sum), this.list, this.more);
  }

  async load() {
    const { attribute } = this.view;
    const here = `estimate.${attribute} = ${quoted(this.value)}`;
    this.queue = [`${here} and condition.${attribute} != ${quoted(this.value)}`];
    if (!this.view.onlyWrong) this.queue.push(`${here} and not condition.${attribute} != ${quoted(this.value)}`);
    this.cursor = null;
    const first = await this.fetch();
    this.wrong = this.total = first.total;
    fill(this.list);
    this.append(first);
    if (!first.next && this.queue.length) {
      const second = await this.fetch();
      this.total += second.total;
      this.append(second);
    } else if (this.queue.length) this.total += (await this.ask(this.queue[0], null, 1)).total;
    const sure = this.view.onlyWrong ? count(this.wrong, "picture") : `${count(this.total, "picture")}${this.wrong ? `, ${this.wrong} labelled otherwise` : ""}`;
    fill(this.sum, sure);
  }

  fetch() {
    return this.ask(this.queue[0], this.cursor, PAGE);
  }

  ask(where, cursor, limit) {
    return call("/v1/images", { query: { where, cursor, limit, space: this.view.space() } });
  }

  append(found) {
    this.cursor = found.next;
    if (!found.next) this.queue.shift();
    this.list.append(...found.images.map((one) => this.tile(one)));
    this.more.hidden = !this.queue.length;
  }

  async next() {
    const { length } = this.list.children;
    this.append(await this.fetch());
    this.list.children[length]?.querySelector("a").focus();
  }

  tile(image) {
    const { attribute } = this.view;
    const label = image.condition[attribute];
    const wrong = label !== undefined && label !== this.value && Number(label) !== Number(this.value);
    const name = image.identity ?? image.name;
    const said = wrong ? `labelled ${say(attribute, label)}` : "";
    const link = new URL("/", location.origin);
    link.searchParams.set("id", image.id);
    const collection = new URLSearchParams(location.search).get("collection");
    if (collection) link.searchParams.set("collection", collection);
    return h(
      "li",
      { class: wrong ? "tile wrong" : "tile" },
      h("a", { href: link.pathname + link.search, "aria-label": [name, `seen: ${say(attribute, this.value)}`, said].filter(Boolean).join(", ") }, photograph(image.thumbnail, "", { size: 160 })),
      this.view.selection.box(image, `Select ${name}`),
      wrong && h("span", { class: "said" }, said),
    );
  }
}
