// How a run of cells goes on: numbers and amounts by exact decimals, days by the calendar. Nothing here knows a page.
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?( [A-Z]{3})?$/;
const DAY = /^(\d{4})-(\d\d)-(\d\d)((?: \d\d:\d\d(?::\d\d)?)?)$/;

// The same difference from each to the next; null where it is not the same.
function step(values) {
  const first = values[1] - values[0];
  return values.every((one, at) => !at || one - values[at - 1] === first) ? first : null;
}
const beyond = (place, first, by) => first + (typeof first === "bigint" ? BigInt(place) : place) * by;

function numbers(texts, alone) {
  const found = texts.map((one) => NUMBER.exec(one));
  if (found.some((one) => !one) || new Set(found.map((one) => one[4] ?? "")).size > 1) return null;
  const digits = Math.max(...found.map((one) => one[3]?.length ?? 0)),
    one = 10n ** BigInt(digits);
  const values = found.map((part) => BigInt(`${part[1]}${part[2]}${(part[3] ?? "").padEnd(digits, "0")}`)),
    by = alone ? one : step(values);
  if (by === null) return null;
  return (place) => {
    const value = beyond(place, values[0], by),
      sign = value < 0n ? "-" : "",
      plain = String(value < 0n ? -value : value).padStart(digits + 1, "0");
    const cut = plain.length - digits;
    return `${sign}${plain.slice(0, cut)}${digits ? `.${plain.slice(cut)}` : ""}${found[0][4] ?? ""}`;
  };
}

const DAY_MS = 86_400_000;
const last = (month) => new Date(Date.UTC(Math.floor(month / 12), (month % 12) + 1, 0)).getUTCDate();
const two = (number) => String(number).padStart(2, "0");
function told(year, month, day, tail) {
  return year < 1000 || year > 9999 ? null : `${year}-${two(month)}-${two(day)}${tail}`;
}
function days(texts, alone) {
  const found = texts.map((one) => DAY.exec(one));
  if (found.some((one) => !one) || new Set(found.map((one) => one[4])).size > 1) return null;
  const parts = found.map((one) => one.slice(1, 4).map(Number)),
    tail = found[0][4];
  const real = ([year, month, day]) =>
    year >= 1000 && month >= 1 && month <= 12 && day >= 1 && day <= last(year * 12 + month - 1);
  if (!parts.every(real)) return null;
  const months = parts.map(([year, month]) => year * 12 + month - 1),
    by = alone ? 0 : step(months);
  // From month to month on the same day, or from end to end of months.
  const [, , day] = parts[0],
    same = parts.every((one) => one[2] === day),
    ends = parts.every((one, at) => one[2] === last(months[at])) && (!same || day >= 30);
  if (by && (same || ends))
    return (place) => {
      const month = beyond(place, months[0], by),
        end = last(month);
      return told(Math.floor(month / 12), (month % 12) + 1, ends ? end : Math.min(day, end), tail);
    };
  const dates = parts.map(([year, month, one]) => Date.UTC(year, month - 1, one) / DAY_MS),
    apart = alone ? 1 : step(dates);
  if (apart === null) return null;
  return (place) => {
    const date = new Date(beyond(place, dates[0], apart) * DAY_MS);
    return told(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), tail);
  };
}

// What stands at a place counted from the first of a run, before it with a minus; null where the run has no step and
// is copied. Two and more go on, one is copied; `turned` turns that round.
export function series(texts, kind, turned) {
  const alone = texts.length === 1;
  if (alone !== turned || texts.some((one) => typeof one !== "string")) return null;
  if (["integer", "decimal", "money"].includes(kind)) return numbers(texts, alone);
  return ["date", "datetime"].includes(kind) ? days(texts, alone) : null;
}
