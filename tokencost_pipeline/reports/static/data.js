// Large data files hold packed text or bytes: raw deflate, base64. Text is UTF-8.
"use strict";
(() => {
  function inflate(packed) {
    const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw")));
  }

  const unpack = (packed) => inflate(packed).text();

  // Load a data script and unpack its value.
  const loadPacked = async (path, name) => unpack(await tokencost.load(path, name));
  const loadBytes = async (path, name) =>
    new Uint8Array(await inflate(await tokencost.load(path, name)).arrayBuffer());

  tokencost.unpack = unpack;
  tokencost.loadPacked = loadPacked;
  tokencost.loadBytes = loadBytes;
})();
