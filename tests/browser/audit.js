() => {
  const found = [];
  const visible = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const name = (e) => `${e.tagName.toLowerCase()}.${e.className} "${e.textContent.trim().slice(0, 40)}"`;
  const parse = (c) => {
    const n = c.match(/[\d.]+/g).map(Number);
    return n.length > 3 ? n : [...n, 1];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3]));
  const behind = (e) => {
    const layers = [];
    for (let at = e; at; at = at.parentElement) {
      const c = parse(getComputedStyle(at).backgroundColor);
      if (c[3] > 0) layers.push(c);
      if (c[3] === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };

  for (const e of document.querySelectorAll("button, a[href], summary, input, select, textarea, [role=switch]")) {
    if (!visible(e)) continue;
    const label = e.labels?.[0];
    const box = (e.matches("[type=checkbox], [type=radio]") && label ? label : e).getBoundingClientRect();
    if (Math.min(box.width, box.height) < 47.99 && box.bottom > 0) {
      found.push(`target ${Math.round(box.width)}x${Math.round(box.height)}: ${name(e)}`);
    }
    const said = e.getAttribute("aria-label") || e.textContent.trim() || label?.textContent.trim();
    if (!said) found.push(`no name: ${e.outerHTML.slice(0, 80)}`);
    // A row that is a switch is known by the switch drawn in it.
    const drawn = e.querySelector(".switch");
    const style = drawn ? getComputedStyle(drawn, "::before") : getComputedStyle(e);
    const edge = parse(style.borderTopColor);
    const under = behind(drawn ? e : e.parentElement);
    const filled = !drawn && contrast(behind(e), under) >= 3;
    const isButton = e.matches("button:not(.bare, .guest)");
    if (isButton && !filled && contrast(over(edge, under), under) < 3) found.push(`edge: ${name(e)}`);
  }

  for (const e of document.body.querySelectorAll("*")) {
    const hasText = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!hasText || !visible(e) || e.closest("noscript, .spoken")) continue;
    const style = getComputedStyle(e);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const under = behind(e);
    const ratio = contrast(over(parse(style.color), under), under);
    if (ratio < (isLarge ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)}: ${name(e)}`);
    if (size < 14) found.push(`text of ${size} px: ${name(e)}`);
    for (let at = e; at !== document.body; at = at.parentElement) {
      const isCut = at.scrollWidth > at.clientWidth + 1 || at.scrollHeight > at.clientHeight + 1;
      const hides = getComputedStyle(at).overflow !== "visible" && getComputedStyle(at).display !== "inline";
      if (isCut && hides) found.push(`cut text: ${name(e)} in ${at.className}`);
    }
  }

  if (document.documentElement.scrollWidth > innerWidth) {
    found.push(`wider than the screen: ${document.documentElement.scrollWidth} > ${innerWidth}`);
  }
  for (const image of document.images) if (!image.hasAttribute("alt")) found.push(`no alt: ${image.src}`);
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) found.push(`two of #${id}`);
  if (document.querySelectorAll("main").length !== 1) found.push("not exactly one main");
  if (!/^(de|en)$/.test(document.documentElement.lang)) found.push(`lang=${document.documentElement.lang}`);
  if (!document.title) found.push("no title");
  return found;
}
