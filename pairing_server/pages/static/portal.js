// What a page does by itself: follows a status, counts down, opens the desktop agent once.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
const shown = () => document.hidden && new Promise((wake) =>
  document.addEventListener("visibilitychange", wake, { once: true }));

// The deadline is kept, not the count: timers stand still in a tab that nobody sees.
const deadline = (seconds) => Date.now() + seconds * 1000;
const every = (step) => { if (step() !== false) setTimeout(every, 1000, step); };

for (const timer of all("[data-left]")) {
  const end = deadline(Number(timer.dataset.left));
  every(() => {
    const left = Math.max(0, Math.round((end - Date.now()) / 1000));
    timer.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    return left > 0;
  });
}

// Only a browser knows where its reader is.
const told = new Intl.DateTimeFormat(document.documentElement.lang === "en" ? "en-GB" : "nl-NL",
  { dateStyle: "long", timeStyle: "short" });
for (const time of all("time")) time.textContent = told.format(new Date(time.dateTime));

for (const until of all("[data-ends]")) {
  const end = deadline(Number(until.dataset.ends));
  every(() => {
    const left = end - Date.now();
    const notice = document.querySelector("[data-ending]");
    if (left < 120000 && !notice.textContent) {
      notice.textContent = document.querySelector("[data-ending-text]").content.textContent;
    }
    // Nobody reads the names of who has left.
    if (left <= 0) location.replace(until.dataset.gone);
    return left > 0;
  });
}

const platforms = { ios: "iOS", android: "Android", web: "Web" };

function show(live, { status, device }) {
  for (const name of all("[data-device]", live)) {
    if (device) name.textContent = [device.model, platforms[device.platform]].filter(Boolean).join(" · ");
  }
  if (status === live.dataset.status) return;
  live.dataset.status = status;
  // What could be done until now would lead nowhere.
  for (const part of all("[data-until-then]")) part.hidden = true;
  for (const panel of all("[data-when]", live)) {
    panel.hidden = panel.dataset.when !== status;
    if (panel.hidden) continue;
    const heading = panel.querySelector("[tabindex]");
    live.querySelector("[data-say]").textContent = heading.textContent;
    // The focus follows where there is something to do, and stays where one only waits.
    if (live.dataset.over.split(" ").includes(status)) {
      (panel.querySelector("[data-focus]") ?? heading).focus();
    }
  }
}

async function follow(live) {
  const last = live.dataset.last.split(" ");
  for (let pause = 1000; !last.includes(live.dataset.status);) {
    await sleep(pause);
    await shown();
    let told;
    try {
      const answer = await fetch(live.dataset.poll, { cache: "no-store" });
      if (answer.status === 401) return location.replace("/portal/next");
      if (answer.status === 404) told = { status: "expired" };
      if (answer.ok) told = await answer.json();
    } catch { /* away: tried again below */ }
    live.querySelector("[data-offline]").hidden = Boolean(told);
    pause = told ? Math.min(pause * 1.05, 3000) : Math.min(pause * 2, 15000);
    if (told) show(live, told);
  }
}

all("[data-poll]").forEach(follow);
for (const link of all("[data-open]")) setTimeout(() => location.assign(link.href), 400);
