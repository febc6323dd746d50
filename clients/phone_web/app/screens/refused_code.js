// A QR code or a link that this app can do nothing with.

import { actions, button, el, heading, sign } from "../view.js";
import { t } from "../words.js";

export function refusedCode(app, { read }) {
  const isElsewhere = read.kind === "elsewhere";
  return {
    title: t("other_code"),
    content: [
      sign("scan", "bad"),
      heading(t(isElsewhere ? "code_elsewhere" : "other_code")),
      el("p", { class: "lead" }, isElsewhere ? t("code_elsewhere_text", { host: read.host, here: location.host }) : t("other_code_text")),
      actions(button(t("close"), () => app.home(), { kind: "primary" })),
    ],
  };
}
