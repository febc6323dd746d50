// What a QR code or a link says: `<base URL>/app/#<kind>.<parts>`.

const LINK = /^(https?:\/\/[^#?\s]{1,300})\/app\/#([plt])\.([A-Za-z0-9_.-]{1,500})$/;
const ID = "[A-Za-z0-9_-]{22}";
const SECRET = "[A-Za-z0-9_-]{43}";
const OF_TWO = new RegExp(`^(${ID})\\.(${SECRET})$`);
const OF_LOGIN = /^[A-Za-z0-9_-]{1,200}\.[0-9]{1,20}\.[A-Za-z0-9_-]{1,200}$/;

/**
 * Read a link.
 *
 * Returns `{kind: "pairing" | "transfer", id, secret}`, `{kind: "login", payload}`,
 * `{kind: "elsewhere", host}` for a link of the same form of another server, or `{kind: "other"}`.
 */
export function readLink(text, origin) {
  const [, base, letter, parts] = LINK.exec(text) ?? [];
  if (!base) return { kind: "other" };
  if (base !== origin) return elsewhere(base);
  if (letter === "l") return OF_LOGIN.test(parts) ? { kind: "login", payload: text } : { kind: "other" };
  const [, id, secret] = OF_TWO.exec(parts) ?? [];
  if (!id) return { kind: "other" };
  return { kind: letter === "p" ? "pairing" : "transfer", id, secret };
}

function elsewhere(base) {
  try {
    return { kind: "elsewhere", host: new URL(base).host };
  } catch {
    return { kind: "other" };
  }
}
