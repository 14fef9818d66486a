// What can be checked by rule of WCAG 2.2 AA: contrast (1.4.3), names (4.1.2), references and groups (1.3.1).
() => {
  // Colours come as rgb() or rgba(); elements without a ground of their own stand on that of their parents.
  const rgb = (text) => text.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = rgb(getComputedStyle(at).backgroundColor);
      if (found.length < 4 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const all = (selector) => [...document.querySelectorAll(selector)];
  const start = (element) => element.outerHTML.slice(0, 120);
  const problems = [];

  for (const element of all("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const typed = element.matches("input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea");
    if (!(own || typed) || !element.checkVisibility()) continue;
    if (element.closest("script, [aria-hidden=true], :disabled")) continue;
    const style = getComputedStyle(element);
    const [brighter, darker] = [light(rgb(style.color)), light(ground(element))].sort((a, b) => b - a);
    const ratio = (brighter + 0.05) / (darker + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) problems.push(`contrast ${ratio.toFixed(2)}: ${start(element)}`);
  }
  for (const element of all("input:not([type=hidden]), select, textarea, button, a[href], progress")) {
    const labelled = [...(element.labels ?? [])].some((label) => label.textContent.trim());
    const named = labelled || element.getAttribute("aria-label") || element.textContent.trim();
    if (!named || (element.matches("select, textarea") && !labelled)) problems.push(`no name: ${start(element)}`);
  }
  const ids = all("[id]").map((element) => element.id);
  ids.filter((id, place) => ids.indexOf(id) !== place).forEach((id) => problems.push(`twice: ${id}`));
  for (const attribute of ["aria-describedby", "aria-labelledby"]) {
    for (const element of all(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute).split(/\s+/)) {
        if (id && !document.getElementById(id)) problems.push(`refers to nothing: ${id} in ${start(element)}`);
      }
    }
  }
  for (const radio of all("input[type=radio]")) {
    if (!radio.closest("fieldset")?.querySelector("legend")) problems.push(`no group: ${start(radio)}`);
  }
  for (const table of all("table")) {
    if (!table.querySelector("th[scope=col]")) problems.push(`no headings: ${start(table)}`);
  }
  return problems;
}
