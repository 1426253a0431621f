/** What is asked, as the page's address holds it; and which wishes go together. */

import { api } from "./api.js";
import { GalleryFace } from "./source.js";
import { parse, spell } from "./wish.js";

/** Write what is asked as the rest of an address; a picture that somebody brought never stands in it. */
export function addressOf(source, wishes = new Map(), where = "") {
  const query = new URLSearchParams();
  if (api.collection) query.set("collection", api.collection);
  if (source instanceof GalleryFace) query.set("id", source.image.id);
  for (const [name, wish] of wishes) query.append("wish", spell(name, wish));
  if (where) query.set("where", where);
  const text = query.toString();
  return text ? `?${text}` : location.pathname;
}

/** Read wishes off an address. */
export function wishesOf(query) {
  return new Map(query.getAll("wish").map(parse).filter(Boolean));
}

/** Whether the weights of one space draw all of some attributes. */
export function together(collection, names) {
  return collection.spaces.some((space) => names.every((name) => name in space.attributes));
}

/** How the head is turned comes first: everybody knows at once what its slider does. */
export function poseFirst(attributes) {
  return Object.entries(attributes).sort(([one], [other]) => (other === "pose") - (one === "pose"));
}
