// This phone as the server knows it: its device token, and what it is bound to.

import { drawSecret, unb64url } from "./bytes.js";
import { serverClock } from "./clock.js";
import { sign, throwAway } from "./passkey.js";
import { alone } from "./tabs.js";
import * as vault from "./vault.js";
import { Away, Refused, call } from "./wire.js";

const WEEK = 7 * 24 * 3600 * 1000;
const UNKNOWN = 401;

export const kept = () => vault.read("phone");

/** Call the server as this phone. */
export async function asPhone(method, path, options = {}) {
  const { token } = (await kept()) ?? {};
  if (!token) throw new Refused(UNKNOWN, { error: "invalid_token" });
  try {
    return await call(method, path, { ...options, token });
  } catch (error) {
    if (error.status !== UNKNOWN) throw error;
    // Another tab may have changed the token, or the answer to a change of it was lost.
    await settle();
    const now = (await kept())?.token;
    if (!now || now === token) throw error;
    return call(method, path, { ...options, token: now });
  }
}

/** Keep what this phone has just been bound to. */
export async function bind({ token, credentialId, rpId, identity, device }) {
  await vault.write("phone", { token, tokenSince: serverClock.now(), credentialId, rpId, identity, device });
  await vault.write("offer", undefined);
  // Asked for, not relied upon: the key brings back what a browser throws away.
  await navigator.storage?.persist?.().catch(() => false);
}

/** Forget everything but whose phone this was: its key has been let go of. */
export async function letGo() {
  const { rpId = location.hostname, credentialId } = (await kept()) ?? {};
  await vault.change("phone", (phone) => phone && { identity: phone.identity, isOver: true });
  if (credentialId) await throwAway(rpId, credentialId);
}

/** Ask the server what this phone is bound to, and keep what the screens show of it. */
export async function refresh() {
  const { body } = await asPhone("GET", "/phone/credential");
  await vault.change("phone", (phone) => phone && { ...phone, ...shownOf(body, phone) });
  return body;
}

const IDENTITY = ["name", "uzi_number", "role", "organisation", "ura"];

const shownOf = (body, phone) => ({
  credentialId: body.credential_id,
  expiresAt: body.expires_at,
  identity: Object.fromEntries(IDENTITY.map((name) => [name, body[name] ?? phone?.identity?.[name] ?? ""])),
});

/** Change the device token once a week.  The old one lives until the new one is used. */
export async function rotate() {
  const phone = await kept();
  const now = serverClock.now();
  if (!phone?.token || now === null || now - (phone.tokenSince ?? 0) < WEEK) return;
  await alone("token", async () => {
    const { token, tokenSince } = await kept();
    if (tokenSince !== phone.tokenSince) return;
    // Kept before it is announced: whatever becomes of the answer, one of the two works.
    const nextToken = drawSecret();
    await vault.change("phone", (known) => ({ ...known, nextToken }));
    try {
      await call("POST", "/phone/device-token", { token, body: { device_token: nextToken } });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
    await settleAlone();
  });
}

/** Find out which of two device tokens counts, where there are two. */
const settle = () => alone("token", settleAlone);

async function settleAlone() {
  const { nextToken } = (await kept()) ?? {};
  if (!nextToken) return;
  let good = true;
  try {
    await call("GET", "/phone/credential", { token: nextToken });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    good = error.status !== UNKNOWN;
  }
  await vault.change("phone", ({ nextToken: next, ...phone }) =>
    good ? { ...phone, token: next, tokenSince: serverClock.now() } : phone);
}

/** Get a new device token by the key alone. */
export async function recover() {
  const { rpId = location.hostname, credentialId } = (await kept()) ?? {};
  const { body: { id, challenge } } = await call("POST", "/phone/token/challenge", { body: {} });
  const assertion = await sign(unb64url(challenge), { rpId, credentialId });
  const token = drawSecret();
  try {
    await call("POST", "/phone/token", { body: { id, assertion, device_token: token } });
  } catch (error) {
    if (!(error instanceof Away)) throw error;
    // It may have been done: the next call tells.
  }
  const { body } = await call("GET", "/phone/credential", { token });
  await vault.change("phone", (phone) => ({
    ...phone, isOver: undefined, rpId, token, tokenSince: serverClock.now(), nextToken: undefined, ...shownOf(body, phone),
  }));
}

/** Sign as the bound phone, one tab at a time. */
export const signed = (challenge) => alone("signing", async () => {
  const { rpId = location.hostname, credentialId } = await kept();
  return sign(challenge, { rpId, credentialId });
});
