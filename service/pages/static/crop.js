/** The crop: a square over a picture that is dragged, resized, or moved by the arrow keys. */

import { h } from "./dom.js";

const SMALLEST = 16; // pixels of the picture; smaller squares hold no face
const EYES = 0.41; // where the aligner puts eyes and chin, in shares of the square's side
const CHIN = 0.93;

/**
 * Ask where the face is.
 *
 * @param {string} source Address of the whole picture.
 * @param {{width: number, height: number, crop: number[]|null, note: string|null, found: boolean}} face
 *     What POST /v1/faces said; the crop in pixels.
 * @returns {Promise<number[]|null>} Left, top, width, height in pixels, or null: as it was.
 */
export function askCrop(source, face) {
  return new Promise((resolve) => {
    let answer = null;
    const square = new Square(face);
    const stage = makeStage(source, square, face);
    const done = h("button", { type: "button", class: "main", onclick: () => { answer = square.numbers(); dialog.close(); } }, "Use this square");
    const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
    const dialog = h(
      "dialog",
      { class: "cropping", "aria-label": "Where is the face?" },
      h("h2", {}, "Where is the face?"),
      h("p", {}, face.found ? "Bring the eyes onto the upper line and the chin onto the lower one." : "No face was found. Draw the square around it: eyes on the upper line, chin on the lower one."),
      stage,
      h("p", { class: "hint" }, "Drag the square or a corner. Keys: arrows move, + and − resize, with Shift in larger steps."),
      h("div", { class: "acts end" }, cancel, done),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    stage.querySelector(".square").focus();
  });
}

/** A square inside a picture, in the picture's pixels. */
class Square {
  constructor({ width, height, crop }) {
    this.width = width;
    this.height = height;
    const [x, y, w, h_] = crop ?? [0, 0, width, height];
    this.side = Math.max(SMALLEST, Math.max(w, h_));
    this.x = x + (w - this.side) / 2;
    this.y = y + (h_ - this.side) / 2;
    this.hold();
  }

  /** Keep most of the square over the picture: what lies beyond repeats its edge. */
  hold() {
    const most = 1.5 * Math.max(this.width, this.height);
    this.side = Math.min(Math.max(this.side, SMALLEST), most);
    const half = this.side / 2;
    this.x = Math.min(Math.max(this.x, -half), this.width - half);
    this.y = Math.min(Math.max(this.y, -half), this.height - half);
  }

  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.hold();
  }

  /** Resize; the corner across stays where it is, or the middle does. */
  resize(more, keepX = 0.5, keepY = 0.5) {
    const before = this.side;
    this.side = Math.max(SMALLEST, before + more);
    this.x += (before - this.side) * keepX;
    this.y += (before - this.side) * keepY;
    this.hold();
  }

  numbers() {
    return [this.x, this.y, this.side, this.side].map((one) => Math.round(one));
  }
}

const CORNERS = { nw: [1, 1], ne: [0, 1], sw: [1, 0], se: [0, 0] }; // which share of the side stays

function makeStage(source, square, face) {
  const box = h("div", { class: "square", tabindex: "0", role: "group", "aria-roledescription": "crop", "aria-label": "Square around the face" });
  box.append(
    h("span", { class: "guide", vars: { at: EYES } }, "eyes"),
    h("span", { class: "guide", vars: { at: CHIN } }, "chin"),
    ...Object.keys(CORNERS).map((name) => h("span", { class: `corner ${name}`, "data-corner": name })),
  );
  const stage = h("div", { class: "crop-stage", vars: { wide: face.width, high: face.height } }, h("img", { src: source, alt: "The whole picture", draggable: "false" }), box);
  const place = () => {
    const share = { left: square.x / face.width, top: square.y / face.height, wide: square.side / face.width, high: square.side / face.height };
    for (const [name, value] of Object.entries(share)) box.style.setProperty(`--${name}`, value);
    box.setAttribute("aria-label", `Square around the face: ${square.side.toFixed(0)} pixels wide, ${square.x.toFixed(0)} from the left, ${square.y.toFixed(0)} from above`);
  };
  box.addEventListener("pointerdown", (event) => drag(event, box, stage, square, face, place));
  box.addEventListener("keydown", (event) => { if (byKey(event, square, face)) { event.preventDefault(); place(); } });
  place();
  return stage;
}

function drag(event, box, stage, square, face, place) {
  event.preventDefault();
  box.focus();
  box.setPointerCapture(event.pointerId);
  const scale = face.width / stage.getBoundingClientRect().width;
  const corner = CORNERS[event.target.dataset.corner];
  let [x, y] = [event.clientX, event.clientY];
  const move = (now) => {
    const [dx, dy] = [(now.clientX - x) * scale, (now.clientY - y) * scale];
    [x, y] = [now.clientX, now.clientY];
    if (corner) square.resize(((corner[0] ? -dx : dx) + (corner[1] ? -dy : dy)) / 2, ...corner);
    else square.move(dx, dy);
    place();
  };
  const end = () => {
    box.removeEventListener("pointermove", move);
    box.removeEventListener("pointerup", end);
    box.removeEventListener("pointercancel", end);
  };
  box.addEventListener("pointermove", move);
  box.addEventListener("pointerup", end);
  box.addEventListener("pointercancel", end);
}

function byKey(event, square, face) {
  const step = Math.max(1, Math.round(Math.max(face.width, face.height) / (event.shiftKey ? 20 : 100)));
  const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
  if (moves[event.key]) square.move(...moves[event.key]);
  else if (["+", "=", "*"].includes(event.key)) square.resize(2 * step);
  else if (["-", "_"].includes(event.key)) square.resize(-2 * step);
  else return false;
  return true;
}
