// The developer's panel: what the server says of the page's fields, and accidents to try. It keeps nothing but whether
// it is open, for this tab.
const OPEN = "nicegui-stash-dev-open";
const LATER_MS = 1500; // after the server has given the page up
const EDGE = 8;
const STATES = { saved: "saved", pending: "pending", saving: "saving…", offline: "store away", refused: "refused" };
const STYLE = `
  .nicegui-stash-dev { position: fixed; z-index: 5000; display: flex; flex-direction: column; color: #1d2733; font: 12px/1.45 system-ui, sans-serif;
    --ground: #fffffff2; --line: #0002; --soft: #596676; --bad: #b3261e; --good: #1b7f3b; text-align: start; }
  .body--dark .nicegui-stash-dev { color: #e3e8ee; --ground: #1f2630f2; --line: #fff3; --soft: #a3afbd; --bad: #ff9c94;
    --good: #6fd68f; }
  .nicegui-stash-dev button { all: unset; box-sizing: border-box; cursor: pointer; padding: 4px 10px;
    border: 1px solid var(--line); border-radius: 6px; background: var(--ground); min-height: 26px; }
  .nicegui-stash-dev button:focus-visible { outline: 2px solid #3f7fd6; outline-offset: 1px; }
  .nicegui-stash-dev button:disabled { cursor: default; opacity: .5; }
  .nicegui-stash-dev button[aria-pressed=true], .nicegui-stash-dev .bad { color: var(--bad); }
  .nicegui-stash-dev section { width: min(30rem, calc(100vw - ${2 * EDGE}px)); max-height: min(60vh, 34rem);
    overflow: auto; box-sizing: border-box; padding: 8px 10px; margin-bottom: 4px; background: var(--ground);
    border: 1px solid var(--line); border-radius: 8px; box-shadow: 0 4px 18px #0003; }
  .nicegui-stash-dev h2 { all: unset; display: block; font-weight: 600; margin-top: 6px; }
  .nicegui-stash-dev .line { padding: 2px 0; border-top: 1px solid var(--line); }
  .nicegui-stash-dev .soft { color: var(--soft); }
  .nicegui-stash-dev code { font: 11px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
  .nicegui-stash-dev .pending { color: var(--bad); }
  .nicegui-stash-dev .stored { color: var(--good); }
  .nicegui-stash-dev .ways { display: flex; flex-wrap: wrap; gap: 4px; margin: 8px 0; }
`;
document.head.append(Object.assign(document.createElement("style"), { textContent: STYLE }));

const remember = (open) => {
  try {
    if (open === undefined) return sessionStorage.getItem(OPEN) === "1";
    sessionStorage.setItem(OPEN, open ? "1" : "0");
  } catch {
    return false; // a browser may deny it
  }
};
const sizeText = (size) => (size < 1000 ? `${size} B` : `${(size / 1000).toFixed(1)} KB`);

export default {
  template: `
    <aside class="nicegui-stash-dev" :style="place" aria-label="Developer's view">
      <section v-if="open && shown">
        <template v-for="each in shown.classes" :key="each.name + each.key">
          <h2>{{ each.name }}{{ each.key ? ' · ' + each.key : '' }}
            <span class="soft">version {{ each.version }}, {{ sizeText(total(each)) }}</span></h2>
          <div class="soft">{{ each.recovery }}</div>
          <div v-for="row in each.rows" :key="row.name" class="line" :data-field="row.name" :data-state="row.state">
            <b>{{ row.name }}</b> <code>{{ row.value }}</code>
            <span v-if="row.value !== row.default" class="soft"> instead of <code>{{ row.default }}</code></span>
            <div class="soft">{{ row.scope }} · <span :class="row.state">{{ row.state }}</span> ·
              {{ sizeText(row.size) }}<template v-if="row.put !== null"> · put {{ ago(row.put) }}</template></div>
          </div>
        </template>
        <template v-if="shown.lost.length">
          <h2 class="bad">Not stored: a reload loses it</h2>
          <div v-for="each in shown.lost" :key="each.of + each.name" class="line" :data-lost="each.name">
            <b>{{ each.of ? each.of + '.' + each.name : each.name }}</b> <span class="soft">{{ each.kind }}</span>
            <div v-if="each.line"><code>{{ each.line }}</code></div>
            <div v-else class="soft">JSON cannot hold it: store what it is made from.</div>
          </div>
          <div v-if="shown.more" class="soft">and {{ shown.more }} more</div>
        </template>
        <div class="soft line">Session {{ sizeText(shown.size) }}, {{ shown.pending }} pending.
          <span v-if="shown.problem" class="bad">{{ shown.problem }}</span></div>
        <div class="ways">
          <button type="button" :disabled="!alive" title="Close the connection until this page has to come back"
              @click="drop">Drop</button>
          <button type="button" :disabled="!alive || !ending.canKill" :title="ending.kill"
              :aria-expanded="String(asks)" @click="asks = !asks">Kill</button>
          <button type="button" :disabled="!alive || !ending.canRedeploy" :title="ending.redeploy"
              @click="say('redeploy', ending.redeploy)">Redeploy</button>
          <button v-if="shown.away !== null" type="button" :disabled="!alive" :aria-pressed="String(shown.away)"
              title="The store does not answer, to any page of this process" @click="$emit('store')">{{ shown.away ? 'Store back' : 'Store away' }}</button>
        </div>
        <div v-if="asks" class="line">{{ ending.kill }}
          <div class="ways"><button type="button" class="bad" :disabled="!alive" @click="say('kill')">Kill it</button></div>
        </div>
        <div class="soft" role="status">{{ told }}</div>
      </section>
      <button type="button" :aria-expanded="String(open)" @click="toggle">stash ·
        <template v-if="shown"><span :class="{ bad: isBad }">{{ alive ? STATES[shown.state] : 'no connection' }}</span>
          <span v-if="shown.lost.length" class="bad"> · {{ shown.lost.length + shown.more }} not stored</span></template>
      </button>
    </aside>
  `,
  props: { shown: Object, now: Number, ending: Object, timeout: Number },
  emits: ["kill", "redeploy", "store"],
  data() {
    const open = remember();
    return { open, asks: false, told: "", alive: true, place: {}, tick: 0, heard: performance.now(), STATES };
  },
  computed: {
    isBad() {
      return !this.alive || ["offline", "refused"].includes(this.shown.state);
    },
  },
  watch: {
    now() {
      this.heard = performance.now();
    },
    shown() {
      this.$nextTick(this.settle);
    },
  },
  created() {
    this.onLost = () => (this.alive = false);
    this.onBack = () => Object.assign(this, { alive: true, told: "", asks: false });
  },
  mounted() {
    this.timer = setInterval(() => {
      this.tick++;
      this.settle();
    }, 1000);
    window.addEventListener("resize", this.settle);
    this.settle();
    setTimeout(() => {
      this.socket = window.socket; // NiceGUI opens it once all elements are mounted
      this.socket?.on("disconnect", this.onLost);
      this.socket?.on("connect", this.onBack);
    });
  },
  beforeUnmount() {
    clearInterval(this.timer);
    window.removeEventListener("resize", this.settle);
    this.socket?.off("disconnect", this.onLost);
    this.socket?.off("connect", this.onBack);
  },
  methods: {
    sizeText,
    total: ({ rows }) => rows.reduce((sum, { size }) => sum + size, 0),
    ago(put) {
      void this.tick; // once a second
      const seconds = Math.max(0, Math.round(this.now - put + (performance.now() - this.heard) / 1000));
      return seconds < 60 ? `${seconds} s ago` : `${Math.floor(seconds / 60)} min ago`;
    },
    toggle() {
      this.open = !this.open;
      remember(this.open);
      this.$nextTick(this.settle);
    },
    say(event, told = "") {
      this.asks = false;
      this.told = told;
      this.$emit(event);
    },
    // Close the socket until the server has given this page up, so that it comes back as another client.
    drop() {
      const { socket } = window;
      const after = this.timeout * 1000 + LATER_MS;
      this.told = `The connection is closed, for ${(after / 1000).toFixed(1)} s.`;
      setTimeout(() => socket.connect(), after);
      socket.disconnect();
    },
    // Stay above the app's footer, and clear of its indicators: left, right, or higher.
    settle() {
      const own = this.$el.getBoundingClientRect();
      const { innerHeight, innerWidth } = window;
      const boxes = (selector) => [...document.querySelectorAll(selector)].map((each) => each.getBoundingClientRect());
      const footers = boxes(".q-footer").filter(({ bottom, height }) => height && bottom >= innerHeight - 1);
      const floor = Math.max(0, ...footers.map(({ top }) => innerHeight - top)) + EDGE;
      const panels = [...document.querySelectorAll(".nicegui-stash-dev")]; // one for each Stash
      const others = panels.slice(0, panels.indexOf(this.$el)).map((each) => each.getBoundingClientRect());
      const taken = [...boxes(".nicegui-stash-indicator, .q-page-sticky"), ...others];
      const isFree = (side, above) => {
        const left = side === "left" ? EDGE : innerWidth - EDGE - own.width;
        const bottom = innerHeight - above;
        return taken.every(
          (box) =>
            box.right <= left || box.left >= left + own.width || box.bottom <= bottom - own.height || box.top >= bottom,
        );
      };
      const places = [floor, floor + 48, floor + 96].flatMap((above) => [["left", above], ["right", above]]);
      const [side, above] = places.find((place) => isFree(...place)) ?? places[0];
      const align = side === "left" ? "flex-start" : "flex-end";
      this.place = { [side]: `${EDGE}px`, bottom: `${above}px`, alignItems: align };
    },
  },
};
