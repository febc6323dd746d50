// What a page of the portal does by itself: "/" goes to the one search field.
const field = document.querySelector("[data-search]");
addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, select, textarea, [contenteditable]");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping || !field) return;
  event.preventDefault();
  field.focus();
  field.select();
});

// The reader's clock and the server's differ by so much at the moment that is filled in.
for (const form of document.querySelectorAll("[data-loss]")) {
  const [typed, offset, zone] = ["[name=lost]", "[data-offset]", "[data-zone]"].map((each) => form.querySelector(each));
  zone.textContent = `(${zone.dataset.zone})`;
  form.addEventListener("submit", () => { offset.value = -new Date(typed.value).getTimezoneOffset(); });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// Hours of the charts, as the reader's own clock has them.
for (const hour of document.querySelectorAll("[data-hour]"))
  hour.textContent = String(new Date(hour.dataset.hour).getHours()).padStart(2, "0");
for (const zone of document.querySelectorAll(".key [data-zone]")) zone.textContent = zone.dataset.zone;
