// Filters by days, tenant, feature and model, without a server. Their state is the query of the page's address.
"use strict";
(() => {
  const bar = document.querySelector("[data-filters]");
  if (!bar?.dataset.rollups) return;
  const { follow, numbers, rollups } = tokencost;
  const NAMES = { tenant: "tenant_id", feature: "feature", model: "model" };
  const DAY = /^\d{4}-\d\d-\d\d$/;
  const { today } = bar.dataset;
  let index = null;
  let asked = 0;

  // In the address "~" is what has no name and "~0" the empty name; a name that begins with "~" has one more in front.
  function written(name) {
    if (name === null) return "~";
    if (name === "") return "~0";
    return name.startsWith("~") ? `~${name}` : name;
  }
  function meant(text) {
    if (text === "~") return null;
    if (text === "~0") return "";
    return text.startsWith("~~") ? text.slice(1) : text;
  }

  function isDay(text) {
    const date = DAY.test(text ?? "") ? new Date(`${text}T00:00:00Z`) : null;
    return Boolean(date) && !Number.isNaN(date.valueOf()) && date.toISOString().startsWith(text);
  }

  // {from, to} (days or ""), and column -> name for each name that is asked for.
  function state() {
    const query = new URLSearchParams(location.search);
    const day = (key) => (isDay(query.get(key)) ? query.get(key) : "");
    const names = Object.entries(NAMES).filter(([key]) => query.has(key));
    return {
      from: day("from"),
      to: day("to"),
      names: Object.fromEntries(names.map(([key, column]) => [column, meant(query.get(key))])),
    };
  }

  const isOn = ({ from, to, names }) => Boolean(from || to || Object.keys(names).length);

  function address(values) {
    const query = new URLSearchParams(location.search);
    for (const key of ["from", "to", ...Object.keys(NAMES)]) {
      if (values[key] === undefined || values[key] === "") query.delete(key);
      else query.set(key, values[key]);
    }
    return query.size ? `?${query}` : location.pathname;
  }

  function field(title, control) {
    const label = document.createElement("label");
    label.className = "filters-field";
    const text = document.createElement("span");
    text.textContent = title;
    label.append(text, control);
    return label;
  }

  function dateField(key) {
    const input = document.createElement("input");
    input.type = "date";
    input.name = key;
    return input;
  }

  // "" means all. The value of an option is the name as the address has it, with a mark in front that tells it from "".
  function nameField(key) {
    const select = document.createElement("select");
    select.name = key;
    const everything = document.createElement("option");
    everything.value = "";
    everything.textContent = "All";
    select.append(everything);
    return select;
  }

  function offer(select, name) {
    const value = `=${written(name)}`;
    if (![...select.options].some((option) => option.value === value)) {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = numbers.label(name);
      select.append(option);
    }
    return value;
  }

  const form = document.createElement("form");
  form.className = "filters";
  form.setAttribute("aria-label", "Filters");
  const note = document.createElement("p");
  note.className = "filters-note";
  note.setAttribute("role", "status");
  const controls = { from: dateField("from"), to: dateField("to") };
  for (const key of Object.keys(NAMES)) controls[key] = nameField(key);
  const clear = document.createElement("button");
  clear.type = "button";
  clear.textContent = "Clear";
  const actions = document.createElement("div");
  actions.className = "filters-actions";
  actions.append(clear);
  form.append(
    field("From", controls.from),
    field("To", controls.to),
    field("Tenant", controls.tenant),
    field("Feature", controls.feature),
    field("Model", controls.model),
    actions,
  );
  bar.append(form, note);

  function showState() {
    const now = state();
    controls.from.value = now.from;
    controls.to.value = now.to;
    for (const [key, column] of Object.entries(NAMES)) {
      controls[key].value = column in now.names ? offer(controls[key], now.names[column]) : "";
    }
    clear.disabled = !isOn(now);
    const query = isOn(now) ? location.search : "";
    for (const link of document.querySelectorAll("nav a[href]")) link.search = query;
  }

  function change(values) {
    const to = address(values);
    try {
      history.replaceState(null, "", to);
    } catch {
      location.assign(to);
      return;
    }
    apply();
  }

  const chosen = () =>
    Object.fromEntries(
      Object.entries(controls).map(([key, control]) => [
        key,
        key in NAMES ? control.value.replace(/^=/, "") : control.value,
      ]),
    );

  form.addEventListener("change", () => change(chosen()));
  form.addEventListener("submit", (event) => event.preventDefault());
  clear.addEventListener("click", () => {
    change({});
    controls.from.focus();
  });
  addEventListener("popstate", () => apply());

  function tell({ from, to }, { all, end, clipped, show }) {
    show();
    const what = from || to ? `${from || "the beginning"} to ${end}` : "all time";
    note.textContent =
      `${numbers.money(all.cost_usd)} in ${numbers.counted(all.attempts, "attempt")}` +
      ` (${numbers.count(all.unpriced_attempts)} without a price), ${what}.` +
      (clipped ? ` By day: the last ${clipped} days of it.` : "");
  }

  function reset(text = "") {
    follow.reset();
    note.textContent = text;
  }

  async function apply() {
    showState();
    const now = state();
    const turn = (asked += 1);
    bar.removeAttribute("aria-busy");
    if (!isOn(now)) {
      reset();
      return;
    }
    if (now.from && now.to && now.from > now.to) {
      reset("The first day lies after the last one, so nothing is filtered.");
      return;
    }
    bar.setAttribute("aria-busy", "true");
    try {
      index ??= await rollups.file(bar.dataset.rollups);
      const found = await follow.figures(index, now, today);
      if (turn === asked) tell(now, found);
    } catch (error) {
      if (turn === asked) reset(`The filter cannot be applied: ${error.message}.`);
    } finally {
      if (turn === asked) bar.removeAttribute("aria-busy");
    }
  }

  (async () => {
    showState();
    try {
      index = await rollups.file(bar.dataset.rollups);
    } catch {
      note.textContent = "Filters need the files in data/, which cannot be loaded.";
      return;
    }
    for (const [key, column] of Object.entries(NAMES)) {
      for (const name of index.choices[column]) offer(controls[key], name);
    }
    const { daily } = index;
    if (daily.length) {
      controls.from.min = controls.to.min = daily[0][0];
      controls.from.max = controls.to.max = today;
    }
    await tokencost.ready?.catch?.(() => undefined);
    await apply();
  })();
})();
