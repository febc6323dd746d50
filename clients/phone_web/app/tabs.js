// Several tabs of this app are one phone: one of them asks the server, one signs at a time.

const channel = "BroadcastChannel" in window ? new BroadcastChannel("phone") : undefined;

/** Do something while no other tab does it; browsers without locks do it at once. */
export const alone = (name, work, options = {}) =>
  navigator.locks ? navigator.locks.request(name, options, work) : work();

export const tell = (message) => channel?.postMessage(message);

export const listen = (hear) => channel?.addEventListener("message", ({ data }) => hear(data));
