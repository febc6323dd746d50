// What this person is told of their other phones; which of it was seen is this phone's to remember.

import { asPhone } from "./phone.js";
import * as vault from "./vault.js";

/** Return the notices that were not dismissed on this phone, newest first. */
export async function unseen() {
  const { body: { notices } } = await asPhone("GET", "/phone/notices");
  const seen = new Set((await vault.read("seen")) ?? []);
  return notices.filter(({ id }) => !seen.has(id));
}

const PUSHES = "pushes";

/** Whether its holder has looked at how pushes stand: they are not urged again. */
export const hasSeenPushes = async () => ((await vault.read("seen")) ?? []).includes(PUSHES);
export const seePushes = () => dismiss([{ id: PUSHES }]);

/** Do not show these again. */
export const dismiss = (notices) => vault.change("seen", (seen = []) => [...seen, ...notices.map(({ id }) => id)].slice(-500));
