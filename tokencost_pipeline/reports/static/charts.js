// Draws the charts of a page as SVG whose colours are CSS variables, so that they follow theme and printer.
// Vega runs with its interpreter (`ast`): the page's policy forbids making code out of text.
"use strict";
(() => {
  const drawn = new Map();
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);

  function tell(handler, event, item, value) {
    tip.hidden = value === null || value === undefined || value === "";
    if (tip.hidden) return;
    const lines = typeof value === "object" ? Object.entries(value) : [["", value]];
    tip.replaceChildren(
      ...lines.map(([name, text]) => {
        const line = document.createElement("div");
        line.textContent = name ? `${name}: ${text}` : String(text);
        return line;
      }),
    );
    const left = Math.min(event.clientX + 14, document.documentElement.clientWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${Math.max(8, event.clientY - tip.offsetHeight - 10)}px`;
  }

  // The chart as wide as its place. A lane chart (row) takes no "container": its width is what the axis leaves.
  function fitted(spec, place) {
    const wide = place.clientWidth;
    const lanes = spec.encoding?.row !== undefined;
    const before = spec.width ?? spec.layer?.[0]?.width ?? 740;
    const legend = { ...spec.config.legend, columns: Math.max(1, Math.floor((wide - 50) / 150)) };
    const narrow = wide < 480;
    const padding = { left: 0, right: 4, top: 6, bottom: 4 };
    const fit = { ...spec, config: { ...spec.config, legend, padding } };
    if (lanes) {
      fit.width = Math.max(120, wide - 62);
      if (fit.mark?.size) fit.mark = { ...fit.mark, size: (fit.mark.size * fit.width) / before };
      return fit;
    }
    fit.width = "container";
    fit.autosize = { type: "fit-x", contains: "padding" };
    if (fit.layer) fit.layer = fit.layer.map(({ width, height, ...rest }) => rest);
    if (spec.layer) fit.height = spec.height ?? spec.layer[0].height;
    if (fit.height?.step) fit.height = fit.height.step * Math.max(1, spec.data.values.length);
    if (narrow) {
      fit.config = { ...fit.config, text: { ...fit.config.text, fontSize: 10 } };
      thin(fit, Math.max(2, Math.floor((wide - 60) / 52)));
    }
    return fit;
  }

  // Fewer days have a label where there is no room for them; the last one always has.
  function thin(spec, most) {
    const named = (layer) => layer.encoding?.x?.axis?.values;
    const parts = spec.layer ?? [spec];
    const step = Math.ceil((named(parts[0])?.length ?? 0) / most);
    if (step < 2) return;
    const less = (layer) => {
      const values = named(layer).filter((_, place, all) => (all.length - 1 - place) % step === 0);
      const x = { ...layer.encoding.x, axis: { ...layer.encoding.x.axis, values } };
      return { ...layer, encoding: { ...layer.encoding, x } };
    };
    if (spec.layer) spec.layer = spec.layer.map(less);
    else Object.assign(spec, less(spec));
  }

  async function draw(name, spec) {
    const place = document.querySelector(`[data-chart="${CSS.escape(name)}"]`);
    if (!place) return;
    drawn.get(name)?.result?.finalize();
    const record = { spec, wide: place.clientWidth, result: null };
    drawn.set(name, record);
    const options = {
      mode: "vega-lite",
      ast: true,
      actions: false,
      defaultStyle: false,
      renderer: "svg",
      tooltip: tell,
    };
    const result = await vegaEmbed(place, fitted(spec, place), options);
    if (drawn.get(name) === record) record.result = result;
    place.dataset.drawn = "yes";
  }

  // The specification a chart was drawn from; change a copy of it and hand it to draw().
  const spec = (name) => structuredClone(drawn.get(name)?.spec);
  tokencost.charts = { draw, spec };

  let pause = null;
  addEventListener("resize", () => {
    clearTimeout(pause);
    pause = setTimeout(() => {
      for (const [name, record] of drawn) {
        const place = document.querySelector(`[data-chart="${CSS.escape(name)}"]`);
        if (place.clientWidth !== record.wide) draw(name, record.spec);
      }
    }, 150);
  });

  tokencost.ready = tokencost
    .take("charts")
    .then((specs) => Promise.all(Object.entries(specs).map(([name, spec]) => draw(name, spec))));
})();
