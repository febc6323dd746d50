// Keeps the app's own files, shows that something is asked, and never touches a call to the server.

const CACHE = "shell-%VERSION%";
const FILES = "%FILES%";
const SHELL = "/app/";
const WORDS = {
  nl: {
    request: ["Inlogverzoek", "Open de app om te zien wat er wordt gevraagd."],
    notice: ["Nieuws voor u", "Open de app om het te lezen."],
    withdrawn: ["Inlogverzoek voorbij", "Er wordt niets meer gevraagd."],
  },
  en: {
    request: ["Login request", "Open the app to see what is asked."],
    notice: ["News for you", "Open the app to read it."],
    withdrawn: ["Login request over", "Nothing is asked any more."],
  },
};
const OVER_SHOWN_FOR = 2000;

self.addEventListener("install", (event) => {
  event.waitUntil(keep().then(() => self.skipWaiting()));
});

async function keep() {
  const cache = await caches.open(CACHE);
  // Not from the browser's own cache: the shell must be of the same version as its files.
  await cache.addAll(FILES.map((path) => new Request(path, { cache: path === SHELL ? "reload" : "default" })));
}

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers().then(() => self.clients.claim()));
});

async function forgetOthers() {
  for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin || !url.pathname.startsWith(SHELL)) return;
  if (request.mode === "navigate") event.respondWith(kept(SHELL, request));
  else if (url.pathname.startsWith("/app/%VERSION%/")) event.respondWith(kept(url.pathname, request));
});

async function kept(path, request) {
  const cache = await caches.open(CACHE);
  const found = await cache.match(path);
  if (found) return found;
  const answer = await fetch(request);
  if (answer.ok && answer.type === "basic" && path !== SHELL) await cache.put(path, answer.clone());
  return answer;
}

self.addEventListener("push", (event) => {
  event.waitUntil(notify(event.data));
});

async function notify(data) {
  // A push is a hint: whatever it says, the notification says one of three things.
  const { kind, tag } = pushed(data);
  const [title, body] = WORDS[await language()][kind];
  const isOver = kind === "withdrawn";
  await self.registration.showNotification(title, {
    body,
    tag,
    renotify: !isOver,
    silent: isOver,
    icon: "/app/%VERSION%/icons/icon-192.png",
    badge: "/app/%VERSION%/icons/badge-96.png",
  });
  if (isOver) setTimeout(takeAway, OVER_SHOWN_FOR, tag);
}

function pushed(data) {
  try {
    const { kind, tag, id } = data.json();
    return {
      kind: Object.hasOwn(WORDS.nl, kind) ? kind : "request",
      tag: [tag, id].find((each) => typeof each === "string" && each)?.slice(0, 64) ?? "request",
    };
  } catch {
    return { kind: "request", tag: "request" };
  }
}

// After the push event, which must end with something shown: from an app that is woken and shows
// nothing, browsers take the permission away.
async function takeAway(tag) {
  for (const shown of await self.registration.getNotifications({ tag })) {
    if (shown.silent) shown.close();
  }
}

function language() {
  const first = navigator.language.toLowerCase().startsWith("nl") ? "nl" : "en";
  return new Promise((resolve) => {
    const opening = indexedDB.open("phone", 1);
    opening.onupgradeneeded = () => opening.transaction.abort();
    opening.onerror = () => resolve(first);
    opening.onsuccess = () => {
      const reading = opening.result.transaction("kept").objectStore("kept").get("language");
      reading.onerror = () => resolve(first);
      reading.onsuccess = () => resolve(Object.hasOwn(WORDS, reading.result ?? "") ? reading.result : first);
    };
  });
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open());
});

async function open() {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const own = windows.find(({ url }) => new URL(url).pathname === SHELL);
  if (own) await own.focus();
  else await self.clients.openWindow(SHELL);
}
