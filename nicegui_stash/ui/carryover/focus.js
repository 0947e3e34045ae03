// Brings focus, cursor and scroll position back into an element of the next document, by the address of its field.
(() => {
  const FOCUSABLE = "input, textarea, select, button, [tabindex], [contenteditable=true]";
  const stash = window.__niceguiStash;
  if (!stash || stash.focus) return;

  let wanted = null;
  const tops = new WeakMap(); // scroll positions: reading them at the end would lay out the page again

  addEventListener("scroll", ({ target }) => target.localName !== "input" && tops.set(target, target.scrollTop), {
    capture: true,
    passive: true,
  });

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

    // restore the focus if it was in this element
    async bring(place) {
      if (wanted?.f !== place.address) return;
      const { code, range, text, index, top } = wanted;
      wanted = null;
      await mounted_app.$nextTick();
      const component = getElement(place.id);
      if (code) await component?.editorPromise;
      if (document.activeElement && document.activeElement !== document.body) return; // the person has moved it since
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
    },
  };
})();
