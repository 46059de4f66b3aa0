// Finds the lines of a request: its id is hashed, an index tells the days of that hash, each day has a shard for it.
"use strict";
(() => {
  const DAY = 86_400_000;
  const FOLDER = "data/r";

  // The top bits of a place (32 bits), as a number.
  const top = (place, bits) => (bits ? place >>> (32 - bits) : 0);

  // The days (numbers) that a bucket of the index names for a place. It holds four bytes of each entry's distance to
  // the entry before and two of its day, lowest bytes first, the same byte of all entries together.
  function daysOf(bucket, place, bits) {
    const entries = bucket.length / 6;
    const byte = (entry, number) => bucket[number * entries + entry];
    const found = [];
    let at = bits ? top(place, bits) * 2 ** (32 - bits) : 0;
    for (let entry = 0; entry < entries && at <= place; entry += 1) {
      at += byte(entry, 0) + byte(entry, 1) * 2 ** 8 + byte(entry, 2) * 2 ** 16 + byte(entry, 3) * 2 ** 24;
      if (at === place) found.push(byte(entry, 4) + byte(entry, 5) * 2 ** 8);
    }
    return found;
  }

  const label = (day) => (day ? new Date(day * DAY).toISOString().slice(0, 10) : "rest");
  const file = (name, hash, number) => [`${FOLDER}/${name}-${hash}/${number}.js`, `${name}-${number}`];

  // { fields, lines } of the request of that id, in no order; `root` is the path of the file that names the others.
  async function lookUp(root, id) {
    const { key, fields, indexes, days } = JSON.parse(await tokencost.loadPacked(root, "requests"));
    const hash = tokencost.sha256(id);
    const place = parseInt(hash.slice(0, 8), 16);
    const told = await Promise.all(
      indexes.map(async ([name, named, bits]) =>
        daysOf(await tokencost.loadBytes(...file(name, named, top(place, bits))), place, bits),
      ),
    );
    const texts = await Promise.all(
      told.flat().map((day) => {
        const [named, bits] = days[day];
        return tokencost.loadPacked(...file(label(day), named, top(place, bits)));
      }),
    );
    const mine = `["${hash.slice(0, key)}",`;
    const lines = texts.flatMap((text) => text.split("\n").filter((line) => line.startsWith(mine)));
    return { fields, lines: lines.map((line) => JSON.parse(line)) };
  }

  tokencost.lookUp = lookUp;
})();
