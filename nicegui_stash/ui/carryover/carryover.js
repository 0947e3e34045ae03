// Carries entered values that are not durable over the reload of a rejoin, and hands them to the server.
(() => {
  const BOUND = "nicegui-stash-bound";
  const MOST_CHARACTERS = 400000;
  const MOST_BYTES = 900000; // in one message; the server takes up to 1 MB
  const MOST_VALUES = 500;
  const MOST_KEPT = 2000000; // characters of values that are shown again, and not sent
  const stash = window.__niceguiStash;
  if (!stash || stash.typed) return;

  const { seal, limit } = document.currentScript?.dataset ?? {};
  stash.tooLarge.limit(Number(limit));
  const { bound, raw, documentOf, textOf, wholeText, shown, learn, here } = stash.entered;
  const MOVED = "#"; // no address of a page
  // whether the person has left the address at which something was entered
  const isMoved = (at) => (at === here() ? undefined : 1);
  const carried = new Map(); // address -> a value of the document before, until the server has sent its verdict
  const early = []; // events before the handshake, in order: NiceGUI retries each by itself, so they could overtake
  let isBuilt = false; // whether the server has reported the page as built, after sending its elements' values
  const large = new Map(); // address -> JSON of a value of the document before that was too large to be sent, or null
  const edits = new Set(); // numbers of edits in tables and grids that are not known to be durable
  let lost = 0; // how many of them the document before left
  let unknown = null; // values of the document before by element id, with a digest of its page's structure

  // sessionStorage may contain anything
  const wellMade = (values) =>
    (Array.isArray(values) ? values : []).filter((each) => {
      try {
        JSON.parse(each.v);
        return typeof each.v === "string" && Array.isArray(each.known);
      } catch (error) {
        return false;
      }
    });
  const isNumeric = (place) => raw()[place?.id]?.props.type === "number";

  // element ids match only if both pages were built alike
  const pageDigest = () => {
    const built = ([id, { tag, children, props }]) => [id, tag, children, { ...props, value: null, "model-value": null }];
    return stash.digest(JSON.stringify(Object.entries(raw()).map(built)));
  };
  // half of a surrogate pair cannot be encoded in UTF-8
  const wellFormed = (json) => {
    if (!/\\ud[89a-f]/i.test(json)) return json;
    return JSON.stringify(JSON.parse(json, (_, each) => (typeof each === "string" ? (each.toWellFormed?.() ?? each) : each)));
  };

  // returns whether the event is held back: the server's verdict on a carried value is still missing
  const note = (place, json, n) => {
    const entry = carried.get(place.address);
    if (!entry) {
      stash.entered.remember(place, json, n ?? stash.entered.count());
      // nobody else shows it there, and the next entry may be a change of what is shown
      if (!isBuilt || !window.socket.connected) reflect(place, json);
      return false;
    }
    const doc = documentOf(place.id);
    Object.assign(entry, { held: true, at: here() });
    entry.v = wellFormed(doc ? JSON.stringify(doc.toString()) : json);
    reflect(place, entry.v);
    return true;
  };

  // an edit in a table or grid that `stash.rows` has bound: not what turns its pages, selects or clicks
  const isEdit = ({ id, listener_id }) => {
    const element = raw()[id];
    if (element?.props["nicegui-stash-rows"] === undefined) return false;
    const type = element.events.find((each) => each.listener_id === listener_id)?.type ?? "update";
    return type === "cellValueChanged" || !/^(update|row|cell|selection|request|virtual|fullscreen|click|dbl)/.test(type);
  };

  // as many values as fit into one message; others are kept for the next document to show
  const collect = () => {
    const found = { values: [], unbound: [], large: [] }; // unbound: by key, before the server has sent the bound elements
    const size = { characters: 0, bytes: 0, kept: 0 };
    const add = (f, json, digests, n, { place, at = here() } = {}) => {
      const value = { f, v: wellFormed(json), known: [...new Set(digests)], n, m: isMoved(at) };
      const characters = size.characters + value.v.length + 20 * value.known.length;
      const bytes = size.bytes + new TextEncoder().encode(JSON.stringify(value)).length;
      const count = found.values.length + found.unbound.length;
      const isPlaced = !place?.address.startsWith("#");
      if (characters <= MOST_CHARACTERS && bytes <= MOST_BYTES && count < MOST_VALUES && !stash.tooLarge.has(place)) {
        Object.assign(size, { characters, bytes }); // only what is taken is charged
        found[isPlaced ? "values" : "unbound"].push(value);
      } else if (isPlaced && size.kept + value.v.length <= MOST_KEPT) {
        size.kept += value.v.length;
        found.large.push(value);
      } else {
        if (isPlaced) found.large.push({ f, v: null });
        console.warn("nicegui_stash: too much was entered to be carried over");
      }
    };
    return { found, add };
  };

  // events that wait for a handshake or a throttle have not reached the socket yet
  const overhear = () => {
    const throttle = window.throttle;
    if (typeof throttle !== "function" || throttle.isOverheard) return;
    window.throttle = (callback, time, ...options) => {
      const isEarly = !window.did_handshake || early.length > 0;
      const message = isEarly || time > 0 ? messageOf(callback) : null;
      const place = message && stash.entered.placeOf(message);
      if (place) note(place, message.args[0], Infinity);
      if (isEarly && (place || (message && stash.inPlace))) {
        early.push(callback);
      } else {
        throttle(callback, time, ...options);
      }
    };
    window.throttle.isOverheard = true;
  };
  const messageOf = (callback) => {
    let found = null;
    const [socket, done] = [window.socket, window.did_handshake];
    stash.replaceSocket({ emit: (event, message) => event === "event" && (found = message) });
    window.did_handshake = true;
    try {
      callback();
    } finally {
      window.did_handshake = done;
      stash.replaceSocket(socket);
    }
    return found;
  };

  // some time after the connect, or after an input appears, NiceGUI makes it show its prop, which lacks what was entered
  const reflect = (place, json) => {
    const element = mounted_app.elements[place.id]; // gone where a throttled event comes late
    if (element && !documentOf(place.id)) element.props[place.prop] = JSON.parse(json);
  };
  const show = (place, entry) => {
    learn(place);
    const element = mounted_app?.elements[place.id];
    if (!element || !place.prop) return;
    entry.place = place;
    if (stash.entered.has(place.address)) {
      stash.entered.precede(place, entry.v, entry.known); // a newer value was sent as an event
      return;
    }
    // after a late report, the server may show another value before it has sent its verdict
    const insist = () => {
      const [current, value] = [mounted_app.elements[place.id], JSON.parse(entry.v)];
      if (!current || JSON.stringify(shown(place)) === JSON.stringify(value)) return;
      entry.shown = shown(place);
      entry.over = raw()[place.id];
      current.props[place.prop] = value;
    };
    entry.shown = shown(place);
    entry.over = raw()[place.id];
    insist();
    entry.unwatch?.();
    entry.unwatch = mounted_app.$watch(() => mounted_app.elements[place.id]?.props[place.prop], insist, { flush: "sync" });
  };
  // call back at once, or as soon as the element appears
  const whenThere = (id, callback) => {
    if (raw()[id]) {
      callback();
      return;
    }
    const come = () => {
      unwatch();
      callback();
    };
    const unwatch = mounted_app.$watch(() => id in mounted_app.elements, come, { flush: "sync" });
  };
  const takeElements = (elements) => {
    stash.tooLarge.keep(elements ?? {});
    for (const element of Object.values(elements ?? {})) {
      const addresses = element?.props?.[BOUND];
      if (!addresses) continue;
      delete element.props[BOUND];
      stash.typed.bind(addresses);
    }
  };
  // send as an event: a value entered while the server judged `from`, or one that the server could not judge
  const release = ({ place, v }, from) => {
    const text = textOf(place.id);
    const args = text === undefined ? v : wholeText(from, text);
    window.socket.emit("event", { id: place.id, client_id: window.clientId, listener_id: place.listener, args: [args] });
  };

  // When a connection breaks: queued for the next one, ahead of later events. The numbers tell the server what it has.
  const repeat = () => {
    const { found, add } = collect();
    stash.entered.each((f, json, digests, n, record) => n !== null && add(f, json, digests, n, record));
    if (found.values.length) stash.tell({ kind: "again", values: found.values });
  };

  stash.typed = {
    digest: stash.digest,
    bound,

    // how many elements have a value that is not known to be durable
    get pending() {
      return carried.size + stash.entered.pending;
    },

    mount() {
      overhear();
      window.socket.on("connect", stash.entered.connected);
      window.socket.on("disconnect", repeat);
      window.socket.on("update", takeElements); // before NiceGUI's listener renders the elements
      for (const script of document.querySelectorAll("script.nicegui-stash-bound")) {
        stash.typed.place(JSON.parse(script.text));
      }
    },

    built() {
      isBuilt = true;
      stash.entered.dropUnplaced();
    },

    // these are all bound elements of the page, as it was built within its request
    place(addresses) {
      stash.typed.bind(addresses);
      stash.entered.dropUnplaced();
      if (!unknown || unknown.page !== pageDigest()) return;
      for (const { f, v, known, m } of unknown.values) {
        const place = bound[f];
        if (!place || carried.has(place.address)) continue;
        carried.set(place.address, { v, known, at: m ? MOVED : here() });
        show(place, carried.get(place.address));
      }
    },

    // the document goes on as another client: what is not durable is carried over, as by a reload
    begin(found) {
      for (const entry of carried.values()) entry.unwatch?.();
      carried.clear();
      large.clear();
      edits.clear();
      early.splice(0);
      isBuilt = false;
      stash.tooLarge.begin();
      stash.entered.begin();
      stash.typed.take(found);
    },

    // the server has changed the page's address
    moved(before, now) {
      for (const entry of carried.values()) if (entry.at === before) entry.at = now;
      stash.entered.moved(before, now);
    },

    durable(n, refused) {
      for (const each of edits) if (each <= n) edits.delete(each);
      stash.entered.durable(n, refused);
    },

    // the server sends which elements are bound to which fields; `~`: their fields do not get what they have as it is
    bind(addresses) {
      const pure = Object.entries(addresses).map(([key, address]) => [key, address.replace("~", "")]);
      for (const place of stash.entered.place(Object.fromEntries(pure))) {
        place.isAsStored = !addresses[place.key].endsWith("~");
        whenThere(place.id, () => {
          if (carried.has(place.address)) show(place, carried.get(place.address));
          if (large.has(place.address)) stash.tooLarge.restore(place, large.get(place.address));
          large.delete(place.address);
          stash.focus.bring(place);
        });
      }
      stash.tooLarge.again(bound);
    },

    tooLarge: stash.tooLarge.say,

    discard: stash.tooLarge.discard,

    // called with every event that is about to be sent; true: hold it back
    intercept(message) {
      if (isEdit(message)) edits.add((message.stash = stash.entered.count()));
      const place = stash.entered.placeOf(message);
      if (!place) return false;
      message.args[0] = stash.entered.complete(place, message.args[0]);
      if (stash.tooLarge.holds(place, message) || note(place, message.args[0])) return true;
      message.stash = stash.entered.number;
      return false;
    },

    // the values to carry, for sessionStorage
    snapshot() {
      const { found, add } = collect();
      for (const [address, entry] of carried) {
        if (stash.entered.has(address)) continue;
        const sent = entry.sent === undefined ? [] : stash.digests(JSON.parse(entry.sent), isNumeric(entry.place));
        add(address, entry.v, [...entry.known, ...sent], undefined, entry);
      }
      for (const [f, json] of large) json === null ? found.large.push({ f, v: null }) : add(f, json, []); // not appeared
      for (const f of stash.tooLarge.lost) found.large.push({ f, v: null });
      stash.entered.each((f, json, digests, n, record) => add(f, json, digests, undefined, record));
      const taken = { seal: stash.seal, values: found.values, large: found.large, focus: stash.focus.find(bound) };
      if (edits.size + lost) taken.edits = edits.size + lost;
      if (found.unbound.length) taken.unknown = { page: pageDigest(), values: found.unbound };
      return taken;
    },

    // the values of the document before
    take(found) {
      if (!found || typeof found !== "object") return;
      if (typeof found.seal === "string") stash.seal = found.seal;
      stash.focus.take(found.focus);
      lost = Number.isInteger(found.edits) ? found.edits : 0;
      unknown = found.unknown && { page: found.unknown.page, values: wellMade(found.unknown.values) };
      for (const { f, v, known, m } of wellMade(found.values)) carried.set(String(f), { v, known, at: m ? MOVED : here() });
      for (const { f, v } of wellMade(found.large)) large.set(String(f), v);
      for (const each of Array.isArray(found.large) ? found.large : []) if (each?.v === null) large.set(String(each.f), null);
    },

    // send what was entered before the handshake
    hurry() {
      for (const callback of early.splice(0)) callback();
    },

    // hand the values to the server, again at each connect until it answers with `settle`
    send() {
      stash.typed.hurry();
      const values = [];
      for (const [f, entry] of carried) {
        if (entry.sent === undefined) Object.assign(entry, { sent: entry.v, held: false }); // only once: the verdict is about this value
        values.push({ f, v: entry.sent, known: entry.known, m: isMoved(entry.at) });
      }
      if (values.length) stash.tell({ kind: "typed", seal: stash.seal, values });
      if (lost) stash.tell({ kind: "lost", edits: lost });
      lost = 0;
      if (!window.socket.io.opts.query?.implicit_handshake) repeat(); // the server ignored what came before the handshake
      stash.tooLarge.again(bound);
    },

    // the server's verdicts; null: every value without a verdict is rejected
    settle(verdicts) {
      for (const [address, entry] of [...carried]) {
        const verdict = verdicts ? verdicts[address] : "rejected";
        if (!verdict) continue;
        carried.delete(address);
        entry.unwatch?.();
        const { place } = entry;
        if (stash.entered.has(address) || !raw()[place?.id]) continue; // a newer value counts, or the element is gone
        if (verdict !== "rejected") {
          stash.entered.adopt(place, entry, { refused: verdict !== "merged" });
          if (verdict === "free") release(entry, entry.shown ?? "");
          else if (entry.held) release(entry, JSON.parse(entry.sent));
        } else if (entry.over === raw()[place.id]) {
          mounted_app.elements[place.id].props[place.prop] = entry.shown; // the server's value
        }
      }
    },
  };
  if (stash.reason !== "rejoin") stash.seal ??= seal; // a rejoin has the seal of the visit that it continues
  stash.typed.take(stash.found);
})();
