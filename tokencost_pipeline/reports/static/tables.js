// Redraws a table from rows, by the columns that its head names, and puts the server's rows back.
"use strict";
(() => {
  const { numbers, rollups } = tokencost;
  const DAY = /^\d{4}-\d\d-\d\d$/;
  const RIGHT = new Set(["money", "optional_money", "count", "share", "latency"]);
  const DERIVED = new Set(["cost_share", "average_latency_ms"]);
  const before = new Map();

  // What a table was when the page came: its head, rows and foot, and the links of its names.
  function remembered(table) {
    if (!before.has(table)) {
      const head = [...table.tHead.rows[0].cells];
      const rows = [...table.tBodies[0].rows];
      const others = head.flatMap((cell, place) => (place && rollups.NAMES.includes(cell.dataset.key) ? [place] : []));
      const known = new Map();
      for (const row of rows) {
        const names = others.map((place) => row.cells[place]?.textContent);
        known.set(JSON.stringify([row.dataset.name ?? null, ...names]), row);
      }
      before.set(table, { head, rows, foot: table.tFoot, known });
    }
    return before.get(table);
  }

  // The server's row of the same names: it has the link, and what is no sum.
  function served(table, columns, row) {
    const names = columns.slice(1).filter(({ key }) => rollups.NAMES.includes(key));
    const identity = [row[columns[0].key] ?? null, ...names.map(({ key }) => numbers.label(row[key]))];
    return remembered(table).known.get(JSON.stringify(identity));
  }

  const columnsOf = (table) =>
    remembered(table).head.map((cell) => ({ key: cell.dataset.key, kind: cell.dataset.kind, cell }));

  // The names that tell its rows apart, and whether days are rows or columns.
  function shapeOf(table) {
    const keys = columnsOf(table).map(({ key }) => key);
    return {
      names: rollups.NAMES.filter((name) => keys.includes(name)),
      daily: keys.includes("day"),
      hourly: keys.includes("hour"),
      matrix: keys.some((key) => DAY.test(key)),
      week: keys.includes("cost_7d_usd"),
    };
  }

  function shown(kind, value) {
    switch (kind) {
      case "money":
        return numbers.money(value);
      case "optional_money":
        return numbers.optionalMoney(value);
      case "count":
        return numbers.count(value);
      case "share":
        return value ? numbers.share(...value) : "–";
      case "latency":
        return value ? numbers.latency(...value) : "–";
      case "instant":
        return numbers.instant(value, document.querySelector("[data-filters]").dataset.zone);
      case "name":
        return numbers.label(value);
      default:
        return numbers.text(value === null || value === undefined ? null : String(value));
    }
  }

  // A column's value in a row of sums; `all` are the sums of all rows.
  function valueOf(key, row, all) {
    if (key === "cost_share") return row.cost_usd === null || !all.cost_usd ? null : [row.cost_usd, all.cost_usd];
    if (key === "average_latency_ms") {
      return row.latency_ms_sum !== null && row.latency_count ? [row.latency_ms_sum, row.latency_count] : null;
    }
    return row[key];
  }

  function cellOf(column, row, all, first, old, head) {
    if (old && !(column.key in row) && !DERIVED.has(column.key)) {
      return old.cells[head.indexOf(column.cell)].cloneNode(true);
    }
    const link = first ? old?.cells[0].querySelector("a")?.getAttribute("href") : null;
    const cell = document.createElement(first ? "th" : "td");
    if (first) cell.scope = "row";
    const value = valueOf(column.key, row, all);
    if (RIGHT.has(column.kind)) cell.className = "number";
    else if (column.kind === "name" || column.kind === "text") cell.className = "w";
    if (column.kind === "money" && value === null) cell.classList.add("unknown");
    let place = cell;
    if (link) {
      place = document.createElement("a");
      place.setAttribute("href", link);
      cell.append(place);
    }
    place.textContent = shown(column.kind, value);
    return cell;
  }

  // Show `rows` (sums with names, or with day) instead of the server's. `days` are the columns of a table with days in
  // its head.
  function show(table, rows, days) {
    const old = remembered(table);
    let columns = columnsOf(table);
    if (days) {
      const first = columns.findIndex(({ key }) => DAY.test(key));
      const sample = columns[first];
      const dated = days.map((day) => {
        const cell = sample.cell.cloneNode();
        cell.dataset.key = day;
        cell.textContent = day.slice(5);
        return { key: day, kind: sample.kind, cell };
      });
      columns = columns.filter(({ key }) => !DAY.test(key));
      columns.splice(first, 0, ...dated);
      table.tHead.rows[0].replaceChildren(...columns.map(({ cell }) => cell));
    }
    const all = rollups.total(rows);
    const name = columns[0].key;
    const limit = Number(table.dataset.limit) || rows.length;
    const lines = rows.slice(0, limit).map((row) => {
      const line = document.createElement("tr");
      if (row[name] !== null && row[name] !== undefined) line.dataset.name = row[name];
      const server = served(table, columns, row);
      line.append(...columns.map((column, place) => cellOf(column, row, all, place === 0, server, old.head)));
      return line;
    });
    if (!lines.length) {
      const line = document.createElement("tr");
      const cell = document.createElement("td");
      cell.colSpan = columns.length;
      cell.textContent = "Nothing matches.";
      line.append(cell);
      lines.push(line);
    }
    table.tBodies[0].replaceChildren(...lines);
    if (old.foot) old.foot.hidden = true;
  }

  function reset(table) {
    if (!before.has(table)) return;
    const old = before.get(table);
    table.tHead.rows[0].replaceChildren(...old.head);
    table.tBodies[0].replaceChildren(...old.rows);
    if (old.foot) old.foot.hidden = false;
  }

  // The rows with exact values, as a CSV file: names, day or hour, then every measure they have.
  function csv(rows) {
    const known = Object.keys(rows[0] ?? {});
    const keys = known.filter((key) => ["day", "hour", ...rollups.NAMES].includes(key));
    const columns = [...keys, ...rollups.MEASURES.filter((measure) => !rows.length || known.includes(measure))];
    const exact = (column, value) => {
      if (column === "hour") return new Date(value).toISOString().replace(".000Z", "Z");
      return typeof value === "bigint" ? numbers.exact(value) : value;
    };
    const values = rows.map((row) => columns.map((column) => exact(column, row[column])));
    return tokencost.csv.render(columns, values);
  }

  tokencost.tables = { csv, reset, shapeOf, show };
})();
