/** Results of benchmarks: how often each method finds, with its interval. */

import { api, call, fetchBlob } from "./api.js";
import { $, fill, fresh, h } from "./dom.js";
import { sentence, showProblem, tell } from "./notices.js";
import { run } from "./shell.js";
import { count } from "./words.js";

run(async () => {
  const place = $("#benchmarks");
  try {
    const { results, broken } = await call("/v1/results");
    fill(place, results.map(result), broken.map((one) => h("div", { class: "problem" }, h("p", {}, h("strong", {}, one.name), `: ${sentence(one.problem)}`))), !results.length && !broken.length && nothing());
  } catch (problem) {
    showProblem($("#benchmark-problem"), problem, () => location.reload());
  }
  place.setAttribute("aria-busy", "false");
});

function nothing() {
  const command = "mindseye bench studio-mini --out results/studio-mini";
  return h("div", { class: "invite" }, h("p", {}, "There is no result in this folder yet."), h("p", { class: "muted" }, "Make one, then look again:"), h("p", { class: "command" }, h("code", {}, command)));
}

function result(one) {
  const title = h("h2", { id: fresh("result") }, one.name);
  const measures = one.measures.filter((name) => /^R@/.test(name));
  const charts = h("div", { class: "charts" });
  const draw = (measure) => fill(charts, one.criteria.map((criterion) => chart(one, criterion, measure)));
  draw(measures[0] ?? one.measures[0]);
  const choose = h("div", { class: "segments", role: "radiogroup", "aria-label": "Measure" }, measures.map((name, at) => radio(title.id, name, at === 0, draw)));
  const facts = [new Date(one.created).toLocaleDateString("en", { dateStyle: "medium" }), one.wishes.join(", "), count(one.gallery, "image"), count(one.identities, "person", "people"), one.criteria.map((name) => `${one.queries[name]} queries of ${name}`).join(", ")];
  return h(
    "section",
    { class: "result", "aria-labelledby": title.id },
    h("header", {}, title, h("p", { class: "muted" }, facts.join(" · "))),
    measures.length > 1 && choose,
    charts,
    h("p", { class: "muted" }, "C1: the right person, with the wished value. C2: everything else is as in the source, too."),
    skipped(one),
    h("details", {}, h("summary", {}, "Command"), h("p", { class: "command" }, h("code", {}, one.command))),
    one.report && report(one),
  );
}

function radio(group, name, checked, draw) {
  return h("label", {}, h("input", { type: "radio", name: group, class: "unseen", checked, onchange: () => draw(name) }), h("span", {}, name));
}

function skipped(one) {
  const left = one.methods.filter((method) => method.skipped);
  return left.length ? h("details", {}, h("summary", {}, `${count(left.length, "method")} not run`), h("ul", {}, left.map((method) => h("li", {}, h("strong", {}, method.name), `: ${method.skipped}`)))) : null;
}

/** A line for each method: a dot for the share, a stroke for its interval. */
function chart(one, criterion, measure) {
  const rows = one.methods
    .filter((method) => !method.skipped && method.scores[criterion]?.[measure]?.value != null)
    .map((method) => ({ name: method.name, ...method.scores[criterion][measure] }))
    .sort((first, second) => second.value - first.value);
  const tenth = (share) => (100 * share).toFixed(1);
  return h(
    "table",
    { class: "chart" },
    h("caption", {}, `${criterion} ${measure}, percent`),
    h("thead", { class: "unseen" }, h("tr", {}, h("th", { scope: "col" }, "method"), h("th", { scope: "col" }, "share and interval"), h("th", { scope: "col" }, "percent"))),
    h("tbody", {}, rows.map((row) => {
      const [low, high] = row.interval ?? [row.value, row.value];
      const said = row.interval ? `${tenth(low)} to ${tenth(high)}` : "no interval";
      return h(
        "tr",
        { class: row.name === one.reference ? "ours" : null },
        h("th", { scope: "row" }, row.name),
        h("td", {}, h("span", { class: "lane", role: "img", "aria-label": said, title: said, vars: { at: row.value, low, high } }, h("span", { class: "stroke" }), h("span", { class: "mark-dot" }))),
        h("td", { class: "number" }, tenth(row.value)),
      );
    })),
  );
}

/** The whole report: a page of its own. Where reading needs the token, it is fetched with it and saved. */
function report(one) {
  const path = `/v1/results/${encodeURIComponent(one.name)}/report`;
  if (!api.tokenForReading) return h("a", { href: path, target: "_blank", rel: "noopener" }, "Whole report");
  return h("button", { type: "button", onclick: () => save(one, path) }, "Save the whole report");
}

async function save(one, path) {
  try {
    const link = h("a", { href: URL.createObjectURL(await fetchBlob(path)), download: `${one.name}.html` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  } catch (problem) {
    tell(problem.message, { kind: "bad" });
  }
}
