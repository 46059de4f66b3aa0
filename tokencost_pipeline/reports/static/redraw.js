// Draws a chart of the page anew from other rows (a filter's), by the rules of charts/definitions.py.
"use strict";
(() => {
  const TOP_SERIES = 5;
  const OTHERS = "all others";
  const DAY_LABELS = 10;
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const { label, money } = tokencost.numbers;
  const inWords = (cost) => money(cost === null ? null : BigInt(Math.round(cost * 1e9)) * 1000000n);

  // "Nov 20"; with its year where the days are of several years.
  function dayLabels(rows) {
    const days = [...new Set(rows.map((row) => row.day))].sort();
    const years = new Set(days.map((day) => day.slice(0, 4))).size > 1;
    return new Map(
      days.map((day) => {
        const text = `${MONTHS[Number(day.slice(5, 7)) - 1]} ${Number(day.slice(8))}`;
        return [day, years ? `${text}, ${day.slice(0, 4)}` : text];
      }),
    );
  }

  function onDays(encoding, labels) {
    const all = [...labels.values()];
    const step = Math.ceil(all.length / DAY_LABELS) || 1;
    const values = all.filter((_, place) => (all.length - 1 - place) % step === 0);
    encoding.x.axis = { ...encoding.x.axis, values };
    encoding.x.scale = { ...encoding.x.scale, domain: all };
  }

  function ofMoney(channel, largest) {
    const bounds = [[100000, "$.3~s"], [5, "$,.0f"], [0.05, "$.2f"], [0.0005, "$.4f"]];
    const format = bounds.find(([bound]) => largest >= bound)?.[1] ?? (largest ? "$.6f" : "$,.0f");
    channel.axis = { ...channel.axis, format, tickCount: largest ? 5 : 1 };
    if (largest) delete channel.scale;
    else channel.scale = { domain: [0, 1] };
  }

  const layers = (spec) => spec.layer ?? [spec];
  const largest = (amounts) => Math.max(0, ...amounts);

  const rules = {
    day(spec, rows) {
      const labels = dayLabels(rows);
      spec.data.values = rows.map((row) => ({
        day: labels.get(row.day),
        cost: row.cost_usd,
        shown: row.shown ?? inWords(row.cost_usd),
      }));
      if (spec.layer && labels.size > DAY_LABELS) spec.layer = spec.layer.slice(0, 1);
      for (const layer of layers(spec)) {
        onDays(layer.encoding, labels);
        ofMoney(layer.encoding.y, largest(rows.map((row) => row.cost_usd ?? 0)));
      }
    },

    tenant_id(spec, rows) {
      const known = rows.filter((row) => row.cost_usd !== null);
      spec.data.values = known.map((row, place) => ({
        place,
        name: label(row.name),
        cost: row.cost_usd,
        shown: row.shown ?? inWords(row.cost_usd),
      }));
      // the space in front keeps Vega from taking a name for something of its own
      const names = JSON.stringify(Object.fromEntries(known.map((row, place) => [place, ` ${label(row.name)}`])));
      for (const layer of layers(spec)) {
        layer.encoding.y.axis = { ...layer.encoding.y.axis, labelExpr: `substring(${names}[datum.value], 1)` };
        ofMoney(layer.encoding.x, largest(known.map((row) => row.cost_usd)));
      }
    },

    "feature-day"(spec, rows) {
      const labels = dayLabels(rows);
      const totals = new Map();
      for (const row of rows) totals.set(row.feature, (totals.get(row.feature) ?? 0) + (row.cost_usd ?? 0));
      const ranked = [...totals.keys()].sort(
        (a, b) => totals.get(b) - totals.get(a) || (a === null) - (b === null) || (a < b ? -1 : 1),
      );
      const spending = ranked.filter((name) => totals.get(name) > 0);
      const shown = spending.length ? spending : ranked;
      const top = shown.filter((name) => name !== null).slice(0, TOP_SERIES);
      const named = new Map();
      for (const name of shown.filter((it) => it === null || top.includes(it))) {
        const text = label(name);
        named.set(name, [...named.values()].includes(text) ? `${text} #${named.size + 1}` : text);
      }
      const order = [...named.values(), ...(shown.length > named.size ? [OTHERS] : [])];
      const stacks = new Map();
      const days = new Map();
      for (const row of rows) {
        if (!row.cost_usd) continue;
        const key = JSON.stringify([row.day, named.get(row.feature) ?? OTHERS]);
        stacks.set(key, (stacks.get(key) ?? 0) + row.cost_usd);
        days.set(row.day, (days.get(row.day) ?? 0) + row.cost_usd);
      }
      spec.data.values = [...stacks].map(([key, cost]) => {
        const [day, name] = JSON.parse(key);
        return { day: labels.get(day), name, cost, rank: order.indexOf(name), shown: inWords(cost) };
      });
      const fixed = new Map([[named.get(null), "var(--muted)"], [OTHERS, "var(--series-5)"]]);
      let tint = 0;
      const range = order.map((name) => fixed.get(name) ?? `var(--series-${tint++})`);
      spec.encoding.color = { ...spec.encoding.color, sort: order, scale: { domain: order, range } };
      onDays(spec.encoding, labels);
      ofMoney(spec.encoding.y, largest(days.values()));
    },

    hour(spec, rows) {
      const values = spec.data.values;
      rows.forEach((row, slot) => {
        for (const value of values.filter((it) => it.slot === slot)) {
          value.tokens = value.kind === "Prompt" ? row.prompt_tokens : row.completion_tokens;
          value.shown = value.tokens.toLocaleString("en-US");
        }
      });
    },
  };

  const first = new Map();

  // Draw the chart `name` from the rows of a filter; by which rule, its figure says (data-follow).
  function update(name, rows) {
    const figure = document.querySelector(`figure[data-figure="${CSS.escape(name)}"]`);
    if (!figure) return;
    if (!first.has(name)) first.set(name, tokencost.charts.spec(name));
    const spec = structuredClone(first.get(name));
    rules[figure.dataset.follow](spec, rows);
    return tokencost.charts.draw(name, spec);
  }

  // Draw the chart as the page came.
  function reset(name) {
    if (first.has(name)) return tokencost.charts.draw(name, first.get(name));
  }

  Object.assign(tokencost.charts, { update, reset });
})();
