/** The source of a search: a face of the gallery, or a picture that somebody brought. */

import { call } from "./api.js";
import { askCrop } from "./crop.js";
import { fill, h, icon } from "./dom.js";
import { photograph, picture } from "./pictures.js";
import { plainNote } from "./words.js";

/** A face of the gallery. */
export class GalleryFace {
  constructor(image) {
    this.image = image;
    this.key = `id ${image.id}`;
    this.name = image.identity ?? image.name;
  }

  /** Write into a form which source is asked about. */
  write(form) {
    form.append("id", this.image.id);
  }

  show() {
    return photograph(this.image.thumbnail, `The face that is asked about: ${this.name}`, { size: 512, lazy: false });
  }
}

let brought = 0;

/** A picture that was dropped, pasted, chosen or photographed, with the square around its face. */
export class OwnPicture {
  constructor(file, face) {
    Object.assign(this, { file, face, name: "your picture", crop: face.crop });
    brought += 1;
    this.number = brought;
  }

  /** Look for the face in a file. */
  static async of(file, signal) {
    const form = new FormData();
    form.append("image", file);
    const face = await call("/v1/faces", { form, signal });
    const own = new OwnPicture(file, face);
    own.cut = await cutOut(face.preview, face, own.crop);
    return own;
  }

  get key() {
    return `own ${this.number} ${this.crop}`;
  }

  /** What the user should know of how the face was found. */
  get note() {
    return this.face.note ? plainNote(this.face.note) : "";
  }

  /** Let the user say where the face is; returns whether that changed. */
  async askCrop() {
    const crop = await askCrop(this.face.preview, { ...this.face, crop: this.crop });
    if (!crop) return false;
    this.crop = crop;
    this.cut = await cutOut(this.face.preview, this.face, crop);
    return true;
  }

  write(form) {
    form.append("image", this.file);
    if (this.crop) form.append("crop", this.crop.join(","));
  }

  show() {
    return picture(this.cut, "The face that is asked about: your picture");
  }
}

/** Cut a square out of a preview, whose pixels may be fewer than those of the picture itself. */
async function cutOut(preview, { width, height }, crop) {
  const image = new Image();
  image.src = preview;
  await image.decode();
  const [x, y, wide, high] = crop ?? [0, 0, width, height];
  const scale = image.naturalWidth / width;
  const side = Math.max(wide, high) * scale;
  const left = (x + wide / 2) * scale - side / 2;
  const top = (y + high / 2) * scale - side / 2;
  const size = Math.max(64, Math.min(512, Math.round(side)));
  const canvas = h("canvas", { width: size, height: size });
  const context = canvas.getContext("2d");
  context.fillStyle = "#888";
  context.fillRect(0, 0, size, size);
  context.drawImage(image, (-left * size) / side, (-top * size) / side, (image.naturalWidth * size) / side, (image.naturalHeight * size) / side);
  return canvas.toDataURL("image/jpeg", 0.92);
}

/** Show a source, and what can be done with it. */
export function showSource({ figure, acts }, source, { another, recrop }) {
  fill(figure, source.show(), h("figcaption", {}, source.name));
  const crop = source instanceof OwnPicture && h("button", { type: "button", onclick: recrop }, icon("crop"), "Crop");
  fill(acts, h("button", { type: "button", onclick: another }, icon("back"), "Another face"), crop, source.note && h("p", { class: "hint" }, source.note));
}
