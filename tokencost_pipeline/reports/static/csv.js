// Rows as a CSV file in which no cell is a formula, as reports/csvs.py writes them.
"use strict";
(() => {
  const FORMULA = /^ *[=+\-@\t\r\n＝＋－＠]/;
  const NUMBER = /^[+-]?\d+(\.\d+)?$/;

  // A text that a spreadsheet would run gets an apostrophe in front; plain numbers stay as they are.
  function cell(value) {
    if (value === null || value === undefined) return "";
    const text = String(value);
    return FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  }

  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

  // A header line, then a line a row: arrays of text, number or null.
  const render = (columns, rows) =>
    [columns, ...rows.map((row) => row.map(cell))].map((row) => `${row.map(quoted).join(",")}\n`).join("");

  function download(name, content) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type: "text/csv;charset=utf-8" }));
    link.download = `${name}.csv`;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  tokencost.csv = { cell, download, render };
})();
