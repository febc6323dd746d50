// All screens by name.  Each is made by a function of the app and of what it is to show.

import { ended } from "./ended.js";
import { events } from "./events.js";
import { history } from "./history.js";
import { home } from "./home.js";
import { install } from "./install.js";
import { login } from "./login.js";
import { menu } from "./menu.js";
import { newPhone } from "./new_phone.js";
import { notMe } from "./not_me.js";
import { notices } from "./notices.js";
import { notifications } from "./notifications.js";
import { offers } from "./offers.js";
import { pairing } from "./pairing.js";
import { onePhone, phones, rename, stopPhone } from "./phones.js";
import { recovery } from "./recovery.js";
import { refusedCode } from "./refused_code.js";
import { renew } from "./renew.js";
import { request } from "./request.js";
import { scan } from "./scan.js";
import { blocked, expired } from "./stopped.js";
import { transfer } from "./transfer.js";
import { typeCode } from "./type_code.js";
import { unbind } from "./unbind.js";
import { unblock } from "./unblock.js";
import { unbound, unsupported, welcome } from "./welcome.js";
import { workstations } from "./workstations.js";

/** Those of a phone that is bound: meanwhile it follows what is asked. */
const bound = {
  ended, events, history, home, install, login, menu, notMe, notices, notifications, offers, onePhone, phones, rename, renew, request,
  stopPhone, transfer, typeCode, unbind, workstations,
};
const others = { blocked, expired, newPhone, pairing, recovery, refusedCode, scan, unblock, unbound, unsupported, welcome };

for (const screen of Object.values(bound)) screen.isBound = true;

export const screens = { ...bound, ...others };
