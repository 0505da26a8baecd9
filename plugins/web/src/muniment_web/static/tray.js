// What is typed into a table waits in the tray, sealed on the server; nothing of it is kept here.
import { $, all, counting, focus, leave, rowsOf, selection } from "./grid.js";
import { editing, words } from "./editors.js";

class Tray extends HTMLElement {
  connectedCallback() {
    this.waiting = new Map(); // record -> what of it was typed and not sent yet
    this.flying = [];
    this.line = Promise.resolve();
    this.asked = 0;
    this.before = new WeakMap();
    this.held = new Map(); // record/field -> what waits in the tray
    this.renamed = new Map(); // a row that was new here -> what the server calls it
    this.made = 0;
    this.past = [];
    this.future = [];
    this.addEventListener("submit", (event) => {
      event.preventDefault();
      const lost = this.remember(event.submitter?.value ?? "");
      this.send(() => new FormData(event.target, event.submitter));
      if (lost) this.offer(lost);
    });
    document.addEventListener("htmx:after:swap", () => this.mark());
    if (this.dataset.held !== "0") this.send();
  }
  typed(cell) {
    const found = this.editor(cell);
    return found?.dataset.dialog === undefined ? found : null;
  }
  editor(cell) {
    const found = cell?.dataset.f ? $(`template[data-editor="${cell.dataset.f}"]`) : null;
    return found?.dataset.first !== undefined && cell.parentElement.dataset.v !== "0" ? null : found;
  }
  now(id) {
    while (this.renamed.has(id)) id = this.renamed.get(id);
    return id;
  }
  rowAt(id) {
    return $(`#grid tr[data-id="${CSS.escape(id)}"]`);
  }
  cellAt(id, field) {
    const row = this.rowAt(id);
    return row && $(`td[data-f="${CSS.escape(field)}"]`, row);
  }

  // Typing into one cell.
  begin(cell, typed) {
    const template = this.editor(cell);
    if (!template || cell.classList.contains("editing") || cell.classList.contains("revealed")) return false;
    if (template.dataset.dialog !== undefined)
      return cell.parentElement.dataset.v === "0" ? false : this.file(cell);
    const held = [...cell.childNodes],
      chips = all(".chip", cell).map((one) => one.innerText.trim());
    const labels = cell.dataset.new || !chips.length ? words(cell.innerText) : chips;
    const plain = cell.classList.contains("m") && !cell.dataset.new ? "" : cell.innerText.trim();
    cell.removeAttribute("contenteditable");
    const editor = editing(template.content.cloneNode(true), cell, typed, template),
      input = editor.input;
    cell.classList.add("editing");
    const text = editor.fill(cell.classList.contains("n") ? plain.replace(/,/g, "") : plain, labels);
    let over = false;
    const end = (keep, every) => {
      if (over) return;
      over = true;
      const label = editor.label(),
        value = editor.value();
      cell.classList.remove("editing");
      cell.replaceChildren(...held);
      if (keep && every) this.spread(cell, value, label);
      else if (keep && label !== text) this.change([[cell, value, label]]);
      else this.mark();
    };
    editor.field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key === "Enter" && event.altKey && input.tagName === "TEXTAREA") {
        event.preventDefault();
        return input.setRangeText("\n", input.selectionStart, input.selectionEnd, "end");
      }
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        end(true, true);
        return focus(cell, true);
      }
      if (event.key === "Enter" && !event.altKey) {
        event.preventDefault();
        end(true);
        leave(cell, "Enter", event.shiftKey);
      }
      if (event.key === "Escape") {
        event.preventDefault();
        end(false);
        focus(cell);
      }
      if (event.key === "Tab") {
        event.preventDefault();
        end(true);
        leave(cell, "Tab", event.shiftKey);
      }
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key],
        at = editor.boxes.indexOf(event.target);
      if (step && at >= 0) {
        event.preventDefault();
        editor.boxes[(at + step + editor.boxes.length) % editor.boxes.length].focus();
      }
      if (event.key === "ArrowDown" && event.altKey) {
        event.preventDefault();
        return input.closest("m-date")?.show();
      }
      // Whoever typed over a cell goes on with an arrow, as in a spreadsheet; after F2 it moves inside the text.
      if (typed && editor.plain && event.key.startsWith("Arrow") && !event.shiftKey && !event.ctrlKey) {
        event.preventDefault();
        end(true);
        leave(cell, event.key);
      }
    });
    editor.field.addEventListener("focusout", () =>
      setTimeout(() => {
        if (!cell.contains(document.activeElement)) end(true);
      }),
    );
    input.focus();
    if (typed === undefined) input.select?.();
    return true;
  }
  // A file goes to its record at once, for a reason of its own: a tray holds what was typed.
  file(cell) {
    const row = cell.parentElement;
    this.filing = cell;
    htmx.ajax("GET", `${location.pathname}/${row.dataset.id}/file/${cell.dataset.f}/change`, {
      source: $("#dialog"),
      target: "#dialog",
      swap: "innerHTML",
    });
    return true;
  }
  async filed(form) {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { "HX-Request": "true" },
      body: new FormData(form),
    });
    if (!answer.ok) {
      const box = document.createElement("div");
      box.innerHTML = await answer.text();
      return void $("[data-problem]", form).replaceChildren(...box.childNodes);
    }
    const { name, version } = await answer.json(),
      cell = this.filing;
    if (cell?.isConnected) {
      cell.replaceChildren(document.createTextNode(name));
      cell.parentElement.dataset.v = version;
    }
    $("#dialog").close();
    focus(cell);
  }

  // What was done is done and undone as a whole: cells with what they held in the tray before and hold after.
  change(list, more) {
    const done = list
      .map(([cell, value, label]) => {
        const id = cell.parentElement.dataset.id,
          f = cell.dataset.f;
        return {
          id,
          f,
          v: Number(cell.parentElement.dataset.v),
          before: this.state(id, f),
          after: label === undefined ? null : { value, label },
        };
      })
      .filter((one) => one.before || one.after);
    if (!done.length) return;
    $("#notice .btn")?.parentElement.remove();
    this.past.push(done);
    this.future = [];
    this.run(done, "after", more);
  }
  run(done, side, more) {
    for (const one of done) {
      let id = this.now(one.id);
      if (!one.v && !this.rowAt(id) && ![...this.held.keys()].some((name) => name.startsWith(`${id}/`))) {
        this.renamed.set(id, this.fresh().dataset.id);
        id = this.now(id);
      }
      const to = one[side],
        cell = this.cellAt(id, one.f),
        version = Number(cell?.parentElement.dataset.v ?? one.v);
      const held = this.waiting.get(id) ?? { id, version, fields: {}, without: [] };
      held.without = held.without.filter((field) => field !== one.f);
      delete held.fields[one.f];
      if (to) held.fields[one.f] = to.value;
      else held.without.push(one.f);
      this.waiting.set(id, held);
      if (to) this.held.set(`${id}/${one.f}`, to);
      else this.held.delete(`${id}/${one.f}`);
      if (cell && to) this.show(cell, to.label);
      if (cell && !to) this.unshow(cell);
    }
    this.flush(more);
  }
  undo(cell) {
    const done = this.past.pop();
    if (done) {
      this.future.push(done);
      this.run(done, "before");
      this.go(done[0]);
    } else if (cell?.classList.contains("edited")) this.change([[cell]]);
  }
  redo() {
    const done = this.future.pop();
    if (done) {
      this.past.push(done);
      this.run(done, "after");
      this.go(done[0]);
    }
  }
  go(one) {
    const cell = this.cellAt(this.now(one.id), one.f);
    if (cell) focus(cell);
  }
  // A button of the tray throws something away: that too can be undone.
  remember(what) {
    const id = what.startsWith("drop:") ? what.slice(5) : "";
    if (!id && what !== "discard") return 0;
    const lost = [...this.held].filter(([name]) => !id || name === id || name.startsWith(`${id}/`));
    const versions = new Map(all("tr[data-f]", this).map((row) => [row.dataset.id, Number(row.dataset.v)]));
    if (!lost.length) return 0;
    this.past.push(
      lost.map(([name, before]) => {
        const [record, f] = name.split("/");
        return { id: record, f, v: versions.get(record) ?? 0, before, after: null };
      }),
    );
    this.future = [];
    return lost.length;
  }
  // Not everybody knows the keys for it, and a phone has none.
  offer(count) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn";
    button.textContent = this.dataset.back;
    button.addEventListener("click", () => {
      $("#notice").replaceChildren();
      this.undo();
    });
    this.tell(counting(this.dataset.dropped, count)).append(button);
  }
  state(id, field) {
    return this.held.get(`${this.now(id)}/${field}`) ?? null;
  }
  show(cell, label) {
    // What was revealed goes back behind its mask first: it would come back with the mask otherwise.
    if (cell.classList.contains("revealed")) cell.dispatchEvent(new CustomEvent("m:mask", { bubbles: true }));
    if (!this.before.has(cell)) this.before.set(cell, [...cell.childNodes]);
    cell.dataset.new = "1";
    cell.replaceChildren(document.createTextNode(label));
    cell.classList.add("edited");
  }
  unshow(cell) {
    cell.replaceChildren(...(this.before.get(cell) ?? []));
    cell.classList.remove("edited", "refused");
    delete cell.dataset.new;
    this.before.delete(cell);
  }

  // Many cells at once.
  clear(cells) {
    this.change(cells.filter((cell) => this.typed(cell)).map((cell) => [cell, ...this.entry(cell, "")]));
  }
  spread(cell, value, label) {
    this.change(
      selection(cell)
        .flat()
        .filter((one) => this.typed(one))
        .map((one) =>
          one.dataset.f === cell.dataset.f ? [one, value, label] : [one, ...this.entry(one, label)],
        ),
    );
  }
  today(cell) {
    if ($("m-date", this.typed(cell)?.content ?? this))
      this.change([[cell, this.dataset.today, this.dataset.today]]);
  }
  toggle(cell) {
    const template = this.typed(cell),
      choice = template && $("select[data-tick]", template.content);
    if (!choice) return false;
    const [no, yes] = ["", "1"].map((value) => [...choice.options].find((one) => one.value === value));
    const next = cell.innerText.trim() === yes.text ? no : yes;
    this.change([[cell, next.value, next.text]]);
    return true;
  }
  // A text as the value that a cell would hold: a choice goes by its label too.
  entry(cell, text) {
    const template = this.typed(cell),
      boxes = all(".tks .tk", template.content),
      value = text.trim();
    if (boxes.length) {
      const named = (word) =>
        boxes.find((box) => box.textContent.trim() === word || $("input", box).value === word);
      const found = words(text).map((word) => [named(word), word]);
      return [
        found.map(([box, word]) => (box ? $("input", box).value : word)),
        found.map(([box, word]) => box?.textContent.trim() ?? word).join(", "),
      ];
    }
    if (template.dataset.many !== undefined) return [words(text), words(text).join(", ")];
    const option = [...($("select", template.content)?.options ?? [])].find(
      (one) => one.text === value || one.value === value,
    );
    return option ? [option.value, option.text] : [value, value];
  }
  // What a cell holds, to be put into another; nothing where it is masked or was revealed.
  raw(cell) {
    const template = this.typed(cell),
      waits = this.state(cell.parentElement.dataset.id, cell.dataset.f);
    if (waits) return [waits.value, waits.label];
    if (!template || cell.matches(".m,.revealed")) return null;
    const named = $("m-pick", template.content) && $("a,[data-ref]", cell);
    if (named) return [named.dataset.ref ?? named.pathname.split("/").pop(), named.innerText.trim()];
    const chips = all(".chip", cell).map((one) => one.innerText.trim()),
      text = chips.length ? chips.join("\n") : cell.innerText.trim();
    return this.entry(cell, cell.classList.contains("n") ? text.replace(/,/g, "") : text);
  }
  fill(cell) {
    const block = selection(cell),
      rows = rowsOf(cell),
      top = rows.indexOf(block[0][0].parentElement);
    const [source, targets] =
      block.length > 1
        ? [block[0], block.slice(1)]
        : [block[0].map((one) => rows[top - 1]?.cells[one.cellIndex]), block];
    const list = [];
    let left = 0;
    source.forEach((from, across) => {
      const held = from && this.raw(from);
      for (const line of targets)
        if (held && this.typed(line[across])) list.push([line[across], ...held]);
        else left++;
    });
    this.change(list, { check: "1" });
    this.report(this.dataset.filled, list.length, left);
  }
  set(cells, value, label) {
    this.change(
      cells.map((cell) => [cell, value, label]),
      { check: "1" },
    );
    this.report(this.dataset.filled, cells.length, 0);
  }

  // A block of cells from elsewhere; the tray then says of each whether it would be taken.
  paste(cell, lines) {
    const one = lines.length === 1 && lines[0].length === 1,
      chosen = selection(cell);
    const block = one ? chosen.map((row) => row.map(() => lines[0][0])) : lines;
    const start = chosen[0][0],
      isNew = start.parentElement.dataset.v === "0";
    const rows = () => rowsOf(start).filter((row) => !isNew || row.dataset.v === "0");
    const top = rows().indexOf(start.parentElement),
      list = [];
    // Below a new row there is room for as many as are pasted.
    while (isNew && rows().length < top + block.length && rows().length < 500) this.fresh();
    const places = rows();
    let beyond = 0,
      same = 0;
    block.forEach((line, down) =>
      line.forEach((text, across) => {
        const target = places[top + down]?.cells[start.cellIndex + across];
        // A mask that was copied along is no value.
        if (!this.typed(target) || text.includes("••")) return void beyond++;
        const [value, label] = this.entry(target, text),
          held = this.raw(target);
        // What stands there already is no change to look through.
        if (held && String(held[0]) === String(value)) same++;
        else list.push([target, value, label]);
      }),
    );
    this.change(list, { check: "1" });
    this.report(this.dataset.pasted, list.length, beyond, same);
  }
  report(text, count, left, same = 0) {
    const told = count ? [counting(text, count)] : [];
    if (same) told.push(counting(this.dataset.same, same));
    if (left) told.push(counting(this.dataset.beyond, left));
    if (told.length) this.tell(told.join(" "), left > 0);
  }
  tell(text, warned = false) {
    const note = document.createElement("p");
    note.className = warned ? "note warn" : "note";
    note.textContent = text;
    $("#notice").replaceChildren(note);
    return note;
  }

  // New rows: on top of the table, in the tray like everything else that is typed.
  add() {
    const row = this.dataset.may === undefined ? null : this.fresh();
    if (row) focus([...row.cells].find((cell) => cell.dataset.f && this.typed(cell)));
  }
  fresh(id = `+${++this.made}`) {
    const table = $("table[data-rows]"),
      body = table.tBodies[0],
      row = body.insertRow(all("tr.fresh", body).length);
    row.className = "fresh";
    row.dataset.id = id;
    row.dataset.v = "0";
    const names = [...table.tHead.rows[0].cells],
      first = document.createElement("th");
    first.className = "rh";
    first.scope = "row";
    first.textContent = "+";
    first.title = this.dataset.new;
    row.append(first);
    for (const name of names.slice(1)) {
      const cell = row.insertCell();
      cell.dataset.f = name.dataset.f;
      cell.dataset.l = name.innerText.trim();
    }
    $("#grid p.none")?.remove();
    return row;
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
    // Which row a new one became is known when the answer before this one is there.
    this.send(() => {
      const sent = new Map();
      for (const one of edits.values()) {
        const id = this.now(one.id),
          known = sent.get(id);
        if (known) one.without = one.without.filter((field) => !(field in known.fields));
        sent.set(id, {
          ...one,
          id,
          fields: { ...known?.fields, ...one.fields },
          without: [...(known?.without ?? []).filter((field) => !(field in one.fields)), ...one.without],
        });
      }
      return this.form({ do: "keep", edits: JSON.stringify([...sent.values()]), ...more });
    }, edits);
  }
  send(form, edits) {
    this.asked++;
    this.setAttribute("aria-busy", "true");
    this.line = this.line.then(() =>
      this.ask(form && { method: "POST", body: new URLSearchParams(form()) }, edits),
    );
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
      const form = $("form.tray", piece.content);
      if (form) this.swap(piece.content);
      if (form?.dataset.saved) return this.saved(form.dataset.saved);
      if (!form && !answer.ok) $("#notice").replaceChildren(piece.content);
    } catch {
      this.landed(edits);
      this.back(edits);
      this.tell(this.dataset.failed, true);
    }
    if (!--this.asked) this.removeAttribute("aria-busy");
    this.mark();
  }
  // What was saved stands in the table as it is now, on the same page of it, with the focus where it was.
  saved(note) {
    const cell = document.activeElement?.closest?.("td[data-f]"),
      back = cell && [cell.parentElement.dataset.id, cell.dataset.f];
    this.asked--;
    this.past = [];
    this.future = [];
    this.tell(note);
    $("#stay").form.requestSubmit($("#stay"));
    document.addEventListener(
      "htmx:after:swap",
      () => {
        this.removeAttribute("aria-busy");
        if (back) focus(this.cellAt(...back));
      },
      { once: true },
    );
  }
  landed(edits) {
    this.flying = this.flying.filter((one) => one !== edits);
  }
  // What did not arrive goes along with the next change, below what was typed since.
  back(edits) {
    for (const [id, one] of edits ?? []) {
      const since = this.waiting.get(id);
      const fields = { ...one.fields, ...since?.fields };
      this.waiting.set(id, {
        ...one,
        fields,
        without: [...new Set([...one.without, ...(since?.without ?? [])])].filter(
          (field) => !(field in (since?.fields ?? {})),
        ),
      });
      for (const field of this.waiting.get(id).without) delete fields[field];
    }
  }
  // Whether a cell's newest text is still on its way: an answer to an older question says nothing about it.
  away(id, field) {
    const about = (edits) =>
      [...edits.values()].some(
        (one) => this.now(one.id) === id && (one.fields[field] !== undefined || one.without.includes(field)),
      );
    return [this.waiting, ...this.flying].some(about);
  }
  swap(content) {
    for (const pair of $("form.tray", content).dataset.made.split(" ").filter(Boolean)) {
      const [here, there] = pair.split("="),
        row = this.rowAt(here);
      this.renamed.set(here, there);
      if (row) row.dataset.id = there;
      for (const [name, state] of [...this.held])
        if (name.startsWith(`${here}/`)) {
          this.held.delete(name);
          this.held.set(there + name.slice(here.length), state);
        }
    }
    const kept = Object.fromEntries(all("#twhy,#tnote", this).map((one) => [one.id, one.value]));
    const opened = $("details.looked", this)?.open,
      focused = this.contains(document.activeElement) ? document.activeElement.id : "";
    this.replaceChildren(content);
    for (const [id, value] of Object.entries(kept)) {
      const one = document.getElementById(id);
      if (one) one.value = value;
    }
    const looked = $("details.looked", this);
    if (looked && opened) looked.open = true;
    if (focused) document.getElementById(focused)?.focus();
  }
  mark() {
    const rows = new Map(all("tr[data-f]", this).map((row) => [`${row.dataset.id}/${row.dataset.f}`, row]));
    for (const [name, row] of rows) {
      const label = $(".typed", row).textContent;
      if (!this.away(row.dataset.id, row.dataset.f))
        this.held.set(name, { value: JSON.parse(row.dataset.raw), label: label === "—" ? "" : label });
      if (row.dataset.v === "0" && !this.rowAt(row.dataset.id)) this.fresh(row.dataset.id);
    }
    for (const name of [...this.held.keys()])
      if (!rows.has(name) && !this.away(...name.split("/"))) this.held.delete(name);
    for (const cell of all("#grid td.edited")) {
      const { id } = cell.parentElement.dataset,
        { f } = cell.dataset;
      if (!rows.has(`${id}/${f}`) && !this.away(id, f) && !cell.classList.contains("editing"))
        this.unshow(cell);
    }
    for (const row of rows.values()) {
      const cell = this.cellAt(row.dataset.id, row.dataset.f);
      if (!cell || cell.classList.contains("editing") || this.away(row.dataset.id, row.dataset.f)) continue;
      this.show(cell, this.state(row.dataset.id, row.dataset.f).label);
      cell.classList.toggle("refused", row.classList.contains("bad"));
    }
    // A new row of which everything was taken back is no row.
    for (const row of all("#grid tr.fresh:not([data-id^='+'])")) {
      if (
        $(".edited,.editing", row) ||
        [this.waiting, ...this.flying].some((edits) =>
          [...edits.keys()].some((id) => this.now(id) === row.dataset.id),
        )
      )
        continue;
      if (row.contains(document.activeElement)) focus(row.nextElementSibling?.cells[1]);
      row.remove();
    }
  }
}
customElements.define("m-tray", Tray);
document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-filing]")) return;
  event.preventDefault();
  $("m-tray").filed(event.target);
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-add]")) $("m-tray").add();
});
addEventListener("beforeunload", (event) => {
  const tray = $("m-tray");
  if (tray?.waiting?.size || tray?.flying?.length) event.preventDefault();
});
