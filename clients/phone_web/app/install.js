// Putting the app on the home screen: some browsers offer it, on others its holder does it.

let offered;

window.addEventListener("beforeinstallprompt", (event) => {
  // Asked for in the menu, and not in the middle of a login.
  event.preventDefault();
  offered = event;
});
window.addEventListener("appinstalled", () => { offered = undefined; });

export const isApple = () =>
  /iPhone|iPad|iPod/.test(navigator.userAgent) || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);

export const isInstalled = () => matchMedia("(display-mode: standalone)").matches || navigator.standalone === true;

export const isOffered = () => Boolean(offered);

/** Let the browser ask; returns whether it was done. */
export async function install() {
  const { outcome } = (await offered?.prompt()) ?? {};
  offered = undefined;
  return outcome === "accepted";
}
