// The host inherits nothing from the page: its properties are reset with `!important`.
// Sizes are in pixels, since the page defines the size of a rem.

export const STYLE = `
:host { all: initial !important; display: contents !important; }
:host([hidden]) { display: none !important; }
@media print { :host { display: none !important; } }
section { all: initial; color-scheme: light dark; position: fixed; z-index: 2147483646; display: flex; flex-direction: column;
  box-sizing: border-box; overflow: hidden; font: 13px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  color: var(--ink); background: var(--paper); border: 0 solid var(--edge); box-shadow: 0 0 24px rgb(0 0 0 / 22%);
  --paper: light-dark(#fcfcfb, #17191a); --raised: light-dark(#ffffff, #1f2223); --sunken: light-dark(#f3f3f0, #101213);
  --line: light-dark(#e4e3de, #2c3031); --edge: light-dark(#c9c7bf, #3b4142); --ink: light-dark(#1e2322, #e6e9e8);
  --soft: light-dark(#626965, #9aa5a1); --accent: light-dark(#17654f, #78d3b6); --on-accent: light-dark(#ffffff, #0b201a);
  --good: light-dark(#17654f, #78d3b6); --wait: light-dark(#8a5a00, #f0bd62); --bad: light-dark(#a8321f, #ff9d8a);
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "Liberation Mono", monospace; }
section[data-dock="bottom"] { inset: auto 0 0 0; height: calc(var(--size) * 1vh); border-top-width: 1px; }
section[data-dock="right"] { inset: 0 0 0 auto; width: max(320px, calc(var(--size) * 1vw)); max-width: 100vw; border-left-width: 1px; }
section { container-type: inline-size; }
@container (max-width: 620px) { kbd, .brand { display: none !important; } }
section *, section *::before, section *::after { box-sizing: border-box; }
[hidden] { display: none !important; }

.edge { position: absolute; z-index: 1; touch-action: none; }
section[data-dock="bottom"] > .edge { inset: 0 0 auto 0; height: 6px; cursor: row-resize; }
section[data-dock="right"] > .edge { inset: 0 auto 0 0; width: 6px; cursor: col-resize; }
.edge:hover, .edge:focus-visible { background: var(--accent); outline: none; }

header { display: flex; align-items: stretch; gap: 4px; padding: 6px 12px 0; border-bottom: 1px solid var(--line); background: var(--sunken); }
.brand { align-self: center; margin-right: 10px; font-weight: 650; letter-spacing: 0.02em; color: var(--accent); }
[role="tablist"] { display: flex; flex: 1; gap: 2px; min-width: 0; overflow-x: auto; scrollbar-width: none; }
[role="tab"] { padding: 6px 12px; border: 1px solid transparent; border-bottom: 0; border-radius: 7px 7px 0 0; background: none; color: var(--soft);
  margin-bottom: -1px; cursor: pointer; font: inherit; white-space: nowrap; }
[role="tab"]:hover { color: var(--ink); }
[role="tab"][aria-selected="true"] { border-color: var(--line); background: var(--paper); color: var(--ink); font-weight: 600; }
.tools { display: flex; gap: 4px; align-items: center; padding-bottom: 5px; }
.tools button { padding: 3px 9px; border-color: transparent; background: none; color: var(--soft); }
.tools button:hover { background: var(--line); color: var(--ink); }
kbd { padding: 0 5px; border: 1px solid var(--edge); border-radius: 4px; font: 11px/16px var(--mono); }

[role="tabpanel"] { flex: 1; min-height: 0; overflow: auto; overscroll-behavior: contain; padding: 12px; }
h2 { margin: 12px 0 4px; font-size: 11px; font-weight: 600; letter-spacing: 0.06em; text-transform: uppercase; color: var(--soft); }
p { margin: 0 0 6px; }
a { color: var(--accent); text-underline-offset: 2px; }
.soft { color: var(--soft); }
.empty { padding: 16px; color: var(--soft); }
code, pre, .name, .location, time, textarea.json { font-family: var(--mono); font-size: 12px; }
pre { margin: 0 0 6px; padding: 9px 11px; overflow: auto; border: 1px solid var(--line); border-radius: 7px; background: var(--sunken);
  white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 2; max-height: 320px; }
pre[data-state="failed"] { border-color: var(--bad); }

button { padding: 4px 12px; border: 1px solid var(--edge); border-radius: 7px; background: var(--raised); color: var(--ink); font: inherit; cursor: pointer; }
button:hover { border-color: var(--soft); }
button.go { border-color: var(--accent); background: var(--accent); color: var(--on-accent); font-weight: 600; }
button.go[aria-disabled="true"] { opacity: 0.5; cursor: default; }
button.plain { border-color: transparent; background: none; color: var(--soft); text-decoration: underline; text-underline-offset: 2px; }
input[type="text"], input[type="search"], textarea, select { width: 100%; padding: 5px 8px; border: 1px solid var(--edge); border-radius: 7px;
  background: var(--raised); color: var(--ink); font: inherit; }
textarea { resize: vertical; }
input[type="checkbox"] { width: 15px; height: 15px; margin: 0; accent-color: var(--accent); }
[aria-invalid="true"] { border-color: var(--bad) !important; }
:is(button, a, input, textarea, select, summary, pre, ol, [role="tabpanel"]):focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }

.bar { display: flex; gap: 10px; align-items: center; margin-bottom: 8px; min-height: 30px; }
.bar input[type="search"] { max-width: 240px; }
.bar button { margin-left: auto; }
.list { display: grid; gap: 5px; }
.item { border: 1px solid var(--line); border-radius: 8px; background: var(--raised); }
summary { display: flex; gap: 9px; align-items: baseline; padding: 6px 11px; border-radius: 8px; cursor: pointer; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary::before { content: "▸"; color: var(--soft); transition: transform 0.12s; }
details[open] > summary::before { transform: rotate(90deg); }
@media (prefers-reduced-motion: reduce) { summary::before { transition: none; } }
.item > summary:hover { background: var(--sunken); }
.name { font-weight: 600; overflow-wrap: anywhere; }
details[open] > summary > .line { visibility: hidden; }
.line { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.numbers { flex: 1; min-width: 0; }
.took { color: var(--soft); font-variant-numeric: tabular-nums; white-space: nowrap; }
.tag { padding: 0 7px; border-radius: 9px; background: var(--line); color: var(--soft); font-size: 11px; white-space: nowrap; }
.tag[data-kind="stream"] { color: var(--accent); }
td .tag { margin-left: 8px; color: var(--accent); }
.state { min-width: 76px; font-weight: 600; color: var(--soft); white-space: nowrap; }
.state::before, .status[data-state]::before { content: "● "; font-size: 9px; vertical-align: 1px; }
:is(.state, .status):is([data-state="open"], [data-state="done"]) { color: var(--good); }
:is(.state, .status):is([data-state="connecting"], [data-state="stale"], [data-state="waiting"], [data-state="running"]) { color: var(--wait); }
:is(.state, .status)[data-state="failed"] { color: var(--bad); }

.body { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); gap: 8px 24px; padding: 4px 14px 14px; border-top: 1px solid var(--line); }
.about { min-width: 0; padding-top: 8px; }
.more > summary { padding: 4px 0; color: var(--soft); }
.run { min-width: 0; padding-top: 10px; }
.field { margin-bottom: 8px; }
.field label { display: block; margin-bottom: 2px; font: 600 12px var(--mono); }
.field label .soft { font: 12px system-ui, sans-serif; }
.flag { display: grid; grid-template-columns: auto 1fr; gap: 0 8px; align-items: center; }
.flag label { order: 1; }
.flag p { grid-column: 1 / -1; order: 2; }
.hint { margin: 2px 0 0; font-size: 12px; color: var(--soft); }
.error { margin: 2px 0 0; font-size: 12px; color: var(--bad); }
.hint:empty, .error:empty { display: none; }
fieldset { margin: 0 0 8px; padding: 4px 12px 8px; border: 1px solid var(--line); border-radius: 7px; }
legend { padding: 0 4px; font: 600 12px var(--mono); }
.row { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: 10px 0; }
.inline { display: inline-flex; gap: 6px; align-items: center; color: var(--soft); }
.status { margin: 0 0 0 auto; font-weight: 600; font-variant-numeric: tabular-nums; }
.seen { padding: 6px 14px 12px; border-top: 1px solid var(--line); }
.events { margin: 6px 0; padding: 4px 0; overflow: auto; max-height: 220px; list-style: none; border: 1px solid var(--line); border-radius: 7px; background: var(--sunken); }
.events li { display: flex; gap: 10px; padding: 1px 11px; }
.events :is(code, span) { min-width: 0; overflow-wrap: anywhere; }
.events b { font: 600 12px/1.6 var(--mono); white-space: nowrap; }
.events [data-kind="lost"] b, .events [data-kind="gap"] b { color: var(--bad); }
.events [data-kind="back"] b { color: var(--good); }
time { color: var(--soft); white-space: nowrap; }

table { border-collapse: collapse; width: 100%; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: baseline; font-weight: 400; overflow-wrap: anywhere; }
thead th { font-size: 11px; font-weight: 600; letter-spacing: 0.06em; text-transform: uppercase; color: var(--soft); }
tbody th { font-family: var(--mono); font-size: 12px; }
tr[aria-current] td { background: color-mix(in srgb, var(--accent) 9%, transparent); }
.sizes { max-width: 560px; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.sizes thead th:not(:first-child) { text-align: right; }
.topics .tag { margin-left: 8px; font-family: system-ui, sans-serif; }
.total :is(th, td) { padding-top: 12px; font: 600 13px system-ui, sans-serif; border-bottom-color: var(--edge); }
.entry { display: flex; gap: 12px; align-items: baseline; padding: 5px 0; margin: 0; border-bottom: 1px solid var(--line); }
.builds h2:first-child { margin-top: 0; }
.builds .empty { padding: 4px 0 12px; }
`;
