document.documentElement.toggleAttribute("data-frame", window !== window.parent);

// The accidents that a page can have, seen from the browser. No server can tell the page anything meanwhile.
window.demoOutage = {
  // Cover the page until it is connected again: it may come back in its document.
  say(text) {
    const shown = document.querySelector(".outage");
    const cover = shown ?? document.createElement("div");
    if (!shown) window.socket.once("connect", () => cover.remove());
    Object.assign(cover, { className: "outage", role: "status", textContent: text });
    document.body.append(cover);
    return cover;
  },
  // Close the socket, and open it again after some seconds.
  drop(seconds) {
    const end = Date.now() + seconds * 1000;
    const count = () => {
      const left = (end - Date.now()) / 1000;
      if (left > 0) {
        const cover = this.say(`Connection dropped. Trying again in ${Math.ceil(left)} s`);
        cover.style.setProperty("--left", left / seconds);
      } else {
        clearInterval(counting);
        this.say("Connecting again…");
        window.socket.connect();
      }
    };
    const counting = setInterval(count, 100);
    window.socket.disconnect();
    count();
  },
  // Let go of the connection as if the server had vanished; socket.io tries to reach it again by itself.
  lose() {
    this.say("The server is being replaced…");
    setTimeout(() => window.socket.io.engine.close(), 300);
    return true;
  },
};
