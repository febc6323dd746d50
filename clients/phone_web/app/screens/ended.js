// How a login request ended, and what to do next.

import { actions, button, el, heading, plain, sign } from "../view.js";
import { t } from "../words.js";

const ENDS = {
  approved: ["tick", "good", "end_approved"],
  redeemed: ["tick", "good", "end_approved"],
  denied: ["cross", "calm", "end_denied"],
  not_me: ["flag", "calm", "end_not_me"],
  expired: ["clock", "wait", "end_expired"],
  superseded: ["renew", "wait", "end_superseded"],
  revoked: ["stop", "bad", "end_revoked"],
  wrong_code: ["cross", "bad", "end_wrong_code"],
};

export function ended(app, { how, request }) {
  const [picture, mood, words] = ENDS[how] ?? ENDS.expired;
  const where = plain(request.workstation || request.client);
  return {
    title: t(words),
    content: [
      sign(picture, mood),
      heading(t(words)),
      el("p", { class: "lead" }, t(`${words}_text`, { where })),
      actions(button(t("close"), () => app.home(), { kind: "primary" })),
    ],
  };
}
