// Remembers what was entered into each element, and what the element showed before, until it is durable.
(() => {
  const VALUE_PROPS = ["model-value", "value", "selected"];
  const MOST_KNOWN = 512;
  const MOST_REMEMBERED = 4000000; // characters of one element's earlier values
  const stash = window.__niceguiStash;
  if (!stash || stash.entered) return;

  const bound = {}; // key -> {key, id, address, listener, prop}; the key is the element's id, or `id:selected`
  const unplaced = new Map(); // key -> a place without a field, until the server has sent the bound elements
  const records = new Map(); // address -> the entered value that is not known to be durable
  let hasAddresses = false; // whether the server has sent the bound elements
  let number = 0; // of the last event numbered for the server
  let connects = 0; // an event that is sent while disconnected waits for the next

  const raw = () => Vue.toRaw(mounted_app?.elements ?? {}); // reading it is not tracked by Vue
  const documentOf = (id) => getElement(id)?.editor?.state?.doc; // of a code editor, whose events are only differences

  const here = () => location.pathname + location.search; // the address of the page
  const textOf = (id) => documentOf(id)?.toString();
  // the event of a code editor that replaces its text as a whole
  const wholeText = (from, text) =>
    JSON.stringify({ sections: [from.length, text.length], inserted: [text.split("\n")] });

  const shown = (place) => {
    const props = raw()[place.id]?.props ?? {};
    const value = props[place.prop];
    // NiceGUI keeps the arguments of the last event of such an element, an array of one
    return props.loopback === false && Array.isArray(value) && value.length === 1 ? value[0] : value;
  };
  const propOf = ({ type }) => {
    if (!type.startsWith("update:")) return null;
    return type === "update:modelValue" ? "model-value" : type.slice(7);
  };
  const learn = (place) => {
    if (place.listener) return;
    const fits = (prop) => (place.prop ? prop === place.prop : prop && prop !== "selected");
    const event = raw()[place.id]?.events.find((each) => fits(propOf(each)));
    if (!event) return;
    place.listener = event.listener_id;
    place.prop = propOf(event);
  };
  const keyOf = (id, prop) => (prop === "selected" ? `${id}:selected` : String(id));
  // any element with a value may turn out to be bound: until then, its input is remembered by its id
  const unplacedOf = ({ id, listener_id, args }) => {
    if (hasAddresses || id === 0 || typeof args?.[0] !== "string") return null;
    const event = raw()[id]?.events.find((each) => each.listener_id === listener_id);
    const prop = event && propOf(event);
    const key = keyOf(id, prop);
    if (!VALUE_PROPS.includes(prop) || bound[key]) return null;
    const place = unplaced.get(key) ?? { key, id, address: `#${key}`, prop: prop === "selected" ? prop : undefined };
    learn(place);
    if (place.listener !== listener_id) return null;
    unplaced.set(key, place);
    return place;
  };
  const jsonOf = (record) =>
    record.doc ? JSON.stringify((documentOf(record.place.id) ?? record.doc).toString()) : record.json;
  const valueOf = (entry) => (typeof entry.json === "string" ? JSON.parse(entry.json) : entry.value);
  const digestsOf = (entry, numeric) => {
    if (entry.digest) return [entry.digest];
    return stash.digests(entry.doc ? entry.doc.toString() : valueOf(entry), numeric);
  };
  const isSame = (one, other) => stash.digest(one) === stash.digest(other);
  const without = (items, others) => {
    const left = others.map((each) => stash.digest(each));
    return items.filter((each) => {
      const at = left.indexOf(stash.digest(each));
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
  };

  stash.entered = {
    bound,
    raw,
    documentOf,
    textOf,
    wholeText,
    shown,
    propOf,
    learn,

    here,

    has: (address) => records.has(address),

    // how many elements have a value that is not known to be durable
    get pending() {
      return [...records.values()].filter((record) => record.isDurable !== record.n).length;
    },

    // the place of an event that is about to be sent, if the event is about an element's value
    placeOf(message) {
      for (const key of [keyOf(message.id), keyOf(message.id, "selected")]) {
        const place = bound[key];
        if (place) learn(place);
        if (place?.listener === message.listener_id) return place;
      }
      return unplacedOf(message);
    },

    // the server has reported bound elements: each takes over what was entered into it, or into its predecessor
    place(addresses) {
      const moved = []; // among others that move, as rows do
      for (const [key, address] of Object.entries(addresses)) {
        const from = (unplaced.get(key) ?? bound[key])?.address;
        const record = from && from !== address && records.get(from);
        if (record) moved.push([address, record]);
        if (record) records.delete(from);
      }
      for (const [address, record] of moved) records.set(address, record);
      return Object.entries(addresses).map(([key, address]) => {
        const [id, prop] = key.split(":");
        const place = unplaced.get(key) ?? { key, id: Number(id), prop };
        unplaced.delete(key);
        bound[key] = Object.assign(place, { address });
        if (records.has(address)) records.get(address).place = place;
        return place;
      });
    },

    // the server has sent the bound elements: drop what was entered into others
    dropUnplaced() {
      hasAddresses = true;
      for (const place of unplaced.values()) records.delete(place.address);
      unplaced.clear();
    },

    // another client begins with what it sends
    begin() {
      records.clear();
      unplaced.clear();
      for (const key of Object.keys(bound)) delete bound[key];
      hasAddresses = false;
      number = 0;
    },

    // waiting events are sent now
    connected() {
      connects++;
    },

    // the value that the server has: what was sent last, unless the server has sent another since
    lastSent(place) {
      const [record, now] = [records.get(place.address), shown(place)];
      if (record?.doc) return record.doc.toString();
      return typeof record?.json === "string" && record.n !== Infinity && record.before === now ? JSON.parse(record.json) : now;
    },

    // Several items of which the person changed some while the element did not show yet what was sent last: the same
    // change of that. An element whose server shows what it has itself gets no such event.
    complete(place, json) {
      const record = records.get(place.address);
      if (json?.[0] !== "[" || !record || record.doc || record.n === Infinity || record.isDurable === record.n) return json;
      const [last, before, now] = [JSON.parse(record.json), shown(place), JSON.parse(json)];
      if (![last, before].every(Array.isArray) || isSame(before, last)) return json;
      if (record.before !== before && !record.known.some((entry) => isSame(valueOf(entry), before))) return json;
      const left = without(last, without(before, now));
      const added = without(now, before);
      const isRepeated = raw()[place.id].props["new-value-mode"] === "add";
      return JSON.stringify([...left, ...(isRepeated ? added : without(added, left))]);
    },

    // the number for the next event that is sent
    count: () => ++number,
    get number() {
      return number;
    },

    // the server has changed the page's address: what was entered at the old one was entered at the new one
    moved(before, now) {
      for (const record of records.values()) if (record.at === before) record.at = now;
    },

    // n: the number of the event; Infinity if it is not with the socket yet
    remember(place, json, n) {
      let record = records.get(place.address);
      const before = shown(place);
      if (!record) {
        record = { place, known: [{ n: 0, value: before }], before, n: 0, json: null };
        records.set(place.address, record);
      } else if (record.n !== n) {
        const sent = Math.min(record.n, number);
        const isNew = record.before !== before && (typeof before !== "string" || JSON.stringify(before) !== record.json);
        if (record.n !== Infinity) record.known.push({ n: sent, json: record.json, doc: record.doc, waits: record.waits });
        if (isNew) record.known.push({ n: sent, value: before }); // a value from the server
        const limit = Math.min(MOST_KNOWN, Math.max(8, MOST_REMEMBERED / (json.length + 1)));
        if (record.known.length > limit) record.known.splice(limit >> 1, 1); // a put has taken one of the first or last
      }
      const waits = window.socket.connected ? null : connects;
      Object.assign(record, { place, before, json, n, waits, at: here(), doc: documentOf(place.id) });
    },

    // remember a value of the document before that the server has taken, and its known digests
    adopt(place, { sent: json, known: digests, at }, { refused }) {
      const known = digests.map((digest) => ({ n: Infinity, digest })); // until something later is durable
      const n = refused ? Infinity : number;
      records.set(place.address, { place, known, before: shown(place), n, json, at, doc: documentOf(place.id) });
    },

    // a newer value was entered before the carried one was placed: the carried one becomes its history
    precede(place, json, digests) {
      const known = digests.map((digest) => ({ n: 0, digest }));
      records.get(place.address).known.unshift({ n: 0, json }, ...known);
    },

    // what was entered is overruled by a newer value
    forget(place) {
      records.delete(place.address);
    },

    // a value that the server does not have is wanted no more
    forgetRefused(address) {
      if (records.get(address)?.n === Infinity) records.delete(address);
    },

    // everything up to this event is durable, except what these elements show: their fields have refused it
    durable(n, refused = []) {
      for (const [address, record] of records) {
        if (refused.includes(address)) continue;
        if (record.n <= n) {
          record.known = [];
          record.isDurable = record.n;
        } else {
          const last = record.known.findLastIndex((entry) => entry.n <= n);
          if (last > 0) record.known.splice(0, last);
        }
      }
    },

    // call back with address or key, value, history, number and record of each value that is not known to be durable;
    // the number is null if the value was not sent yet; a sent one may be lost if the connection broke
    each(report) {
      for (const [address, record] of records) {
        const element = raw()[record.place.id];
        if (record.isDurable === record.n || !element) continue;
        const left = record.known.filter((entry) => entry.waits !== connects); // values that still wait are known here only
        const digests = left.flatMap((entry) => digestsOf(entry, element.props.type === "number"));
        const n = record.waits !== connects && record.n !== Infinity ? record.n : null;
        report(unplaced.has(record.place.key) ? record.place.key : address, jsonOf(record), digests, n, record);
      }
    },
  };
})();
