// A table like a spreadsheet: where the focus is, how far a selection reaches, what keys and the clipboard do.
export const $ = (what, root = document) => root.querySelector(what);
export const all = (what, root = document) => [...root.querySelectorAll(what)];
export const cellOf = (target) => target?.closest?.("table[data-rows] tbody td");
// A text with a number, and with the form of the word that fits it where there are two.
export const counting = (text, count) =>
  text.replace(/\{count(?::([^|{}]*)\|([^{}]*))?\}/, (_, one, many) =>
    one === undefined ? count : `${count} ${count === 1 ? one : many}`,
  );
const tray = () => {
  const one = $("m-tray");
  return one?.begin ? one : null;
};
const fine = matchMedia("(pointer: fine)");

let anchor = null,
  head = null,
  tabbed = null,
  dragging = null;
const held = (one, cell) => (one?.isConnected && one.closest("tbody") === cell.closest("tbody") ? one : cell);
export const rowsOf = (cell) =>
  [...cell.closest("tbody").rows].filter((row) => row.dataset.id && !row.hidden);
export function focus(cell, extend = false) {
  if (!cell) return;
  if (!extend || !anchor?.isConnected) anchor = cell;
  head = cell;
  rove(cell);
  cell.focus();
  cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  paint(cell);
}
function rove(cell) {
  for (const one of all("td[tabindex]", cell.closest("tbody")))
    if (one !== cell) {
      one.removeAttribute("tabindex");
      one.removeAttribute("contenteditable");
    }
  cell.tabIndex = 0;
}
export function selection(cell) {
  const rows = rowsOf(cell),
    from = held(anchor, cell),
    to = held(head, cell);
  const ends = (one, two) => [Math.max(0, Math.min(one, two)), Math.max(one, two)];
  const [top, bottom] = ends(rows.indexOf(from.parentElement), rows.indexOf(to.parentElement));
  const [left, right] = ends(from.cellIndex, to.cellIndex);
  return rows.slice(top, bottom + 1).map((row) => [...row.cells].slice(left, right + 1));
}
function paint(cell) {
  for (const one of all("td.sel", cell.closest("tbody"))) one.classList.remove("sel");
  const chosen = selection(cell).flat();
  if (chosen.length > 1) for (const one of chosen) one.classList.add("sel");
  document.dispatchEvent(new CustomEvent("m:chosen", { detail: chosen }));
}
export function choose(cell, from, to) {
  anchor = from;
  head = to;
  paint(cell);
}

document.addEventListener("pointerdown", (event) => {
  const cell = cellOf(event.target);
  tabbed = null;
  if (!cell || event.target.closest("a,button,input,select,textarea")) return;
  focus(cell, event.shiftKey);
  dragging = event.pointerType === "mouse" && event.button === 0 ? cell : null;
});
document.addEventListener("pointerover", (event) => {
  const cell = dragging && event.buttons & 1 ? cellOf(event.target) : null;
  if (!cell || cell === head || held(cell, dragging) !== cell) return;
  cell.closest("table").classList.add("dragging");
  getSelection().removeAllRanges();
  focus(cell, true);
});
addEventListener("pointerup", () => {
  dragging?.closest("table")?.classList.remove("dragging");
  dragging = null;
});

// An input method writes into what has the focus, and only where one can write: so a cell can be written into
// while it has the focus, and everything but composed text is kept out of it.
document.addEventListener("focusin", (event) => {
  const cell = cellOf(event.target);
  if (!cell || event.target !== cell) return;
  if (cell !== head) {
    anchor = head = cell;
    rove(cell);
    paint(cell);
  }
  if (!fine.matches || !tray()?.typed(cell) || cell.isContentEditable) return;
  cell.setAttribute("contenteditable", "plaintext-only");
  cell.spellcheck = false;
  for (const inside of all("a,button", cell)) inside.setAttribute("contenteditable", "false");
});
document.addEventListener("beforeinput", (event) => {
  if (cellOf(event.target) === event.target && !event.inputType.includes("Composition"))
    event.preventDefault();
});
let under = null;
document.addEventListener("compositionstart", (event) => {
  const cell = cellOf(event.target);
  if (!cell || cell !== event.target) return;
  under = [...cell.childNodes];
  cell.replaceChildren();
});
document.addEventListener("compositionend", (event) => {
  const cell = cellOf(event.target);
  if (!under || cell !== event.target) return;
  const before = under;
  under = null;
  // The browser is still at work on the cell while it says so.
  setTimeout(() => {
    const text = cell.textContent;
    cell.replaceChildren(...before);
    if (text) tray()?.begin(cell, text);
  });
});

document.addEventListener("keydown", (event) => {
  const cell = cellOf(event.target);
  if (!cell || event.target !== cell || under) return;
  // The key to the right of the space bar writes signs such as @ in many countries, and seems to be two others.
  const third = event.getModifierState("AltGraph"),
    alt = event.altKey && !third,
    ctrl = (event.ctrlKey || event.metaKey) && !third;
  const shift = event.shiftKey,
    key = event.key.length === 1 && ctrl ? event.key.toLowerCase() : event.key;
  const base = shift ? held(head, cell) : cell,
    rows = rowsOf(cell),
    row = base.parentElement,
    down = rows.indexOf(row),
    across = base.cellIndex;
  const at = (y, x) =>
    rows[Math.max(0, Math.min(rows.length - 1, y))]?.cells[Math.max(1, Math.min(row.cells.length - 1, x))];
  const moves = {
    ArrowRight: () => at(down, ctrl ? Infinity : across + 1),
    ArrowLeft: () => at(down, ctrl ? 0 : across - 1),
    ArrowDown: () => at(ctrl ? Infinity : down + 1, across),
    ArrowUp: () => at(ctrl ? 0 : down - 1, across),
    Home: () => at(ctrl ? 0 : down, 0),
    End: () => at(ctrl ? Infinity : down, Infinity),
    PageDown: () => at(down + 20, across),
    PageUp: () => at(down - 20, across),
  };
  if (moves[key] && !alt) {
    event.preventDefault();
    tabbed = null;
    return focus(moves[key](), shift);
  }
  const kept = tray();
  if (key === "Tab" && !ctrl && !alt) {
    const next = cell.parentElement.cells[cell.cellIndex + (shift ? -1 : 1)];
    // At the end of a row Tab leaves the table, so that nobody is caught in it.
    if (next?.tagName === "TD") {
      event.preventDefault();
      tabbed ??= cell.cellIndex;
      focus(next);
    }
    return;
  }
  if (ctrl && key === "a") {
    event.preventDefault();
    return choose(cell, at(0, 0), at(Infinity, Infinity));
  }
  if (key === " ") {
    event.preventDefault();
    if (shift) return choose(cell, held(anchor, cell).parentElement.cells[1], at(down, Infinity));
    if (ctrl) return choose(cell, at(0, across), at(Infinity, across));
    return kept?.toggle(cell) || $("th.rh input", cell.parentElement)?.click();
  }
  if (key === "Enter" && (ctrl || !kept)) return follow(event, cell);
  if (key === "Enter") {
    if (kept.editor(cell) && !cell.matches(".m:not(.edited)")) {
      event.preventDefault();
      return void kept.begin(cell);
    }
    return follow(event, cell);
  }
  if (!kept) return;
  if (key === "F2") {
    if (kept.begin(cell)) event.preventDefault();
    return;
  }
  if (key === "Delete" || key === "Backspace") {
    event.preventDefault();
    return kept.clear(selection(cell).flat());
  }
  if (ctrl && !alt) {
    const acts = {
      z: () => (shift ? kept.redo() : kept.undo(cell)),
      y: () => kept.redo(),
      d: () => kept.fill(cell),
      ";": () => kept.today(cell),
    };
    if (acts[key]) {
      event.preventDefault();
      acts[key]();
    }
    return;
  }
  if (key === "Insert") {
    event.preventDefault();
    return kept.add();
  }
  if (key === "Process" || event.isComposing || event.keyCode === 229) {
    if (!cell.isContentEditable) kept.begin(cell, "");
    return;
  }
  if (key.length === 1 && !/[[\]/]/.test(key) && !alt && kept.begin(cell, key)) event.preventDefault();
});
function follow(event, cell) {
  const inside = $(".rv,a", cell) ?? $("a", cell.parentElement);
  event.preventDefault();
  inside?.click();
}
// A finger has no double click to spare: the second touch of a cell begins to type, of a new row the first one.
let touched = null;
document.addEventListener("click", (event) => {
  const cell = cellOf(event.target),
    again = cell && (cell === touched || cell.parentElement.dataset.v === "0");
  touched = cell;
  if (!cell || fine.matches || event.target.closest("a,button,input,select,textarea")) return;
  if (again) tray()?.begin(cell);
});
document.addEventListener("dblclick", (event) => {
  const cell = cellOf(event.target);
  if (cell) tray()?.begin(cell);
});

// Where the focus goes after a cell was typed into: Tab goes on, Enter goes to where the row was begun.
export function leave(cell, key, back) {
  const rows = rowsOf(cell),
    beside = (down, column) => rows[rows.indexOf(cell.parentElement) + down]?.cells[column];
  if (key === "Tab") {
    tabbed ??= cell.cellIndex;
    const next = beside(0, cell.cellIndex + (back ? -1 : 1));
    return focus(next?.tagName === "TD" ? next : cell);
  }
  const column = tabbed ?? cell.cellIndex;
  tabbed = null;
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const next = beside(0, cell.cellIndex + (key === "ArrowLeft" ? -1 : 1));
    return focus(next?.tagName === "TD" ? next : cell);
  }
  if (key === "ArrowUp" || key === "ArrowDown")
    return focus(beside(key === "ArrowUp" ? -1 : 1, cell.cellIndex) ?? cell);
  focus(beside(back ? -1 : 1, column) ?? cell);
}

// The clipboard speaks tab-separated values, as every spreadsheet does. What is masked is copied as its mask;
// what was revealed leaves alone, never in a block that would carry it along unnoticed.
const quoted = (text) => (/[\t\n"]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
function parsed(text) {
  const lines = [[]];
  let cell = "",
    inside = false;
  const plain = text.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  for (let at = 0; at < plain.length; at++) {
    const sign = plain[at];
    if (inside) {
      if (sign === '"' && plain[at + 1] === '"') {
        cell += '"';
        at++;
      } else if (sign === '"') inside = false;
      else cell += sign;
    } else if (sign === '"' && cell === "") inside = true;
    else if (sign === "\t") {
      lines.at(-1).push(cell);
      cell = "";
    } else if (sign === "\n") {
      lines.at(-1).push(cell);
      cell = "";
      lines.push([]);
    } else cell += sign;
  }
  lines.at(-1).push(cell);
  return lines;
}
function copied(event) {
  const cell = cellOf(document.activeElement);
  if (!cell || document.activeElement !== cell || String(getSelection())) return null;
  event.preventDefault();
  const block = selection(cell),
    alone = block.flat().length === 1;
  const text = (one) => (one.dataset.mask !== undefined && !alone ? one.dataset.mask : one.innerText.trim());
  event.clipboardData.setData(
    "text/plain",
    block.map((row) => row.map((one) => quoted(text(one))).join("\t")).join("\n"),
  );
  return block.flat();
}
document.addEventListener("copy", copied);
document.addEventListener("cut", (event) => {
  const cells = copied(event);
  if (cells) tray()?.clear(cells);
});
document.addEventListener("paste", (event) => {
  const cell = cellOf(document.activeElement),
    kept = tray();
  if (!kept || !cell || document.activeElement !== cell) return;
  event.preventDefault();
  kept.paste(cell, parsed(event.clipboardData.getData("text/plain")));
});
