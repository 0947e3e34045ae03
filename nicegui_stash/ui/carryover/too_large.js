// What is too large to be sent stays on its element, marked as not saved, until it is shortened.
(() => {
  const MOST_SENT = 999900; // characters: NiceGUI's script sends no longer message
  const stash = window.__niceguiStash;
  if (!stash || stash.tooLarge) return;

  const { raw, documentOf, shown, learn } = stash.entered;
  // how an element looks that cannot say that its value is refused; any style of the page's own wins
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(":where(.nicegui-stash-refused) { outline: 2px solid var(--q-negative, #c10015) }");
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  } catch (error) {
    console.warn("nicegui_stash: this browser shows no outline around a refused value", error);
  }
  // key -> {place, base: the value that the server has, text: why it is not saved, isLost: it could not be kept either}
  const held = new Map();
  let mostBytes = Infinity; // of a field's JSON

  const exceeds = ({ isAsStored }, json, message) => {
    if (isAsStored && new TextEncoder().encode(json).length > mostBytes) return true;
    return `42["event",${JSON.stringify(message)}]`.length > MOST_SENT;
  };
  const isValidated = (element) => "error" in element.props; // it shows errors by itself
  const mark = (entry) => {
    const { place, text } = entry;
    const element = mounted_app.elements[place.id];
    if (!element) return;
    if (isValidated(element)) {
      const { error, "error-message": message } = element.props;
      if (entry.marked !== raw()[place.id]) entry.was = { error, "error-message": message };
      Object.assign(element.props, { error: true, "error-message": text });
    } else {
      element.class = [...new Set([...element.class, "nicegui-stash-refused"])];
      Object.assign(element.props, { "aria-invalid": "true", title: text });
    }
    entry.marked = raw()[place.id];
  };
  const unmark = ({ place, marked, was }) => {
    const element = mounted_app.elements[place.id];
    if (!element || marked !== raw()[place.id]) return;
    if (was) {
      Object.assign(element.props, was);
    } else {
      element.class = element.class.filter((each) => each !== "nicegui-stash-refused");
      Object.assign(element.props, { "aria-invalid": undefined, title: undefined });
    }
  };
  const tell = () => {
    const addresses = [...held.values()].map(({ place }) => place.address);
    stash.tell({ kind: "unsent", addresses: addresses.filter((each) => !each.startsWith("#")) });
  };
  const hold = (place, json, base) => {
    const isLost = json === null;
    if (!isLost) stash.entered.remember(place, json, Infinity);
    const entry = held.get(place.key) ?? { base };
    const isNew = !held.has(place.key);
    held.set(place.key, Object.assign(entry, { place, isLost }));
    mark(entry);
    if (isNew) tell();
  };
  const drop = (entry) => {
    held.delete(entry.place.key);
    unmark(entry);
    tell();
  };

  const restore = ({ place, base }) => {
    const element = mounted_app.elements[place.id];
    if (!element) return;
    element.props[place.prop] = base;
    mounted_app.$nextTick(() => {
      const component = getElement(place.id);
      (component?.updateValue ?? component?.setEditorValueFromProps)?.(); // what it shows of its own
    });
  };

  stash.tooLarge = {
    has: (place) => held.has(place?.key),

    begin: () => held.clear(),

    limit(bytes) {
      if (bytes > 0) mostBytes = bytes;
    },

    // an event is about to be sent: returns whether it is held back
    holds(place, message) {
      const doc = documentOf(place.id);
      const entry = held.get(place.key);
      const length = doc ? 2 * doc.length : message.args[0].length;
      if (!entry && 3 * length < Math.min(mostBytes, MOST_SENT - 1000)) return false; // however it is escaped
      const text = doc?.toString();
      if (doc && entry) {
        const whole = { sections: [entry.base.length, text.length], inserted: [text.split("\n")] };
        message.args = [JSON.stringify(whole)]; // the server has none of the differences since
      }
      if (exceeds(place, doc ? JSON.stringify(text) : message.args[0], message)) {
        hold(place, message.args[0], stash.entered.lastSent(place));
        return true;
      }
      if (entry) drop(entry);
      return false;
    },

    // a value of the document before that was too large; null: too large even to be kept, but its element is marked
    restore(place, json) {
      learn(place);
      const element = mounted_app.elements[place.id];
      if (!element || !place.prop || held.has(place.key) || stash.entered.has(place.address)) return;
      hold(place, json, shown(place));
      if (json !== null) element.props[place.prop] = JSON.parse(json);
    },

    // the addresses of elements that are marked although their values are lost
    get lost() {
      return [...held.values()].filter((entry) => entry.isLost).map(({ place }) => place.address);
    },

    // the server sends elements: one that is held keeps its value, unless there is a newer one
    keep(elements) {
      for (const entry of [...held.values()]) {
        const { place, base } = entry;
        if (!(place.id in elements)) continue;
        const sent = elements[place.id];
        const isSame = sent && JSON.stringify(sent.props?.[place.prop] ?? null) === JSON.stringify(base ?? null);
        if (!isSame) {
          stash.entered.forget(place);
          held.delete(place.key);
          tell();
          continue;
        }
        if (!documentOf(place.id)) sent.props[place.prop] = raw()[place.id].props[place.prop];
        mounted_app.$nextTick(() => held.has(place.key) && mark(entry));
      }
    },

    // the server has reported bound elements anew, or has lost what it was told
    again(bound) {
      for (const entry of held.values()) entry.place = bound[entry.place.key] ?? entry.place;
      if (held.size) tell();
    },

    // the server has reset these elements' fields; what was held back or refused of them is wanted no more
    discard(addresses) {
      addresses.forEach(stash.entered.forgetRefused);
      for (const entry of [...held.values()]) {
        if (!addresses.includes(entry.place.address)) continue;
        stash.entered.forget(entry.place);
        drop(entry);
        restore(entry);
      }
    },

    // the server says why, in the page's language
    say(texts) {
      for (const entry of held.values()) {
        entry.text = texts[entry.place.address] ?? entry.text;
        mark(entry);
      }
    },
  };
})();
