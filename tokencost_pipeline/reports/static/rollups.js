// The rollups that the site ships, added up by whatever a page asks: exact, because money is a BigInt of 1e-15 USD.
"use strict";
(() => {
  const MONEY = ["cost_usd", "estimated_cost_usd"];
  const COUNTS = [
    "attempts",
    "requests",
    "failures",
    "retries",
    "cache_hits",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cache_read_tokens",
    "unpriced_attempts",
    "unpriced_tokens",
    "estimated_attempts",
    "latency_ms_sum",
    "latency_count",
  ];
  const MEASURES = [...MONEY, ...COUNTS];
  const NAMES = ["tenant_id", "feature", "provider", "model"];
  const HOUR = 3_600_000;
  const read = new Map();

  const nameOf = (path) => path.replace(/^.*\//, "").replace(/-[0-9a-f]{10}\.js$/, "");

  // A packed data file as a value, loaded and read once.
  function file(path) {
    if (!read.has(path)) {
      read.set(path, tokencost.loadPacked(path, nameOf(path)).then(JSON.parse));
      read.get(path).catch(() => read.delete(path));
    }
    return read.get(path);
  }

  // Days are texts, YYYY-MM-DD.
  function moved(day, days) {
    const date = new Date(`${day}T00:00:00Z`);
    date.setUTCDate(date.getUTCDate() + days);
    return date.toISOString().slice(0, 10);
  }

  function daysOf(from, to) {
    const days = [];
    for (let day = from; day <= to; day = moved(day, 1)) days.push(day);
    return days;
  }

  // What to read for the days from..to: [path, first day, last day]. Whole months in one row per key, unless the days
  // are needed.
  function plan(index, from, to, byDay) {
    const days = (first, last) =>
      index.daily
        .filter((piece) => piece[1] >= first && piece[0] <= last)
        .map(([, , path]) => [path, first, last]);
    if (byDay) return days(from, to);
    const wanted = [];
    for (const [first, last, path] of index.monthly) {
      if (last < from || first > to) continue;
      if (from <= first && to >= last) wanted.push([path, "", "9"]);
      else wanted.push(...days(from > first ? from : first, to < last ? to : last));
    }
    return wanted;
  }

  const nothing = (measures) => Object.fromEntries(measures.map((measure) => [measure, null]));

  function add(sums, data, row, measures) {
    for (const measure of measures) {
      const value = data[measure][row];
      if (value === null) continue;
      const known = MONEY.includes(measure) ? BigInt(value) : value;
      sums[measure] = sums[measure] === null ? known : sums[measure] + known;
    }
  }

  // Add up `measures` by the columns `keys` (names of NAMES, or "slot") over the rows that `filter` lets through:
  // an object of column -> name. Gives rows with keys and sums; a sum is null when none of its values is known.
  async function sum(pieces, filter, keys, measures) {
    const files = await Promise.all(pieces.map(([path]) => file(path)));
    const groups = new Map();
    files.forEach((data, number) => {
      const [, first, last] = pieces[number];
      const asked = NAMES.filter((name) => name in filter);
      const places = asked.map((name) => data.names[name].indexOf(filter[name]));
      if (places.includes(-1)) return;
      const slots = data.slots.map((slot) => first === undefined || (slot >= first && slot <= last));
      for (let row = 0; row < data.rows; row += 1) {
        if (!slots[data.slot[row]]) continue;
        if (!asked.every((name, place) => data[name][row] === places[place])) continue;
        const values = keys.map((key) =>
          key === "slot" ? data.slots[data.slot[row]] : data.names[key][data[key][row]],
        );
        const group = JSON.stringify(values);
        let sums = groups.get(group);
        if (!sums) {
          sums = { ...Object.fromEntries(keys.map((key, place) => [key, values[place]])), ...nothing(measures) };
          groups.set(group, sums);
        }
        add(sums, data, row, measures);
      }
    });
    return [...groups.values()];
  }

  // All measures by names over days (inclusive).
  const byName = (index, filter, keys, from, to) =>
    sum(plan(index, from, to, false), filter, keys, MEASURES);

  // All measures by day, and by names where `keys` has some. Only days with traffic.
  const byDay = async (index, filter, keys, from, to) =>
    (await sum(plan(index, from, to, true), filter, ["slot", ...keys], MEASURES)).map(({ slot, ...rest }) => ({
      day: slot,
      ...rest,
    }));

  // Tokens of each hour of the trend's window, also of hours without traffic. A slot takes every rollup hour that begins
  // in it, so that a zone that shifts by half an hour loses nothing.
  async function byHour(index, filter) {
    const pieces = index.hourly.map(([, , path]) => [path]);
    const found = await sum(pieces, filter, ["slot"], ["attempts", "prompt_tokens", "completion_tokens"]);
    const first = index.last_hour - (index.hours - 1) * HOUR;
    const rows = Array.from({ length: index.hours }, (_, place) => ({
      hour: first + place * HOUR,
      attempts: 0,
      prompt_tokens: 0,
      completion_tokens: 0,
    }));
    for (const { slot, ...sums } of found) {
      const row = rows[Math.floor((slot - first) / HOUR)];
      if (row) for (const measure of Object.keys(sums)) row[measure] += sums[measure] ?? 0;
    }
    return rows;
  }

  // Nothing called costs nothing, and that is known.
  function total(rows) {
    const sums = nothing(MEASURES);
    for (const row of rows) {
      for (const measure of MEASURES) {
        if ((row[measure] ?? null) !== null) sums[measure] = sums[measure] === null ? row[measure] : sums[measure] + row[measure];
      }
    }
    if (!rows.length) for (const measure of MEASURES) sums[measure] = MONEY.includes(measure) ? 0n : 0;
    return sums;
  }

  // The same without the days, for a stretch that is no whole month.
  const sumDays = (index, filter, keys, from, to) => sum(plan(index, from, to, true), filter, keys, MEASURES);

  tokencost.rollups = { COUNTS, MEASURES, MONEY, NAMES, byDay, byHour, byName, daysOf, file, moved, sumDays, total };
})();
