/** A wish as the API writes it: "pose=45", "not accessory=sunglasses", "pose=45 * 2". */

import { nameOf, say } from "./words.js";

const WRITTEN = /^(not\s+)?([^=]+?)\s*=\s*(.*?)(?:\s*\*\s*([\d.]+))?$/s;

/** Make a wish. */
export function wishFor(value, { negated = false, weight = 1 } = {}) {
  return { value, negated, weight };
}

/** Read a wish; returns its attribute and the wish, or null if it is none. */
export function parse(text) {
  const found = WRITTEN.exec(text.trim());
  if (!found) return null;
  const [, not, attribute, value, weight] = found;
  return [attribute, wishFor(value, { negated: Boolean(not), weight: weight === undefined ? 1 : Number(weight) })];
}

/** Write a wish. A value that ends like a weight gets one behind it. */
export function spell(attribute, { value, negated, weight }) {
  const end = weight !== 1 || /\*\s*[^\s*]+$/.test(value) ? ` * ${weight}` : "";
  return `${negated ? "not " : ""}${attribute}=${value}${end}`;
}

/** Say a wish, like "45° left", or "not 45° left". */
export function sayWish(attribute, { value, negated, weight }) {
  const counts = weight === 1 ? "" : ` (counts ${weight}×)`;
  return `${negated ? "not " : ""}${say(attribute, value)}${counts}`;
}

/** Say written wishes, like "45° left, not sunglasses". */
export function sayAll(written) {
  return written.map(parse).filter(Boolean).map(([attribute, wish]) => sayWish(attribute, wish)).join(", ");
}

/** Say what is wished of several attributes. */
export function sayNames(attributes) {
  return attributes.map((one) => nameOf(one).toLowerCase()).join(" and ");
}
