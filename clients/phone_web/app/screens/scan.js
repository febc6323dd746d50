// The scanner: a code of ours is followed at once, any other is refused in words.

import { NoCamera, scan as scanWith } from "../camera.js";
import { explain } from "../explain.js";
import { readLink } from "../link.js";
import { kept } from "../phone.js";
import { isOutdated } from "../shell.js";
import { button, buzz, el, faultLine, heading, say } from "../view.js";
import { t } from "../words.js";

const REASONS = { denied: "camera_denied", none: "camera_none", busy: "camera_busy" };

export function scan(app) {
  const fault = faultLine();
  const video = el("video", { playsinline: true, muted: true, "aria-hidden": "true" });
  video.muted = true;
  const leaving = new AbortController();
  const instead = button(t("type_user_code"), () => app.replace("typeCode"), { kind: "quiet", picture: "pen", hidden: true });
  const heard = (text) => {
    const read = readLink(text, location.origin);
    if (read.kind === "elsewhere") return fault.show(t("code_elsewhere_short", { host: read.host }));
    if (read.kind === "other") return fault.show(t("other_code_text"));
    leaving.abort();
    buzz(40);
    say(t("scanned"));
    return app.follow(read, "camera");
  };
  return {
    title: t("scan"),
    content: [
      heading(t("scan")),
      el("p", { class: "lead" }, t("scan_text")),
      el("div", { class: "finder" }, video, el("div", { class: "frame" })),
      fault.line,
      instead,
    ],
    begin() {
      kept().then((known) => { instead.hidden = !known?.token; });
      scanWith(video, heard, leaving.signal).catch((error) => {
        // The decoder of an older version is not there any more.
        if (!(error instanceof NoCamera) && isOutdated()) location.reload();
        else fault.show(error instanceof NoCamera ? t(REASONS[error.reason]) : explain(error));
      });
    },
    leave: () => leaving.abort(),
  };
}
