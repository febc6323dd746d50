// All screens by name.  Each is made by a function of the app and of what it is to show.

import { expired, blocked } from "./stopped.js";
import { home } from "./home.js";
import { ended } from "./ended.js";
import { menu } from "./menu.js";
import { notMe } from "./not_me.js";
import { pairing } from "./pairing.js";
import { recovery } from "./recovery.js";
import { refusedCode } from "./refused_code.js";
import { request } from "./request.js";
import { unbind } from "./unbind.js";
import { unbound, unsupported, welcome } from "./welcome.js";

export const screens = {
  blocked, ended, expired, home, menu, notMe, pairing, recovery, refusedCode, request, unbind, unbound,
  unsupported, welcome,
};

for (const screen of [ended, home, menu, notMe, refusedCode, request, unbind]) screen.isBound = true;
