/** Pictures: photographs of the gallery, and drawings, which always say that they are drawn. */

import { show } from "./api.js";
import { h } from "./dom.js";

/** A photograph of the gallery; where its file is gone, a frame says so. */
export function photograph(path, alt, { size = null, lazy = true } = {}) {
  const image = h("img", { alt, loading: lazy ? "lazy" : "eager", decoding: "async", draggable: "false" });
  const frame = h("span", { class: "photo" }, image);
  image.addEventListener("error", () => {
    if (frame.classList.contains("gone")) return;
    frame.classList.add("gone");
    frame.replaceChildren(h("span", { class: "gone-text" }, "file is gone"));
    frame.setAttribute("role", "img");
    frame.setAttribute("aria-label", `${alt}; its file is gone`);
  });
  show(image, size ? sized(path, size) : path);
  return frame;
}

/** A picture that the page holds already. */
export function picture(source, alt) {
  return h("span", { class: "photo" }, h("img", { alt, src: source, draggable: "false" }));
}

/** A drawing, marked as one. */
export function drawing(source, alt, { badge = true } = {}) {
  return h(
    "span",
    { class: "photo drawn" },
    h("img", { alt, src: source, draggable: "false" }),
    badge && h("span", { class: "badge", "aria-hidden": "true" }, "drawn"),
  );
}

/** A place where a picture will be. */
export function empty(alt = "") {
  return h("span", { class: "photo waiting", role: alt ? "img" : null, "aria-label": alt || null });
}

function sized(path, size) {
  const url = new URL(path, location.origin);
  url.searchParams.set("size", size);
  return url.pathname + url.search;
}
