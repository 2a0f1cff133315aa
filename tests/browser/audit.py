"""What a page is checked for in the browser itself, as functions for `page.evaluate`."""

from pathlib import Path

# Returns findings, each a sentence; a good page has none. Contrast follows WCAG 2.2, 1.4.3 (text)
# and 1.4.11 (edges of buttons); a target is at least 48 px on both sides (Material: 48 dp).
AUDIT = (Path(__file__).parent / "audit.js").read_text()

# Returns, for each element of a selector, the beginning of its text and its lines on screen.
LINES = """(selector) => [...document.querySelectorAll(selector)].map((e) => {
  const range = document.createRange();
  range.selectNodeContents(e);
  const tops = new Set([...range.getClientRects()].map((box) => Math.round(box.top / 4)));
  return [e.textContent.slice(0, 30), tops.size];
})"""
