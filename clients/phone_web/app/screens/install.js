// The app on the home screen, as the browser or its holder puts it there.

import { install as put, isApple, isInstalled, isOffered } from "../install.js";
import { actions, busily, button, el, faultLine, heading, sign } from "../view.js";
import { t } from "../words.js";

export function install(app) {
  const fault = faultLine();
  const isDone = isInstalled();
  const go = button(t("install_do"), () => busily(go, async () => {
    if (await put()) app.replace("install");
    else fault.show(t("install_later"));
  }, app.fault(fault)), { kind: "primary", picture: "home" });
  return {
    title: t("install"),
    content: [
      sign("home", isDone ? "good" : "calm"),
      heading(t(isDone ? "installed" : "install")),
      el("p", { class: "lead" }, t(isDone ? "installed_text" : "install_text")),
      !isDone && !isOffered() && el("ol", { class: "ways" }, steps().map((key) => el("li", {}, t(key)))),
      fault.line,
      !isDone && isOffered() && actions(go),
    ],
  };
}

const steps = () => (isApple() ? ["install_apple_share", "install_apple_add", "install_apple_key"] : ["install_menu", "install_add"]);
