// Large data files hold packed text: UTF-8, raw deflate, base64.
"use strict";
(() => {
  async function unpack(packed) {
    const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
    const text = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Response(text).text();
  }

  // Load a data script and unpack its value.
  const loadPacked = async (path, name) => unpack(await tokencost.load(path, name));

  tokencost.unpack = unpack;
  tokencost.loadPacked = loadPacked;
})();
