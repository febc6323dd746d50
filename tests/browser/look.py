"""What is looked at on every page in every state: who can read it, on what screen, and how."""

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page

#: By day, everything; by night, what its colours could change.
THEMES = {
    "light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "dark": ["color-contrast", "link-in-text-block"],
}
SCREENS = ((360, 640), (1366, 768))
#: A workstation of 1280 pixels at 400 % (WCAG 2.2, success criterion 1.4.10).
REFLOWED = (320, 256)

_AXE = """async asked => {
  const { violations } = await axe.run({ runOnly: asked, resultTypes: ["violations"] });
  return violations.flatMap(rule => rule.nodes.map(
    node => `${rule.id}: ${node.target.join(" ")}: ${node.failureSummary}`));
}"""
#: What sticks out, where the page scrolls sideways.
_SIDEWAYS = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  return [...document.body.querySelectorAll("*")]
    .filter(each => each.getBoundingClientRect().right > room + 0.5)
    .map(each => `<${each.localName} class="${each.className}">`);
}"""
#: What Tab reaches without showing that it did (WCAG 2.2, success criterion 2.4.7).
_UNMARKED = """() => {
  const look = each => {
    const style = getComputedStyle(each);
    return [style.outlineStyle === "none" ? "" : style.outline, style.boxShadow].join();
  };
  const before = document.activeElement, found = [];
  for (const each of document.querySelectorAll("a[href], button, input, select, summary")) {
    document.activeElement.blur();
    const unfocused = look(each);
    each.focus({ focusVisible: true, preventScroll: true });
    if (document.activeElement === each && look(each) === unfocused)
      found.push(`<${each.localName}> ${each.textContent.trim()}`);
  }
  document.activeElement.blur();
  before.focus({ preventScroll: true });
  return found;
}"""
_LARGER_TEXT = "size => document.documentElement.style.fontSize = size"


async def wrong_with(
    page: Page, theme: str = "light", screens: tuple[tuple[int, int], ...] = SCREENS
) -> list[str]:
    """Look at what is shown, on all screens, by day and by night; then go back to `theme`."""
    size = page.viewport_size
    assert size is not None
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    found = []
    for width, height in screens:
        await page.set_viewport_size({"width": width, "height": height})
        for shade, asked in THEMES.items():
            await page.emulate_media(color_scheme=shade)
            where = f"{page.url} ({width} px, {shade})"
            found += [f"{where}: {each}" for each in await page.evaluate(_AXE, asked)]
            found += [f"{where}: no focus on {each}" for each in await page.evaluate(_UNMARKED)]
        found += await _sideways(page, f"{width} px")
    await page.evaluate(_LARGER_TEXT, "200%")
    found += await _sideways(page, "text at 200 %")
    await page.evaluate(_LARGER_TEXT, "")
    await page.set_viewport_size({"width": REFLOWED[0], "height": REFLOWED[1]})
    found += await _sideways(page, "320 px")
    await page.set_viewport_size(size)
    await page.emulate_media(color_scheme=theme)
    return found


async def _sideways(page: Page, screen: str) -> list[str]:
    return [f"{page.url} ({screen}): {each} sticks out" for each in await page.evaluate(_SIDEWAYS)]
