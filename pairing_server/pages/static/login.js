// What the login page does by itself: follows the login, draws the frames, goes back in the end.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const live = document.querySelector("[data-login]");

const grouped = (code) => {
  const middle = Math.ceil(code.length / 2);
  return `${code.slice(0, middle)} ${code.slice(middle)}`.trim();
};

// The deadline is kept, not the count: timers stand still in a tab that nobody sees.
let end = 0;
function count(seconds) { end = Date.now() + seconds * 1000; }
function tick() {
  const left = Math.max(0, Math.round((end - Date.now()) / 1000));
  for (const timer of all("[data-left]")) {
    timer.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  }
}

function show({ progress, code, seconds_left: left }) {
  count(left);
  const before = live.dataset.progress;
  live.dataset.progress = progress;
  for (const place of all("[data-code]", live)) {
    place.textContent = grouped(code);
    place.setAttribute("aria-label", [...code].join(" "));
  }
  for (const part of all("[data-only]", live)) part.hidden = part.dataset.only !== progress;
  let panel;
  for (const each of all("[data-when]", live)) {
    each.hidden = !each.dataset.when.split(" ").includes(progress);
    if (!each.hidden) panel = each;
  }
  if (progress !== before && panel) say(panel, before);
}

function say(panel, before) {
  const heading = panel.querySelector("[tabindex]");
  const only = all("[data-only]", panel).find((part) => !part.hidden);
  live.querySelector("[data-say]").textContent =
    [heading, only].filter(Boolean).map((part) => part.textContent).join(". ");
  // The focus follows where something new is to be done, and stays where one only waits.
  if (!panel.dataset.when.split(" ").includes(before)) heading.focus();
}

let drawing;
async function draw(link) {
  const picture = document.querySelector("[data-picture]");
  if (!picture) return;
  drawing ??= import(live.dataset.qr);
  const { path, size } = (await drawing).picture(link);
  picture.setAttribute("viewBox", `0 0 ${size} ${size}`);
  picture.querySelector("rect").setAttribute("width", size);
  picture.querySelector("rect").setAttribute("height", size);
  picture.querySelector("path").setAttribute("d", path);
}

// Back to the program, by what the server says of this login, whatever this page believes.
const goBack = () => location.replace(location.pathname);

let pause = 1000;
function follow() {
  const news = new EventSource(live.dataset.login);
  const offline = live.querySelector("[data-offline]");
  news.addEventListener("open", () => { offline.hidden = true; pause = 1000; });
  news.addEventListener("frame", (event) => draw(JSON.parse(event.data)));
  news.addEventListener("progress", (event) => {
    const told = JSON.parse(event.data);
    show(told);
    if (told.progress === "approved") goBack();
    if (!waiting.has(told.progress)) news.close();
  });
  news.addEventListener("error", () => {
    offline.hidden = false;
    // What was refused is not tried again by the browser itself.
    if (news.readyState !== EventSource.CLOSED) return;
    setTimeout(follow, pause);
    pause = Math.min(pause * 2, 15000);
  });
}

const waiting = new Set(["scan", "taken", "type", "sent", "offline", "arrived", "card"]);
if (live) {
  count(Number(document.querySelector("[data-left]")?.dataset.left ?? 0));
  setInterval(tick, 1000);
  if (waiting.has(live.dataset.progress)) follow();
}
// Come back to with the browser's own button: what stood here may be another's by now.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
for (const link of all("[data-open]")) setTimeout(() => location.assign(link.href), 400);
