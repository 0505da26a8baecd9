// How cells are edited, each kind in its own way.
import { $, all } from "./grid.js";

// A cell with several choices as text: whatever people put between them.
export const words = (text) =>
  text
    .split(/[,，、;；\n]/)
    .map((word) => word.trim())
    .filter(Boolean);

// How the editor of a cell is filled in and read: a plain input, a list of choices, a record to look for, boxes to tick.
export function editing(piece, cell, typed, template) {
  const pick = $("m-pick", piece),
    many = $(".tks", piece);
  const input = many ? $("input[type=checkbox]", many) : $("input,select,textarea", piece);
  cell.replaceChildren(piece);
  if (many) {
    const boxes = all("input[type=checkbox]", many),
      name = (box) => box.parentElement.textContent.trim();
    return {
      input,
      field: many,
      boxes,
      fill: (text, labels) => {
        for (const box of boxes) box.checked = labels.includes(name(box));
        return boxes
          .filter((box) => box.checked)
          .map(name)
          .join(", ");
      },
      label: () =>
        boxes
          .filter((box) => box.checked)
          .map(name)
          .join(", "),
      value: () => boxes.filter((box) => box.checked).map((box) => box.value),
    };
  }
  if (input.tagName === "SELECT")
    return {
      input,
      field: input,
      boxes: [],
      fill: (text) => {
        const options = [...input.options],
          sign = typed?.toLowerCase();
        const found = sign
          ? options.find((one) => one.text.toLowerCase().startsWith(sign))
          : options.find((one) => one.text === text);
        input.value = found?.value ?? "";
        return text;
      },
      label: () => input.selectedOptions[0]?.text ?? "",
      value: () => input.value,
    };
  if (template.dataset.many !== undefined)
    return {
      input,
      field: input,
      boxes: [],
      fill: (text, labels) => {
        input.value = typed ?? labels.join("\n");
        return labels.join(", ");
      },
      label: () => words(input.value).join(", "),
      value: () => words(input.value),
    };
  return {
    input,
    field: input,
    boxes: [],
    plain: !pick && input.tagName === "INPUT",
    fill: (text) => {
      input.value = typed ?? text;
      if (pick && typed !== undefined) input.dispatchEvent(new Event("input", { bubbles: true }));
      return text;
    },
    label: () => input.value,
    value: () => (pick ? pick.value : input.value),
  };
}
