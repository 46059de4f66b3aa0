// What the other scripts share. Data arrives as scripts that call tokencost.receive(): a page opened from a file may
// load scripts, and nothing else.
"use strict";
window.tokencost = (() => {
  const received = new Map();
  const waiting = new Map();
  const loading = new Map();

  // A data script hands over its value.
  function receive(name, value) {
    received.set(name, value);
    for (const tell of waiting.get(name) ?? []) tell(value);
    waiting.delete(name);
  }

  // The value, now or once it has arrived.
  function take(name) {
    if (received.has(name)) return Promise.resolve(received.get(name));
    return new Promise((resolve) => waiting.set(name, [...(waiting.get(name) ?? []), resolve]));
  }

  // Load a data script of the site once and give the value it hands over under `name`. `path` is relative to the root of
  // the site. Fails when it is not there.
  function load(path, name) {
    return add(path).then(() => received.get(name));
  }

  // The same anew, whatever the browser keeps.
  function reload(path, name) {
    return add(path, true).then(() => received.get(name));
  }

  function add(path, again = false) {
    if (!again && loading.has(path)) return loading.get(path);
    const loaded = new Promise((resolve, reject) => {
      const element = document.createElement("script");
      element.src = root + path + (again ? `?${Date.now()}` : "");
      element.onload = () => {
        element.remove();
        resolve();
      };
      element.onerror = () => {
        element.remove();
        loading.delete(path);
        reject(new Error(`${path} cannot be loaded`));
      };
      document.head.append(element);
    });
    if (!again) loading.set(path, loaded);
    return loaded;
  }

  const root = document.body.dataset.root;
  return { receive, take, load, reload, root };
})();
