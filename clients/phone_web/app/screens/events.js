// All that the audit log has of this person, page by page, in the server's words.

import { asPhone } from "../phone.js";
import { busily, button, el, faultLine, heading, icon, plain } from "../view.js";
import { moment, t } from "../words.js";

export function events(app) {
  const fault = faultLine();
  const busy = el("p", { class: "busy" }, t("loading"));
  const list = el("ul", { class: "lines" });
  const more = el("div", { class: "actions flow" });
  const read = async (before) => {
    const { body } = await asPhone("GET", `/phone/events${before && `?before=${encodeURIComponent(before)}`}`);
    list.append(...body.events.map(line));
    const earlier = button(t("events_earlier"), () => busily(earlier, () => read(body.next), app.fault(fault)));
    more.replaceChildren(...(body.next ? [earlier] : []));
  };
  return {
    title: t("events"),
    content: [heading(t("events")), el("p", { class: "fine" }, t("events_text")), fault.line, busy, list, more],
    async begin() {
      try {
        await read("");
      } catch (error) {
        app.fault(fault)(error);
      }
      busy.remove();
    },
  };
}

function line(event) {
  const where = [event.by || event.organisation, event.workstation].filter(Boolean).join(" · ");
  return el("li", {},
    icon(event.refused ? "cross" : event.own ? "tick" : "clock"),
    el("div", { class: "text" },
      el("strong", {}, plain(event.text)),
      where && el("span", { dir: "auto" }, plain(where)),
      el("span", { class: "fine", dir: "auto" }, [moment(event.at), plain(event.device_name)].filter(Boolean).join(" · "))));
}
