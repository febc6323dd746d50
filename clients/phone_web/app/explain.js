// What went wrong, in words for who holds the phone, with what to do next.

import { OtherChange } from "./change.js";
import { NoKey } from "./passkey.js";
import { Away, Refused } from "./wire.js";
import { t } from "./words.js";

const OF_KEY = {
  cancelled: "key_cancelled",
  exists: "key_exists",
  unsupported: "key_unsupported",
  failed: "key_failed",
};
const OF_REFUSAL = {
  invalid_assertion: "wrong_signature",
  not_found: "not_there",
  expired: "time_is_over",
};

export function explain(error) {
  if (error instanceof NoKey) return t(error.isUse && error.reason === "cancelled" ? "key_not_used" : OF_KEY[error.reason]);
  if (error instanceof Away) return t("no_answer");
  if (error instanceof OtherChange) return t("other_change");
  if (error instanceof Refused) {
    const own = OF_REFUSAL[error.code];
    return own ? t(own) : error.description || t("something_wrong");
  }
  // Nobody foresaw this one: tell who looks, and go on.
  reportError(error);
  return t("something_wrong");
}
