/** How attributes and values are said to people. */

const NAMES = {
  pose: "Turn of the head",
  illumination: "Light",
  accessory: "Accessory",
  expression: "Expression",
  occlusion: "Covered",
  age: "Age",
};

/** Say the name of an attribute. */
export function nameOf(attribute) {
  const said = attribute.replaceAll("_", " ");
  return NAMES[attribute] ?? said.charAt(0).toUpperCase() + said.slice(1);
}

/** Say a value so that it can stand alone, like "45° left". Left and right are those of the picture. */
export function say(attribute, value) {
  if (value === null || value === undefined) return "unknown";
  const number = Number(value);
  if (attribute === "pose" && Number.isFinite(number)) {
    if (number === 0) return "straight";
    return `${Math.abs(number)}° ${number > 0 ? "left" : "right"}`;
  }
  if (Number.isFinite(number)) return `${nameOf(attribute).toLowerCase()} ${value}`;
  if (value === "none") return `no ${attribute.replaceAll("_", " ")}`;
  return String(value).replaceAll("_", " ");
}

/** Say a value beside the name of its attribute. */
export function bare(attribute, value) {
  return attribute === "pose" ? say(attribute, value) : String(value).replaceAll("_", " ");
}

/** Say a value as short as it can be under its attribute's name. */
export function brief(attribute, value) {
  const number = Number(value);
  if (attribute === "pose" && Number.isFinite(number)) {
    if (number === 0) return "0°";
    return number > 0 ? `‹ ${number}°` : `${-number}° ›`;
  }
  return String(value).replaceAll("_", " ");
}

/** Say whether values have an order, so that a slider fits them. */
export function isOrdered(values) {
  return values.length > 2 && values.every((one) => one.trim() !== "" && Number.isFinite(Number(one)));
}

/** Bring values into the order of a slider: what is drawn to the left stands on the left. */
export function inOrder(attribute, values) {
  if (!isOrdered(values)) return [...values];
  const rising = [...values].sort((one, other) => Number(one) - Number(other));
  return attribute === "pose" ? rising.reverse() : rising; // pose=45: the nose points to the left edge
}

/** Say a condition in a line, the wished attributes first; standard values are left out. */
export function sayCondition(condition, first = []) {
  const rank = (name) => (first.includes(name) ? 0 : 1);
  return Object.entries(condition ?? {})
    .filter(([name, value]) => first.includes(name) || !PLAIN.has(value))
    .sort(([one], [other]) => rank(one) - rank(other))
    .map(([name, value]) => say(name, value))
    .join(" · ");
}

const PLAIN = new Set(["none", "neutral"]);

const PARTS = { drawing: "looks like the drawing", log_p: "shows what is wished", identity: "is the same person", not: "shows nothing unwished" };

/** Say what a part of a score stands for. */
export function partOf(name) {
  return PARTS[name] ?? name.replaceAll("_", " ");
}

/** Say a probability in percent, without promising what was never measured. */
export function percent(share) {
  if (share >= 0.995) return "> 99 %";
  if (share < 0.01) return "< 1 %";
  return `${Math.round(share * 100)} %`;
}

/** Count things: "1 answer", "3 answers". */
export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** Say a note of the server as the page would: options of the command line mean nothing here. */
export function plainNote(note) {
  return note
    .replace(/^Warning: /, "")
    .replace(/;? ?(?:or )?say (?:where the face is: )?--crop [^.;]*/g, "; use “Crop” to say where the face is")
    .replace(/--([a-z-]+)/g, "$1");
}
