// Shows each arrival in a row of its own; what arrives is text and never markup.

const NAMES = { apns: "APNs", fcm: "FCM", webpush: "Web Push" };
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
  const time = document.createElement("time");
  time.dateTime = at;
  time.textContent = new Date(at).toLocaleTimeString(undefined, { fractionalSecondDigits: 3 });
  const row = rows.insertRow(0);
  row.className = taken ? "taken" : "refused";
  for (const content of [time, NAMES[service] ?? service, phone, taken ? "taken" : "refused", listed(shown), listed(how)]) {
    row.insertCell().append(content);
  }
  document.getElementById("nothing").hidden = true;
};

function listed(members) {
  const list = document.createElement("dl");
  for (const [name, value] of Object.entries(members)) {
    const term = document.createElement("dt");
    const told = document.createElement("dd");
    term.textContent = name;
    told.textContent = typeof value === "string" ? value : JSON.stringify(value);
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
