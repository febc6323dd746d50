// Shows each arrival in a row of its own; what arrives is text and never markup.

const NAMES = { apns: "APNs", fcm: "FCM", webpush: "Web Push" };
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" };
const rows = document.getElementById("arrivals");
const state = document.getElementById("state");

const stream = new EventSource("arrivals");
stream.onopen = () => {
  rows.replaceChildren();
  state.textContent = "Live.";
};
stream.onerror = () => {
  state.textContent = "The simulator is gone; trying again.";
};
stream.onmessage = ({ data }) => {
  const { at, service, phone, taken, how, shown } = JSON.parse(data);
  const row = rows.insertRow(0);
  row.className = taken ? "taken" : "refused";
  const outcome = document.createElement("span");
  outcome.textContent = taken ? "taken" : "refused";
  const cells = {
    time: [moment(at)],
    service: [NAMES[service] ?? service],
    phone: [phone],
    outcome: [outcome],
    gets: received(shown),
    how: [listed(how)],
  };
  for (const [name, content] of Object.entries(cells)) {
    const cell = row.insertCell();
    cell.className = name;
    cell.append(...content);
  }
  document.getElementById("nothing").hidden = true;
};

function moment(at) {
  const time = document.createElement("time");
  time.dateTime = at;
  time.textContent = new Date(at).toLocaleTimeString(undefined, CLOCK);
  return time;
}

// Apple shows a line of text that comes with the wake-up; every other app words its own.
function received({ aps, ...members }) {
  if (!aps) return [listed(members)];
  const { alert, ...rest } = aps;
  const line = document.createElement("p");
  line.className = "line";
  line.textContent = alert?.body ?? "";
  return [line, listed({ ...members, ...rest })];
}

function listed(members) {
  const list = document.createElement("dl");
  for (const [name, value] of Object.entries(members)) {
    const term = document.createElement("dt");
    const told = document.createElement("dd");
    term.textContent = name;
    if (name === "apns-expiration") told.append(moment(new Date(1000 * value).toISOString()));
    else told.textContent = typeof value === "string" ? value : JSON.stringify(value);
    list.append(term, told);
  }
  return list;
}

document.getElementById("make").addEventListener("click", async () => {
  const answer = await fetch("subscriptions", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
  const command = document.getElementById("command");
  command.textContent = `zorgid-phone push webpush '${JSON.stringify(await answer.json())}'`;
  command.hidden = false;
  command.focus();
});
