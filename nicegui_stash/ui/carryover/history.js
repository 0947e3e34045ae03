// Remembers what was entered into each element, and what the element showed before, until it is durable.
(() => {
  const VALUE_PROPS = ["model-value", "value"];
  const MOST_KNOWN = 512;
  const MOST_REMEMBERED = 4000000; // characters of one element's earlier values
  const stash = window.__niceguiStash;
  if (!stash || stash.entered) return;

  const bound = {}; // element id -> {id, address, listener, prop}
  const unplaced = new Map(); // element id -> a place without a field, until the server has sent the bound elements
  const records = new Map(); // address -> the entered value that is not known to be durable
  let hasAddresses = false; // whether the server has sent the bound elements
  let number = 0; // of the last event numbered for the server
  let connects = 0; // an event that is sent while disconnected waits for the next

  const raw = () => Vue.toRaw(mounted_app?.elements ?? {}); // reading it is not tracked by Vue
  const documentOf = (id) => getElement(id)?.editor?.state?.doc; // of a code editor, whose events are only differences

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
  // any element with a value may turn out to be bound: until then, its input is remembered by its id
  const unplacedOf = ({ id, args }) => {
    if (hasAddresses || id === 0 || typeof args?.[0] !== "string") return null;
    const place = unplaced.get(id) ?? { id, address: `#${id}` };
    learn(place);
    if (!VALUE_PROPS.includes(place.prop)) return null;
    unplaced.set(id, place);
    return place;
  };
  const jsonOf = (record) =>
    record.doc ? JSON.stringify((documentOf(record.place.id) ?? record.doc).toString()) : record.json;
  const digestOf = (entry, numeric) => {
    if (entry.digest) return entry.digest;
    if (entry.doc) return stash.digest(entry.doc.toString(), numeric);
    return stash.digest(typeof entry.json === "string" ? JSON.parse(entry.json) : entry.value, numeric);
  };

  stash.entered = {
    bound,
    raw,
    documentOf,
    shown,
    learn,

    has: (address) => records.has(address),

    // how many elements have a value that is not known to be durable
    get pending() {
      return [...records.values()].filter((record) => record.isDurable !== record.n).length;
    },

    // the place of an event that is about to be sent, if the event is about an element's value
    placeOf(message) {
      const place = bound[message.id] ?? unplacedOf(message);
      if (place) learn(place);
      return place?.listener === message.listener_id ? place : null;
    },

    // the server has reported a bound element: it takes over what was entered into it, or into its predecessor
    placeAt(id, address) {
      const place = unplaced.get(id) ?? { id };
      const record = records.get(place.address) ?? records.get(address);
      if (record) {
        records.delete(place.address);
        records.set(address, record);
        record.place = place;
      }
      unplaced.delete(id);
      return (bound[id] = Object.assign(place, { address }));
    },

    // the server has sent the bound elements: drop what was entered into others
    dropUnplaced() {
      hasAddresses = true;
      for (const place of unplaced.values()) records.delete(place.address);
      unplaced.clear();
    },

    // waiting events are sent now
    connected() {
      connects++;
    },

    // the number for the next event that is sent
    count: () => ++number,
    get number() {
      return number;
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
      Object.assign(record, { place, before, json, n, waits, doc: documentOf(place.id) });
    },

    // remember a value of the document before that the server has taken, and its known digests
    adopt(place, json, digests, { refused }) {
      const known = digests.map((digest) => ({ n: Infinity, digest })); // until something later is durable
      const n = refused ? Infinity : number;
      records.set(place.address, { place, known, before: shown(place), n, json, doc: documentOf(place.id) });
    },

    // a newer value was entered before the carried one was placed: the carried one becomes its history
    precede(place, json, digests) {
      const known = digests.map((digest) => ({ n: 0, digest }));
      records.get(place.address).known.unshift({ n: 0, json }, ...known);
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

    // call back with address or element id, value, history and number of each value that is not known to be durable;
    // the number is null if the value was not sent yet; a sent one may be lost if the connection broke
    each(report) {
      for (const [address, record] of records) {
        const element = raw()[record.place.id];
        if (record.isDurable === record.n || !element) continue;
        const left = record.known.filter((entry) => entry.waits !== connects); // values that still wait are known here only
        const digests = left.map((entry) => digestOf(entry, element.props.type === "number"));
        const n = record.waits !== connects && record.n !== Infinity ? record.n : null;
        report(unplaced.has(record.place.id) ? record.place.id : address, jsonOf(record), digests, n);
      }
    },
  };
})();
