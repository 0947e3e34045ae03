// Writes fields of scope `url` to the address, and reports changes by back and forward to the server.
(() => {
  const stash = window.__niceguiStash;
  const AT_ONCE = 20; // browsers refuse more than about 100 changes of the address within 30 s
  const PAUSE_MS = 400;
  if (!stash || stash.address) return;

  let made = 0; // how many changes of the server the address has, including those that the person has overtaken
  let search = location.search;
  let path = location.pathname;
  let budget = AT_ONCE;
  let refilling = false;
  let waiting = null;
  let asked = false; // whether the server waits for our address

  const here = () => location.pathname + location.search;
  const nameOf = (part) => {
    try {
      return decodeURIComponent(part.split("=", 1)[0].replaceAll("+", " "));
    } catch (error) {
      return null; // not ours: we write only decodable names
    }
  };

  const changed = (changes) => {
    const left = new Map(Object.entries(changes));
    const parts = [];
    for (const part of location.search.slice(1).split("&")) {
      const name = nameOf(part);
      if (!Object.hasOwn(changes, name)) parts.push(part);
      else {
        parts.push(left.get(name));
        left.delete(name);
      }
    }
    const kept = [...parts, ...left.values()].filter(Boolean);
    return kept.length ? "?" + kept.join("&") : "";
  };

  // the state of an entry made by ui.sub_pages has its own copy of the address
  const state = (query) => {
    const prefix = window.path_prefix || "";
    const clean = location.pathname.startsWith(prefix) ? location.pathname.slice(prefix.length) : location.pathname;
    return history.state?.page ? { ...history.state, page: clean + query + location.hash } : history.state;
  };

  const apply = () => {
    const { count, changes, push } = waiting;
    const query = changed(changes);
    const before = here();
    try {
      if (query !== location.search) {
        const address = location.pathname + query + location.hash;
        if (push) history.pushState(state(query), "", address);
        else history.replaceState(state(query), "", address);
      }
    } catch (error) {
      budget = 0; // refused, as there were too many: try again after a pause
      refill();
      return;
    }
    budget -= 1;
    refill();
    waiting = null;
    settle(count);
    stash.typed?.moved(before, here());
    if (asked) stash.address.tell();
  };

  const settle = (count) => {
    made = count;
    search = location.search;
    path = location.pathname;
    stash.moved();
  };

  const refill = () => {
    if (refilling) return;
    refilling = true;
    setTimeout(() => {
      refilling = false;
      budget += 1;
      if (budget < AT_ONCE) refill();
      if (waiting) apply();
    }, PAUSE_MS);
  };

  stash.address = {
    // another client of the server begins with the address as it is
    begin() {
      made = 0;
      waiting = null;
      asked = false;
    },

    project(count, changes, push) {
      waiting = { count, changes: { ...waiting?.changes, ...changes }, push: push || Boolean(waiting?.push) };
      if (budget > 0) apply();
    },

    // make what waits for the pause: nobody does it once the page has gone
    finish() {
      if (waiting) apply();
    },

    tell(moved = false) {
      asked = Boolean(waiting);
      if (asked) return;
      stash.tell({ kind: "address", search: location.search, made, moved });
    },
  };

  addEventListener("popstate", () => {
    if (location.search === search && location.pathname === path) return; // within the page, by its hash
    const moved = location.pathname !== path;
    settle(waiting?.count ?? made);
    waiting = null;
    stash.address.tell(moved);
  });
})();
