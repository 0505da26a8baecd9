// The pages work without this file; it makes them quicker to use. No value is ever put into storage or history.
const $ = (what, root = document) => root.querySelector(what);
const all = (what, root = document) => [...root.querySelectorAll(what)];
const dialog = $("#dialog");

// Dialogs: what is put into the dialog opens it; Escape and Cancel close it, and the focus returns.
let opener = null;
function shut() {
  if (dialog.open) dialog.close();
}
dialog?.addEventListener("close", () => {
  dialog.replaceChildren();
  if (opener?.isConnected) opener.focus();
});
document.addEventListener("click", (event) => {
  const target = event.target;
  if (target.closest("[data-cancel]")) return shut();
  const more = target.closest("[data-open-rail]");
  if (more) return more.setAttribute("aria-expanded", String($(".rail").classList.toggle("open")));
  const lock = target.closest("td .rv");
  if (lock) return ask(lock);
  const asking = target.closest("[hx-target='#dialog']");
  if (asking && !dialog.contains(asking)) opener = asking;
  for (const menu of all("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape")
    for (const menu of all("details.menu[open]")) {
      menu.open = false;
      $("summary", menu).focus();
    }
});

function ask(lock) {
  opener = lock.closest("td");
  const row = lock.closest("tr");
  const type = lock.closest("[data-type]").dataset.type;
  htmx.ajax("GET", `/t/${type}/${row.dataset.id}/reveal?where=cell&field=${opener.dataset.f}`, {
    source: dialog,
    target: "#dialog",
    swap: "innerHTML",
  });
}

// What was revealed is put in the place of its mask, and taken out again. Its end is a time of day that is
// looked at each second: a timer stands still while the machine sleeps.
const shown = new Map();
let watch = null;
function veil() {
  for (const { again, until } of shown.values()) if (Date.now() >= until) again();
  if (shown.size) return;
  clearInterval(watch);
  watch = null;
}
function unveil(piece) {
  const { where, id, f, seconds } = piece.dataset;
  const place = where === "cell" ? $(`tr[data-id="${id}"] td[data-f="${f}"]`) : $(`#s-${CSS.escape(f)}`);
  if (!place || shown.has(place)) return;
  const masked = document.createDocumentFragment();
  if (where === "cell") place.dataset.mask = place.innerText.trim();
  const label = where === "cell" ? null : $(".lab", place);
  const content = piece.content.cloneNode(true);
  const typed = $("input,select,textarea", content);
  masked.append(...place.childNodes);
  if (label && !typed) place.append(label.cloneNode(true));
  place.append(content);
  place.classList.add("revealed");
  const again = () => {
    const input = $("input,select,textarea", place);
    // A value that the person is changing stays until it is saved: it is their own by now.
    if (input && input.value !== input.defaultValue && input.isConnected && input.form) return;
    if (!shown.delete(place)) return;
    place.replaceChildren(...masked.childNodes);
    place.classList.remove("revealed");
    delete place.dataset.mask;
  };
  shown.set(place, { again, until: Date.now() + Number(seconds) * 1000 });
  watch ??= setInterval(veil, 1000);
  (typed ?? place).focus?.();
}
document.addEventListener("m:mask", (event) => shown.get(event.target)?.again());
addEventListener("pagehide", () => {
  for (const { again } of shown.values()) again();
});

document.addEventListener("htmx:after:swap", () => {
  if (!dialog) return;
  const pieces = all("template[data-revealed]", dialog);
  if (pieces.length) {
    const back = opener;
    opener = null;
    shut();
    for (const piece of pieces) unveil(piece);
    if (pieces[0].dataset.where === "cell") back?.focus();
  } else if (dialog.childElementCount && !dialog.open) {
    dialog.showModal();
    $("select,input:not([type=hidden]),button", dialog)?.focus();
  }
  prepare();
});

// On a phone a row is a card: each of its cells says what it is, and an empty one is left out.
function nameCells(table) {
  const names = all("thead th,thead td", table).map((one) => one.innerText.trim());
  for (const row of table.tBodies[0].rows)
    [...row.cells].forEach((cell, at) => {
      if (names[at]) cell.dataset.l = names[at];
      // A template's line breaks are nothing.
      if (!cell.childElementCount && !cell.textContent.trim()) cell.replaceChildren();
    });
}

function prepare() {
  nameFiles();
  all("table.asc").forEach(nameCells);
  for (const table of all("table[data-rows]")) {
    if (table.dataset.ready) continue;
    table.dataset.ready = "1";
    nameCells(table);
    const first = $("tbody td", table);
    if (first) first.tabIndex = 0;
    // The table is one stop of Tab; inside it the arrows lead on, and Enter follows a link.
    for (const link of all("tbody td a", table)) link.tabIndex = -1;
  }
}

// Keys: ? lists them, / searches, [ and ] turn pages, Control-S saves.
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input,select,textarea");
  if ((event.ctrlKey || event.metaKey) && event.key === "s") {
    const save = $("[data-key=s]");
    if (save) {
      event.preventDefault();
      save.click();
    }
  } else if (!typing && !dialog?.open && !event.ctrlKey && !event.metaKey && !event.altKey) {
    if (event.key === "?") {
      event.preventDefault();
      opener = event.target;
      htmx.ajax("GET", "/help", { source: dialog, target: "#dialog", swap: "innerHTML" });
      return;
    }
    const found = event.key.length === 1 ? $(`[data-key="${CSS.escape(event.key)}"]`) : null;
    if (found && found.dataset.key !== "s") {
      event.preventDefault();
      found.matches("input") ? (found.focus(), found.select()) : found.click();
    }
  }
});

// What was typed and not saved is not left by mistake.
let dirty = false;
document.addEventListener("input", (event) => {
  if (event.target.form?.matches("[data-guard]")) dirty = true;
});
document.addEventListener("submit", () => {
  dirty = false;
});
addEventListener("beforeunload", (event) => {
  if (dirty) event.preventDefault();
});

// A date is typed as YYYY-MM-DD, or picked; the browser's own picker speaks the browser's language.
class DateField extends HTMLElement {
  connectedCallback() {
    this.input = $("input", this);
    this.button = $("button", this);
    this.button?.addEventListener("click", () => (this.calendar ? this.shut() : this.show()));
    this.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.calendar) {
        event.stopPropagation();
        this.shut();
        this.button.focus();
      }
    });
    this.addEventListener("focusout", (event) => {
      if (this.calendar && !this.contains(event.relatedTarget)) this.shut();
    });
  }
  // Taking a focused button out moves the focus, which asks to shut once more.
  shut() {
    const box = this.calendar;
    this.calendar = null;
    box?.remove();
  }
  show(month) {
    const typed = /^(\d{4})-(\d{2})-(\d{2})$/.exec(this.input.value.trim());
    const chosen = typed ? new Date(+typed[1], typed[2] - 1, +typed[3]) : null;
    const start =
      month ?? new Date((chosen ?? new Date()).getFullYear(), (chosen ?? new Date()).getMonth(), 1);
    const lang = document.documentElement.lang;
    this.shut();
    const box = document.createElement("div");
    box.className = "cal";
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-label", this.button.getAttribute("aria-label"));
    const head = document.createElement("div");
    head.className = "row";
    const turn = (text, by) => {
      const one = document.createElement("button");
      one.type = "button";
      one.className = "ib";
      one.textContent = text;
      one.setAttribute(
        "aria-label",
        new Date(start.getFullYear(), start.getMonth() + by, 1).toLocaleDateString(lang, {
          year: "numeric",
          month: "long",
        }),
      );
      one.addEventListener("click", () => this.show(new Date(start.getFullYear(), start.getMonth() + by, 1)));
      return one;
    };
    const title = document.createElement("strong");
    title.textContent = start.toLocaleDateString(lang, { year: "numeric", month: "long" });
    head.append(turn("«", -12), turn("‹", -1), title, turn("›", 1), turn("»", 12));
    const table = document.createElement("table");
    const days = table.createTHead().insertRow();
    for (let day = 1; day <= 7; day++) {
      const th = document.createElement("th");
      th.scope = "col";
      th.textContent = new Date(2024, 0, day).toLocaleDateString(lang, { weekday: "narrow" });
      days.append(th);
    }
    const body = table.createTBody();
    const first = (start.getDay() + 6) % 7;
    const last = new Date(start.getFullYear(), start.getMonth() + 1, 0).getDate();
    let row;
    for (let cell = 0; cell < first + last; cell++) {
      if (cell % 7 === 0) row = body.insertRow();
      const td = row.insertCell();
      const day = cell - first + 1;
      if (day < 1) continue;
      const one = document.createElement("button");
      one.type = "button";
      one.textContent = day;
      const value = `${start.getFullYear()}-${String(start.getMonth() + 1).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
      one.setAttribute("aria-pressed", String(value === this.input.value.trim()));
      one.addEventListener("click", () => {
        this.input.value = value;
        this.input.dispatchEvent(new Event("input", { bubbles: true }));
        this.input.focus();
        this.shut();
      });
      td.append(one);
    }
    box.append(head, table);
    this.append(box);
    this.calendar = box;
    ($("[aria-pressed=true]", box) ?? $("td button", box)).focus();
  }
}
customElements.define("m-date", DateField);

// A record that another one refers to is looked for as one types; the words travel in the body, never in an address.
let picks = 0;
class Pick extends HTMLElement {
  connectedCallback() {
    if (this.input) return;
    this.input = $("input", this);
    this.held = document.createElement("input");
    this.held.type = "hidden";
    this.held.name = this.input.name;
    this.held.value = this.input.value;
    this.input.removeAttribute("name");
    this.input.value = this.dataset.label || this.input.value;
    this.list = document.createElement("ul");
    this.list.className = "picks";
    this.list.id = `picks-${++picks}`;
    this.list.hidden = true;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute(
      "aria-label",
      this.input.getAttribute("aria-label") ?? this.input.labels?.[0]?.textContent ?? "",
    );
    for (const [name, value] of [
      ["role", "combobox"],
      ["aria-autocomplete", "list"],
      ["aria-expanded", "false"],
      ["aria-controls", this.list.id],
    ])
      this.input.setAttribute(name, value);
    this.append(this.held, this.list);
    this.input.addEventListener("input", () => {
      this.held.value = this.input.value.trim();
      this.chosen = false;
      this.radio();
      this.later();
    });
    this.addEventListener("keydown", (event) => this.keys(event), true);
    this.list.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.take(event.target.closest("li"));
    });
    this.input.addEventListener("blur", () => this.shut());
  }
  get value() {
    return this.held.value;
  }
  radio() {
    const one = this.dataset.radio === undefined ? null : $("input[type=radio]", this.closest(".row"));
    if (one) one.checked = true;
  }
  keys(event) {
    if (event.target !== this.input || event.isComposing) return;
    const options = all("li[data-id]", this.list),
      at = options.indexOf($("[aria-selected=true]", this.list));
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      event.stopPropagation();
      if (this.list.hidden) return this.ask();
      const next = options[(at + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length];
      if (next) this.point(next);
    } else if (event.key === "Enter" && (this.waiting || (!this.list.hidden && options.length && !this.chosen))) {
      // What was typed is not thrown away because the answer is on its way.
      event.preventDefault();
      event.stopPropagation();
      Promise.resolve(this.waiting).then(() => {
        const first = $("[aria-selected=true]", this.list) ?? $("li[data-id]", this.list);
        if (first && !this.chosen && this.input.value.trim()) this.take(first);
        this.shut();
        if (this.closest("td.editing"))
          this.input.dispatchEvent(
            new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }),
          );
      });
    } else if (event.key === "Tab" && !this.list.hidden && at >= 0) this.take(options[at]);
    else if (event.key === "Escape" && !this.list.hidden && !this.closest("td.editing")) {
      event.stopPropagation();
      this.shut();
    }
  }
  later() {
    clearTimeout(this.timer);
    this.waiting = new Promise((done) => {
      this.timer = setTimeout(() => done(this.ask()), 200);
    });
    return this.waiting;
  }
  async ask() {
    clearTimeout(this.timer);
    const words = this.input.value,
      body = new URLSearchParams({ q: this.chosen ? "" : words, csrf: $("input[name=csrf]").value });
    const run = (this.run = (this.run ?? 0) + 1);
    try {
      const answer = await fetch(this.dataset.path, {
        method: "POST",
        headers: { "HX-Request": "true" },
        body,
      });
      const found = answer.ok ? (await answer.json()).found : [];
      if (run !== this.run) return;
      this.list.replaceChildren(
        ...found.map((one, place) => {
          const line = document.createElement("li"),
            hint = document.createElement("span");
          line.id = `${this.list.id}-${place}`;
          line.setAttribute("role", "option");
          line.setAttribute("aria-selected", "false");
          line.dataset.id = one.id;
          line.dataset.label = one.label;
          hint.className = "hint";
          hint.textContent = one.hint === one.label ? "" : one.hint;
          line.append(one.label, " ", hint);
          return line;
        }),
      );
      if (!found.length && words.trim()) this.none();
      this.list.hidden = !this.list.childElementCount || document.activeElement !== this.input;
      this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    } finally {
      if (run === this.run) this.waiting = null;
    }
  }
  // Silence could mean that one is still looked for.
  none() {
    const line = document.createElement("li");
    line.setAttribute("role", "option");
    line.setAttribute("aria-selected", "false");
    line.setAttribute("aria-disabled", "true");
    line.textContent = dialog?.dataset.unknown ?? "";
    this.list.append(line);
  }
  point(line) {
    for (const one of all("li", this.list)) one.setAttribute("aria-selected", String(one === line));
    this.input.setAttribute("aria-activedescendant", line.id);
    line.scrollIntoView({ block: "nearest" });
  }
  take(line) {
    if (!line?.dataset.id) return;
    this.held.value = line.dataset.id;
    this.input.value = line.dataset.label;
    this.chosen = true;
    this.radio();
    this.shut();
  }
  shut() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}
customElements.define("m-pick", Pick);

// The browser's own button for a file speaks the browser's language.
function nameFiles() {
  const { file, nofile } = dialog?.dataset ?? {};
  for (const input of all("input[type=file]:not(.vf)")) {
    if (!file) return;
    const box = document.createElement("span"),
      button = document.createElement("span"),
      name = document.createElement("span");
    box.className = "filebox";
    button.className = "btn";
    button.textContent = file;
    name.className = "hint";
    for (const one of [button, name]) one.setAttribute("aria-hidden", "true");
    const tell = () => {
      name.textContent = [...input.files].map((one) => one.name).join(", ") || nofile;
    };
    input.classList.add("vf");
    input.before(box);
    box.append(input, button, name);
    input.addEventListener("change", tell);
    input.form?.addEventListener("reset", () => setTimeout(tell));
    tell();
  }
}

class CopyText extends HTMLElement {
  connectedCallback() {
    $("button", this)?.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText($("pre", this).textContent);
      } catch {
        getSelection().selectAllChildren($("pre", this));
      }
    });
  }
}
customElements.define("m-copy", CopyText);

// A choice that is applied at once.
document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-now]")) event.target.form.requestSubmit();
});

// One box ticks all of a table.
document.addEventListener("change", (event) => {
  const target = event.target.dataset?.all;
  if (target)
    for (const box of all("input[type=checkbox]", document.getElementById(target)))
      box.checked = event.target.checked;
});

prepare();
// Where somebody is stands in view; only what holds it is scrolled, so the page stays at its beginning.
for (const one of all(".rail [aria-current], .tabs [aria-current]")) {
  if (one.closest(".foot")) continue; // always in view
  const holder = one.closest(".rail, .tabs");
  const [inner, outer] = [one.getBoundingClientRect(), holder.getBoundingClientRect()];
  const foot = $(".foot", holder)?.getBoundingClientRect().top ?? outer.bottom;
  holder.scrollTop += Math.max(inner.bottom + 16 - foot, 0) || Math.min(inner.top - outer.top, 0);
  holder.scrollLeft += Math.max(inner.right - outer.right, 0) || Math.min(inner.left - outer.left, 0);
}
$("#faults")?.focus();

// Passkeys: the browser's own dialog does the work; bytes travel as base64url.
const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
const text64 = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
class Passkey extends HTMLElement {
  connectedCallback() {
    if (!window.PublicKeyCredential) {
      if (this.dataset.mode === "use") this.hidden = true;
      return;
    }
    $("form", this).addEventListener("submit", (event) => {
      event.preventDefault();
      this.run().catch(() => this.tell(this.dataset.failed));
    });
  }
  tell(what) {
    $(".err", this).textContent = what;
  }
  async send(path, more = {}) {
    const form = new FormData($("form", this));
    for (const [name, value] of Object.entries(more)) form.set(name, value);
    const answer = await fetch(path, { method: "POST", body: new URLSearchParams(form) });
    const found = answer.headers.get("content-type")?.includes("json") ? await answer.json() : {};
    if (!answer.ok) {
      this.tell(found.error ?? this.dataset.failed);
      return null;
    }
    return found;
  }
  async run() {
    this.tell("");
    const adding = this.dataset.mode === "add";
    const base = adding ? "/account/passkeys" : "/sign-in/passkey";
    const options = await this.send(`${base}/options`);
    if (!options) return;
    options.challenge = bytes(options.challenge);
    if (options.user) options.user.id = bytes(options.user.id);
    for (const one of [...(options.excludeCredentials ?? []), ...(options.allowCredentials ?? [])])
      one.id = bytes(one.id);
    const made = await navigator.credentials[adding ? "create" : "get"]({ publicKey: options });
    const response = { clientDataJSON: text64(made.response.clientDataJSON) };
    if (adding) response.attestationObject = text64(made.response.attestationObject);
    else {
      response.authenticatorData = text64(made.response.authenticatorData);
      response.signature = text64(made.response.signature);
      if (made.response.userHandle) response.userHandle = text64(made.response.userHandle);
    }
    const credential = JSON.stringify({
      id: made.id,
      rawId: text64(made.rawId),
      type: made.type,
      response,
      clientExtensionResults: {},
    });
    const done = await this.send(base, { credential });
    if (done) location.assign(done.go);
  }
}
customElements.define("m-passkey", Passkey);
