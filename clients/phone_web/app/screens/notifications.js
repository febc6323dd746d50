// Notifications: how they stand, and what to do where they are off.

import { explain } from "../explain.js";
import { seePushes } from "../notices.js";
import * as phone from "../phone.js";
import * as push from "../push.js";
import { actions, busily, button, el, faultLine, heading, plain, sign } from "../view.js";
import { moment, t } from "../words.js";

const STATES = {
  on: ["good", "push_on"],
  off: ["calm", "push_off"],
  denied: ["bad", "push_denied"],
  install: ["wait", "push_install"],
  unsupported: ["wait", "push_unsupported"],
  unavailable: ["wait", "push_unavailable"],
};

export function notifications(app) {
  const fault = faultLine();
  const panel = el("div", { class: "panel" }, heading(t("notifications")), el("p", { class: "busy" }, t("loading")));
  const look = async () => {
    try {
      await seePushes();
      const standing = await phone.refresh();
      app.pushes = await push.state(standing);
      const failure = app.pushes === "on" && push.failure(standing);
      paint(standing, app.pushes, failure ? t("push_fails", { moment: moment(failure.moment), code: plain(failure.code) }) : undefined);
    } catch (error) {
      if (!app.handled(error)) paint({}, "unavailable", explain(error));
    }
  };
  const paint = (standing, state, trouble) => {
    const [mood, words] = STATES[state];
    panel.replaceChildren(
      sign("bell", mood),
      heading(t(words)),
      el("p", { class: "lead" }, trouble ?? t(`${words}_text`)),
      fault.line,
      actions(...ways(standing, state)),
    );
    panel.querySelector("h1").focus({ preventScroll: true });
  };
  const ways = (standing, state) => {
    const change = (label, work, kind) => {
      const pressed = button(label, () => busily(pressed, async () => { await work(); await look(); }, (error) => {
        if (!app.handled(error)) fault.show(error instanceof DOMException ? t("push_failed") : explain(error));
      }), { kind, picture: "bell" });
      return pressed;
    };
    if (state === "off") return [change(t("push_turn_on"), () => push.turnOn(standing), "primary")];
    if (state === "on") return [change(t("push_turn_off"), push.turnOff, "plain")];
    return [button(t("look_again"), look)];
  };
  return { title: t("notifications"), content: [panel], begin: look };
}
