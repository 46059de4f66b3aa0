// What follows the filters: tiles, tables and charts of the page, from the rollups and back to what the server wrote.
"use strict";
(() => {
  const { numbers, rollups, tables } = tokencost;
  const DAYS = 7; // what the page shows by day when nobody asks for other days
  const MOST_DAYS = 31;
  const CHART_ROWS = 10;
  const texts = new Map(); // element -> its text from the server
  const filtered = new Map(); // name of a table -> its rows, for CSV

  const every = (selector) => document.querySelectorAll(selector);

  const compare = (one, two) =>
    Number(one === null) - Number(two === null) || (one === two ? 0 : one < two ? -1 : 1);

  const dearest = (rows, names) =>
    rows.sort(
      (one, two) =>
        Number(one.cost_usd === null) - Number(two.cost_usd === null) ||
        (one.cost_usd === two.cost_usd ? 0 : one.cost_usd > two.cost_usd ? -1 : 1) ||
        two.attempts - one.attempts ||
        names.reduce((sign, name) => sign || compare(one[name], two[name]), 0),
    );

  // What the state means in days. Without days of their own, tables and tiles are about all time and charts about the
  // last week.
  function daysOf({ from, to }, today) {
    const end = to && to < today ? to : today;
    const start = from || "0001-01-01";
    let first = from || to ? start : rollups.moved(end, 1 - DAYS);
    const most = rollups.moved(end, 1 - MOST_DAYS);
    if (first < most) first = most;
    return { start, end, first };
  }

  // Everything the page needs for days and names (column -> name): {all, clipped, show}. `all` are the sums of what the
  // filter lets through; `show` draws everything at once.
  async function figures(index, { from, to, names }, today) {
    const { start, end, first } = daysOf({ from, to }, today);
    const days = rollups.daysOf(first, end);
    const later = ([low, high]) => [low > start ? low : start, high];
    const windows = {
      7: later([rollups.moved(end, 1 - DAYS), end]),
      before: later([rollups.moved(end, 1 - 2 * DAYS), rollups.moved(end, -DAYS)]),
    };
    const asked = { index, names, start, end, days, week: windows[7] };
    const all = rollups.total(await rollups.byName(index, names, [], start, end));
    const draw = [];
    for (const element of every("[data-metric]")) {
      const range = windows[element.dataset.window];
      const sums = range ? rollups.total(await rollups.sumDays(index, names, [], ...range)) : all;
      draw.push(() => setText(element, metricText(element.dataset, sums)));
    }
    for (const table of every("table[data-follow]")) {
      const shape = tables.shapeOf(table);
      const rows = await rowsOf(shape, asked);
      draw.push(() => {
        tables.show(table, rows, shape.matrix ? days.slice(-DAYS) : undefined);
        filtered.set(table.dataset.table, rows);
      });
    }
    for (const figure of every("figure[data-follow]")) {
      const rows = await chartRows(figure.dataset.follow, asked);
      draw.push(() => tokencost.charts?.update?.(figure.dataset.figure, rows));
    }
    if (from || to) {
      for (const element of every("[data-range]")) draw.push(() => setText(element, `${days[0]} to ${end}`));
      for (const element of every("[data-span]")) draw.push(() => setText(element, `${from || "all"} to ${end}`));
    }
    const show = () => {
      resetTexts();
      for (const one of draw) one();
      document.documentElement.classList.add("filtered");
      for (const box of every("[data-unfiltered]")) box.classList.add("not-filtered");
    };
    const clipped = Boolean(from || to) && start < days[0] && every("[data-range]").length > 0;
    return { all, end, clipped: clipped ? MOST_DAYS : 0, show };
  }

  async function rowsOf(shape, { index, names, start, end, days, week }) {
    if (shape.hourly) return (await rollups.byHour(index, names)).reverse();
    if (shape.daily) {
      const found = new Map((await rollups.byDay(index, names, shape.names, days[0], end)).map((row) => [row.day, row]));
      return days.map((day) => found.get(day) ?? { day, ...rollups.total([]) });
    }
    const from = shape.matrix ? days.slice(-DAYS)[0] : start;
    const rows = dearest(await rollups.byName(index, names, shape.names, from, end), shape.names);
    const key = (row) => JSON.stringify(shape.names.map((name) => row[name]));
    const of = new Map(rows.map((row) => [key(row), row]));
    if (shape.matrix) {
      for (const row of rows) for (const day of days) row[day] = 0n;
      for (const row of await rollups.byDay(index, names, shape.names, from, end)) of.get(key(row))[row.day] = row.cost_usd;
    }
    if (shape.week) {
      for (const row of rows) row.cost_7d_usd = 0n;
      for (const row of await rollups.sumDays(index, names, shape.names, ...week)) {
        of.get(key(row)).cost_7d_usd = row.cost_usd;
      }
    }
    return rows;
  }

  // Rows for a chart: floats, because a pixel is no place for a fifteenth decimal.
  async function chartRows(follow, { index, names, start, end, days }) {
    const usd = (units) => (units === null ? null : Number(units) / 1e15);
    const told = (row) => ({ cost_usd: usd(row.cost_usd), shown: numbers.money(row.cost_usd) });
    if (follow === "hour") {
      const rows = await rollups.byHour(index, names);
      return rows.map((row) => ({ ...row, hour: new Date(row.hour).toISOString() }));
    }
    if (follow === "day" || follow === "feature-day") {
      const keys = follow === "day" ? [] : ["feature"];
      const rows = await rollups.byDay(index, names, keys, days[0], end);
      const seen = follow === "day" ? [{}] : [...new Set(rows.map((row) => row.feature))].map((feature) => ({ feature }));
      const found = new Map(rows.map((row) => [JSON.stringify([row.day, row.feature]), row]));
      const none = { cost_usd: 0n };
      return days.flatMap((day) =>
        seen.map((name) => ({ day, ...name, ...told(found.get(JSON.stringify([day, name.feature])) ?? none) })),
      );
    }
    const rows = dearest(await rollups.byName(index, names, [follow], start, end), [follow]);
    return rows.slice(0, CHART_ROWS).map((row) => ({ name: row[follow], ...told(row) }));
  }

  function metricText({ metric, kind }, sums) {
    if (metric === "average_latency_ms") return numbers.latency(sums.latency_ms_sum, sums.latency_count);
    if (kind === "money") return numbers.money(sums[metric]);
    return numbers.count(sums[metric]);
  }

  function setText(element, text) {
    if (!texts.has(element)) texts.set(element, element.textContent);
    element.textContent = text;
  }

  function resetTexts() {
    for (const [element, text] of texts) element.textContent = text;
  }

  // The page as the server wrote it.
  function reset() {
    resetTexts();
    for (const table of every("table[data-follow]")) tables.reset(table);
    for (const figure of every("figure[data-follow]")) tokencost.charts?.reset?.(figure.dataset.figure);
    filtered.clear();
    document.documentElement.classList.remove("filtered");
    for (const box of every("[data-unfiltered]")) box.classList.remove("not-filtered");
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-csv]");
    const rows = link && filtered.get(link.dataset.csv);
    if (!rows) return;
    event.preventDefault();
    tokencost.csv.download(`${link.dataset.csv}-filtered`, tables.csv(rows));
  });

  tokencost.follow = { figures, reset };
})();
