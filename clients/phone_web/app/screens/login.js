// A login QR code: ask for the request that it stands for, and show that.

import { explain } from "../explain.js";
import { asPhone } from "../phone.js";
import { actions, button, el, heading, sign } from "../view.js";
import { Refused } from "../wire.js";
import { t } from "../words.js";

/** Read, and not for this person: the server says why. */
const FORBIDDEN = 403;

export function login(app, { payload, via }) {
  const panel = el("div", { class: "panel" }, sign("scan", "wait"), heading(t("claiming")));
  const ask = async () => {
    try {
      const { body: { id } } = await asPhone("POST", "/phone/qr", { body: { payload, via } });
      // Only what this app has seen with its own camera, in this session, needs no code.
      if (via === "camera") app.scanned.add(id);
      const { body } = await asPhone("GET", `/phone/auth-requests/${id}`);
      app.showRequest(body);
    } catch (error) {
      if (!app.handled(error)) fail(error);
    }
  };
  const fail = (error) => {
    const isOver = error instanceof Refused && error.status !== FORBIDDEN;
    panel.replaceChildren(
      sign(isOver ? "clock" : "away", "wait"),
      heading(t(isOver ? "code_over" : "not_yet")),
      el("p", { class: "lead" }, isOver ? t("code_over_text") : explain(error)),
      actions(
        isOver ? button(t("scan"), () => app.replace("scan"), { kind: "primary", picture: "scan" }) : button(t("try_again"), ask, { kind: "primary" }),
        button(t("close"), () => app.home()),
      ),
    );
    panel.querySelector("h1").focus({ preventScroll: true });
  };
  return { title: t("scan"), content: [panel], begin: ask };
}
