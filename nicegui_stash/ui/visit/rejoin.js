// Distinguishes a page that comes back by itself from a new visit, by a mark in sessionStorage.
// NiceGUI reloads a page whose handshake was refused. This script leaves a mark before; the next document takes it out.
(() => {
  // frames of one origin share what the tab stores: `/0` is the first one of the tab's page
  const placeOf = (frame) =>
    frame === frame.parent ? "" : `${placeOf(frame.parent)}/${[].indexOf.call(frame.parent, frame)}`;
  const FRAME = placeOf(window);
  const MARK = "__nicegui_stash" + FRAME;
  const LED = "__nicegui_stash_led" + FRAME;
  const LAST = "__nicegui_stash_last" + FRAME;
  const MESSAGE = "nicegui_stash";
  const MAX_AGE_MS = 10 * 60 * 1000;
  if (window.__niceguiStash) return;

  const place = () => location.pathname + location.search;
  const take = (key) => {
    try {
      const text = sessionStorage.getItem(key);
      sessionStorage.removeItem(key);
      return text ? JSON.parse(text) : null;
    } catch (error) {
      return null; // storage is blocked, or another script wrote there: the visit counts as new
    }
  };
  const put = (key, value) => {
    try {
      sessionStorage.setItem(key, JSON.stringify(value));
      return true;
    } catch (error) {
      console.warn("nicegui_stash: sessionStorage cannot be written", error);
      return false;
    }
  };

  if (FRAME) {
    // NiceGUI keeps the id of a tab there, and would take each frame for a copy of the one that was loaded before
    const storage = sessionStorage;
    const own = (key) => (/^__nicegui_tab_/.test(String(key)) ? key + FRAME : key);
    const get = (_, key) => storage[own(key)]?.bind?.(storage) ?? storage[own(key)];
    const set = (_, key, value) => Reflect.set(storage, own(key), value);
    Object.defineProperty(window, "sessionStorage", { value: new Proxy(storage, { get, set }) });
  }
  const kind = performance.getEntriesByType("navigation")[0]?.type ?? "navigate";
  const oldTab = sessionStorage.__nicegui_tab_closed === "false" ? sessionStorage.__nicegui_tab_id : undefined;
  const marked = take(MARK);
  const led = take(LED);
  const last = take(LAST);
  const isFresh = (mark) => mark && mark.time <= Date.now() && Date.now() < mark.time + MAX_AGE_MS;
  const { navigationType, from } = window.navigation?.activation ?? {};
  const isReload =
    kind === "reload" ||
    (kind === "navigate" &&
      ((from?.key ?? 0) === marked?.entry
        ? performance.timeOrigin > marked.time // another document came in its place: of maintenance, or of sign-in
        : navigationType === "replace" && history.length === marked?.length)); // of the browser's own error page
  const isBack = isFresh(marked) && isReload;
  // a page of sign-in with this script passes the mark on
  const mark = isBack ? marked : isFresh(led) ? led : null;
  const found = mark?.path === place() && (isBack || kind === "navigate") ? mark : null;
  if (mark && !found) put(LED, mark);
  // a tab that the browser threw out of memory, or whose process died, left no mark; a copy has an entry of its own
  const isCut = document.wasDiscarded || (kind === "reload" && oldTab && !last?.left && from?.key === last?.entry);
  const continued = found ? found.visit : isCut && last?.path === place() ? last.visit : null;
  const inherited = typeof continued === "string" ? continued : null;
  const reasons = { reload: "reload", back_forward: "history" };

  const self = (window.__niceguiStash = {
    visit: inherited,
    reason: inherited ? "rejoin" : oldTab ? "duplicate" : (reasons[kind] ?? "visit"),
    acknowledged: false,
    accepted: false, // whether the server has accepted a handshake of this document
    found: inherited && found ? found.typed : null, // the values that carryover.js has carried
    seal: null,
    marked: null,

    mark(reason, { last = false } = {}) {
      if (!last) self.address?.finish(); // else the address that is loaded next is known already
      // a document without a completed handshake has no own visit, but passes on the inherited one
      const visit = self.accepted ? self.visit : inherited;
      const entry = window.navigation?.currentEntry?.key;
      if (!visit) return;
      self.marked = reason;
      const typed = last ? (self.typed?.snapshot() ?? self.found) : undefined;
      const mark = { visit, path: place(), time: Date.now(), reason, entry, length: history.length };
      const without = typed && { ...typed, large: [] }; // the entered values may be too large, the mark alone is not
      if (!put(MARK, { ...mark, typed }) && typed && !put(MARK, { ...mark, typed: without })) put(MARK, mark);
    },

    unmark() {
      self.marked = null;
      take(MARK);
    },

    handshake() {
      self.accepted = true;
      self.visit ??= window.clientId;
      self.moved();
      if (!self.acknowledged) self.report();
      self.inPlace?.send();
      self.typed?.send();
    },

    // the document goes on as another client of the same visit
    begin() {
      self.reason = "rejoin";
      self.acknowledged = false;
    },

    // the next document compares its path with this one's
    moved(left) {
      const entry = window.navigation?.currentEntry?.key;
      if (self.visit) put(LAST, { visit: self.visit, path: place(), entry, left });
    },

    report() {
      const previous = kind === "reload" && !inherited && !oldTab && last?.path === place() ? last.visit : null;
      self.tell({ kind: "report", visit: self.visit, reason: self.reason, old_tab: oldTab ?? null, previous });
    },

    // send a message to the server, beside NiceGUI's events; without a class with stored fields it would be ignored
    tell(told) {
      if (!document.querySelector("script[data-seal]")) return;
      current?.emit(MESSAGE, { client_id: window.clientId, told, stash: self.entered?.count() });
    },

    // an open page gets its first class with stored fields
    join(src, seal, nonce, limit) {
      if (self.typed) self.report();
      if (self.joins) return;
      self.joins = true;
      const script = Object.assign(document.createElement("script"), { src, nonce });
      Object.assign(script.dataset, { seal, limit });
      script.onload = script.onerror = () => {
        self.typed?.mount();
        self.report();
        self.typed?.send();
      };
      document.head.append(script);
    },

    acknowledge(seal, isBuilt) {
      self.acknowledged = true;
      self.seal = seal ?? self.seal;
      if (isBuilt) self.typed?.built();
    },

    // let NiceGUI's own code use another socket for a moment
    replaceSocket(socket) {
      current = socket;
    },

    attach(socket) {
      self.typed?.mount();
      self.inPlace?.mount();
      socket.on("connect_error", (error) => {
        if (["Implicit handshake failed", "timeout"].includes(error.message)) self.mark(error.message);
      });
      socket.on("try_reconnect", () => self.mark("try_reconnect"));
      socket.on("run_javascript", (message) => {
        if (message?.code?.includes("outbox rewind failed")) self.mark("outbox rewind failed");
      });
      socket.on("connect", () => {
        if (!socket.io.opts.query?.implicit_handshake) return;
        self.unmark(); // at once: the order to reload may come with the connect
        setTimeout(self.handshake); // after NiceGUI's own listener
      });
      const { emit, on } = socket;
      socket.on = function (event, listener) {
        // NiceGUI's; one that is called once has the listener itself as its `fn`
        if (!["connect_error", "try_reconnect"].includes(event) || listener.fn) return on.call(this, event, listener);
        const unlessTaken = function (...args) {
          return self.inPlace?.takes(event, args[0]) || listener.apply(this, args);
        };
        return on.call(this, event, Object.assign(unlessTaken, { fn: listener })); // by which `off` finds it
      };
      socket.emit = function (event, ...args) {
        // the explicit handshake of a prefetched page: only NiceGUI's callback gets its answer
        if (event === "handshake" && typeof args.at(-1) === "function") {
          const answer = args.pop();
          args.push((ok) => {
            if (ok) self.unmark();
            else self.mark("handshake refused");
            if (!ok && self.inPlace?.takes("handshake")) return;
            answer(ok);
            if (ok) self.handshake();
          });
        }
        if (event === "event" && self.inPlace?.admits(args[0]) === false) return this;
        if (event === "event" && self.typed?.intercept(args[0])) return this;
        return emit.call(this, event, ...args);
      };
    },
  });

  // people press F5 when they see that the connection is lost: that continues the visit, too
  let wasConnected = false;
  addEventListener("beforeunload", () => (wasConnected = window.socket?.connected)); // Firefox closes the socket then
  addEventListener("pagehide", () => {
    self.moved(true);
    const isLost = !wasConnected && !window.socket?.connected;
    if (self.marked || isLost) self.mark(self.marked ?? "disconnected", { last: true });
  });

  let current;
  Object.defineProperty(window, "socket", {
    configurable: true,
    enumerable: true,
    get: () => current,
    set(socket) {
      current = socket;
      if (socket) self.attach(socket);
    },
  });
})();
