// Brings the page back within its document where NiceGUI would reload it: the server's new elements replace the old
// ones in the mounted app, and the same socket connects as their client. Any doubt reloads.
(() => {
  const MEDIA_TYPE = "application/vnd.nicegui-stash+json";
  const MOST_CHARACTERS = 10000000;
  const MOST_TIMES = 3; // in a row, without a connection
  const SOON_MS = 250;
  const LATEST_MS = 5000;
  const PATIENCE_MS = 20000;
  const CALM_MS = 2000; // a connection that is back within it was not lost, as a person sees it
  // NiceGUI's components that show whatever props they are given, as Quasar's do; others are kept with equal props only
  const SHOWING = /^nicegui-(audio|dialog|expansion|header|image|input|link|log|select|sub_pages|table|timer|video)$/;
  const VIEWS = /^(nicegui-dialog|nicegui-expansion|q-menu)$/; // what the page shows counts, whoever opened it
  const MAP = "nicegui-leaflet"; // stays too: it is told its layers again
  // props that say nothing about which element it is
  const CHANGING = /^(aria-invalid|disable|error|error-message|loading|readonly|rows|title)$/;
  const stash = window.__niceguiStash;
  const { page } = document.currentScript?.dataset ?? {};
  if (!stash || stash.inPlace || !/[1-9a-f]/.test(page ?? "") || !AbortSignal.timeout) return;

  const back = new URL("back", document.currentScript.src).href;
  const touched = new Map(); // `id prop` -> the last value that a person set there; base: what the server had before
  const edited = new Set(); // ids of grids in which a person has changed a cell since the server sent them
  const maps = new Map(); // id of a map -> base: where the server put it; args: of the last move; whether it has layers
  let renamed = new Map(); // a listener that is gone -> the one in its place, or null
  let lately = new Map(); // those of the last return: events may wait for it within a throttle
  let unsent = new Set(); // keys of touched: what the new client does not know yet
  let returning = false;
  let isDue = false; // the server has said when to come
  let times = 0;
  let timer;
  let calm;
  let began = 0;
  let turn = 0; // when the page is to look for the next server, if its own has said that it ends

  const { raw, textOf, wholeText, propOf } = stash.entered;
  const same = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
  const popup = () => document.getElementById("popup");
  const doubt = (why) => {
    throw Error(why);
  };

  // ---- which elements stay

  const entryOf = (id, prop) => touched.get(`${id} ${prop}`);
  // what an element shows, of the props that events change
  const shownIn = (id, { props }, prop) => {
    const entry = entryOf(id, prop);
    const isSet = entry && !("shown" in entry) && props.loopback !== true;
    return (prop === "value" ? textOf(id) : undefined) ?? (isSet ? entry.value : props[prop]);
  };
  // whether what an element shows is going to be the server's: it is sent, or carried over
  const isOwn = (id, prop) => {
    const place = stash.entered.bound[id];
    return place ? stash.entered.has(place.address) : entryOf(id, prop);
  };
  const isSameElement = (id, old, fresh) => {
    const changed = ({ events }) => events.map(propOf).filter(Boolean);
    const changing = changed(fresh);
    if (edited.has(id) || old.tag !== fresh.tag || !same(changed(old), changing)) return false;
    const isShowing = !fresh.tag.startsWith("nicegui-") || SHOWING.test(fresh.tag);
    if (isShowing && !changing.length) return true;
    if (old.tag === MAP) {
      const [before, now] = [old, fresh].map(({ props: { center, zoom, ...others } }) => [others, [center, zoom]]);
      return same(before[0], now[0]) && [before[1], maps.get(id)?.base].some((place) => same(place, now[1]));
    }
    // its script talks to the server when it is made
    if (!isShowing && fresh.events.some(({ type }) => type === "init")) return false;
    return Object.keys({ ...old.props, ...fresh.props }).every((name) => {
      const [before, now] = [old.props[name], fresh.props[name]];
      if (!changing.includes(name)) return (isShowing && CHANGING.test(name)) || same(before, now);
      if (isShowing || same(shownIn(id, old, name), now)) return true;
      const { base } = entryOf(id, name) ?? { base: before };
      return same(base, now) && isOwn(id, name);
    });
  };
  // id -> whether what a person set in the element belongs to the new one: nothing before it has come or gone
  const staying = (old, fresh) => {
    const kept = new Map();
    const walk = (id, isAligned) => {
      if (!old[id] || !fresh[id] || !isSameElement(id, old[id], fresh[id])) return;
      if (old[id].tag === MAP && !isAligned) return;
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
  const isWhole = (id, old, kept) =>
    kept.get(id) && Object.values(old[id].slots).every(({ ids }) => ids.every((child) => isWhole(child, old, kept)));

  // whether an element that goes has changed the document, and no other takes its place
  const isAround = ({ tag }, fresh) =>
    tag === "nicegui-query" || (/^nicegui-(colors|dark_mode)$/.test(tag) && fresh?.tag !== tag);

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
    renamed = new Map([...[...lately].map(([from, to]) => [from, direct.get(to) ?? null]), ...direct]);
    lately = direct;
  };

  // ---- what only the browser knows

  const note = ({ id, listener_id, args }) => {
    const event = raw()[id]?.events.find((each) => each.listener_id === listener_id);
    const prop = event && propOf(event);
    if (event?.type === "cellValueChanged") edited.add(id);
    if (event && raw()[id].tag === MAP) {
      const { center, zoom } = raw()[id].props;
      const map = maps.get(id) ?? { base: [center, zoom] };
      if (event.type === "init") map.hasLayers = true;
      if (event.type === "mapMoveend") map.args = args;
      maps.set(id, map);
    }
    if (!prop || typeof args?.[0] !== "string") return;
    const key = `${id} ${prop}`;
    const { base, awaits } = touched.get(key) ?? { base: raw()[id].props[prop], awaits: 0 };
    touched.set(key, { id, prop, args, value: JSON.parse(args[0]), base, awaits: awaits + 1 });
    unsent.delete(key); // this event says it
  };
  // the server sends elements: another value than that of the person counts, but for the answer to it
  const heard = (elements) => {
    for (const id of Object.keys(elements)) edited.delete(Number(id));
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
    unsent = new Set();
    edited.clear();
    for (const [id, map] of maps) {
      const { center, zoom } = fresh[id]?.props ?? {};
      if (kept.has(id)) Object.assign(map, { base: [center, zoom], isNew: map.hasLayers });
      else maps.delete(id);
    }
    for (const [id, isAligned] of kept) {
      const { tag, events, props } = fresh[id];
      const [prop, value] = ["model-value", old[id].props["model-value"]];
      if (!isAligned || !VIEWS.test(tag) || same(value, props[prop]) || !isWhole(id, old, kept)) continue;
      if (events.some((each) => propOf(each) === prop)) {
        touched.set(`${id} ${prop}`, { id, prop, args: [JSON.stringify(value)], value, shown: value, awaits: 0 });
      }
    }
    for (const [key, entry] of touched) {
      const { id, prop } = entry;
      if (!kept.get(id) || isBound(id, prop)) {
        touched.delete(key);
        continue;
      }
      const { props } = fresh[id];
      const [text, base] = [textOf(id), props[prop]];
      const value = text ?? ("shown" in entry ? entry.shown : entry.value);
      if (same(value, base)) continue;
      if (text !== undefined) entry.args = [wholeText(base ?? "", text)];
      if ("shown" in entry || props.loopback !== true) props[prop] = value;
      Object.assign(entry, { base, awaits: 1 });
      unsent.add(key);
    }
  };

  // ---- the way back

  // returns nothing if the server is away
  const reach = (address, options) =>
    fetch(address, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS), ...options }).catch(() => null);
  const ask = async () => {
    const headers = { Accept: "text/html", "X-NiceGUI-Stash": `${page} ${TAB_ID} ${stash.seal}` };
    const response = await reach(location.href, { headers, redirect: "manual" });
    if (!response || [502, 503, 504].includes(response.status)) return null;
    const isOurs = response.headers.get("Content-Type")?.startsWith(MEDIA_TYPE);
    // a service worker may have taken it from elsewhere
    if (response.type !== "basic" || response.redirected || !response.ok || !isOurs) doubt("the answer is no page");
    const text = await response.text().catch(() => "null");
    if (text.length > MOST_CHARACTERS) doubt("the answer is too large");
    const answer = JSON.parse(text);
    if (answer?.reload) doubt(answer.reload);
    return answer;
  };

  const load = async ({ imports, components }) => {
    const map = JSON.parse(document.querySelector("script[type=importmap]").textContent).imports;
    const missing = Object.entries(components).filter(([tag]) => !app.component(tag));
    for (const [name, address] of Object.entries(imports)) {
      // what other pages have loaded since does not matter to components that are here
      if (map[name] ? map[name] !== address : missing.length) doubt("it needs other libraries");
    }
    for (const [tag, address] of missing) app.component(tag, (await import(address)).default);
  };

  const exchange = async (answer) => {
    const fresh = parseElements(answer.elements);
    Object.values(fresh).forEach(replaceUndefinedAttributes);
    const { socket } = window;
    const { elements } = mounted_app;
    const old = raw();

    socket.disconnect();
    window.did_handshake = true; // so that what waits for it is noted
    stash.typed.hurry();
    const found = stash.typed.snapshot();
    const keys = { ...stash.entered.bound, ...answer.bound };
    const kept = staying(old, fresh);
    const gone = Object.keys(old).filter((id) => !kept.has(Number(id)));
    if (gone.some((id) => isAround(old[id], fresh[id]))) doubt("it looks otherwise");
    rename(old, fresh, kept);
    // NiceGUI's props lack what was typed: with the same prop again, an element would go on showing that
    for (const { id, prop } of touched.values()) {
      if (kept.has(id)) elements[id].props[prop] = shownIn(id, old[id], prop);
    }
    keepValues(old, fresh, kept, (id, prop) => (prop === "selected" ? `${id}:selected` : id) in keys);
    const { client, next, title, bound } = answer;
    const documentId = createRandomUUID();
    Object.assign(window, {
      clientId: client,
      documentId,
      nextMessageId: next,
      ackedMessageId: -1,
      did_handshake: false,
    });
    const query = { client_id: client, document_id: documentId, next_message_id: next, implicit_handshake: true };
    Object.assign(socket.io.opts.query, query, { old_tab_id: null });
    document.title = title;
    stash.begin();
    stash.address?.begin();
    stash.browser?.begin();
    stash.typed.begin(found);

    // microtasks only: no event comes in between, and nothing is laid out
    for (const id of gone) {
      if (old[id].tag === "nicegui-notification") getElement(id)?.dismiss();
      delete elements[id];
    }
    await mounted_app.$nextTick();
    Object.assign(elements, fresh);
    stash.typed.place(bound);
    await mounted_app.$nextTick();

    Object.assign(socket, { sendBuffer: [], receiveBuffer: [] }); // entered values are carried over
    socket.connect();
  };

  const comeBack = async () => {
    if (returning) return;
    returning = true;
    isDue = false;
    clearTimeout(timer);
    try {
      if (times++ >= MOST_TIMES) doubt("it came back in vain"); // the server has answered just now
      stash.address?.finish();
      const { href } = location;
      const answer = await ask();
      if (answer) {
        await load(answer);
        if (location.href !== href) doubt("the address has changed");
        await exchange(answer);
      }
      returning = false;
      lookSoon();
    } catch (error) {
      console.log(`nicegui_stash: reloading, because ${error.message}`);
      stash.mark("rejoin", { last: true });
      location.reload();
    }
  };

  const tell = (id, { listener_id }, args) =>
    window.socket.emit("event", { id, client_id: window.clientId, listener_id, args });

  // ---- when to come

  const wait = (step, pause) => {
    clearTimeout(timer);
    timer = setTimeout(step, pause);
  };
  const lookLater = () => {
    const pause = Math.min(LATEST_MS, Math.max(SOON_MS, (Date.now() - began) / 20));
    wait(look, pause * (0.5 + Math.random()));
  };
  const lookSoon = () => {
    began = Date.now();
    if (turn) wait(look, turn);
    else lookLater();
    turn = 0;
  };
  // refused: the server has answered already, on the socket
  const look = async (refused) => {
    const { clientId, socket } = window;
    const response = await reach(`${back}?client=${clientId}`);
    const answer = response?.ok && (await response.json().catch(() => null));
    if (socket.connected || returning || clientId !== window.clientId) return;
    lookLater();
    if (answer?.known === false) {
      isDue = true;
      wait(comeBack, answer.wait);
    } else if (refused) comeBack();
    else if (answer?.known && socket.io.engine.readyState === "closed") {
      // connect now, not when the socket's own pause is over; NiceGUI 3.14 takes the end of one of two sockets for both
      socket.io.opts.query.next_message_id = window.nextMessageId;
      socket.disconnect().connect();
    }
  };

  stash.inPlace = {
    mount() {
      const { socket } = window;
      socket.on("update", heard); // before NiceGUI's listener shows them
      socket.on("disconnect", (reason) => {
        queueMicrotask(() => (popup().ariaHidden = true)); // after NiceGUI's listener has shown it
        clearTimeout(calm);
        calm = setTimeout(() => socket.connected || (popup().ariaHidden = false), CALM_MS);
        if (!returning && reason !== "io client disconnect") lookSoon(); // a script of the page may close it on purpose
      });
      socket.on("connect", () => {
        times = 0;
        isDue = false;
        clearTimeout(timer);
      });
    },

    // whether NiceGUI's own listener, which would reload, is not to be called
    takes(event, error) {
      if (event === "connect_error" && error?.message !== "Implicit handshake failed") return false;
      if (event !== "connect_error") comeBack();
      else if (!isDue && !returning) look(true);
      return true;
    },

    // the server ends in a moment: what waits within throttles is sent to it
    leave(pause) {
      turn = pause;
      for (const [id, callback] of waitingCallbacks) {
        waitingCallbacks.set(id, null);
        callback?.();
      }
    },

    // called with every event that is about to be sent; returns whether it may be
    admits(message) {
      if (renamed.has(message.listener_id)) {
        message.listener_id = renamed.get(message.listener_id);
        if (!message.listener_id) return false;
      }
      note(message);
      return true;
    },

    // the new client is connected
    send() {
      for (const key of unsent) {
        const { id, prop, args } = touched.get(key) ?? {};
        const event = raw()[id]?.events.find((each) => propOf(each) === prop);
        if (event) tell(id, event, args);
      }
      unsent.clear();
      for (const [id, map] of maps) {
        if (!map.isNew) continue;
        map.isNew = false;
        getElement(id)?.map.eachLayer((layer) => layer.id && layer.remove()); // what a person has drawn has no id
        for (const event of raw()[id]?.events ?? []) {
          if (event.type === "init") tell(id, event, []);
          if (event.type === "mapMoveend" && map.args) tell(id, event, map.args);
        }
      }
    },
  };
})();
