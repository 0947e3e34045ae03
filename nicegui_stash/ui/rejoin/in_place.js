// Brings the page back within its document where NiceGUI would reload it: the server's new elements replace the old
// ones in the mounted app, and the same socket connects as their client. Any doubt reloads.
(() => {
  const MEDIA_TYPE = "application/vnd.nicegui-stash+json";
  const HEADER = "X-NiceGUI-Stash";
  const MOST_CHARACTERS = 10000000;
  const MOST_TIMES = 3; // in a row, without a connection
  const SOON_MS = 250;
  const SOON_FOR_MS = 10000;
  const LATEST_MS = 5000;
  const PATIENCE_MS = 20000;
  // NiceGUI's components that show whatever props they are given, as Quasar's do; others are kept with equal props only
  const SHOWING = ["audio", "dialog", "expansion", "header", "image", "input", "link", "log", "select", "sub_pages"]
    .concat(["table", "timer", "video"])
    .map((name) => `nicegui-${name}`);
  const VIEWS = ["nicegui-dialog", "nicegui-expansion", "q-menu"]; // what the page shows counts, whoever opened it
  // props that say nothing about which element it is
  const CHANGING = ["aria-invalid", "disable", "error", "error-message", "loading", "readonly", "rows", "title"];
  const stash = window.__niceguiStash;
  const { page } = document.currentScript?.dataset ?? {};
  if (!stash || stash.inPlace || !/[1-9a-f]/.test(page ?? "")) return;

  const back = new URL("back", document.currentScript.src).href;
  const touched = new Map(); // `id prop` -> the last value that a person set there; base: what the server had before
  let renamed = new Map(); // a listener that is gone -> the one in its place, or null
  let lately = new Map(); // those of the last return: events may wait for it within a throttle
  let unsent = []; // keys of touched: what the new client does not know yet
  let returning = false;
  let times = 0;
  let timer = null;
  let began = 0;
  let nudged = 0;

  class Doubt extends Error {}
  class Away extends Error {}

  const { raw, textOf, wholeText } = stash.entered;
  const same = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
  const propOf = ({ type }) => {
    if (!type.startsWith("update:")) return null;
    return type === "update:modelValue" ? "model-value" : type.slice(7);
  };
  const reload = (why) => {
    console.log(`nicegui_stash: reloading, because ${why}`);
    stash.mark("rejoin", { last: true });
    location.reload();
  };

  // ---- which elements stay

  // what an element shows, of the props that events change
  const shownIn = (id, element, prop) => {
    const text = prop === "value" ? textOf(id) : undefined;
    if (text !== undefined) return text;
    const entry = touched.get(`${id} ${prop}`);
    return entry && !("shown" in entry) && element.props.loopback !== true ? entry.value : element.props[prop];
  };
  // whether what an element shows is going to be the server's: it is sent, or carried over
  const isOwn = (id, prop) => {
    const place = stash.entered.bound[id];
    return place ? stash.entered.has(place.address) : touched.has(`${id} ${prop}`);
  };
  const isSameElement = (id, old, fresh) => {
    if (old.tag !== fresh.tag) return false;
    const changing = fresh.events.map(propOf).filter(Boolean);
    if (!same(old.events.map(propOf).filter(Boolean), changing)) return false;
    const names = new Set([...Object.keys(old.props), ...Object.keys(fresh.props)]);
    if (fresh.tag.startsWith("nicegui-") && !SHOWING.includes(fresh.tag)) {
      // its script talks to the server when it is made
      if (fresh.events.some((event) => event.type === "init")) return false;
      return [...names].every((name) => {
        if (changing.includes(name) && same(shownIn(id, old, name), fresh.props[name])) return true;
        if (!changing.includes(name)) return same(old.props[name], fresh.props[name]);
        const before = touched.get(`${id} ${name}`) ?? { base: old.props[name] };
        return same(before.base, fresh.props[name]) && isOwn(id, name);
      });
    }
    if (!changing.length) return true;
    return [...names].every(
      (name) => changing.includes(name) || CHANGING.includes(name) || same(old.props[name], fresh.props[name]),
    );
  };
  // id -> whether what a person set in the element belongs to the new one: nothing before it has come or gone
  const staying = (old, fresh) => {
    const kept = new Map();
    const walk = (id, isAligned) => {
      if (!old[id] || !fresh[id] || !isSameElement(id, old[id], fresh[id])) return;
      kept.set(id, isAligned);
      for (const [name, slot] of Object.entries(fresh[id].slots)) {
        const before = old[id].slots[name]?.ids ?? [];
        const areSame = same(before, slot.ids) && same(old[id].slots[name]?.template, slot.template);
        slot.ids.forEach((child, index) => {
          // notifications and dialogs come and go at the end of the layout
          if (before.includes(child)) walk(child, isAligned && (areSame || (id === 0 && before[index] === child)));
        });
      }
    };
    walk(0, true);
    return kept;
  };
  const isWholeWithin = (id, old, kept) =>
    kept.get(id) &&
    Object.values(old[id].slots).every(({ ids }) => ids.every((child) => isWholeWithin(child, old, kept)));

  // events wait within throttles, or for a handshake, with the listener of the client that is gone
  const rename = (old, fresh, kept) => {
    const direct = new Map();
    for (const [id, { events }] of Object.entries(old)) {
      const left = kept.has(Number(id)) ? [...fresh[id].events] : [];
      for (const { type, listener_id } of events) {
        const index = left.findIndex((event) => event.type === type);
        direct.set(listener_id, index < 0 ? null : left.splice(index, 1)[0].listener_id);
      }
    }
    renamed = new Map([...lately].map(([from, to]) => [from, direct.get(to) ?? null]).concat([...direct]));
    lately = direct;
  };

  // ---- what only the browser knows

  const note = ({ id, listener_id, args }) => {
    const event = raw()[id]?.events.find((each) => each.listener_id === listener_id);
    const prop = event && propOf(event);
    if (!prop || typeof args?.[0] !== "string") return;
    const key = `${id} ${prop}`;
    const { base, awaits } = touched.get(key) ?? { base: raw()[id].props[prop], awaits: 0 };
    touched.set(key, { id, prop, type: event.type, args, value: JSON.parse(args[0]), base, awaits: awaits + 1 });
    unsent = unsent.filter((each) => each !== key); // this event says it
  };
  // the server sends elements: another value than that of the person counts, but for the answer to it
  const heard = (elements) => {
    for (const [key, entry] of touched) {
      if (!(entry.id in elements)) continue;
      const element = elements[entry.id];
      const value = element?.props?.[entry.prop];
      const isLast = element?.preserved_props?.includes(entry.prop) || same(value, entry.value);
      if (element && (isLast || entry.awaits > 0 || same(value, entry.shown))) {
        Object.assign(entry, { awaits: isLast ? 0 : Math.max(0, entry.awaits - 1), shown: value, base: value });
      } else {
        touched.delete(key);
      }
    }
  };
  // let the new elements show what a person set in the old ones, and send it once they are connected
  const keepValues = (old, fresh, kept, isBound) => {
    unsent = [];
    for (const [id, isAligned] of kept) {
      const element = VIEWS.includes(fresh[id].tag) && isAligned ? fresh[id] : null;
      const value = old[id].props["model-value"];
      const event = element?.events.find((each) => propOf(each) === "model-value");
      const key = `${id} model-value`;
      if (!event || same(value, element.props["model-value"]) || !isWholeWithin(id, old, kept)) continue;
      const args = [JSON.stringify(value)];
      touched.set(key, { id, prop: "model-value", type: event.type, args, value, shown: value, awaits: 0 });
    }
    for (const [key, entry] of touched) {
      const { id, prop } = entry;
      if (!kept.get(id) || isBound(id, prop)) {
        touched.delete(key);
        continue;
      }
      const text = textOf(id);
      const base = fresh[id].props[prop];
      const value = text ?? ("shown" in entry ? entry.shown : entry.value);
      if (same(value, base)) continue;
      if (text !== undefined) entry.args = [wholeText(base ?? "", text)];
      const isShown = "shown" in entry || fresh[id].props.loopback !== true;
      if (isShown) fresh[id].props[prop] = value;
      Object.assign(entry, { base, awaits: 1 });
      unsent.push(key);
    }
  };

  // ---- the way back

  const ask = async () => {
    const claim = `${page} ${TAB_ID} ${stash.seal}`;
    let response;
    try {
      response = await fetch(location.href, {
        headers: { Accept: "text/html", [HEADER]: claim },
        cache: "no-store",
        redirect: "manual",
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
    } catch (error) {
      throw new Away(error.message);
    }
    if ([502, 503, 504].includes(response.status)) throw new Away(`status ${response.status}`);
    const isOurs = response.headers.get("Content-Type")?.startsWith(MEDIA_TYPE);
    if (response.type !== "basic" || response.redirected || response.status !== 200 || !isOurs) {
      throw new Doubt("the answer is no page that can be shown here");
    }
    const text = await response.text().catch((error) => {
      throw new Away(error.message);
    });
    if (text.length > MOST_CHARACTERS) throw new Doubt("the answer is too large");
    const answer = JSON.parse(text);
    if (answer.reload) throw new Doubt(answer.reload);
    return answer;
  };

  const load = async ({ imports, components }) => {
    const map = JSON.parse(document.querySelector("script[type=importmap]").textContent).imports;
    for (const [name, address] of Object.entries(imports)) {
      if (map[name] !== address) throw new Doubt("it needs other libraries");
    }
    for (const [tag, address] of Object.entries(components)) {
      if (!app.component(tag)) app.component(tag, (await import(address)).default);
    }
  };

  const exchange = async (answer) => {
    const fresh = parseElements(answer.elements);
    for (const element of Object.values(fresh)) replaceUndefinedAttributes(element);
    const socket = window.socket;
    const { elements } = mounted_app;
    const old = raw();

    socket.disconnect();
    const found = stash.typed.snapshot();
    const boundKeys = new Set([...Object.keys(stash.entered.bound), ...Object.keys(answer.bound)]);
    const kept = staying(old, fresh);
    rename(old, fresh, kept);
    keepValues(old, fresh, kept, (id, prop) => boundKeys.has(prop === "selected" ? `${id}:selected` : String(id)));
    Object.assign(window, {
      clientId: answer.client,
      documentId: createRandomUUID(),
      nextMessageId: answer.next,
      ackedMessageId: -1,
      did_handshake: false,
    });
    Object.assign(socket.io.opts.query, {
      client_id: answer.client,
      document_id: window.documentId,
      next_message_id: answer.next,
      implicit_handshake: true,
      old_tab_id: null,
    });
    document.title = answer.title;
    stash.begin();
    stash.address?.begin();
    stash.browser?.begin();
    stash.typed.begin(found);

    // microtasks only: no event comes in between, and nothing is laid out
    for (const id of Object.keys(old)) if (!kept.has(Number(id))) delete elements[id];
    await mounted_app.$nextTick();
    for (const [id, element] of Object.entries(fresh)) elements[id] = element;
    stash.typed.place(answer.bound);
    await mounted_app.$nextTick();

    Object.assign(socket, { sendBuffer: [], receiveBuffer: [] }); // entered values are carried over
    socket.connect();
  };

  const comeBack = async () => {
    if (returning) return;
    returning = true;
    clearTimeout(timer);
    try {
      if (times++ >= MOST_TIMES) throw new Doubt("it came back in vain");
      const answer = await ask();
      await load(answer);
      await exchange(answer);
      returning = false;
      lookSoon();
    } catch (error) {
      returning = false;
      if (error instanceof Away && times < MOST_TIMES) lookSoon();
      else reload(error.message);
    }
  };

  // ---- when to come

  const lookLater = () => {
    clearTimeout(timer);
    const age = Date.now() - began;
    const pause = age < SOON_FOR_MS ? SOON_MS : Math.min(LATEST_MS, SOON_MS + (age - SOON_FOR_MS) / 4);
    timer = setTimeout(look, pause * (0.5 + Math.random()));
  };
  const lookSoon = () => {
    began = Date.now();
    lookLater();
  };
  const look = async () => {
    const client = window.clientId;
    const options = { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) };
    const answer = await fetch(`${back}?client=${client}`, options)
      .then((response) => (response.ok ? response.json() : null))
      .catch(() => null); // the server is away
    if (window.socket.connected || returning || client !== window.clientId) return;
    if (answer?.known === false) {
      clearTimeout(timer);
      timer = setTimeout(comeBack, answer.wait);
      return;
    }
    if (answer?.known && Date.now() - nudged > LATEST_MS) nudge();
    lookLater();
  };
  // connect now, not when the socket's own pause is over
  const nudge = () => {
    const { socket } = window;
    nudged = Date.now();
    socket.io.opts.query.next_message_id = window.nextMessageId;
    socket.disconnect();
    socket.connect();
  };

  stash.inPlace = {
    mount() {
      const { socket } = window;
      socket.on("update", heard); // before NiceGUI's listener shows them
      socket.on("disconnect", () => returning || lookSoon());
      socket.on("connect", () => {
        times = nudged = 0;
        clearTimeout(timer);
      });
    },

    // whether NiceGUI's own listener, which would reload, is not to be called
    takes(event, error) {
      if (event === "connect_error" && error?.message !== "Implicit handshake failed") return false;
      comeBack();
      return true;
    },

    // called with every event that is about to be sent; returns whether it may be
    admits(message) {
      if (renamed.has(message.listener_id)) {
        const listener = renamed.get(message.listener_id);
        if (!listener) return false;
        message.listener_id = listener;
      }
      note(message);
      return true;
    },

    // the new client is connected
    send() {
      for (const key of [...unsent]) {
        const { id, type, args } = touched.get(key) ?? {};
        const event = raw()[id]?.events.find((each) => each.type === type);
        if (!event) continue;
        const message = { id, client_id: window.clientId, listener_id: event.listener_id, args };
        window.socket.emit("event", message);
      }
      unsent = [];
    },
  };
})();
