// Before there is a key on this phone: what to do to get one.

import { hasCamera } from "../camera.js";
import { actions, button, el, heading, sign, waysOn } from "../view.js";
import { t } from "../words.js";
import { whose } from "./parts.js";

/** Never paired, as far as this browser knows. */
export function welcome(app, { read }) {
  return {
    title: t("welcome"),
    content: [
      sign("key", "calm"),
      heading(t("welcome")),
      el("p", { class: "lead" }, t(read ? "pair_first" : "welcome_text")),
      waysToPair(),
      actions(
        hasCamera() && button(t("scan"), () => app.go("scan"), { kind: "primary", picture: "scan" }),
        button(t("have_old_phone"), () => app.go("newPhone"), { picture: "phone" }),
        button(t("paired_before"), () => app.go("recovery"), { picture: "key" }),
      ),
    ],
  };
}

/** Paired once, and not any more: a restored back-up, a revoked key or a lost token. */
export function unbound(app, { known }) {
  const isOver = Boolean(known?.isOver);
  return {
    title: t("unbound"),
    content: [
      sign("key", "wait"),
      heading(t("unbound")),
      whose(known?.identity),
      el("p", { class: "lead" }, t(isOver ? "unbound_over" : "unbound_text")),
      !isOver && button(t("recover"), () => app.go("recovery"), { kind: "primary", picture: "key" }),
      el("h2", {}, t("pair_again")),
      waysToPair(),
      waysOn(
        hasCamera() && button(t("scan"), () => app.go("scan"), { kind: isOver ? "primary" : "plain", picture: "scan" }),
        button(t("have_other_phone"), () => app.go("newPhone"), { picture: "phone" }),
      ),
    ],
  };
}

export function unsupported() {
  return {
    title: t("unsupported"),
    content: [
      sign("stop", "bad"),
      heading(t("unsupported")),
      el("p", { class: "lead" }, t("unsupported_text")),
      el("ul", { class: "ways" }, ["unsupported_browser", "unsupported_lock", "unsupported_phone"].map((key) => el("li", {}, t(key)))),
    ],
  };
}

export const waysToPair = () => el("ol", { class: "ways" }, [
  el("li", {}, t("way_portal", { host: location.host })),
  el("li", {}, t("way_code")),
  el("li", {}, t("way_scan")),
]);
