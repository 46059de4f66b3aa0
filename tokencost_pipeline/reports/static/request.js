// Shows any request, by the lines that lookup.js finds. Names out of the data only ever become text nodes.
"use strict";
(() => {
  const place = document.querySelector("[data-request]");
  if (!place?.dataset.map) return;
  const { numbers } = tokencost;
  const { zone } = place.dataset;
  const MONEY = /_usd$/;
  const INSTANT = /^(first_seen|last_seen|occurred_at)$/;

  const SUMMARY = [
    ["Cost", (request) => numbers.money(request.cost_usd)],
    ["Wasted", (request) => numbers.optionalMoney(request.wasted_cost_usd)],
    ["Attempts", (request) => numbers.count(request.attempts)],
    ["Retries", (request) => numbers.count(request.retries)],
    ["Unpriced", (request) => numbers.count(request.unpriced_attempts)],
    ["Prompt tokens", (request) => numbers.count(request.prompt_tokens)],
    ["Completion tokens", (request) => numbers.count(request.completion_tokens)],
    ["Tokens", (request) => numbers.count(request.total_tokens)],
    ["Prompt share", (request) => promptShare(request)],
    ["Latency", (request) => numbers.latency(request.latency_ms_sum)],
    ["First seen", (request) => instant(request.first_seen)],
    ["Last seen", (request) => instant(request.last_seen)],
  ];
  const NUMBER = ["#", (row) => numbers.count(row.attempt)];
  const ATTEMPTS = [
    NUMBER,
    ["Time", (row, request) => (oneDay(request) ? instant(row.occurred_at).slice(11) : instant(row.occurred_at))],
    ["Cost", (row) => numbers.money(row.cost_usd)],
    ["Share", (row, request) => numbers.share(row.cost_usd, request.cost_usd)],
    ["Latency", (row) => numbers.latency(row.latency_ms)],
    ["Model", (row) => numbers.label(row.model), "w"],
    ["Provider", (row) => numbers.label(row.provider), "w"],
    ["Region", (row) => numbers.text(row.region), "w"],
    ["Status", (row) => status(row), "w"],
    ["Cache hit", (row) => numbers.flag(row.cache_hit), "w"],
    ["Template", (row) => numbers.text(row.prompt_template_id), "w"],
    ["Price version", (row) => priceVersion(row), "w"],
  ];
  const TOKENS = [
    NUMBER,
    ["Prompt", (row) => numbers.count(row.prompt_tokens)],
    ["of it cached", (row) => numbers.count(row.cache_read_tokens)],
    ["cache write 5m", (row) => numbers.count(row.cache_write_5m_tokens)],
    ["cache write 1h", (row) => numbers.count(row.cache_write_1h_tokens)],
    ["audio in", (row) => numbers.count(row.input_audio_tokens), "number", "input_audio_tokens"],
    ["image in", (row) => numbers.count(row.input_image_tokens), "number", "input_image_tokens"],
    ["Completion", (row) => numbers.count(row.completion_tokens)],
    ["of it reasoning", (row) => numbers.count(row.reasoning_tokens)],
    ["audio out", (row) => numbers.count(row.output_audio_tokens), "number", "output_audio_tokens"],
    ["image out", (row) => numbers.count(row.output_image_tokens), "number", "output_image_tokens"],
    ["Total", (row) => numbers.count(row.total_tokens)],
  ];
  const PRICES = [
    NUMBER,
    ["Cost basis", (row) => numbers.text(row.cost_basis), "w"],
    ["Exact cost, USD", (row) => exact(row.cost_usd)],
    ["Prompt, USD", (row) => exact(row.prompt_cost_usd)],
    ["Completion, USD", (row) => exact(row.completion_cost_usd)],
    ["Fees, USD", (row) => exact(row.unit_cost_usd)],
    ["List price, USD", (row) => exact(row.list_cost_usd)],
    ["Gateway says", (row) => numbers.optionalMoney(row.reported_cost_usd)],
    ["Model asked", (row) => asked(row), "w"],
    ["Service tier", (row) => numbers.text(row.service_tier), "w"],
    ["Discount", (row) => numbers.text(row.discount_id), "w"],
  ];

  const exact = (units) => (units === null || units === undefined ? "unknown" : numbers.exact(units));
  const instant = (microseconds) => numbers.instant(microseconds === null ? null : microseconds / 1000, zone);
  const utc = (microseconds) => {
    const rest = ((microseconds % 1e6) + 1e6) % 1e6;
    const seconds = new Date((microseconds - rest) / 1000).toISOString().slice(0, 19);
    return `${seconds}${rest ? `.${String(rest).padStart(6, "0")}` : ""}Z`;
  };
  const oneDay = (request) => instant(request.first_seen).slice(0, 10) === instant(request.last_seen).slice(0, 10);
  const asked = (row) =>
    row.model_requested === null || row.model_requested === row.model ? "as served" : numbers.label(row.model_requested);
  const status = (row) =>
    row.error_code ? numbers.text(`${row.status ?? "unknown"} (${row.error_code})`) : numbers.text(row.status);
  const promptShare = ({ prompt_share: share }) =>
    share === null ? "–" : numbers.share(BigInt(share.replace(".", "")), 10n ** BigInt(share.split(".")[1]?.length ?? 0));
  function priceVersion(row) {
    const front = `${row.provider}/${row.model}@`;
    return numbers.text(row.price_id?.startsWith(front) ? row.price_id.slice(front.length) || null : row.price_id);
  }

  function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  // A fourth entry of a column names a value that few requests have: without any there is no column.
  function table(title, allColumns, rows, request) {
    const columns = allColumns.filter(([, , , rare]) => !rare || rows.some((row) => row[rare] !== null));
    const head = columns.map(([name, , kind]) => make("th", { scope: "col", className: kind ?? "number" }, name));
    const body = rows.map((row) =>
      make(
        "tr",
        {},
        ...columns.map(([, show, kind], column) => {
          const cell = make(column ? "td" : "th", { className: kind ?? "number" }, show(row, request));
          if (!column) cell.scope = "row";
          if (cell.textContent === "unknown") cell.classList.add("unknown");
          return cell;
        }),
      ),
    );
    const box = make(
      "div",
      { className: "table-box", tabIndex: 0 },
      make(
        "table",
        {},
        make("caption", { className: "unseen" }, title),
        make("thead", {}, make("tr", {}, ...head)),
        make("tbody", {}, ...body),
      ),
    );
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", title);
    return box;
  }

  // All values of rows exactly, as the report's CSV files have them: UTC instants, decimals with every digit.
  function csv(id, rows) {
    const fields = Object.keys(rows[0]).filter((field) => !field.includes(":"));
    const plain = (field, value) => {
      if (value === null) return null;
      if (MONEY.test(field)) return numbers.exact(value);
      return INSTANT.test(field) ? utc(value) : value;
    };
    const lines = rows.map((row) => [id, ...fields.map((field) => plain(field, row[field]))]);
    return tokencost.csv.render(["request_id", ...fields], lines);
  }

  function csvButton(name, id, rows) {
    const button = make("button", { type: "button" }, "CSV");
    button.append(make("span", { className: "unseen" }, ` of ${name.replaceAll("_", " ")}`));
    button.addEventListener("click", () => tokencost.csv.download(name, csv(id, rows)));
    return make("p", { className: "csv" }, button);
  }

  const boxed = (...children) => make("div", { className: "box" }, ...children);
  const card = (title, ...children) => make("section", { className: "card" }, make("h2", {}, title), ...children);

  const say = (text) => place.replaceChildren(make("p", { className: "note" }, text));

  // A line's values by name, money as BigInt.
  function named(fields, line) {
    const row = {};
    fields.forEach((field, number) => {
      const value = line[number + 2];
      row[field] = MONEY.test(field) && value !== null ? BigInt(value) : value;
    });
    return row;
  }

  // The request of that id and its attempts in order; null when there is none.
  async function find(id) {
    const { fields, lines } = await tokencost.lookUp(place.dataset.map, id);
    const [request] = lines.filter(([, letter]) => letter === "q").map((line) => named(fields.q, line));
    const attempts = lines.filter(([, letter]) => letter === "a").map((line) => named(fields.a, line));
    attempts.sort(
      (one, two) =>
        one.attempt - two.attempt || one.occurred_at - two.occurred_at || (one.event_id < two.event_id ? -1 : 1),
    );
    return request ? { request, attempts } : null;
  }

  async function pageLinks() {
    if (!place.dataset.links) return { features: {}, tenants: {} };
    return tokencost.load(place.dataset.links, "links").catch(() => ({ features: {}, tenants: {} }));
  }

  function linked(text, page) {
    if (page === undefined) return text;
    const link = make("a", {}, text);
    link.setAttribute("href", `${tokencost.root}${page}.html`);
    return link;
  }

  function show(id, { request, attempts }, links) {
    const title = `Request ${numbers.label(id)}`;
    document.title = title;
    const heading = document.querySelector("h1");
    if (heading) heading.textContent = title;
    const feature = links.features[request["feature:slug"]];
    const tenant = links.tenants[request["tenant_id:slug"]];
    const facts = make(
      "p",
      { className: "lead" },
      "Feature ",
      linked(numbers.label(request.feature), feature),
      ", tenant ",
      linked(numbers.label(request.tenant_id), tenant),
      `, user ${numbers.label(request.user_id)}, session ${numbers.label(request.session_id)}. Status `,
      numbers.text(request.final_status),
      request.cost_usd === null ? "." : `. It cost exactly ${exact(request.cost_usd)} USD.`,
    );
    const back = make("p", { className: "back" });
    const ways = [
      ["Back to the overview", "index"],
      feature === undefined ? null : ["Back to the feature", feature],
      tenant === undefined ? null : ["Back to the tenant", tenant],
    ].filter(Boolean);
    ways.forEach(([text, page], number) => back.append(number ? " · " : "", linked(text, page)));
    const read = attempts.map((row) =>
      make(
        "li",
        {},
        `Attempt ${numbers.count(row.attempt)}: ${numbers.text(row.path)}, line ${numbers.count(row.line_no)}, ` +
          `event ${numbers.text(row.event_id)} (${numbers.text(row.source)})`,
      ),
    );
    place.replaceChildren(
      facts,
      card("In short", boxed(table("The request in short", SUMMARY, [request], request), csvButton("request", id, [request]))),
      card(
        "Attempts",
        boxed(
          table("Attempts", ATTEMPTS, attempts, request),
          attempts.length ? csvButton("request_attempts", id, attempts) : null,
        ),
      ),
      card("Tokens", table("Tokens of each attempt", TOKENS, attempts, request)),
      card("Prices", table("Price of each attempt", PRICES, attempts, request)),
      card("Where it was read", make("ul", {}, ...read)),
      back,
    );
    place.dataset.shown = "yes";
  }

  async function open() {
    const id = new URLSearchParams(location.search).get("id");
    if (id === null || id === "") {
      say("Which request? Enter its id above, or put it into the address: ?id=…");
      return;
    }
    say("Looking …");
    try {
      const [found, links] = await Promise.all([find(id), pageLinks()]);
      if (found) show(id, found, links);
      else {
        say(
          `No request with the id ${numbers.text(id)} is in this report. Ids are compared letter by letter; requests ` +
            "that retention has closed are no longer kept one by one.",
        );
        place.dataset.shown = "none";
      }
    } catch (error) {
      say(`The request cannot be looked up: ${error.message}. Reload the page: newer figures may have been published.`);
      place.dataset.shown = "failed";
    }
  }

  open();
})();
