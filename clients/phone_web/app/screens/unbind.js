// Let go of the key for good.

import { unbindChallenge } from "../challenge.js";
import * as phone from "../phone.js";
import { actions, busily, button, el, faultLine, heading, sign } from "../view.js";
import { t } from "../words.js";

export function unbind(app) {
  const fault = faultLine();
  const go = button(t("unbind_yes"), () => busily(go, async () => {
    const { credentialId } = await phone.kept();
    const assertion = await phone.signed(await unbindChallenge(credentialId));
    await app.letGo(() => phone.asPhone("DELETE", "/phone/credential", { body: { assertion } }));
    await app.begin();
  }, app.fault(fault)), { kind: "refuse" });
  return {
    title: t("unbind"),
    content: [
      sign("leave", "bad"),
      heading(t("unbind_title")),
      el("p", { class: "lead" }, t("unbind_text")),
      fault.line,
      actions(go, button(t("cancel"), () => app.back())),
    ],
  };
}
