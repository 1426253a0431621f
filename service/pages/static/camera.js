/** A photograph from the camera: its picture in a dialog, or the phone's own camera. */

import { h } from "./dom.js";
import { tell } from "./notices.js";

/** Photograph a face; resolves to a file, or to null. */
export async function photographWithCamera() {
  if (!navigator.mediaDevices?.getUserMedia) return photographWithPhone();
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 1280 } }, audio: false });
  } catch (problem) {
    tell(problem.name === "NotAllowedError" ? "The browser does not let this page use the camera. Allow it beside the address, then try again." : "No camera was found. Choose a picture instead.", { kind: "bad" });
    return null;
  }
  return shoot(stream);
}

function shoot(stream) {
  return new Promise((resolve) => {
    let shot = null;
    const video = h("video", { autoplay: true, playsinline: true, "aria-label": "What the camera sees, mirrored" });
    video.muted = true;
    video.srcObject = stream;
    const take = h("button", { type: "button", class: "main", onclick: async () => { shot = await still(video); dialog.close(); } }, "Take the picture");
    const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
    const dialog = h("dialog", { class: "camera", "aria-label": "Photograph a face" }, h("h2", {}, "Look into the camera"), video, h("div", { class: "acts end" }, cancel, take));
    dialog.addEventListener("close", () => {
      for (const track of stream.getTracks()) track.stop();
      dialog.remove();
      resolve(shot);
    });
    document.body.append(dialog);
    dialog.showModal();
    take.focus();
  });
}

/** Keep what the camera sees now, as others see it: not mirrored. */
async function still(video) {
  const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
  return new File([blob], "photograph.jpg", { type: "image/jpeg" });
}

/** Where a page may not see the camera (no HTTPS), the phone's own one still takes a picture. */
function photographWithPhone() {
  return new Promise((resolve) => {
    const input = h("input", { type: "file", accept: "image/*", capture: "user" });
    input.addEventListener("change", () => resolve(input.files[0] ?? null));
    input.addEventListener("cancel", () => resolve(null));
    input.click();
  });
}
