// Where this person logs in, and whence they said not to be woken, which is undone here.

import { asPhone } from "../phone.js";
import { busily, button, el, faultLine, heading, plain, say } from "../view.js";
import { moment, t } from "../words.js";

export function workstations(app) {
  const fault = faultLine();
  const list = el("ul", { class: "cards" }, el("li", { class: "busy" }, t("loading")));
  const paint = async () => {
    const { body } = await asPhone("GET", "/phone/workstations");
    list.replaceChildren(...lines(body.workstations, open));
  };
  const open = (place, pressed) => busily(pressed, async () => {
    fault.show();
    await asPhone("POST", `/phone/workstations/${place.id}/open`);
    await paint();
    say(t("done"));
    list.closest("main").querySelector("h1").focus({ preventScroll: true });
  }, app.fault(fault));
  return {
    title: t("workstations"),
    content: [heading(t("workstations")), el("p", { class: "lead" }, t("workstations_text")), fault.line, list],
    async begin() {
      try {
        await paint();
      } catch (error) {
        list.replaceChildren();
        app.fault(fault)(error);
      }
    },
  };
}

const lines = (places, open) => (places.length
  ? places.map((place) => el("li", { class: "sheet place" }, ...line(place, open)))
  : [el("li", { class: "lead" }, t("workstations_empty"))]);

function line(place, open) {
  const where = [place.workstation, place.location].filter(Boolean).map(plain).join(" · ");
  const isClosed = Boolean(place.push_closed_at);
  const allow = isClosed && button(t("workstation_open"), () => open(place, allow), { picture: "bell" });
  return [
    el("strong", { dir: "auto" }, where || t("workstation_unnamed")),
    el("span", { dir: "auto" }, plain(place.client)),
    el("span", { class: "fine" }, place.last_used_at ? t("last_used", { moment: moment(place.last_used_at) }) : t("workstation_never")),
    isClosed && el("span", { class: "closed" }, t("workstation_closed", { moment: moment(place.push_closed_at) })),
    allow,
  ].filter(Boolean);
}
