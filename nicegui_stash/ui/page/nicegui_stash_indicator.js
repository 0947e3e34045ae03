// Shows whether the changes of the page are durable. The server sends the state; this script decides when to show it.
const QUICK_MS = 300; // a save that takes no longer is not announced
const BLIP_MS = 500; // nor is a shorter loss of the connection
const SAVED_MS = 3000; // how long "saved" is shown
const ICONS = { saving: "cloud_upload", saved: "cloud_done", offline: "cloud_off", refused: "error" };
const STYLE = `
  @layer components {
    .nicegui-stash-indicator { position: relative; display: inline-flex; align-items: center; min-height: 1.75em;
      white-space: nowrap; transition: opacity .4s; }
    .nicegui-stash-indicator.nicegui-stash-quiet:not(:focus-within) { opacity: 0; }
    .nicegui-stash-indicator > .q-icon { font-size: 1.25em; margin-inline-end: .375em; }
    .nicegui-stash-indicator[data-shown="saved"] > .q-icon { color: var(--q-positive); }
    .nicegui-stash-indicator[data-shown="refused"] > .q-icon { color: var(--q-negative); }
    .body--dark .nicegui-stash-indicator[data-shown="refused"] > .q-icon {
      color: color-mix(in srgb, var(--q-negative), white 40%); }
    .nicegui-stash-indicator > .q-btn { margin-inline-start: .25em; min-width: 24px; min-height: 24px;
      font-size: .75em; }
    .nicegui-stash-spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
    .nicegui-stash-why { max-width: min(22rem, 90vw); padding: .75rem 1rem; display: grid; gap: .5rem; }
  }
  @media (prefers-reduced-motion: reduce) { .nicegui-stash-indicator { transition: none !important; } }
`;
document.head.append(Object.assign(document.createElement("style"), { textContent: STYLE }));

export default {
  // Both live regions exist from the start: screen readers ignore a region that appears with its text.
  template: `
    <span class="nicegui-stash-indicator" :class="{ 'nicegui-stash-quiet': quiet }"
        :data-state="now.state" :data-shown="said.state">
      <q-icon v-if="said.state" :name="icon" aria-hidden="true" />
      <template v-for="role in ['status', 'alert']" :key="role">
        <span :role="role" aria-atomic="true"><template v-if="role === speaker">{{ said.text
          }}<span v-if="said.why.length" class="nicegui-stash-spoken">: {{ said.why.join(' ') }}</span></template></span>
      </template>
      <q-btn v-if="said.why.length || focused" flat round dense icon="info_outline" :aria-label="details"
          :aria-expanded="String(open)" @focus="focused = true" @blur="focused = false">
        <q-menu v-if="said.why.length" v-model="open" role="note" no-focus no-refocus
            anchor="top middle" self="bottom middle" :offset="[0, 8]">
          <div class="nicegui-stash-why"><div v-for="line in said.why">{{ line }}</div></div>
        </q-menu>
      </q-btn>
    </span>
  `,
  props: {
    state: String,
    text: String,
    why: Array,
    saves: Number,
    offline: String,
    connection: String,
    details: String,
    answers: Number,
  },
  emits: ["ask"],
  data() {
    return { said: { state: "", text: "", why: [] }, quiet: true, lost: false, open: false, focused: false };
  },
  computed: {
    now() {
      if (this.lost) return { state: "offline", text: this.offline, why: [this.connection] };
      return { state: this.state, text: this.text, why: this.why };
    },
    speaker() {
      return this.said.state === "refused" ? "alert" : "status";
    },
    icon() {
      return ICONS[this.said.state];
    },
  },
  watch: {
    now: "follow",
    saves: "follow",
    answers() {
      if (this.socket?.connected) this.lost = false;
    },
  },
  created() {
    this.seen = this.saves;
    this.onLost = () => (this.lost = true);
    // Input typed meanwhile is sent now, the question after it: the answer confirms that all of it has arrived.
    this.onBack = () => this.lost && this.$emit("ask");
  },
  mounted() {
    this.follow();
    setTimeout(() => {
      this.socket = window.socket; // NiceGUI opens it once all elements are mounted
      this.socket?.on("disconnect", this.onLost);
      this.socket?.on("connect", this.onBack);
    });
  },
  beforeUnmount() {
    clearTimeout(this.timer);
    this.socket?.off("disconnect", this.onLost);
    this.socket?.off("connect", this.onBack);
  },
  methods: {
    follow() {
      const { state } = this.now;
      const isNew = this.saves > this.seen || !["", "saved"].includes(this.said.state);
      this.seen = this.saves;
      if (state === "saved" && !isNew) {
        if (this.due) this.wait(0, "");
      } else if (state === "saving" && this.said.state !== "saving") {
        this.wait(QUICK_MS, "saving");
      } else if (this.lost && this.said.state !== "offline") {
        this.wait(BLIP_MS, "offline");
      } else {
        this.say();
      }
    },
    // Show the state that holds after a delay; a delay for the same reason keeps running.
    wait(milliseconds, due) {
      if (due && due === this.due) return;
      clearTimeout(this.timer);
      this.due = due;
      if (due) this.timer = setTimeout(this.say, milliseconds);
    },
    say() {
      clearTimeout(this.timer);
      this.due = "";
      this.said = this.now;
      this.quiet = false;
      if (!this.said.why.length) this.open = false;
      if (this.said.state === "saved") this.timer = setTimeout(() => (this.quiet = true), SAVED_MS);
    },
  },
};
