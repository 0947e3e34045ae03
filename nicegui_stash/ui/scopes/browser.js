// Stores fields of scope `browser` in localStorage, and reports its items and changes by other tabs to the server.
(() => {
  const stash = window.__niceguiStash;
  const BATCH = 200_000; // characters: a message of more than 1 MB would end the connection
  const LONGEST = 100_000;
  if (!stash || stash.browser) return;

  const pages = new Map(); // by number on the server: the prefixes that it follows, and how many of its changes were made
  const page = (id) => {
    if (!pages.has(id)) pages.set(id, { made: 0, prefixes: new Set() });
    return pages.get(id);
  };
  const tell = (id, told) => stash.tell({ kind: "browser", browser: id, made: page(id).made, ...told });
  const fit = (text) => (text !== null && text.length > LONGEST ? "" : text); // our items are never so long
  const startsWith = (key, prefixes) => [...prefixes].some((prefix) => key.startsWith(prefix));

  const read = function* (prefixes) {
    let items = {};
    let size = 0;
    for (const key of Object.keys(localStorage)) {
      if (!startsWith(key, prefixes)) continue;
      const text = fit(localStorage.getItem(key));
      if (text === null) continue; // another tab has just removed it
      if (size + key.length + text.length > BATCH) {
        yield [items, false];
        [items, size] = [{}, 0];
      }
      items[key] = text;
      size += key.length + text.length;
    }
    yield [items, true];
  };

  stash.browser = {
    // another client of the server follows other prefixes
    begin: () => pages.clear(),

    watch(id, ask, prefixes) {
      for (const prefix of prefixes) page(id).prefixes.add(prefix);
      try {
        for (const [items, last] of read(prefixes)) tell(id, { ask, items, last });
      } catch (error) {
        tell(id, { ask, items: {}, last: true, error: error.name }); // storage is blocked
      }
    },

    // drops keys with a cleared prefix, then replaces items that are still as they were read, then makes changes
    keep(id, count, cleared, renewed, changed) {
      const failed = {};
      try {
        const dropped = cleared.length ? Object.keys(localStorage).filter((key) => startsWith(key, cleared)) : [];
        for (const key of dropped) localStorage.removeItem(key);
      } catch (error) {
        console.warn("nicegui_stash: localStorage cannot be cleared", error);
      }
      const put = (key, token) => {
        try {
          if (token === null) localStorage.removeItem(key);
          else localStorage.setItem(key, token);
        } catch (error) {
          failed[key] = error.name; // it is full, or blocked
        }
      };
      const holds = (key, token) => {
        try {
          return localStorage.getItem(key) === token;
        } catch (error) {
          return false; // blocked: reported when an item is changed
        }
      };
      for (const [key, [read, token]] of Object.entries(renewed)) if (holds(key, read)) put(key, token);
      for (const [key, token] of Object.entries(changed)) put(key, token);
      page(id).made = count;
      if (Object.keys(failed).length) tell(id, { failed });
    },
  };

  addEventListener("storage", (event) => {
    try {
      if (event.storageArea !== localStorage) return;
      for (const [id, { prefixes }] of pages) {
        if (event.key === null) tell(id, { cleared: true });
        // not the event's own value: this tab may have changed the item since
        else if (startsWith(event.key, prefixes)) tell(id, { changed: { [event.key]: fit(localStorage.getItem(event.key)) } });
      }
    } catch (error) {
      console.warn("nicegui_stash: localStorage cannot be followed", error);
    }
  });
})();
