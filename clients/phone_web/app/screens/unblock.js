// Unblocking, together with the administrator: the code that they have, signed by this phone's key.

import { unblockChallenge } from "../challenge.js";
import { codeField } from "../code.js";
import { kept, signed } from "../phone.js";
import { actions, busily, button, el, faultLine, heading } from "../view.js";
import { call } from "../wire.js";
import { t } from "../words.js";

const DIGITS = 6;

export function unblock(app) {
  const fault = faultLine();
  const code = codeField(DIGITS, t("unblock_code"), { onenter: () => go.click(), onchange: () => { fault.show(); code.wrong(false); } });
  const go = button(t("use_key"), () => {
    if (!code.isFull()) {
      fault.show(t("code_first", { count: DIGITS }));
      return code.focus();
    }
    return busily(go, async () => {
      await ask(code.value());
      await app.begin();
    }, (error) => {
      if (error.code === "wrong_code") {
        code.clear();
        code.wrong(true);
        fault.show(t("wrong_code", { count: error.body.attempts_left }));
      } else if (error.status === 404) fault.show(t("unblock_nothing"));
      else app.fault(fault)(error);
    });
  }, { kind: "primary" });
  return {
    title: t("unblock"),
    content: [
      heading(t("unblock")),
      el("p", { class: "lead" }, t("unblock_text")),
      el("div", { class: "typing" }, fault.line, code.field),
      code.keypad,
      actions(go),
    ],
    leave: code.leave,
  };
}

async function ask(code) {
  const { body: { id, challenge } } = await call("POST", "/phone/token/challenge", { body: {} });
  const details = { challenge, credential: (await kept()).credentialId, code };
  const assertion = await signed(await unblockChallenge(details));
  await call("POST", "/phone/unblocking", { body: { id, code, assertion } });
}
