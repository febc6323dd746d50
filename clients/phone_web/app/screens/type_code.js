// A code of letters that a workstation shows where nobody can scan: typed, it leads to its login.

import { LETTERS, codeField } from "../code.js";
import { asPhone } from "../phone.js";
import { actions, busily, button, el, faultLine, heading } from "../view.js";
import { t } from "../words.js";

const LENGTH = 8;
const UNKNOWN = 404;
const TOO_MANY = 429;

export function typeCode(app) {
  const fault = faultLine();
  const code = codeField(LENGTH, t("user_code_label", { count: LENGTH }), {
    kind: LETTERS,
    onenter: () => go.click(),
    onchange: () => { fault.show(); code.wrong(false); },
  });
  const go = button(t("go_on"), () => {
    if (!code.isFull()) {
      fault.show(t("letters_first", { count: LENGTH }));
      return code.focus();
    }
    return busily(go, async () => {
      const { body: { id } } = await asPhone("POST", "/phone/user-code", { body: { user_code: code.value() } });
      const { body } = await asPhone("GET", `/phone/auth-requests/${id}`);
      app.showRequest(body);
    }, refused);
  }, { kind: "primary" });
  const refused = (error) => {
    if (error.status === UNKNOWN) {
      code.clear();
      code.wrong(true);
      fault.show(t("user_code_unknown"));
    } else if (error.status === TOO_MANY) fault.show(t("user_code_tries"));
    else app.fault(fault)(error);
  };
  return {
    title: t("type_user_code"),
    content: [
      heading(t("type_user_code")),
      el("p", { class: "lead" }, t("user_code_text")),
      el("p", { class: "strip" }, t("user_code_warning")),
      el("div", { class: "typing" }, fault.line, code.field),
      code.keypad,
      actions(go),
    ],
    leave: code.leave,
  };
}
