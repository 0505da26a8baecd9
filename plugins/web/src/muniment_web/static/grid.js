// A table like a spreadsheet. What is typed waits in the tray, sealed on the server; nothing of it is kept here.
const $ = (what, root = document) => root.querySelector(what);
const all = (what, root = document) => [...root.querySelectorAll(what)];
const CELL = "table[data-rows] tbody td";
const cellOf = (target) => target?.closest?.(CELL);

// Where the focus is, and how far a selection reaches from there.
let anchor = null;
function focus(cell, extend = false) {
  if (!cell) return;
  const body = cell.closest("tbody");
  for (const one of all("td[tabindex]", body)) one.removeAttribute("tabindex");
  cell.tabIndex = 0;
  cell.focus();
  cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  if (!extend || !anchor?.isConnected) anchor = cell;
  paint(cell);
}
const rowsOf = (cell) => [...cell.closest("tbody").rows].filter((row) => row.dataset.id && !row.hidden);
function selection(cell) {
  const rows = rowsOf(cell), from = anchor?.isConnected ? anchor : cell;
  const ends = (one, two) => [Math.min(one, two), Math.max(one, two)];
  const [top, bottom] = ends(rows.indexOf(from.parentElement), rows.indexOf(cell.parentElement));
  const [left, right] = ends(from.cellIndex, cell.cellIndex);
  return rows.slice(top, bottom + 1).map((row) => [...row.cells].slice(left, right + 1));
}
function paint(cell) {
  for (const one of all("td.sel", cell.closest("tbody"))) one.classList.remove("sel");
  const chosen = selection(cell).flat();
  if (chosen.length > 1) for (const one of chosen) one.classList.add("sel");
}

document.addEventListener("pointerdown", (event) => {
  const cell = cellOf(event.target);
  if (!cell || event.target.closest("a,button,input,select,textarea")) return;
  focus(cell, event.shiftKey);
});

document.addEventListener("keydown", (event) => {
  const cell = cellOf(event.target);
  if (!cell || event.target !== cell) return;
  const ctrl = event.ctrlKey || event.metaKey;
  const rows = rowsOf(cell), row = cell.parentElement, down = rows.indexOf(row), across = cell.cellIndex;
  const at = (y, x) => rows[Math.max(0, Math.min(rows.length - 1, y))]?.cells[Math.max(0, Math.min(row.cells.length - 1, x))];
  const moves = {
    ArrowRight: () => at(down, ctrl ? Infinity : across + 1), ArrowLeft: () => at(down, ctrl ? 0 : across - 1),
    ArrowDown: () => at(ctrl ? Infinity : down + 1, across), ArrowUp: () => at(ctrl ? 0 : down - 1, across),
    Home: () => at(ctrl ? 0 : down, 0), End: () => at(ctrl ? Infinity : down, Infinity),
    PageDown: () => at(down + 20, across), PageUp: () => at(down - 20, across),
  };
  if (moves[event.key] && !event.altKey) {
    event.preventDefault();
    return focus(moves[event.key](), event.shiftKey);
  }
  const tray = $("m-tray");
  if (event.key === "Enter" && (ctrl || !tray?.begin)) return follow(event, cell);
  if (event.key === "Enter") {
    if (tray.editor(cell) && !cell.matches(".m:not(.edited)")) { event.preventDefault(); return void tray.begin(cell); }
    return follow(event, cell);
  }
  if (!tray) return;
  if (event.key === "F2") { if (tray.begin(cell)) event.preventDefault(); return; }
  if (event.key === "Delete" || event.key === "Backspace") { event.preventDefault(); return tray.clear(selection(cell).flat()); }
  if (ctrl && event.key === "z" && cell.classList.contains("edited")) { event.preventDefault(); return tray.takeBack(cell); }
  // An input method begins before it says which letter: the input must be there by then.
  if (event.key === "Process" || event.isComposing) return void tray.begin(cell, "");
  if (event.key.length === 1 && !/[[\]/ ]/.test(event.key) && !ctrl && !event.altKey && tray.begin(cell, event.key)) event.preventDefault();
});
function follow(event, cell) {
  const inside = $(".rv,a", cell) ?? $("a", cell.parentElement);
  if (inside) { event.preventDefault(); inside.click(); }
}
document.addEventListener("dblclick", (event) => { const cell = cellOf(event.target); if (cell) $("m-tray")?.begin?.(cell); });

// The clipboard speaks tab-separated values, as every spreadsheet does.
const quoted = (text) => (/[\t\n"]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
function parsed(text) {
  const lines = [[]];
  let cell = "", inside = false;
  const plain = text.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  for (let at = 0; at < plain.length; at++) {
    const sign = plain[at];
    if (inside) {
      if (sign === '"' && plain[at + 1] === '"') { cell += '"'; at++; } else if (sign === '"') inside = false; else cell += sign;
    } else if (sign === '"' && cell === "") inside = true;
    else if (sign === "\t") { lines.at(-1).push(cell); cell = ""; }
    else if (sign === "\n") { lines.at(-1).push(cell); cell = ""; lines.push([]); }
    else cell += sign;
  }
  lines.at(-1).push(cell);
  return lines;
}
document.addEventListener("copy", (event) => {
  const cell = cellOf(document.activeElement);
  if (!cell || document.activeElement !== cell || String(getSelection())) return;
  event.preventDefault();
  event.clipboardData.setData("text/plain", selection(cell).map((row) => row.map((one) => quoted(one.innerText.trim())).join("\t")).join("\n"));
});
document.addEventListener("paste", (event) => {
  const cell = cellOf(document.activeElement), tray = $("m-tray");
  if (!tray || !cell || document.activeElement !== cell) return;
  event.preventDefault();
  tray.paste(cell, parsed(event.clipboardData.getData("text/plain")));
});

// How the editor of a cell is filled in and read: a plain input, a list of choices, a record to look for, boxes to tick.
function editing(piece, cell, typed) {
  const pick = $("m-pick", piece), many = $(".tks", piece);
  const input = many ? $("input[type=checkbox]", many) : $("input,select,textarea", piece);
  cell.replaceChildren(piece);
  if (many) {
    const boxes = all("input[type=checkbox]", many), name = (box) => box.parentElement.textContent.trim();
    return {
      input, field: many, boxes,
      fill: (text, labels) => { for (const box of boxes) box.checked = labels.includes(name(box)); return boxes.filter((box) => box.checked).map(name).join(", "); },
      label: () => boxes.filter((box) => box.checked).map(name).join(", "),
      value: () => boxes.filter((box) => box.checked).map((box) => box.value),
    };
  }
  if (input.tagName === "SELECT") return {
    input, field: input, boxes: [],
    fill: (text) => {
      const options = [...input.options], sign = typed?.toLowerCase();
      const found = sign ? options.find((one) => one.text.toLowerCase().startsWith(sign)) : options.find((one) => one.text === text);
      input.value = found?.value ?? "";
      return text;
    },
    label: () => input.selectedOptions[0]?.text ?? "",
    value: () => input.value,
  };
  return {
    input, field: input, boxes: [],
    fill: (text) => {
      input.value = typed ?? text;
      if (pick && typed !== undefined) input.dispatchEvent(new Event("input", { bubbles: true }));
      return text;
    },
    label: () => input.value,
    value: () => (pick ? pick.value : input.value),
  };
}

class Tray extends HTMLElement {
  connectedCallback() {
    this.waiting = new Map();
    this.flying = [];
    this.line = Promise.resolve();
    this.asked = 0;
    this.before = new WeakMap();
    this.addEventListener("submit", (event) => { event.preventDefault(); this.send(new FormData(event.target, event.submitter)); });
    document.addEventListener("htmx:after:swap", () => this.mark());
    if (this.dataset.held !== "0") this.send();
  }
  typed(cell) { const found = this.editor(cell); return found?.dataset.dialog === undefined ? found : null; }
  editor(cell) { return cell?.dataset.f ? $(`template[data-editor="${cell.dataset.f}"]`) : null; }

  // Typing into one cell.
  begin(cell, typed) {
    const template = this.editor(cell);
    if (!template || cell.classList.contains("editing") || cell.classList.contains("revealed")) return false;
    if (template.dataset.dialog !== undefined) return this.file(cell);
    const held = [...cell.childNodes], labels = cell.dataset.new ? cell.innerText.split(", ") : all(".chip", cell).map((one) => one.innerText.trim());
    const plain = cell.classList.contains("m") && !cell.dataset.new ? "" : cell.innerText.trim();
    const editor = editing(template.content.cloneNode(true), cell, typed), input = editor.input;
    cell.classList.add("editing");
    const text = editor.fill(cell.classList.contains("n") ? plain.replace(/,/g, "") : plain, labels);
    let over = false;
    const end = (keep) => {
      if (over) return;
      over = true;
      const label = editor.label(), value = editor.value();
      cell.classList.remove("editing");
      cell.replaceChildren(...held);
      if (keep && label !== text) { this.put(cell, value, label); this.flush(); } else this.mark();
    };
    editor.field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.isComposing) return;
      const beside = (down, across) => rowsOf(cell)[rowsOf(cell).indexOf(cell.parentElement) + down]?.cells[cell.cellIndex + across];
      if (event.key === "Enter" && !event.altKey) { event.preventDefault(); end(true); focus(beside(event.shiftKey ? -1 : 1, 0) ?? cell); }
      if (event.key === "Escape") { event.preventDefault(); end(false); focus(cell); }
      if (event.key === "Tab") { event.preventDefault(); end(true); focus(beside(0, event.shiftKey ? -1 : 1) ?? cell); }
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], at = editor.boxes.indexOf(event.target);
      if (step && at >= 0) { event.preventDefault(); editor.boxes[(at + step + editor.boxes.length) % editor.boxes.length].focus(); }
      if (event.key === "ArrowDown" && event.altKey) { event.preventDefault(); input.closest("m-date")?.show(); }
    });
    editor.field.addEventListener("focusout", () => setTimeout(() => { if (!cell.contains(document.activeElement)) end(true); }));
    input.focus();
    if (typed === undefined) input.select?.();
    return true;
  }
  // A file goes to its record at once, for a reason of its own: a tray holds what was typed.
  file(cell) {
    const row = cell.parentElement;
    this.filing = cell;
    htmx.ajax("GET", `${location.pathname}/${row.dataset.id}/file/${cell.dataset.f}/change`, { source: $("#dialog"), target: "#dialog", swap: "innerHTML" });
    return true;
  }
  async filed(form) {
    const answer = await fetch(form.action, { method: "POST", headers: { "HX-Request": "true" }, body: new FormData(form) });
    if (!answer.ok) {
      const box = document.createElement("div");
      box.innerHTML = await answer.text();
      return void $("[data-problem]", form).replaceChildren(...box.childNodes);
    }
    const { name, version } = await answer.json(), cell = this.filing;
    if (cell?.isConnected) {
      cell.replaceChildren(document.createTextNode(name));
      cell.parentElement.dataset.v = version;
    }
    $("#dialog").close();
    focus(cell);
  }
  put(cell, value, label) {
    const row = cell.parentElement;
    const held = this.waiting.get(row.dataset.id) ?? { id: row.dataset.id, version: Number(row.dataset.v), fields: {} };
    held.fields[cell.dataset.f] = value;
    this.waiting.set(row.dataset.id, held);
    this.show(cell, label);
  }
  show(cell, label) {
    if (!this.before.has(cell)) this.before.set(cell, [...cell.childNodes]);
    cell.dataset.new = "1";
    cell.replaceChildren(document.createTextNode(label));
    cell.classList.add("edited");
  }
  clear(cells) {
    for (const cell of cells) if (this.typed(cell)) this.put(cell, $(".tks", this.typed(cell).content) ? [] : "", "");
    this.flush();
  }
  takeBack(cell) { this.send(this.form({ do: `drop:${cell.parentElement.dataset.id}/${cell.dataset.f}` })); }

  // A block of cells from elsewhere; the tray then says of each whether it would be taken.
  paste(cell, lines) {
    const one = lines.length === 1 && lines[0].length === 1, chosen = selection(cell);
    const block = one ? chosen.map((row) => row.map(() => lines[0][0])) : lines;
    const start = chosen[0][0], rows = rowsOf(cell), top = rows.indexOf(start.parentElement);
    let taken = 0, beyond = 0;
    block.forEach((line, down) => line.forEach((text, across) => {
      const target = rows[top + down]?.cells[start.cellIndex + across], template = this.typed(target);
      if (!template) { beyond++; return; }
      const boxes = all(".tks .tk", template.content), named = (label) => boxes.find((box) => box.textContent.trim() === label || $("input", box).value === label);
      if (boxes.length) {
        const words = text.split(/[,，、;；\n]/).map((word) => word.trim()).filter(Boolean), found = words.map(named);
        this.put(target, words.map((word, at) => (found[at] ? $("input", found[at]).value : word)), words.map((word, at) => found[at]?.textContent.trim() ?? word).join(", "));
        taken++;
        return;
      }
      const value = text.trim(), options = [...($("select", template.content)?.options ?? [])];
      const found = options.find((option) => option.text === value || option.value === value);
      this.put(target, found ? found.value : value, found ? found.text : value);
      taken++;
    }));
    this.flush({ check: "1" });
    const told = [this.dataset.pasted.replace("{count}", taken)];
    if (beyond) told.push(this.dataset.beyond.replace("{count}", beyond));
    this.tell(told.join(" "));
  }
  tell(text) {
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = text;
    $("#notice").replaceChildren(note);
  }

  // To the server and back: one request after another, so that the last answer is the last state.
  form(values) {
    const made = new FormData();
    made.set("csrf", this.dataset.csrf);
    for (const [name, value] of Object.entries(values)) made.set(name, value);
    return made;
  }
  flush(more = {}) {
    if (!this.waiting.size) return;
    const edits = this.waiting;
    this.waiting = new Map();
    this.flying.push(edits);
    this.send(this.form({ do: "keep", edits: JSON.stringify([...edits.values()]), ...more }), edits);
  }
  send(form, edits) {
    const body = form && { method: "POST", body: new URLSearchParams(form) };
    this.asked++;
    this.setAttribute("aria-busy", "true");
    this.line = this.line.then(() => this.ask(body, edits));
  }
  async ask(body, edits) {
    let piece = null;
    try {
      const answer = await fetch(this.dataset.path, { headers: { "HX-Request": "true" }, ...body });
      const target = answer.headers.get("HX-Redirect");
      if (target) return location.assign(target);
      piece = document.createElement("template");
      piece.innerHTML = await answer.text();
      this.landed(edits);
      if ($("form.tray", piece.content)) this.swap(piece.content);
      else if (!answer.ok) this.tell(piece.content.textContent.trim() || this.dataset.failed);
    } catch {
      this.landed(edits);
      this.back(edits);
      this.tell(this.dataset.failed);
    }
    if (!--this.asked) this.removeAttribute("aria-busy");
    this.mark();
  }
  landed(edits) { this.flying = this.flying.filter((one) => one !== edits); }
  // What did not arrive goes along with the next change, below what was typed since.
  back(edits) {
    for (const [id, one] of edits ?? []) {
      const since = this.waiting.get(id);
      this.waiting.set(id, { ...one, fields: { ...one.fields, ...since?.fields } });
    }
  }
  // Whether a cell's newest text is still on its way: an answer to an older question says nothing about it.
  away(id, field) { return [this.waiting, ...this.flying].some((edits) => edits.get(id)?.fields[field] !== undefined); }
  swap(content) {
    const kept = Object.fromEntries(all("#twhy,#tnote", this).map((one) => [one.id, one.value]));
    const opened = $("details.looked", this)?.open, focused = this.contains(document.activeElement) ? document.activeElement.id : "";
    this.replaceChildren(content);
    for (const [id, value] of Object.entries(kept)) { const one = document.getElementById(id); if (one) one.value = value; }
    const looked = $("details.looked", this);
    if (looked && opened) looked.open = true;
    if (focused) document.getElementById(focused)?.focus();
  }
  mark() {
    const held = new Map(all("tr[data-f]", this).map((row) => [`${row.dataset.id}/${row.dataset.f}`, row]));
    for (const cell of all("#grid td.edited")) {
      const { id } = cell.parentElement.dataset, { f } = cell.dataset;
      if (held.has(`${id}/${f}`) || this.away(id, f) || cell.classList.contains("editing")) continue;
      cell.replaceChildren(...(this.before.get(cell) ?? []));
      cell.classList.remove("edited", "refused");
      delete cell.dataset.new;
      this.before.delete(cell);
    }
    for (const row of held.values()) {
      const cell = $(`#grid tr[data-id="${CSS.escape(row.dataset.id)}"] td[data-f="${CSS.escape(row.dataset.f)}"]`);
      if (!cell || cell.classList.contains("editing") || this.away(row.dataset.id, row.dataset.f)) continue;
      const label = $(".typed", row).textContent;
      this.show(cell, label === "—" ? "" : label);
      cell.classList.toggle("refused", row.classList.contains("bad"));
    }
  }
}
customElements.define("m-tray", Tray);
document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-filing]")) return;
  event.preventDefault();
  $("m-tray").filed(event.target);
});
addEventListener("beforeunload", (event) => { const tray = $("m-tray"); if (tray?.waiting?.size || tray?.flying?.length) event.preventDefault(); });

// Columns change places in the chooser; what is applied is the order in which they stand.
document.addEventListener("click", (event) => {
  const move = event.target.closest("[data-up]");
  if (!move) return;
  event.preventDefault();
  const line = move.closest(".colrow"), above = line.previousElementSibling;
  if (above?.matches(".colrow")) above.before(line);
  move.focus();
});

// A group of rows is folded at its heading.
document.addEventListener("click", (event) => {
  const fold = event.target.closest("button[data-fold]");
  if (!fold) return;
  const open = fold.getAttribute("aria-expanded") !== "true";
  fold.setAttribute("aria-expanded", String(open));
  for (let row = fold.closest("tr").nextElementSibling; row && !row.matches(".grp"); row = row.nextElementSibling) row.hidden = !open;
});
