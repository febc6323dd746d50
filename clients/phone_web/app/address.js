// Takes what stands behind the `#` of the address, before anything else happens.

let taken = "";

function take() {
  if (location.hash) taken = location.href;
  // No history and no screenshot of the address bar is to hold a secret.
  if (location.hash) history.replaceState(history.state, "", location.pathname);
}

/** Return the link that the app was opened with, once. */
export function takenLink() {
  const link = taken;
  taken = "";
  return link;
}

/** Hear of links that are opened while the app runs. */
export function onLink(hear) {
  window.addEventListener("hashchange", () => {
    take();
    const link = takenLink();
    if (link) hear(link);
  });
}

take();
