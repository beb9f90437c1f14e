/** The report's style sheet: light and dark, wide and narrow, screen and paper. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #fbfbf9; --surface: #ffffff; --text: #1b1d22; --muted: #5d626d;
  --line: #d9dbe0; --grid: #e8e9ec; --accent: #2457c5;
  --net-0: #2457c5; --net-1: #b34f09; --net-2: #0c7a60; --net-3: #9333a8;
  --most: 60%; /* The strongest tint that text is readable on. */
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121317; --surface: #1a1c22; --text: #eceef2; --muted: #a3a9b6;
    --line: #3a3e48; --grid: #2b2e36; --accent: #86aaff;
    --net-0: #86aaff; --net-1: #ff9f5a; --net-2: #4fd0ac; --net-3: #d79be6;
    --most: 40%;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums;
}
main, header, footer { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 56px; }
.eyebrow { margin: 0; color: var(--muted); font-size: 14px; letter-spacing: .02em; }
h1 {
  margin: 6px 0 20px; font-size: clamp(30px, 5vw, 46px); line-height: 1.1; letter-spacing: -.022em;
  text-wrap: balance;
}
.conclusion { max-width: 44em; margin: 0; font-size: clamp(18px, 2.1vw, 22px); line-height: 1.5; text-wrap: balance; }
nav { margin-top: 28px; display: flex; flex-wrap: wrap; gap: 4px 22px; font-size: 15px; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 3px; }
section { margin-top: 68px; }
h2 { margin: 0 0 6px; font-size: 27px; line-height: 1.2; letter-spacing: -.015em; }
h3 { margin: 0 0 8px; font-size: 17px; line-height: 1.3; }
h4 { margin: 0 0 8px; font-size: 15px; line-height: 1.3; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.lead { max-width: 46em; margin: 0 0 22px; color: var(--muted); text-wrap: pretty; }
.note { margin: 4px 0 0; color: var(--muted); font-size: 13.5px; }
figure { margin: 0; }
figcaption strong { display: block; }
figcaption span { display: block; color: var(--muted); font-size: 14px; }
svg { display: block; width: 100%; height: auto; }
.narrow { display: none; }

.net-0 { --net: var(--net-0); } .net-1 { --net: var(--net-1); }
.net-2 { --net: var(--net-2); } .net-3 { --net: var(--net-3); }
.legend {
  display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 0 0 10px; padding: 0; list-style: none;
  font-size: 15px;
}
.legend li::before {
  content: ""; display: inline-block; width: 18px; height: 4px; margin-right: 8px; border-radius: 2px;
  vertical-align: middle; background: var(--net);
}

.overview {
  display: grid; grid-template-columns: minmax(0, 600px) minmax(0, 1fr); gap: 40px; align-items: start;
  margin-top: 40px;
}
.cards { display: grid; gap: 20px; }
.card {
  background: var(--surface); border: 1px solid var(--line); border-top: 4px solid var(--net);
  border-radius: 10px; padding: 14px 20px 10px; break-inside: avoid;
}
.card h3 { margin: 0; }
.figure {
  margin: 2px 0 0; font-size: 40px; line-height: 1.15; font-weight: 650; letter-spacing: -.025em;
  color: var(--net);
}
.figure span { margin-left: 10px; font-size: 15px; font-weight: 400; letter-spacing: 0; color: var(--muted); }
.drop { margin: 0 0 8px; font-weight: 550; }
dl { margin: 0; }
dl div {
  display: flex; justify-content: space-between; gap: 16px; padding: 2px 0; border-top: 1px solid var(--grid);
  font-size: 14px;
}
dt { color: var(--muted); }
dd { margin: 0; text-align: right; overflow-wrap: anywhere; }

table { border-collapse: collapse; width: 100%; font-size: 14px; }
caption { padding-bottom: 6px; text-align: left; color: var(--muted); font-size: 14px; }
th { font-weight: 550; text-align: right; }
th:first-child { text-align: left; }
thead th { border-bottom: 1px solid var(--line); padding: 4px 8px; vertical-align: bottom; }
tbody th, td { padding: 4px 8px; border-bottom: 1px solid var(--grid); }
td { text-align: right; }
.angle-tables {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(250px, 1fr)); gap: 24px 36px;
  margin-bottom: 28px;
}
.angles { table-layout: fixed; }
.angles th:first-child { width: 4.2em; }
.bar {
  background: linear-gradient(to right,
    color-mix(in srgb, var(--net) 20%, transparent) calc(var(--v) * 100%), transparent 0);
}
.columns {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr)); gap: 28px 40px;
  margin-top: 22px;
}

.confusions {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 32px 40px;
  margin: 14px 0 40px;
}
.confusion { min-width: 0; break-inside: avoid; }
.scroll { overflow-x: auto; margin-top: 8px; }
.confusion table { table-layout: fixed; font-size: 12px; border-spacing: 2px; border-collapse: separate; }
.confusion th, .confusion td { padding: 0; height: 34px; border: 0; text-align: center; overflow-wrap: anywhere; }
.confusion thead th:first-child { font-size: 10px; line-height: 1.1; font-weight: 400; color: var(--muted); }
.confusion abbr { text-decoration: none; }
.confusion td { border-radius: 3px; background: color-mix(in srgb, var(--tone) calc(var(--v) * var(--most)), var(--grid)); }
.right { --tone: var(--net); } .wrong { --tone: var(--muted); }
.confusion td.right { font-weight: 600; }

.scale-note { margin: -8px 0 28px; }
.layers {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 260px), 1fr)); gap: 20px;
  margin: 10px 0 32px;
}
.layer {
  background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px;
  break-inside: avoid;
}
.pictures { display: flex; flex-wrap: wrap; gap: 6px; margin: 10px 0 8px; }
.pictures img {
  box-sizing: content-box; image-rendering: pixelated; border: 1px solid var(--grid); border-radius: 3px;
}
.scale {
  display: inline-block; width: 140px; height: 10px; margin: 0 10px; border-radius: 5px;
  vertical-align: middle;
  background: linear-gradient(to right, rgb(38 120 214), rgb(38 120 214 / 0), rgb(214 84 48 / 0), rgb(214 84 48));
}

.mistakes {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(96px, 1fr)); gap: 16px; margin: 10px 0 32px;
}
.mistakes img, .masks img {
  image-rendering: pixelated; border: 1px solid var(--grid); border-radius: 4px; background: #000;
  object-fit: contain;
}
.mistakes figcaption { font-size: 13px; overflow-wrap: anywhere; }
.masks {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); gap: 20px;
  margin: 10px 0 32px;
}
.masks div { display: grid; grid-template-columns: repeat(3, 1fr); gap: 6px; }
.masks img { width: 100%; }
.masks figcaption { color: var(--muted); font-size: 14px; }

code { font: 13.5px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.settings { margin-bottom: 24px; }
.settings th, .settings td { text-align: left; vertical-align: top; overflow-wrap: anywhere; }
.settings tbody th { font-weight: 400; color: var(--muted); width: 45%; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.command {
  margin: 0 0 16px; padding: 14px 16px; overflow-x: auto; background: var(--surface); border: 1px solid var(--line);
  border-radius: 8px; user-select: all;
}
summary { cursor: pointer; font-weight: 550; }
details ol { padding-left: 28px; color: var(--muted); }
footer { margin-top: 64px; padding-bottom: 48px; color: var(--muted); font-size: 14px; }

@media (max-width: 940px) {
  .overview { grid-template-columns: minmax(0, 1fr); }
  .cards { grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); }
}
@media (max-width: 620px) {
  main, header, footer { padding-left: 16px; padding-right: 16px; }
  header { padding-top: 28px; }
  section { margin-top: 48px; }
  .wide { display: none; } .narrow { display: block; }
  .confusion th, .confusion td { height: 29px; font-size: 10.5px; }
}
@media print {
  :root { --page: #fff; --surface: #fff; --text: #000; --muted: #444; --line: #bbb; --grid: #ddd;
    --accent: #2457c5; --net-0: #2457c5; --net-1: #b34f09; --net-2: #0c7a60; --net-3: #9333a8; --most: 60%; }
  @page { margin: 14mm; }
  body { font-size: 12px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  nav { display: none; }
  section { margin-top: 32px; }
  h2, h3, figcaption, caption { break-after: avoid; }
  figure, svg, tr, .mistakes > *, .masks > * { break-inside: avoid; }
  thead { display: table-header-group; }
  #angles, #confusion, #kernels, #settings { break-before: page; margin-top: 0; }
  .scroll, .command { overflow: visible; }
  .command { white-space: pre-wrap; overflow-wrap: anywhere; }
  details::details-content { content-visibility: visible; block-size: auto; }
  summary { list-style: none; }
}
`;
