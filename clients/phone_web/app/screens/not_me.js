// "This is not me": a report, apart from declining.

import { asPhone } from "../phone.js";
import { actions, busily, button, el, faultLine, heading, plain, sign } from "../view.js";
import { t } from "../words.js";
import { askedFacts } from "./parts.js";

export function notMe(app, { request }) {
  const fault = faultLine();
  const report = button(t("report"), () => busily(report, async () => {
    const body = { decision: "deny", reason: "not_me" };
    await asPhone("PUT", `/phone/auth-requests/${request.id}/answer`, { body });
    app.reset("ended", { how: "not_me", request });
  }, (error) => {
    if (error.status === 409) app.reset("ended", { how: error.body.status, request });
    else app.fault(fault)(error);
  }), { kind: "refuse" });
  return {
    title: t("not_me"),
    content: [
      sign("flag", "bad"),
      heading(t("not_me_title")),
      el("p", { class: "lead" }, t("not_me_text")),
      el("div", { class: "sheet" }, el("strong", { dir: "auto" }, plain(request.client)), askedFacts(request)),
      fault.line,
      actions(report, button(t("back_to_request"), () => app.back())),
    ],
  };
}
