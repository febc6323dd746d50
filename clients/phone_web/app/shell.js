// The service worker, which keeps the app's own files: it starts without a network, and at once.

const WORKER = "/app/sw.js";

const policy = window.trustedTypes?.createPolicy("phone-app", {
  createScriptURL(url) {
    if (url !== WORKER) throw new TypeError(url);
    return url;
  },
});

let isOld = false;

/** Whether newer files have taken the place of those that this page was made of. */
export const isOutdated = () => isOld;

/** Keep the files; when newer ones have come, load them as soon as `isCalm` says so. */
export async function keepShell(isCalm) {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return;
  const wasKept = Boolean(serviceWorker.controller);
  serviceWorker.addEventListener("controllerchange", () => { isOld = wasKept; });
  document.addEventListener("visibilitychange", () => {
    if (isOld && isCalm() && document.visibilityState === "hidden") location.reload();
  });
  try {
    await serviceWorker.register(policy ? policy.createScriptURL(WORKER) : WORKER, { scope: "/app/" });
  } catch { /* private windows may keep nothing: the app works without */ }
}
