/** The HTTP API: requests, the token, problems in plain words. */

const KEPT = "mindseye-token";

/** What the server says went wrong, or that it does not answer. */
export class Problem extends Error {
  constructor({ detail, title, code = "", status = 0, request_id = "", retry_s = null }) {
    super(detail || title);
    Object.assign(this, { code, status, request_id, retry_s });
  }
}

export const api = {
  collection: null,
  tokenForReading: false,
  /** Asks the user for a token; resolves to whether one was given. The shell sets it. */
  askToken: async () => false,
};

/** Take the token off the address, where the printed link has it, and keep it for this tab. */
export function takeToken() {
  const found = /(?:^#|&)token=([^&]+)/.exec(location.hash);
  if (!found) return;
  keepToken(decodeURIComponent(found[1]));
  history.replaceState(history.state, "", location.pathname + location.search);
}

export function keepToken(token) {
  sessionStorage.setItem(KEPT, token.trim());
}

export function hasToken() {
  return Boolean(sessionStorage.getItem(KEPT));
}

function headers(more = {}) {
  const token = sessionStorage.getItem(KEPT);
  return token ? { ...more, Authorization: `Bearer ${token}` } : more;
}

/** Write an address of the API, with the collection that is looked at. */
export function address(path, query = {}) {
  const url = new URL(path, location.origin);
  const all = { ...(api.collection ? { collection: api.collection } : {}), ...query };
  for (const [name, value] of Object.entries(all)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  return url.pathname + url.search;
}

/**
 * Ask the API and return its JSON.
 *
 * A busy server is asked again, as late as it says. A missing token is asked for once.
 *
 * @param {string} path Like "/v1/images".
 * @param {{method?: string, query?: Object, form?: FormData, json?: Object, signal?: AbortSignal}} how
 * @throws {Problem}
 */
export async function call(path, how = {}) {
  for (let tries = 0; ; tries += 1) {
    const answer = await send(path, how);
    if (answer.ok) return answer.status === 204 ? null : answer.json();
    const problem = await problemOf(answer);
    if (answer.status === 401 && tries === 0 && (await api.askToken(problem.message))) continue;
    if (problem.retry_s === null || tries >= 3) throw problem;
    await pause(problem.retry_s * 1000, how.signal);
  }
}

async function send(path, { method, query = {}, form, json, signal }) {
  const verb = method ?? (form || json ? "POST" : "GET");
  const more = json ? { "Content-Type": "application/json" } : {};
  const body = form ?? (json ? JSON.stringify(json) : undefined);
  try {
    return await fetch(address(path, query), { method: verb, headers: headers(more), body, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ detail: "The server does not answer. Is mindseye serve still running? Then try again." });
  }
}

async function problemOf(answer) {
  let said = {};
  try {
    said = await answer.json();
  } catch {
    said = { detail: `The server answered ${answer.status} without a reason. Try again, or look at its log.` };
  }
  const detail = (said.errors ?? []).map((one) => `${one.where}: ${one.message}`).join("; ") || said.detail;
  const busy = [429, 503, 504].includes(answer.status); // 504: it goes on opening what it needs
  const wait = busy ? Number(answer.headers.get("Retry-After") ?? 1) : null;
  return new Problem({ ...said, detail, status: answer.status, retry_s: wait });
}

function pause(wait_ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, wait_ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("no longer wanted", "AbortError"));
    });
  });
}

/** Show a picture of the API in an element, with the token where reading needs one. */
export async function show(image, path) {
  if (!api.tokenForReading) {
    image.src = path;
    return;
  }
  try {
    const answer = await fetch(path, { headers: headers() });
    if (!answer.ok) throw new Error(String(answer.status));
    image.src = URL.createObjectURL(await answer.blob());
    image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  } catch {
    image.dispatchEvent(new Event("error"));
  }
}

/** Fetch a file of the API, as a blob. */
export async function fetchBlob(path) {
  const answer = await fetch(path, { headers: headers() });
  if (!answer.ok) throw await problemOf(answer);
  return answer.blob();
}

/** Yield a job whenever it has come further, until it has ended. */
export async function* follow(job) {
  const ended = (one) => ["done", "failed", "cancelled"].includes(one.state);
  let now = job;
  yield now;
  while (!ended(now)) {
    await pause(400);
    now = await call(`/v1/jobs/${encodeURIComponent(now.id)}`);
    yield now;
  }
}
