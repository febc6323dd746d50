// Being woken by a push (Web Push): whether it can be, is, or is forbidden.

import { unb64url } from "./bytes.js";
import { isApple, isInstalled } from "./install.js";
import * as phone from "./phone.js";
import * as vault from "./vault.js";

/**
 * Tell how pushes stand: `unavailable` (this server sends none), `install` (only once this app is
 * on the home screen), `unsupported`, `denied`, `on` or `off`.
 */
export async function state(standing) {
  if (!standing.vapid_public_key) return "unavailable";
  const canPush = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
  if (!canPush) return isApple() && !isInstalled() ? "install" : "unsupported";
  if (Notification.permission === "denied") return "denied";
  const subscription = await subscribed();
  return subscription && standing.push === "webpush" && Notification.permission === "granted" ? "on" : "off";
}

/** What became of a phone's pushes since one arrived at its service: when one failed and why, or nothing. */
export function failure({ push_health: health }) {
  const { last_ok_at: ok, last_error_at: failed, last_error: code } = health ?? {};
  return failed && !(ok && Date.parse(ok) > Date.parse(failed)) ? { moment: failed, code } : null;
}

async function subscribed() {
  const registration = await navigator.serviceWorker.getRegistration("/app/");
  return registration?.pushManager.getSubscription();
}

/** Ask for permission, and tell the server where to push; returns whether it was given. */
export async function turnOn({ vapid_public_key: key }) {
  if ((await Notification.requestPermission()) !== "granted") return false;
  const { pushManager } = await navigator.serviceWorker.ready;
  const options = { userVisibleOnly: true, applicationServerKey: unb64url(key) };
  let subscription;
  try {
    subscription = await pushManager.subscribe(options);
  } catch (error) {
    // One for another key of the server's stands in the way.
    if (error.name !== "InvalidStateError") throw error;
    await (await pushManager.getSubscription())?.unsubscribe();
    subscription = await pushManager.subscribe(options);
  }
  await hand(subscription);
  return true;
}

export async function turnOff() {
  await phone.asPhone("DELETE", "/phone/push");
  await (await subscribed())?.unsubscribe();
  await vault.change("phone", (kept) => kept && { ...kept, endpoint: undefined });
}

/** Browsers change where they are pushed to without a word: look, and tell the server. */
export async function keepUp(standing) {
  if ((await state(standing)) !== "on") return;
  const subscription = await subscribed();
  const { endpoint } = await phone.kept();
  if (subscription.endpoint !== endpoint) await hand(subscription);
}

async function hand(subscription) {
  const { endpoint, keys } = subscription.toJSON();
  await phone.asPhone("PUT", "/phone/push", { body: { service: "webpush", subscription: { endpoint, keys } } });
  await vault.change("phone", (kept) => kept && { ...kept, endpoint });
}
