// Remembers what was entered until it is durable, and carries it over the reload of a rejoin.
(() => {
  const EVENT = "nicegui_stash_report";
  const VALUE_PROPS = ["model-value", "value"];
  const MOST_KNOWN = 512;
  const MOST_CHARACTERS = 400000;
  const MOST_REMEMBERED = 4000000; // characters of one element's earlier values
  const PATIENCE_MS = 5000;
  const stash = window.__niceguiStash;
  if (!stash || stash.typed) return;

  const seal = document.currentScript?.dataset.seal;
  const bound = {}; // element id -> {id, address, listener, prop}
  const unplaced = new Map(); // element id -> a place without a field, until the server has said what is bound
  const records = new Map(); // address -> what was entered here and is not known to be durable
  const carried = new Map(); // address -> what came from the document before, until the server has said what became of it
  const early = []; // events before the handshake, in order: NiceGUI tries each by itself, so that they overtake each other
  let unknown = null; // what the document before has carried by element id, with a digest of how its page was built
  let isTold = false; // whether the server has said what is bound
  let number = 0; // of the last event that was numbered for the server
  let connects = 0; // an event that is sent while disconnected waits for the next

  const elements = () => mounted_app?.elements ?? {};
  const raw = () => Vue.toRaw(elements()); // to look only: nothing is tracked
  const documentOf = (id) => getElement(id)?.editor?.state?.doc; // of a code editor, whose events are only differences

  // ---- digests: as ui/typed.py makes them

  let table;
  const crc = (text) => {
    table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
      for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
      return byte;
    });
    let sum = -1;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      sum = table[(sum ^ unit) & 255] ^ (sum >>> 8);
      sum = table[(sum ^ (unit >>> 8)) & 255] ^ (sum >>> 8);
    }
    return (sum ^ -1) >>> 0;
  };
  const canonical = (value, numeric) => {
    if (value === null || value === undefined) return "z";
    if (typeof value === "boolean") return value ? "b1" : "b0";
    if (typeof value === "number") return "n" + value;
    if (typeof value === "string") {
      if (!numeric) return "s" + value;
      if (!value.trim()) return "z";
      return Number.isNaN(Number(value)) ? "s" + value : "n" + Number(value);
    }
    if (Array.isArray(value)) return "[" + value.map((each) => canonical(each)).join(",") + "]";
    const keys = Object.keys(value).sort();
    return "{" + keys.map((key) => key + ":" + canonical(value[key])).join(",") + "}";
  };
  const digest = (value, numeric) => {
    const text = canonical(value, numeric);
    return `${text.length}.${crc(text)}`;
  };

  // an element's id means the same only where the page was built alike
  const pageDigest = () => {
    const built = ([id, { tag, children, props }]) => [id, tag, children, { ...props, value: null, "model-value": null }];
    return digest(JSON.stringify(Object.entries(raw()).map(built)));
  };

  // ---- what was entered

  const shown = (place) => {
    const props = raw()[place.id]?.props ?? {};
    const value = props[place.prop];
    // NiceGUI keeps the arguments of the last event of such an element, an array of one
    return props.loopback === false && Array.isArray(value) && value.length === 1 ? value[0] : value;
  };
  const learn = (place) => {
    if (place.listener) return;
    const event = raw()[place.id]?.events.find((each) => each.type.startsWith("update:"));
    if (!event) return;
    place.listener = event.listener_id;
    place.prop = event.type === "update:modelValue" ? "model-value" : event.type.slice(7);
  };
  const placeOf = (message) => {
    const place = bound[message.id] ?? unplacedOf(message);
    if (place) learn(place);
    return place?.listener === message.listener_id ? place : null;
  };
  // any element that shows a value may turn out to be bound: what is entered meanwhile is remembered by its id
  const unplacedOf = ({ id, args }) => {
    if (isTold || id === 0 || typeof args?.[0] !== "string") return null;
    const place = unplaced.get(id) ?? { id, address: `#${id}` };
    learn(place);
    if (!VALUE_PROPS.includes(place.prop)) return null;
    unplaced.set(id, place);
    return place;
  };
  const placeAt = (id, address) => {
    const place = unplaced.get(id) ?? { id };
    const record = records.get(place.address);
    if (record) {
      records.delete(place.address);
      records.set(address, record);
    }
    unplaced.delete(id);
    return (bound[id] = Object.assign(place, { address }));
  };
  // returns whether it is kept back: the server has not said yet what becomes of what was carried here
  const note = (place, json, n) => {
    const entry = carried.get(place.address);
    if (!entry) {
      remember(place, json, n ?? ++number);
      return false;
    }
    entry.held = true;
    entry.doc = documentOf(place.id);
    entry.v = entry.doc ? JSON.stringify(entry.doc.toString()) : json;
    reflect(place, entry.v);
    return true;
  };
  const remember = (place, json, n) => {
    let record = records.get(place.address);
    const before = shown(place);
    if (!record) {
      record = { place, known: [{ n: 0, value: before }], before, n: 0, json: null };
      records.set(place.address, record);
    } else if (record.n !== n) {
      const sent = Math.min(record.n, number);
      const isNew = record.before !== before && (typeof before !== "string" || JSON.stringify(before) !== record.json);
      if (record.n !== Infinity) record.known.push({ n: sent, json: record.json, doc: record.doc, waits: record.waits });
      if (isNew) record.known.push({ n: sent, value: before }); // it came from the server
      const limit = Math.min(MOST_KNOWN, Math.max(8, MOST_REMEMBERED / (json.length + 1)));
      if (record.known.length > limit) record.known.splice(limit >> 1, 1); // a put has taken one of the first or last
    }
    const waits = window.socket.connected ? null : connects;
    Object.assign(record, { place, before, json, n, waits, doc: documentOf(place.id) });
  };
  const jsonOf = (record) => (record.doc ? JSON.stringify((documentOf(record.place.id) ?? record.doc).toString()) : record.json);
  const valueOf = (entry) => {
    if (entry.doc) return entry.doc.toString();
    return entry.json === undefined || entry.json === null ? entry.value : JSON.parse(entry.json);
  };

  // what waits for a handshake or a throttle is not with the socket yet
  const overhear = () => {
    const throttle = window.throttle;
    if (typeof throttle !== "function" || throttle.isOverheard) return;
    window.throttle = (callback, time, ...options) => {
      const isEarly = !window.did_handshake || early.length > 0;
      const message = isEarly || time > 0 ? messageOf(callback) : null;
      const place = message && placeOf(message);
      if (place) note(place, message.args[0], Infinity);
      if (place && isEarly) {
        reflect(place, message.args[0]);
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

  // ---- what is carried

  // with the connect NiceGUI has an input show its prop again, which it does not know what was entered into
  const reflect = (place, json) => {
    if (!documentOf(place.id)) elements()[place.id].props[place.prop] = JSON.parse(json);
  };
  const show = (place, entry) => {
    learn(place);
    const element = elements()[place.id];
    if (!element || !place.prop) return;
    entry.place = place;
    entry.numeric = element.props.type === "number";
    const record = records.get(place.address);
    if (record) {
      // something else was entered already, which has gone the ordinary way
      record.known.unshift({ n: 0, json: entry.v }, ...entry.known.map((each) => ({ n: 0, digest: each })));
      return;
    }
    entry.shown = element.props[place.prop];
    entry.over = raw()[place.id];
    element.props[place.prop] = JSON.parse(entry.v);
  };
  const release = (entry, from) => {
    // what was entered while the server thought about it goes the ordinary way
    const place = entry.place;
    if (!place || !raw()[place.id]) return;
    const doc = documentOf(place.id);
    let args = entry.v;
    if (doc) {
      const [old, text] = [from, doc.toString()];
      args = JSON.stringify({ sections: [old.length, text.length], inserted: [text.split("\n")] });
    }
    window.socket.emit("event", { id: place.id, client_id: window.clientId, listener_id: place.listener, args: [args] });
  };

  stash.typed = {
    digest,
    bound,

    // how many elements hold what is not known to be durable
    get pending() {
      return carried.size + [...records.values()].filter((record) => record.isDurable !== record.n).length;
    },

    mount() {
      overhear();
      window.socket.on("connect", () => connects++);
      const scripts = document.querySelectorAll("script.nicegui-stash-bound");
      for (const script of scripts) {
        stash.typed.bind(JSON.parse(script.text));
        isTold = true;
      }
      if (unknown && unknown.page === pageDigest()) {
        for (const { f, v, known } of unknown.values) {
          const place = bound[f];
          if (!place || carried.has(place.address)) continue;
          carried.set(place.address, { v, known });
          show(place, carried.get(place.address));
        }
      }
    },

    // the server has said which elements are bound: what was entered elsewhere is not for us
    told() {
      isTold = true;
      for (const place of unplaced.values()) records.delete(place.address);
      unplaced.clear();
    },

    // the server says which elements are bound to which fields
    bind(addresses) {
      const start = performance.now();
      for (const [id, address] of Object.entries(addresses)) {
        const place = placeAt(Number(id), address);
        const entry = carried.get(address);
        if (entry) show(place, entry);
        stash.focus.bring(place);
      }
      if (carried.size) performance.measure("nicegui_stash: bring back", { start });
    },

    // called with every event that is about to be sent; true: it is kept back
    intercept(message) {
      const place = placeOf(message);
      if (place && note(place, message.args[0])) return true;
      if (place || message.id === 0) message.stash = place ? number : ++number;
      return false;
    },

    // everything up to this event is in the store
    durable(n) {
      for (const record of records.values()) {
        if (record.n <= n) {
          record.known = [];
          record.isDurable = record.n;
        } else {
          let first = 0;
          while (first + 1 < record.known.length && record.known[first + 1].n <= n) first++;
          record.known.splice(0, first);
        }
      }
    },

    // what has to be carried, as it is kept in sessionStorage
    snapshot() {
      const start = performance.now();
      const values = [];
      const unbound = []; // by element id: the server has not said what is bound before it went away
      let size = 0;
      const add = (f, v, known, to = values) => {
        size += v.length + 20 * known.length;
        if (size <= MOST_CHARACTERS) to.push({ f, v, known: [...new Set(known)] });
        else console.warn("nicegui_stash: too much was entered to be carried over");
      };
      for (const [address, entry] of carried) {
        if (records.has(address)) continue;
        const sent = entry.sent === undefined ? [] : [digest(JSON.parse(entry.sent), entry.numeric)];
        add(address, entry.v, [...entry.known, ...sent]);
      }
      for (const [address, record] of records) {
        if (record.isDurable === record.n || !raw()[record.place.id]) continue;
        const numeric = raw()[record.place.id].props.type === "number";
        const left = record.known.filter((entry) => entry.waits !== connects); // nobody else knows of the others
        const digests = left.map((entry) => entry.digest ?? digest(valueOf(entry), numeric));
        if (unplaced.has(record.place.id)) add(record.place.id, jsonOf(record), digests, unbound);
        else add(address, jsonOf(record), digests);
      }
      const found = { seal: stash.seal, values, focus: stash.focus.find(bound) };
      if (unbound.length) found.unknown = { page: pageDigest(), values: unbound };
      performance.measure("nicegui_stash: carry over", { start });
      return found;
    },

    // what the document before has carried
    take(found) {
      if (!found || typeof found !== "object") return;
      if (typeof found.seal === "string") stash.seal = found.seal;
      stash.focus.take(found.focus);
      unknown = Array.isArray(found.unknown?.values) ? found.unknown : null;
      for (const { f, v, known } of Array.isArray(found.values) ? found.values : []) {
        if (typeof f === "string" && typeof v === "string" && Array.isArray(known)) carried.set(f, { v, known });
      }
    },

    // hand it to the server, which answers with `settle`
    send() {
      for (const callback of early.splice(0)) callback();
      const values = [];
      for (const [f, entry] of carried) {
        entry.sent = entry.v;
        entry.held = false;
        entry.numeric = raw()[entry.place?.id]?.props.type === "number";
        values.push({ f, v: entry.v, known: entry.known });
      }
      if (!values.length) return;
      emitEvent(EVENT, { typed: { seal: stash.seal, values } });
      setTimeout(() => stash.typed.settle(Object.fromEntries([...carried.keys()].map((f) => [f, "free"]))), PATIENCE_MS);
    },

    settle(verdicts) {
      for (const [address, entry] of [...carried]) {
        const verdict = verdicts ? verdicts[address] : "rejected";
        if (!verdict) continue;
        carried.delete(address);
        if (records.has(address)) continue; // what was entered since counts
        if (verdict === "merged" && entry.place) {
          const known = [...entry.known.map((each) => ({ n: 0, digest: each }))];
          const doc = documentOf(entry.place.id);
          const record = { place: entry.place, known, before: shown(entry.place), n: number, json: entry.sent, doc };
          records.set(address, record);
          if (entry.held) release(entry, JSON.parse(entry.sent));
        } else if (verdict === "free") {
          release(entry, entry.shown ?? "");
        } else if (entry.over && entry.over === raw()[entry.place.id] && !entry.held) {
          elements()[entry.place.id].props[entry.place.prop] = entry.shown; // what the server has shown before
        }
      }
    },
  };
  if (stash.reason !== "rejoin") stash.seal ??= seal; // a rejoin has one, for the visit that it continues
  stash.typed.take(stash.found);
})();
