// Brings focus, cursor and scroll position back into an element of the next document, or one that was drawn again, by
// the address of its field.
(() => {
  const FOCUSABLE = "input, textarea, select, button, [tabindex], [contenteditable=true]";
  const stash = window.__niceguiStash;
  if (!stash || stash.focus) return;

  const MOST_HELD = 2000; // milliseconds until an element that was drawn again is known to be bound

  let wanted = null;
  let held = null; // where the focus was before an update
  const tops = new WeakMap(); // scroll positions: reading them at the end would lay out the page again

  addEventListener("scroll", ({ target }) => target.localName !== "input" && tops.set(target, target.scrollTop), {
    capture: true,
    passive: true,
  });

  const isLost = () => held && !held.node.isConnected && performance.now() - held.at < MOST_HELD;
  const isFree = () => !document.activeElement || document.activeElement === document.body;

  // what is typed until the element is there again
  const waitingFor = (event) => {
    if (event.key?.length !== 1 || event.ctrlKey || event.metaKey || event.altKey || !isFree() || !isLost()) return;
    held.typed += event.key;
    event.preventDefault();
  };
  addEventListener("keydown", waitingFor, { capture: true });
  addEventListener("pointerdown", () => (held = null), { capture: true, passive: true });

  const focusables = (id) => {
    const inner = document.getElementById("c" + id);
    const root = getElement(id)?.$el ?? inner;
    if (!root?.querySelectorAll) return inner ? [inner] : [];
    return [...new Set([root, ...root.querySelectorAll(FOCUSABLE)])];
  };
  const offsetIn = (root, node, offset) => {
    const range = document.createRange();
    range.selectNodeContents(root);
    range.setEnd(node, offset);
    return range.toString().length;
  };
  const placeIn = (root, offset) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    let node = root;
    while (walker.nextNode()) {
      node = walker.currentNode;
      if (offset <= node.length) return [node, offset];
      offset -= node.length;
    }
    return [node, node.length ?? 0];
  };
  const cursorIn = (active, editor) => {
    if (editor?.state?.selection) {
      const { anchor, head } = editor.state.selection.main;
      return { code: { anchor, head } };
    }
    if (typeof active.selectionStart === "number") {
      return { range: [active.selectionStart, active.selectionEnd, active.selectionDirection] };
    }
    const selection = getSelection();
    if (!active.isContentEditable || !selection.anchorNode || !active.contains(selection.anchorNode)) return {};
    const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
    return { text: [offsetIn(active, anchorNode, anchorOffset), offsetIn(active, focusNode, focusOffset)] };
  };

  stash.focus = {
    // where the focus is, if that is within one of these elements
    find(bound) {
      const active = document.activeElement;
      if (!active || active === document.body) return null;
      for (let node = active; node; node = node.parentElement) {
        const place = /^c\d+$/.test(node.id) ? bound[node.id.slice(1)] : null;
        const index = place ? focusables(place.id).indexOf(active) : -1;
        if (index < 0) continue;
        return { f: place.address, index, top: tops.get(active) ?? 0, ...cursorIn(active, getElement(place.id)?.editor) };
      }
      return null;
    },

    // the focus of the document before
    take(found) {
      wanted = found ?? null;
    },

    // an update is about to be rendered, which may draw the element with the focus again
    hold(bound) {
      const found = stash.focus.find(bound);
      if (found) held = { ...found, node: document.activeElement, at: performance.now(), typed: "" };
    },

    // restore the focus if it was in this element
    async bring(place) {
      const found = wanted ?? (isLost() ? held : null);
      if (found?.f !== place.address) return;
      const { code, range, text, index, top } = found;
      await mounted_app.$nextTick();
      const component = getElement(place.id);
      if (code) await component?.editorPromise;
      const typed = held === found ? held.typed : ""; // also meanwhile
      wanted = held = null;
      if (!isFree()) return; // the person has moved it since
      const target = focusables(place.id)[index];
      if (!target) return;
      target.focus({ preventScroll: true });
      if (code && component?.editor) {
        const end = component.editor.state.doc.length;
        component.editor.dispatch({ selection: { anchor: Math.min(code.anchor, end), head: Math.min(code.head, end) } });
      } else if (range && typeof target.selectionStart === "number") {
        target.setSelectionRange(...range);
      } else if (text) {
        const [anchor, head] = text.map((offset) => placeIn(target, offset));
        getSelection().setBaseAndExtent(...anchor, ...head);
      }
      target.scrollTop = top;
      if (typed) document.execCommand("insertText", false, typed);
    },
  };
})();
