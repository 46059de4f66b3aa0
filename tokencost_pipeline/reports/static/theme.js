// Runs before anything is painted, so that no page flashes in the other theme. Dark unless the reader, or else the
// system, says light.
"use strict";
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("tokencost-theme");
  } catch {
    // storage may be forbidden: then the system decides on each page
  }
  const light = window.matchMedia("(prefers-color-scheme: light)").matches;
  document.documentElement.dataset.theme =
    chosen === "light" || chosen === "dark" ? chosen : light ? "light" : "dark";
})();
