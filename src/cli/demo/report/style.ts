/** Style of the report: light and dark by the reader's preference, one column on a phone. */
export const STYLE = `
:root { --back: #f6f7f9; --card: #fff; --ink: #1b2430; --dim: #5c6979; --line: #dfe4ea; --good: #14713d; --good-back: #def4e6;
  --bad: #a3201d; --bad-back: #fde5e3; --uploaded: #8a94a3; --detected: #c76a12; --stored: #1c6fd1; }
@media (prefers-color-scheme: dark) { :root { --back: #11161c; --card: #1a2129; --ink: #e6ebf1; --dim: #9aa7b6; --line: #2c3641;
  --good: #7ee2a8; --good-back: #14331f; --bad: #ff9d96; --bad-back: #401a18; --uploaded: #8793a3; --detected: #f0a350; --stored: #6cb2ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { margin: 0 0 8px; font-size: 1.7rem; line-height: 1.2; }
h2 { margin: 0 0 12px; font-size: 1.15rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 18px; margin-top: 18px; }
.verdict { margin: 0; padding: 10px 14px; border-radius: 10px; font-weight: 600; }
.verdict.good { color: var(--good); background: var(--good-back); }
.verdict.bad { color: var(--bad); background: var(--bad-back); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(104px, 1fr)); gap: 10px; margin: 18px 0 0; }
.tiles div { display: flex; flex-direction: column; justify-content: space-between; background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 10px 12px; }
.tiles dt { color: var(--dim); font-size: .8rem; line-height: 1.3; }
.tiles dd { margin: 0; font-size: 1.35rem; font-weight: 650; font-variant-numeric: tabular-nums; white-space: nowrap; }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: 7px 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
tr:first-child > * { border-top: 0; }
th { width: 34%; max-width: 220px; padding-right: 14px; color: var(--dim); font-weight: 500; }
td { font-variant-numeric: tabular-nums; }
.chart svg { display: block; width: 100%; height: auto; }
.chart text { fill: var(--dim); font-size: 12px; }
.chart .grid { stroke: var(--line); }
.chart polyline { fill: none; stroke-width: 2.2; stroke-linejoin: round; }
.chart .uploaded { stroke: var(--uploaded); } .chart .detected { stroke: var(--detected); } .chart .stored { stroke: var(--stored); }
.legend { display: flex; gap: 18px; margin: 8px 0 0; font-size: .85rem; color: var(--dim); }
.legend span::before { content: ""; display: inline-block; width: 18px; height: 3px; margin-right: 7px; vertical-align: middle; border-radius: 2px; background: currentColor; }
.legend .uploaded::before { background: var(--uploaded); } .legend .detected::before { background: var(--detected); } .legend .stored::before { background: var(--stored); }
.hint { margin: -6px 0 12px; color: var(--dim); font-size: .9rem; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 14px; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 10px; overflow: hidden; display: flex; flex-direction: column; }
figure img, .nothing { display: block; width: 100%; height: 220px; object-fit: contain; background: #0c0f13; }
.dead figure img, .dead .nothing { height: 130px; }
.nothing { display: grid; place-items: center; background: var(--back); color: var(--dim); font-size: .85rem; }
figcaption { display: flex; flex-direction: column; gap: 3px; padding: 9px 12px 11px; font-size: .87rem; }
figcaption b { font-weight: 600; overflow-wrap: anywhere; }
figcaption span, figcaption small { color: var(--dim); overflow-wrap: anywhere; }
.reason { align-self: flex-start; padding: 1px 7px; border-radius: 6px; background: var(--bad-back); color: var(--bad); font-size: .8rem; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; }
footer { margin-top: 22px; color: var(--dim); font-size: .85rem; }
@media (max-width: 480px) { th { width: 40%; } section { padding: 14px; } .gallery { grid-template-columns: 1fr; } .chart text { font-size: 20px; } .chart polyline { stroke-width: 3.5; } }
`;
