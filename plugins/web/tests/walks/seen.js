/* What of a page is cut off, hidden behind something or out of reach; read by the walks. */
(() => {
  const UNREAD = "script, style, template, svg, option, textarea, .vh, .skip";
  const named = (element) =>
    element.tagName.toLowerCase() + (element.id ? `#${element.id}` : "") + [...element.classList].map((one) => `.${one}`).join("");
  const hides = (way) => way === "hidden" || way === "clip";
  const scrolls = (way) => way === "auto" || way === "scroll";

  /* Every piece of text with the boxes of its lines. */
  function pieces() {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node; (node = walker.nextNode()); ) {
      const element = node.parentElement;
      if (!node.data.trim() || element.closest(UNREAD)) continue;
      if (!element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const boxes = [...range.getClientRects()].filter((box) => box.width > 1 && box.height > 1);
      if (boxes.length) found.push({ element, boxes, text: node.data.trim().replace(/\s+/g, " ").slice(0, 40) });
    }
    return found;
  }

  /* What hides a part of a piece that no scrolling brings back; the rest keeps what can be seen of it now. */
  function looked(piece, problems) {
    let floats = false;
    let seen = piece.boxes.map(({ left, right, top, bottom }) => ({ left, right, top, bottom }));
    for (let up = piece.element; up && up !== document.documentElement; up = up.parentElement) {
      const style = getComputedStyle(up);
      floats ||= style.position === "fixed" || style.position === "sticky";
      const box = up.getBoundingClientRect();
      const [wide, high] = [style.overflowX, style.overflowY];
      if (wide === "visible" && high === "visible") continue;
      const beside = seen.some((one) => one.right > box.right + 2 || one.left < box.left - 2);
      const below = seen.some((one) => one.bottom > box.bottom + 3 || one.top < box.top - 3);
      // A cell of the spreadsheet is as wide as somebody drags it; elsewhere the whole must be one pointing away.
      const told = piece.element.closest("[title], table[data-rows]");
      if (((hides(wide) && beside) || (hides(high) && below)) && !told) problems.push(`cut by ${named(up)}: ${piece.text}`);
      if (scrolls(wide) || scrolls(high) || hides(wide) || hides(high)) {
        seen = seen
          .map((one) => ({
            left: Math.max(one.left, box.left),
            right: Math.min(one.right, box.right),
            top: Math.max(one.top, box.top),
            bottom: Math.min(one.bottom, box.bottom),
          }))
          .filter((one) => one.right - one.left > 1 && one.bottom - one.top > 1);
      }
    }
    return floats ? [] : seen;
  }

  function overlapping(pieces, problems) {
    const boxes = pieces.flatMap((piece) => piece.seen.map((box) => ({ piece, box })));
    boxes.sort((one, other) => one.box.top - other.box.top);
    boxes.forEach(({ piece, box }, at) => {
      for (let next = at + 1; next < boxes.length && boxes[next].box.top < box.bottom - 4; next++) {
        const other = boxes[next];
        if (other.piece === piece) continue;
        const wide = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
        const high = Math.min(box.bottom, other.box.bottom) - other.box.top;
        const least = Math.min(box.bottom - box.top, other.box.bottom - other.box.top);
        if (wide > 2 && high > 0.35 * least) problems.push(`${piece.text} over ${other.piece.text}`);
      }
    });
  }

  function outside(problems) {
    for (const element of document.querySelectorAll("main *")) {
      const box = element.getBoundingClientRect();
      if (!box.width || box.right <= innerWidth + 1 || element.closest(UNREAD)) continue;
      let up = element.parentElement;
      while (up && !scrolls(getComputedStyle(up).overflowX)) up = up.parentElement;
      if (!up) problems.push(`out of reach: ${named(element)}`);
    }
    const wider = document.documentElement.scrollWidth - innerWidth;
    if (wider > 0) problems.push(`wider than the screen by ${wider}`);
  }

  /* The spacing of WCAG 2.2, 1.4.12, which a page must bear. */
  window.spaced = () => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(
      "* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }" +
        "p { margin-bottom: 2em !important }",
    );
    document.adoptedStyleSheets = [sheet];
  };

  window.plain = () => {
    document.adoptedStyleSheets = [];
  };

  window.lost = () => {
    const problems = [];
    const found = pieces();
    for (const piece of found) piece.seen = looked(piece, problems);
    overlapping(found, problems);
    outside(problems);
    return [...new Set(problems)];
  };
})();
