// Finishes what the desktop agent opened: the completion is spent here and nowhere kept.
const [id, completion] = location.hash.slice(1).split(".");
history.replaceState(null, "", location.pathname);

const live = document.querySelector("[data-return]");
function show(status) {
  for (const panel of live.querySelectorAll("[data-when]")) {
    panel.hidden = panel.dataset.when !== status;
  }
}

async function finish() {
  if (!completion) return show("refused");
  show("busy");
  try {
    const answer = await fetch(`/uzi/sessions/${encodeURIComponent(id)}/complete`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ completion }),
    });
    if (answer.ok) return location.replace((await answer.json()).next ?? live.dataset.return);
    if (answer.status >= 500) return show("away");
    live.querySelector("[data-why]").textContent = (await answer.json()).error_description;
    show("refused");
  } catch {
    show("away");
  }
}

live.querySelector("[data-retry]").addEventListener("click", finish);
finish();
