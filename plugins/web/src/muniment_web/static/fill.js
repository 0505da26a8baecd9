// The handle at the corner of what is selected: drawn over other cells it fills them, as in any spreadsheet.
import { $, all, cellOf, choose, rowsOf, selection } from "./grid.js";
import { series } from "./series.js";

const tray = () => $("m-tray");
const COARSE = 26,
  FINE = 11;
let drawn = null; // what is being drawn: from where, how far, and with which pointer
let grown = null; // what the keyboard filled last, to go on from there

// A block of cells by the places of its rows and columns.
function placed(block) {
  const rows = rowsOf(block[0][0]),
    top = rows.indexOf(block[0][0].parentElement),
    left = block[0][0].cellIndex;
  return { rows, top, left, bottom: top + block.length - 1, right: left + block[0].length - 1 };
}
// Runs of cells and where they go on, each with its place counted from the first of the run.
function runs(from, down, across) {
  const { rows, top, left, bottom, right } = from;
  const beside = (low, high, to) =>
    to > high
      ? Array.from({ length: to - high }, (_, at) => high + 1 + at)
      : Array.from({ length: Math.max(0, low - to) }, (_, at) => low - 1 - at);
  const cell = (y, x) => rows[y]?.cells[x],
    range = (low, high) => Array.from({ length: high - low + 1 }, (_, at) => low + at);
  if (down !== null)
    return range(left, right).map((x) => ({
      from: range(top, bottom).map((y) => cell(y, x)),
      to: beside(top, bottom, down).map((y) => [cell(y, x), y - top]),
    }));
  return range(top, bottom).map((y) => ({
    from: range(left, right).map((x) => cell(y, x)),
    to: beside(left, right, across).map((x) => [cell(y, x), x - left]),
  }));
}
function fill(lines, turned) {
  const kept = tray(),
    kind = (cell) => kept.typed(cell)?.dataset.kind;
  const list = [];
  let left = 0;
  for (const { from, to } of lines) {
    const held = from.map((one) => kept.raw(one)),
      alike = from.every((one) => kind(one) === kind(from[0]));
    const at =
      alike &&
      series(
        held.map((one) => one?.[0]),
        kind(from[0]),
        turned,
      );
    for (const [cell, place] of to) {
      const nth = ((place % from.length) + from.length) % from.length,
        text = at ? at(place) : undefined;
      // A series that ends somewhere, what is masked or was revealed, and another kind of column give nothing.
      const value = text === undefined ? held[nth] : text === null ? null : [text, text];
      if (cell && value && kind(cell) && kind(cell) === kind(from[nth])) list.push([cell, ...value]);
      else left++;
    }
  }
  kept.change(list, { check: "1" });
  kept.report(kept.dataset.filled, list.length, left);
}

// With the mouse, a pen or a finger.
function mark(cells) {
  for (const one of all("td.fills")) one.classList.remove("fills");
  for (const one of cells) one?.classList.add("fills");
}
const onHandle = (event, cell) => {
  const box = cell.getBoundingClientRect(),
    near = event.pointerType === "mouse" ? FINE : COARSE;
  return box.right - event.clientX < near && box.bottom - event.clientY < near;
};
document.addEventListener("m:chosen", ({ detail }) => {
  for (const one of all("td.corner")) one.classList.remove("corner");
  if (tray()?.typed?.(detail.at(-1))) detail.at(-1).classList.add("corner");
});
document.addEventListener(
  "pointerdown",
  (event) => {
    const cell = event.button ? null : cellOf(event.target);
    if (!cell?.matches(".corner:not(.editing)") || !onHandle(event, cell)) return;
    event.preventDefault();
    event.stopPropagation();
    drawn = { pointer: event.pointerId, from: placed(selection(cell)), lines: [], to: null };
  },
  true,
);
function over(event) {
  const { rows, top, left, bottom, right } = drawn.from,
    cell = cellOf(document.elementFromPoint(event.clientX, event.clientY));
  const down = cell ? rows.indexOf(cell.parentElement) : -1,
    across = cell?.cellIndex;
  if (down < 0) return;
  const high = Math.max(top - down, down - bottom),
    wide = Math.max(left - across, across - right);
  drawn.lines = [];
  if (high > 0) drawn.lines = runs(drawn.from, down, null);
  else if (wide > 0 && across > 0) drawn.lines = runs(drawn.from, null, across);
  drawn.to = high > 0 ? [down, null] : [null, across];
  mark(drawn.lines.flatMap((one) => one.to.map(([target]) => target)));
  cell.scrollIntoView({ block: "nearest", inline: "nearest" });
}
document.addEventListener("pointermove", (event) => {
  if (drawn?.pointer === event.pointerId) over(event);
});
function stop() {
  mark([]);
  drawn = null;
}
addEventListener("pointerup", (event) => {
  if (drawn?.pointer !== event.pointerId) return;
  const { lines, from, to } = drawn;
  stop();
  if (!lines.length) return;
  fill(lines, event.ctrlKey || event.metaKey);
  reach(from, ...to);
});
addEventListener("pointercancel", stop);
// Where a finger is lifted from the handle no cell was touched.
document.addEventListener(
  "click",
  (event) => {
    const cell = cellOf(event.target);
    if (cell?.matches(".corner:not(.editing)") && event.detail && onHandle(event, cell))
      event.stopPropagation();
  },
  true,
);
// What was filled is selected with what it was filled from.
function reach({ rows, top, left, bottom, right }, down, across) {
  const [y0, y1] = down === null ? [top, bottom] : [Math.min(top, down), Math.max(bottom, down)],
    [x0, x1] = across === null ? [left, right] : [Math.min(left, across), Math.max(right, across)];
  choose(rows[y0].cells[x0], rows[y0].cells[x0], rows[y1].cells[x1]);
  return [rows[y0].cells[x0], rows[y1].cells[x1]];
}

// By the keyboard: Alt and an arrow fill one row or column further, with Control turned round.
const WAYS = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] };
document.addEventListener("keydown", (event) => {
  if (drawn && event.key === "Escape") return stop();
  const cell = cellOf(event.target),
    way = WAYS[event.key];
  if (!way || !event.altKey || event.shiftKey || cell !== event.target || event.getModifierState("AltGraph"))
    return;
  if (!cell || !tray()?.begin) return;
  event.preventDefault();
  const block = selection(cell),
    now = placed(block);
  const ends = [block[0][0], block.at(-1).at(-1)],
    goes = grown && grown.way === event.key && grown.ends.every((one, at) => one === ends[at]);
  const from = goes ? grown.from : now;
  const [down, across] = way,
    y = down > 0 ? now.bottom + 1 : now.top - 1,
    x = across > 0 ? now.right + 1 : now.left - 1;
  if (down ? !now.rows[y] : x < 1 || !now.rows[0].cells[x]) return;
  const lines = runs(from, down ? y : null, across ? x : null);
  for (const one of lines) one.to = one.to.slice(-1);
  fill(lines, event.ctrlKey || event.metaKey);
  grown = { from, way: event.key, ends: reach(from, down ? y : null, across ? x : null) };
  grown.ends[down + across > 0 ? 1 : 0].scrollIntoView({ block: "nearest", inline: "nearest" });
});
