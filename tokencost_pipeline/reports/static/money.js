// Numbers and names as people read them, exactly as reports/numbers.py and reports/text.py write them. Money is a BigInt
// count of 1e-15 USD; sums are exact. A test holds both sides against the same examples.
"use strict";
(() => {
  const UNKNOWN = "unknown";
  const NOTHING = "–";
  const DOLLAR = 10n ** 15n;
  const STEPS = [
    [999950000000000n, 2],
    [9999500000000n, 4],
    [0n, 6],
  ];
  const MAX_LABEL = 48;
  const MAX_TEXT = 300;

  const absolute = (value) => (value < 0n ? -value : value);

  // numerator by denominator (> 0), the nearest whole number, halves to the even one.
  function rounded(numerator, denominator) {
    const size = absolute(numerator);
    let whole = size / denominator;
    const rest = (size % denominator) * 2n;
    if (rest > denominator || (rest === denominator && whole % 2n === 1n)) whole += 1n;
    return numerator < 0n ? -whole : whole;
  }

  const grouped = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ",");

  // A whole number of 10^-places as text with separators.
  function decimal(value, places) {
    const digits = absolute(value).toString().padStart(places + 1, "0");
    const whole = grouped(digits.slice(0, digits.length - places));
    const sign = value < 0n ? "-" : "";
    return places ? `${sign}${whole}.${digits.slice(-places)}` : sign + whole;
  }

  function money(units) {
    if (units === null || units === undefined) return UNKNOWN;
    if (units === 0n) return "$0";
    const amount = absolute(units);
    const sign = units < 0n ? "-" : "";
    const [, places] = STEPS.find(([bound]) => amount >= bound);
    const shown = rounded(amount, DOLLAR / 10n ** BigInt(places));
    return shown ? `${sign}$${decimal(shown, places)}` : `${sign}<$${decimal(1n, places)}`;
  }

  const optionalMoney = (units) => (units === null || units === undefined ? NOTHING : money(units));

  // All digits, as in the CSV files: 1.25, 0.000000000000001.
  function exact(units) {
    const digits = absolute(units).toString().padStart(16, "0");
    const text = `${digits.slice(0, -15)}.${digits.slice(-15)}`.replace(/\.?0+$/, "");
    return (units < 0n ? "-" : "") + text;
  }

  const count = (value) =>
    value === null || value === undefined ? NOTHING : decimal(BigInt(value), 0);

  const counted = (value, one, many = `${one}s`) => `${count(value)} ${BigInt(value) === 1n ? one : many}`;

  // part of whole as a percentage; both whole numbers of the same unit.
  function share(part, whole) {
    if (part === null || part === undefined || !whole) return NOTHING;
    const sign = BigInt(whole) < 0n ? -1n : 1n;
    const top = BigInt(part) * sign;
    const tenths = rounded(top * 1000n, BigInt(whole) * sign);
    if (tenths || !top) return `${decimal(tenths, 1)}%`;
    return top > 0n ? "<0.1%" : ">-0.1%";
  }

  // The change against an earlier amount.
  function change(now, before) {
    if (now === null || before === null || !before) return "no earlier cost to compare with";
    const moved = now - before;
    return (moved * before > 0n ? "+" : "") + share(moved, before);
  }

  // Milliseconds in all by how many there are.
  function latency(total, number = 1n) {
    if (total === null || total === undefined || !number) return NOTHING;
    const [sum, many] = [BigInt(total), BigInt(number)];
    if (sum < 1000n * many) return `${rounded(sum, many)} ms`;
    if (sum < 60000n * many) return `${decimal(rounded(sum, many * 10n), 2).replaceAll(",", "")} s`;
    const seconds = rounded(sum, many * 1000n);
    return `${decimal(seconds / 60n, 0)} min ${seconds % 60n} s`;
  }

  // An instant (ms since 1970) on the clock of a zone: 2026-11-21 13:05:22.
  function instant(milliseconds, zone) {
    if (milliseconds === null || milliseconds === undefined) return NOTHING;
    const parts = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    }).formatToParts(new Date(Math.floor(milliseconds / 1000) * 1000));
    const of = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
    return `${of.year.padStart(4, "0")}-${of.month}-${of.day} ${of.hour}:${of.minute}:${of.second}`;
  }

  const flag = (value) => (value === null || value === undefined ? NOTHING : value ? "yes" : "no");

  const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
  const RIGHT_TO_LEFT =
    /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10cff}\u{10d00}-\u{10fff}\u{1e800}-\u{1efff}]/u;
  const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

  function seen(character) {
    if (character === "\u200d" || !UNSEEN.test(character)) return character;
    const code = character.codePointAt(0).toString(16);
    return NAMED[character] ?? (code.length < 5 ? `\\u${code.padStart(4, "0")}` : `\\U${code.padStart(8, "0")}`);
  }

  // Every character that would not be seen as itself is written as an escape; right-to-left names are isolated.
  function visible(text) {
    const shown = Array.from(text, seen).join("");
    return RIGHT_TO_LEFT.test(shown) ? `\u2068${shown}\u2069` : shown;
  }

  function label(name, limit = MAX_LABEL) {
    if (name === null || name === undefined) return "(none)";
    if (!name.trim()) return "(empty)";
    const characters = Array.from(name);
    return visible(characters.length <= limit ? name : `${characters.slice(0, limit - 1).join("")}…`);
  }

  const text = (value) => (value === null || value === undefined ? NOTHING : label(value, MAX_TEXT));

  tokencost.numbers = {
    change,
    count,
    counted,
    exact,
    flag,
    instant,
    label,
    latency,
    money,
    optionalMoney,
    rounded,
    share,
    text,
  };
})();
