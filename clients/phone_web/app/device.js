// What this phone says that it is: shown where it is paired and managed, and never believed.

const KINDS = [[/iPhone/, "iPhone"], [/iPad/, "iPad"], [/Android/, "Android"], [/Macintosh/, "Mac"], [/Windows/, "Windows"], [/Linux/, "Linux"]];
const BROWSERS = [[/Edg/, "Edge"], [/SamsungBrowser/, "Samsung Internet"], [/Firefox|FxiOS/, "Firefox"], [/OPR/, "Opera"], [/Chrome|CriOS/, "Chrome"], [/Safari/, "Safari"]];

const found = (table, text) => table.find(([form]) => form.test(text))?.[1];

export const version = () => import.meta.url.split("/app/")[1]?.split("/")[0] ?? "";

export async function device() {
  const agent = navigator.userAgent;
  const { model } = (await navigator.userAgentData?.getHighEntropyValues?.(["model"]).catch(() => undefined)) ?? {};
  const names = [model || found(KINDS, agent), found(BROWSERS, agent)].filter(Boolean);
  // Other letters than these say nothing to people who tell phones apart.
  const shown = names.join(" · ").replace(/[^\p{L}\p{N} ().,·_-]/gu, "").slice(0, 100);
  return { platform: "web", model: shown, app_version: version() };
}
