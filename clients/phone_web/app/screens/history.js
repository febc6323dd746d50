// What this person's phones did, newest first.

import { asPhone } from "../phone.js";
import { button, el, faultLine, heading, icon, plain, waysOn } from "../view.js";
import { date, t, timeOfDay } from "../words.js";

const KINDS = {
  approved: ["tick", "event_approved"],
  denied: ["cross", "event_denied"],
  wrong_code: ["cross", "event_wrong_code"],
  paired: ["phone", "event_paired"],
  transferred: ["phone", "event_transferred"],
  renewed: ["renew", "event_renewed"],
  blocked: ["stop", "event_blocked"],
  unblocked: ["tick", "event_unblocked"],
  revoked: ["stop", "event_revoked"],
  token_replaced: ["key", "event_token_replaced"],
  renamed: ["phone", "event_renamed"],
  default_changed: ["phone", "event_default_changed"],
};

export function history(app) {
  const fault = faultLine();
  const list = el("div", { class: "days" }, el("p", { class: "busy" }, t("loading")));
  return {
    title: t("history"),
    content: [heading(t("history")), fault.line, list, waysOn(button(t("events"), () => app.go("events")))],
    async begin() {
      try {
        const { body } = await asPhone("GET", "/phone/history");
        list.replaceChildren(...days(body.events));
      } catch (error) {
        list.replaceChildren();
        app.fault(fault)(error);
      }
    },
  };
}

function days(events) {
  if (!events.length) return [el("p", { class: "lead" }, t("history_empty"))];
  const byDay = Map.groupBy?.(events, ({ at }) => date(at)) ?? grouped(events);
  return [...byDay].flatMap(([day, those]) => [el("h2", {}, day), el("ul", { class: "lines" }, those.map(line))]);
}

function grouped(events) {
  const made = new Map();
  for (const event of events) made.set(date(event.at), [...(made.get(date(event.at)) ?? []), event]);
  return made;
}

function line(event) {
  const [picture, words] = KINDS[event.kind] ?? ["clock", "event_other"];
  const isNotMe = event.kind === "denied" && event.reason === "not_me";
  const where = [event.client, event.workstation, event.location].filter(Boolean).join(" · ");
  return el("li", {},
    icon(picture),
    el("div", { class: "text" },
      el("strong", {}, t(isNotMe ? "event_not_me" : words)),
      where && el("span", { dir: "auto" }, plain(where)),
      el("span", { class: "fine", dir: "auto" }, [timeOfDay(event.at), plain(event.device_name)].filter(Boolean).join(" · "))));
}
