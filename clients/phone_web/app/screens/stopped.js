// A phone that is let in no more: blocked for now, or expired.

import * as phone from "../phone.js";
import { actions, button, el, heading, sign, waysOn } from "../view.js";
import { t } from "../words.js";
import { whose } from "./parts.js";
import { waysToPair } from "./welcome.js";

const LOOK_EVERY = 15;

export function blocked(app, { known }) {
  let seconds = 0;
  const look = async () => {
    try {
      await phone.refresh();
      app.home();
    } catch (error) {
      app.handled(error);
    }
  };
  return {
    title: t("blocked"),
    content: [
      sign("stop", "bad"),
      heading(t("blocked")),
      whose(known?.identity),
      el("p", { class: "lead" }, t("blocked_text", { host: location.host })),
      actions(
        button(t("unblock"), () => app.go("unblock"), { kind: "primary", picture: "key" }),
        button(t("look_again"), look),
      ),
    ],
    // Who unblocks it does so elsewhere.
    tick() { seconds += 1; if (seconds % LOOK_EVERY === 0) look(); },
  };
}

export function expired(app, { known }) {
  return {
    title: t("expired"),
    content: [
      sign("clock", "wait"),
      heading(t("expired")),
      whose(known?.identity),
      el("p", { class: "lead" }, t("expired_text")),
      waysToPair(),
      waysOn(button(t("have_other_phone"), () => app.go("newPhone"), { picture: "phone" })),
    ],
  };
}
