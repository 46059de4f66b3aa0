// Theme button, refreshing, and the width of what scrolls.
"use strict";
(() => {
  const page = document.documentElement;

  const button = document.querySelector("[data-theme-button]");
  function name() {
    const other = page.dataset.theme === "dark" ? "light" : "dark";
    button.textContent = other === "light" ? "Light" : "Dark";
    button.setAttribute("aria-label", `Show in ${other} colours`);
  }
  button.hidden = false;
  button.addEventListener("click", () => {
    page.dataset.theme = page.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("tokencost-theme", page.dataset.theme);
    } catch {
      // it holds for this page then
    }
    name();
  });
  name();

  // Look every so often whether newer figures have been published, and show them. ?refresh=60 (seconds) says how often
  // for this tab, ?refresh=0 never. Nothing is asked while nobody looks.
  function seconds() {
    const asked = new URLSearchParams(location.search).get("refresh");
    try {
      if (asked !== null) sessionStorage.setItem("tokencost-refresh", asked);
      const kept = Number(sessionStorage.getItem("tokencost-refresh") ?? page.dataset.refresh);
      return Number.isFinite(kept) ? kept : 0;
    } catch {
      return Number(asked ?? page.dataset.refresh) || 0;
    }
  }
  // Once for each build: a page that stays behind (a host that keeps old copies) is no reason to reload for ever.
  function first(build) {
    try {
      const key = `tokencost-build ${location.pathname}`;
      if (sessionStorage.getItem(key) === build) return false;
      sessionStorage.setItem(key, build);
      return true;
    } catch {
      return false;
    }
  }
  const every = seconds();
  let asked = Date.now();
  async function look() {
    if (document.hidden || Date.now() - asked < every * 1000) return;
    asked = Date.now();
    try {
      const version = await tokencost.reload("version.js", "version");
      if (version.build !== page.dataset.build && first(version.build)) location.reload();
    } catch {
      // in the middle of a publication, or the server is gone: next time
    }
  }
  if (every > 0) {
    setInterval(look, Math.min(1000, every * 1000));
    document.addEventListener("visibilitychange", look);
  }

  // A box that needs no scrolling needs no place in the order of the Tab key either.
  function reach() {
    for (const box of document.querySelectorAll(".table-box")) {
      const wide = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
      box.tabIndex = wide ? 0 : -1;
    }
  }
  reach();
  addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);

  for (const form of document.querySelectorAll("[data-open-request]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const id = form.elements.id.value.trim();
      if (id) location.href = `${tokencost.root}request/index.html?id=${encodeURIComponent(id)}`;
    });
  }

  // What is folded away is printed all the same.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const part of opened) part.open = true;
  });
  addEventListener("afterprint", () => {
    for (const part of opened) part.open = false;
  });

  const here = document.querySelector('nav [aria-current="page"]');
  if (here) here.parentElement.scrollLeft = here.offsetLeft - 16;
})();
