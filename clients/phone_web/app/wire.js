// Calls to the server: JSON in and out, a bearer instead of cookies, the server's time with each.

import { serverClock } from "./clock.js";
import { language } from "./words.js";

/** The server said no, and why. */
export class Refused extends Error {
  constructor(status, body) {
    super(body.error ?? String(status));
    this.status = status;
    this.code = body.error ?? "";
    this.description = body.error_description ?? "";
    this.body = body;
  }
}

/** No answer came, or one that says to come back: nothing is known of what the call did. */
export class Away extends Error {
  constructor(reason, status = 0) {
    super(reason);
    this.status = status;
  }
}

const PATIENCE = 15_000;

/** Say how long a call may be held; the answer says whether it was. */
export const HELD = 25;

/**
 * Call the server.
 *
 * `token` is the bearer; `wait` the seconds that the server may hold the answer; `etag` what is
 * known already.  Returns `{status, body, etag}`; 304 is an answer.
 */
export async function call(method, path, { body, token, wait = 0, etag, signal } = {}) {
  const headers = { Accept: "application/json", "Accept-Language": language() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  if (wait) headers.Prefer = `wait=${wait}`;
  if (etag) headers["If-None-Match"] = etag;
  const sent = serverClock.ticks();
  const answer = await reach(path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
    // A person may have logged in at the portal in this browser: that is not this app's to use.
    credentials: "omit",
    redirect: "error",
  }, PATIENCE + wait * 1000, signal);
  serverClock.hear(answer.headers.get("Date"), sent);
  return answer;
}

async function reach(path, request, patience, signal) {
  const ending = new AbortController();
  const timer = setTimeout(() => ending.abort(), patience);
  const stop = () => ending.abort();
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  try {
    return await read(await fetch(path, { ...request, signal: ending.signal }));
  } catch (error) {
    if (error instanceof Refused || error instanceof Away) throw error;
    throw new Away(signal?.aborted ? "stopped" : "no answer");
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

async function read(answer) {
  const { status, headers } = answer;
  if (status >= 500 || status === 429) throw new Away(String(status), status);
  const isJson = (headers.get("Content-Type") ?? "").startsWith("application/json");
  const body = isJson ? await answer.json() : {};
  if (status >= 400) throw new Refused(status, body);
  return { status, headers, body, etag: headers.get("ETag") };
}
