/** What every view has: the collection, the token, light and dark. */

import { api, call, hasToken, keepToken, takeToken } from "./api.js";
import { $, fill, fresh, h } from "./dom.js";
import { showProblem } from "./notices.js";

/**
 * Start a view: learn what the server is, and which collection is looked at.
 *
 * @returns {Promise<{system: Object, collection: Object|null, collections: Object[]}>}
 * @throws {Problem} When the server does not answer, or refuses.
 */
export async function start() {
  takeToken();
  api.askToken = askToken;
  switchTheme();
  api.collection = new URLSearchParams(location.search).get("collection");
  addEventListener("hashchange", takeToken);
  const system = await call("/v1/system");
  api.tokenForReading = system.token_for_reading;
  const collections = await fetchCollections(system);
  const collection = collections.find((one) => one.name === api.collection) ?? collections[0] ?? null;
  api.collection = collection && collections.length > 1 ? collection.name : null;
  offerCollections(collections, collection);
  for (const link of document.querySelectorAll("a[data-keep]")) keepCollection(link);
  return { system, collection, collections };
}

/** Learn which collections there are: none, with the reason, where the folder that was named holds nothing yet. */
async function fetchCollections(system) {
  try {
    return (await call("/v1/collections")).collections;
  } catch (problem) {
    if (![404, 409].includes(problem.status)) throw problem;
    system.problem = problem.message;
    return [];
  }
}

/** Run a view; what goes wrong before it stands is said in its place. */
export async function run(view) {
  try {
    await view(await start());
  } catch (problem) {
    const place = h("div", {});
    $("#main").prepend(place);
    for (const busy of document.querySelectorAll("[aria-busy]")) busy.hidden = true;
    showProblem(place, problem, () => location.reload());
  }
}

function offerCollections(collections, chosen) {
  if (collections.length < 2) return;
  const select = $("#collection");
  fill(select, collections.map((one) => h("option", { value: one.name }, one.name)));
  select.value = chosen.name;
  select.closest("label").hidden = false;
  select.addEventListener("change", () => location.assign(`${location.pathname}?collection=${encodeURIComponent(select.value)}`));
}

function keepCollection(link) {
  if (!api.collection) return;
  const url = new URL(link.href);
  url.searchParams.set("collection", api.collection);
  link.href = url.pathname + url.search;
}

function switchTheme() {
  const button = $("#theme");
  const isDark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const name = () => button.setAttribute("aria-label", isDark() ? "Make the page light" : "Make the page dark");
  name();
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("mindseye-theme", document.documentElement.dataset.theme);
    } catch {
      /* kept for this page alone */
    }
    name();
  });
}

/** Ask for the token in a dialog. */
async function askToken(reason) {
  const field = h("input", { type: "password", autocomplete: "off", required: true, id: fresh("token") });
  const text = hasToken() ? "The token is not the right one." : "This needs the token that mindseye serve printed when it started.";
  return ask({
    title: "Token",
    body: [h("p", {}, text), h("label", { for: field.id }, "Token"), field, h("p", { class: "hint" }, "The printed link has it behind #token=. It is kept for this tab alone.")],
    yes: "Go on",
    value: () => {
      keepToken(field.value);
      return true;
    },
    no: false,
    note: reason,
  });
}

/**
 * Ask something in a dialog; resolves to what `value` returns, or to `no` when it is closed.
 *
 * @param {{title: string, body: Node[], yes: string, value: function, no?: *, danger?: boolean}} about
 */
export function ask({ title, body, yes, value, no = null, danger = false }) {
  return new Promise((resolve) => {
    let answer = no;
    const form = h("form", { method: "dialog" }, h("h2", {}, title), body);
    const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
    form.append(h("div", { class: "acts end" }, cancel, h("button", { type: "submit", class: danger ? "main danger" : "main" }, yes)));
    const dialog = h("dialog", { class: "ask", "aria-label": title }, form);
    form.addEventListener("submit", () => {
      answer = value();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
