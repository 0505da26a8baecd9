// Around the cells of a table: what a selection adds up to, rows that are ticked, columns as wide as one likes.
import { $, all, cellOf, counting } from "./grid.js";
import { editing } from "./editors.js";

// What is selected, counted as it stands there: what is masked has no amount.
const AMOUNT = /^(-?[\d,]*\.?\d+)(?: ([A-Z]{3}))?$/;
function added(cells) {
  const found = cells
    .filter((one) => one.matches(".n:not(.m)"))
    .map((one) => AMOUNT.exec(one.innerText.trim()))
    .filter(Boolean);
  const currencies = new Set(found.map((one) => one[2] ?? ""));
  if (found.length < 2 || currencies.size > 1) return null;
  const texts = found.map((one) => one[1].replace(/,/g, "")),
    digits = Math.max(...texts.map((one) => one.split(".")[1]?.length ?? 0));
  const whole = (text) => {
    const [left, right = ""] = text.split(".");
    return BigInt(`${left}${right.padEnd(digits, "0")}`);
  };
  const sum = texts.map(whole).reduce((one, two) => one + two, 0n),
    value = Number(sum) / 10 ** digits;
  const said = (number, places) =>
    `${number.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places })} ${[...currencies][0]}`.trim();
  return { count: found.length, sum: said(value, digits), mean: said(value / found.length, digits + 2) };
}
document.addEventListener("m:chosen", ({ detail }) => {
  const place = $("#chosen");
  if (!place) return;
  const told = detail.length > 1 ? [counting(place.dataset.cells, detail.length)] : [],
    sums = detail.length > 1 && added(detail);
  if (sums)
    told.push(place.dataset.sum.replace("{sum}", sums.sum), place.dataset.mean.replace("{mean}", sums.mean));
  place.textContent = told.join(" · ");
});

// Rows that are ticked: a field set for all of them goes into the tray, other acts ask on a page of their own.
let last = null;
const ticked = () => all("#grid tbody th.rh input:checked").map((one) => one.closest("tr"));
function counted() {
  const bar = $("#bulk-bar"),
    count = ticked().length;
  if (!bar) return;
  bar.hidden = !count;
  $("[data-count]", bar).textContent = counting(bar.dataset.text, count);
  const boxes = all("#grid tbody th.rh input"),
    every = $("#grid thead th.rh input");
  if (every) {
    every.checked = count > 0 && count === boxes.length;
    every.indeterminate = count > 0 && count < boxes.length;
  }
  // What the question finds on other pages is offered once all that stand here are meant, and on a phone, which has
  // no box for all of them, with the first.
  for (const one of all("[data-every]", bar))
    one.hidden = count < boxes.length && every?.checkVisibility() === true;
}
document.addEventListener("click", (event) => {
  const box = event.target.closest?.("#grid th.rh input");
  if (!box) return;
  const boxes = all("#grid tbody th.rh input");
  if (box.closest("thead")) for (const one of boxes) one.checked = box.checked;
  else if (event.shiftKey && last?.isConnected) {
    const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((one, two) => one - two);
    for (const one of boxes.slice(from, to + 1)) one.checked = box.checked;
  }
  last = box.closest("thead") ? null : box;
  counted();
});
let setting = null;
function offer() {
  const key = $("#setf")?.value,
    slot = $("#setv"),
    template = key && $(`template[data-editor="${key}"]`);
  setting = null;
  if (!slot) return;
  slot.replaceChildren();
  if (!template) return;
  setting = editing(template.content.cloneNode(true), slot, undefined, template);
  setting.fill("", []);
}
function apply() {
  const key = $("#setf").value;
  if (!setting) return;
  const cells = ticked()
    .map((row) => $(`td[data-f="${key}"]`, row))
    .filter(Boolean);
  $("m-tray").set(cells, setting.value(), setting.label());
  setting.field.closest("details").open = false;
}
document.addEventListener("change", (event) => {
  if (event.target.id === "setf") offer();
});
document.addEventListener("keydown", (event) => {
  if (
    event.key !== "Enter" ||
    event.isComposing ||
    !event.target.closest?.("#setv") ||
    event.target.tagName === "TEXTAREA"
  )
    return;
  event.preventDefault();
  apply();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-set]")) apply();
  if (event.target.closest("[data-untick]")) {
    for (const one of all("#grid th.rh input")) one.checked = false;
    counted();
  }
  const act = event.target.closest("[data-bulk]"),
    form = $("#bulk");
  if (!act || !form) return;
  const field = (name, value) => {
    const one = document.createElement("input");
    one.type = "hidden";
    one.name = name;
    one.value = value;
    return one;
  };
  form.action = act.dataset.bulk;
  const asked = [...new FormData($("#view"))].filter(([name]) => name !== "csrf");
  $("[data-ids]", form).replaceChildren(
    ...(act.dataset.every === undefined
      ? [field("do", "ask"), ...ticked().map((row) => field("r", row.dataset.id))]
      : [field("do", "all"), ...asked.map(([name, value]) => field(name, value))]),
  );
  form.submit();
});

// Columns as wide as one likes, and the first ones kept in view: rules of a style sheet, for nothing may be styled inline.
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
const LEAST = 48,
  MOST = 900;
function lay() {
  const table = $("table[data-rows]"),
    heads = table ? [...table.tHead.rows[0].cells] : [],
    rules = [];
  const column = (at) => `table[data-rows] tr:not(.grp)>:nth-child(${at + 1})`;
  heads.forEach((head, at) => {
    const wide = Number(head.dataset.w);
    if (wide) rules.push(`${column(at)}{width:${wide}px;min-width:${wide}px;max-width:${wide}px}`);
    if (head.dataset.f && !$(".grip", head)) {
      const grip = document.createElement("span");
      grip.className = "grip";
      head.append(grip);
    }
  });
  const put = () => sheet.replaceSync(`@media screen and (min-width:821px){${rules.join("")}}`);
  put();
  const pinned = Math.min(Number(table?.dataset.pin ?? 0), 5);
  if (pinned) {
    let left = 0;
    heads.slice(0, pinned + 1).forEach((head, at) => {
      rules.push(
        `${column(at)}{position:sticky;left:${left}px;z-index:1;background-color:var(--card)}table[data-rows] thead ${column(at).slice(18)}{z-index:3;background-color:var(--head)}`,
      );
      left += head.getBoundingClientRect().width;
    });
    put();
  }
}
function widen(head, wide) {
  const known = $(`#grid input[name=w][value^="${head.dataset.f}:"]`),
    kept = known ?? document.createElement("input");
  if (wide === null) {
    delete head.dataset.w;
    known?.remove();
    return lay();
  }
  head.dataset.w = Math.round(Math.max(LEAST, Math.min(MOST, wide)));
  if (!known) {
    kept.type = "hidden";
    kept.name = "w";
    $("#grid").append(kept);
  }
  kept.value = `${head.dataset.f}:${head.dataset.w}`;
  lay();
}
document.addEventListener("pointerdown", (event) => {
  const head = event.target.closest?.(".grip")?.parentElement;
  if (!head) return;
  event.preventDefault();
  const start = event.clientX,
    wide = head.getBoundingClientRect().width;
  const move = (moved) => widen(head, wide + moved.clientX - start);
  addEventListener("pointermove", move);
  addEventListener("pointerup", () => removeEventListener("pointermove", move), { once: true });
});
document.addEventListener("dblclick", (event) => {
  const head = event.target.closest?.(".grip")?.parentElement;
  if (head) widen(head, null);
});
document.addEventListener("keydown", (event) => {
  const cell = cellOf(event.target),
    by = { ArrowLeft: -16, ArrowRight: 16 }[event.key];
  if (!cell || cell !== event.target || !by || !event.altKey || !event.shiftKey) return;
  event.preventDefault();
  const head = cell.closest("table").tHead.rows[0].cells[cell.cellIndex];
  widen(head, head.getBoundingClientRect().width + by);
});

// Columns change places in the chooser; what is applied is the order in which they stand.
document.addEventListener("click", (event) => {
  const move = event.target.closest("[data-up]");
  if (!move) return;
  event.preventDefault();
  const line = move.closest(".colrow"),
    above = line.previousElementSibling;
  if (above?.matches(".colrow")) above.before(line);
  move.focus();
});

// With shift a header sorts by its column as well; without, by it alone.
document.addEventListener(
  "click",
  (event) => {
    const sort = event.target.closest?.("#grid thead th button[name=do]");
    if (sort) sort.value = `${event.shiftKey ? "also" : "sort"}:${sort.closest("th").dataset.f}`;
  },
  true,
);

// A group of rows is folded at its heading.
document.addEventListener("click", (event) => {
  const fold = event.target.closest("button[data-fold]");
  if (!fold) return;
  const open = fold.getAttribute("aria-expanded") !== "true";
  fold.setAttribute("aria-expanded", String(open));
  for (
    let row = fold.closest("tr").nextElementSibling;
    row && !row.matches(".grp");
    row = row.nextElementSibling
  )
    row.hidden = !open;
});

// Where another question was answered, what was asked has become a chip, and the menu is done.
let grid = $("#grid");
document.addEventListener("htmx:after:swap", () => {
  lay();
  counted();
  if ($("#grid") === grid) return;
  grid = $("#grid");
  const order = grid.dataset.order.split(",");
  all("#view select[name=s]").forEach((one, at) => (one.value = order[at] ?? ""));
  for (const menu of all("#view > .toolbar details.menu[open]")) menu.open = false;
  if ($("#nf")?.value) {
    $("#nf").value = "";
    $("#fvalue").replaceChildren();
  }
});
lay();
offer();
// Whoever comes back to the table finds their ticks there, and what may be done with them.
addEventListener("pageshow", counted);
