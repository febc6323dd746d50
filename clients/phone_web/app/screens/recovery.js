// A key without its device token: the key itself gets a new one.

import { explain } from "../explain.js";
import * as phone from "../phone.js";
import * as vault from "../vault.js";
import { actions, busily, button, el, faultLine, heading, sign } from "../view.js";
import { Refused } from "../wire.js";
import { t } from "../words.js";

export function recovery(app) {
  const fault = faultLine();
  const go = button(t("use_key"), () => busily(go, async () => {
    await phone.recover();
    await vault.write("offer", undefined);
    await app.begin();
  }, (error) => {
    if (error instanceof Refused && error.code === "invalid_assertion") fault.show(t("key_unknown"));
    else if (!(error instanceof Refused && error.code === "phone_blocked" && app.handled(error))) fault.show(explain(error));
  }), { kind: "primary", picture: "key" });
  return {
    title: t("recover"),
    content: [
      sign("key", "calm"),
      heading(t("recover")),
      el("p", { class: "lead" }, t("recover_text")),
      fault.line,
      actions(go),
    ],
  };
}
