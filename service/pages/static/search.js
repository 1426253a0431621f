/** The search: a face, wishes, answers. */

import { call } from "./api.js";
import { legend, showAnswers, showNotes } from "./answers.js";
import { compare } from "./compare.js";
import { $, fill, h, settle } from "./dom.js";
import { Drawings } from "./drawings.js";
import { showProblem, tell } from "./notices.js";
import { Options } from "./options.js";
import { fetchVocabulary, makePicker, showEmptyGallery } from "./picker.js";
import { drawing, empty } from "./pictures.js";
import { addressOf, poseFirst, together, wishesOf } from "./question.js";
import { makeSelection } from "./selection.js";
import { run } from "./shell.js";
import { GalleryFace, OwnPicture, showSource } from "./source.js";
import { makeControl } from "./wishes.js";
import { sayAll, sayNames, sayWish, spell, wishFor } from "./wish.js";
import { count } from "./words.js";

run(async ({ system, collection }) => {
  if (!collection || collection.images === 0) {
    showEmptyGallery(system, collection);
    return;
  }
  const vocabulary = await fetchVocabulary(collection);
  await new Search(system, collection, vocabulary).begin();
});

class Search {
  constructor(system, collection, vocabulary) {
    Object.assign(this, { system, collection, vocabulary, source: null, own: null, answer: null });
    this.wishes = new Map(); // attribute -> wish, in the order in which they were wished
    this.options = new Options({ collection, vocabulary, changed: () => { this.note(); this.ask(); } });
    this.asking = null; // AbortController of what is on its way
    this.turn = 0; // counts faces that were looked for: one that comes after another is late
    this.askSoon = settle(() => this.ask(), 150);
    this.controls = new Map();
    for (const [attribute, values] of poseFirst(collection.attributes)) {
      const weighing = collection.spaces.filter((one) => attribute in one.attributes && one.score !== "drawing");
      const on = { preview: () => this.preview(), wish: (name, wish) => this.wish(name, wish), weighs: weighing.length > 0 };
      on.excludes = weighing.some((one) => Object.keys(one.attributes).length > 1);
      this.controls.set(attribute, makeControl(attribute, values, on));
    }
    this.drawings = new Drawings({ collection, controls: this.controls, form: (wishes) => this.form(wishes), shown: () => this.preview() });
    fill($("#wishes"), [...this.controls.values()].map((one) => one.element));
    this.selection = makeSelection({
      system,
      vocabulary: () => this.vocabulary,
      changed: () => this.showAnswer(),
      removed: (ids) => this.drop(ids),
    });
  }

  async begin() {
    this.picker = makePicker({
      system: this.system,
      collection: this.collection,
      vocabulary: this.vocabulary,
      pick: (image) => this.take(new GalleryFace(image)),
      bring: (file) => this.bring(file),
    });
    addEventListener("popstate", () => this.follow());
    await this.follow();
  }

  /** Show what the address says: a face and wishes, or the picker. */
  async follow() {
    const turn = ++this.turn;
    const query = new URLSearchParams(location.search);
    const id = query.get("id");
    if (history.state?.own && this.own) this.set(this.own, wishesOf(query), query.get("where") ?? "");
    else if (id) {
      try {
        const image = await call(`/v1/images/${encodeURIComponent(id)}`);
        if (turn !== this.turn) return;
        this.set(new GalleryFace(image), wishesOf(query), query.get("where") ?? "");
      } catch (problem) {
        if (turn !== this.turn) return;
        this.pickAgain();
        if (problem.status === 404) tell("That face is not in this gallery, or no longer. Pick another one.", { kind: "bad" });
        else showProblem($("#picker-problem"), problem);
      }
    } else this.pickAgain();
  }

  pickAgain() {
    this.stop();
    this.source = null;
    $("#studio").hidden = true;
    $("#picker").hidden = false;
    this.selection.clear();
    document.title = "Search · mindseye";
    if (!this.picked) this.picker.load();
    this.picked = true;
  }

  /** Take a source that the user picked: a step that the browser's Back undoes. */
  take(source, wishes = new Map()) {
    this.turn += 1;
    history.pushState({ own: source instanceof OwnPicture }, "", addressOf(source, wishes, ""));
    this.set(source, wishes, "");
    scrollTo({ top: 0 });
    this.controls.values().next().value?.element.querySelector("input")?.focus({ preventScroll: true });
  }

  async bring(file) {
    document.body.classList.add("looking");
    const turn = ++this.turn;
    const done = tell("Looking for the face…");
    try {
      const own = await OwnPicture.of(file);
      done();
      if (turn !== this.turn) return; // another face was picked meanwhile
      if (!own.face.found && !(await own.askCrop())) return;
      this.own = own;
      this.take(own);
    } catch (problem) {
      tell(problem.message, { kind: "bad" });
    } finally {
      done();
      document.body.classList.remove("looking");
    }
  }

  set(source, wishes, where) {
    this.stop();
    this.selection.clear();
    Object.assign(this, { source, answer: null });
    this.drawings.forget();
    this.options.setWhere(where);
    this.wishes = new Map([...wishes].filter(([name, one]) => this.collection.attributes[name]?.includes(one.value)));
    $("#picker").hidden = true;
    $("#studio").hidden = false;
    document.title = `${source.name} · mindseye`;
    showSource({ figure: $("#source"), acts: $("#source-acts") }, source, {
      another: () => history.pushState(null, "", addressOf(null)) ?? this.pickAgain(),
      recrop: async () => { if (await source.askCrop()) this.set(source, this.wishes, this.options.where); },
    });
    for (const [name, control] of this.controls) {
      control.setDrawings(null);
      control.set(this.wishes.get(name) ?? null);
    }
    fill($("#found-problem"));
    fill($("#found-notes"));
    this.preview();
    this.invite();
    this.drawings.draw(this.wishes);
    if (this.draws()) this.ask();
  }

  stop() {
    this.asking?.abort();
    this.drawings.stop();
  }

  /** Keep in the address what is asked. */
  note() {
    history.replaceState(history.state, "", addressOf(this.source, this.wishes, this.options.where));
  }

  /** Take a wish, or take one back; wishes that no weights draw together give way. */
  wish(attribute, wish) {
    this.wishes.delete(attribute);
    if (wish !== null) {
      this.giveWay(attribute);
      this.wishes.set(attribute, wish);
    }
    this.note();
    this.preview();
    this.drawings.draw(this.wishes);
    if (this.draws()) this.askSoon();
    else this.invite();
  }

  /** Whether something is wished to be seen: what must not be draws nothing alone. */
  draws() {
    return [...this.wishes.values()].some((one) => !one.negated);
  }

  giveWay(attribute) {
    for (const name of [...this.wishes.keys()]) {
      if (together(this.collection, [name, attribute])) continue;
      this.wishes.delete(name);
      this.controls.get(name).set(null);
      tell(`No weights here draw ${sayNames([name, attribute])} together, so the ${sayNames([name])} stays as it is.`);
    }
  }

  form(wishes) {
    const form = new FormData();
    this.source.write(form);
    for (const [name, wish] of wishes) form.append("wish", spell(name, wish));
    return form;
  }

  /** Show the drawing of what the controls say now, also while one moves. */
  preview() {
    const controls = [...this.controls.values()];
    const wished = controls.filter((one) => one.wish);
    const moving = wished.find((one) => one.wish !== this.wishes.get(one.attribute));
    const shown = wished.filter((one) => !one.wish.negated);
    const lead = moving ?? shown.find((one) => one.attribute === [...this.wishes.keys()].at(-1)) ?? shown[0] ?? controls[0];
    if (!lead) return;
    const source = lead.drawings.get(lead.wish && !lead.wish.negated ? lead.wish.value : lead.estimate);
    this.showDrawing(source, wished.map((one) => sayWish(one.attribute, one.wish)).join(", ") || "as it is");
  }

  showDrawing(source, caption) {
    fill($("#drawn"), source ? drawing(source, `Drawing of the same face: ${caption}`) : empty("The drawing is on its way"), h("figcaption", {}, caption));
  }

  invite() {
    this.asking?.abort();
    this.answer = null;
    $("#found").classList.remove("has-answers");
    $("#found").setAttribute("aria-busy", "false");
    fill($("#found-notes"));
    fill($("#answers"));
    const turns = this.controls.values().next().value?.attribute === "pose";
    const next = this.wishes.size ? "Choose also what it shall show." : turns ? "Turn the face: choose one of the drawings." : "Choose how the face shall look.";
    const why = this.wishes.size ? "What it must not show draws nothing alone." : "The drawing is what is searched for.";
    fill($("#found-problem"), h("div", { class: "invite" }, h("p", {}, next), h("p", { class: "muted" }, why)));
  }

  async ask() {
    if (!this.source || !this.draws()) return;
    this.asking?.abort();
    const mine = (this.asking = new AbortController());
    const found = $("#found");
    found.setAttribute("aria-busy", "true");
    found.classList.add("has-answers");
    fill($("#found-problem"));
    if (!this.answer) fill($("#answers"), Array.from({ length: this.options.k }, () => h("li", { class: "answer" }, empty())));
    try {
      this.answer = await call("/v1/query", { form: this.question(), signal: mine.signal });
      this.options.filter.say("");
      this.showAnswer();
    } catch (problem) {
      if (problem.name === "AbortError") return;
      this.answer = null;
      fill($("#answers"));
      fill($("#found-notes"));
      if (problem.code === "bad_request" && this.options.where) this.options.filter.say(problem.message);
      else showProblem($("#found-problem"), problem, () => this.ask());
    }
    found.setAttribute("aria-busy", "false");
  }

  question() {
    const form = this.form(this.wishes);
    this.options.write(form);
    return form;
  }

  showAnswer() {
    const { answer } = this;
    if (!answer) return;
    const wishes = this.said(answer);
    const said = answer.hits.length ? `${count(answer.hits.length, "answer")}: ${wishes}` : "No answer";
    if ([...this.wishes.values()].some((one) => one.negated)) this.showDrawing(answer.drawn, wishes);
    fill($("#found-title"), said);
    fill($("#found-said"), said);
    showAnswers($("#answers"), answer, { open: (at) => this.compare(at), alike: (hit) => this.alike(hit), selection: this.selection });
    showNotes($("#found-notes"), answer);
    fill($("#legend"), legend(answer));
    if (!answer.hits.length) fill($("#found-problem"), h("div", { class: "invite" }, h("p", {}, "Nobody here answers."), h("p", { class: "muted" }, this.options.whyNothing())));
  }

  said(answer) {
    return sayAll(answer.wishes ?? Object.entries(answer.wish).map(([name, value]) => `${name}=${value}`));
  }

  compare(at) {
    compare({
      answer: this.answer,
      at,
      source: this.source,
      wishSaid: this.said(this.answer),
      alike: (hit) => this.alike(hit),
      closed: (last) => $("#answers").children[last]?.querySelector(".shot")?.focus(),
    });
  }

  /** Ask for more like an answer: it becomes the source, and is wished for as it is. */
  alike(hit) {
    const seen = Object.entries(hit.estimate ?? {}).filter(([name]) => name in this.collection.attributes);
    this.take(new GalleryFace(hit), new Map(seen.map(([name, value]) => [name, wishFor(value)])));
  }

  drop(ids) {
    if (!this.answer) return;
    this.answer.hits = this.answer.hits.filter((one) => !ids.includes(one.id));
    this.showAnswer();
    this.ask();
  }
}
