// A change to one of this person's phones, signed by the key of this one.

import { changeChallenge } from "./challenge.js";
import { asPhone, signed } from "./phone.js";

/** Something else than what was chosen on the screen came to be signed. */
export class OtherChange extends Error {}

/**
 * Make a change: `kind` is `rename`, `default`, `block` or `revoke`.
 *
 * The server's details are signed only where they say what was chosen on the screen.
 */
export async function makeChange(kind, phone, value = "") {
  const credential = phone.credential_id;
  const { body: { id, details } } = await asPhone("POST", "/phone/changes", { body: { kind, credential, value } });
  const chosen = { change: id, kind, credential, device_name: phone.device_name, value };
  for (const [name, shown] of Object.entries(chosen)) if (details[name] !== shown) throw new OtherChange(name);
  const assertion = await signed(await changeChallenge(details));
  await asPhone("PUT", `/phone/changes/${id}`, { body: { assertion } });
}
