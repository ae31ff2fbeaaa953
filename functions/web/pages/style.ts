/**
 * The pages' style sheet, served at `/style.css`. A herbarium sheet under a station board: paper, ink, leaves; the board
 * stays dark in both schemes. One system type family, tabular figures; every colour pair meets WCAG AA.
 */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #f4f1e6; --sheet: #fdfbf3; --ink: #1a2820; --soft: #566259; --line: #dcd7c5;
  --leaf: #2f7f47; --leaf-text: #22653a; --pale: #a9c6a6; --spent: #d6d0bb;
  --amber: #c98a1b; --amber-text: #855000; --red: #c23b2c; --red-text: #a82c1f; --sky: #2b6f95; --sky-text: #1f5b7d;
  --wash-red: #f9e7e0; --wash-amber: #f8eed3;
  --board: #12241b; --board-ink: #f3efe1; --board-soft: #a8baac; --board-line: #2b4335; --board-lamp: #f6cd6b;
  --sans: "Helvetica Neue", Helvetica, "Arial Nova", "Nimbus Sans", Arial, system-ui, sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "Roboto Mono", Menlo, Consolas, "Liberation Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0f1512; --sheet: #151d18; --ink: #ebe7d9; --soft: #a2aea4; --line: #2b362f;
    --leaf: #5cb676; --leaf-text: #86d19d; --pale: #37573f; --spent: #333d36;
    --amber: #e2a83f; --amber-text: #f0c36d; --red: #e76f5e; --red-text: #f59d90; --sky: #64b1d8; --sky-text: #8fcbea;
    --wash-red: #2d1815; --wash-amber: #2a2312;
    --board: #0a110d; --board-line: #223229;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 400 1rem/1.5 var(--sans); font-variant-numeric: tabular-nums lining-nums; }
h1, h2, h3, p, ul, ol, dl, dd, figure, table { margin: 0; padding: 0; }
ul, ol { list-style: none; }
a { color: inherit; text-decoration-color: color-mix(in srgb, currentColor 40%, transparent); text-underline-offset: .18em; text-decoration-thickness: 1px; }
a:hover { text-decoration-color: currentColor; }
:focus-visible { outline: 3px solid var(--sky); outline-offset: 3px; border-radius: 2px; }
code, pre { font-family: var(--mono); font-size: .86em; }
small { display: block; color: var(--soft); font-size: .8125rem; font-weight: 400; }
.soft, .utc { color: var(--soft); }
.utc { font-size: .875em; white-space: nowrap; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.sprite { position: absolute; }
.tone-well { --tone: var(--leaf); --tone-text: var(--leaf-text); }
.tone-busy { --tone: var(--sky); --tone-text: var(--sky-text); }
.tone-warn { --tone: var(--amber); --tone-text: var(--amber-text); }
.tone-bad { --tone: var(--red); --tone-text: var(--red-text); }
.tone-quiet { --tone: var(--soft); --tone-text: var(--soft); }
.tone-mark { width: .72em; height: .72em; flex: none; overflow: visible; }
.tone-mark path { fill: none; stroke: var(--tone); stroke-width: 3; stroke-linejoin: round; }
.tone-mark.tone-well path, .tone-mark.tone-warn path { fill: var(--tone); stroke: none; }
.badge { display: inline-flex; align-items: center; gap: .4em; color: var(--tone-text); font-weight: 700; font-size: .875rem; line-height: 1.4; }

/* The board */
.board { --soft: var(--board-soft); --leaf: #6fc98a; --leaf-text: #8fdaa5; --amber: #f0bd55; --amber-text: #f6cd6b; --red: #f0816f; --red-text: #ffa596; --sky: #79c3e6; --sky-text: #9bd5f2; background: var(--board); color: var(--board-ink); padding: 0 clamp(1rem, 4vw, 4rem); }
.masthead { display: flex; align-items: center; gap: 1rem 1.5rem; padding: 1rem 0; border-bottom: 1px solid var(--board-line); }
.brand { display: inline-flex; align-items: center; gap: .5rem; font-weight: 700; font-size: 1.0625rem; letter-spacing: -.01em; text-decoration: none; margin-right: auto; }
.mark { width: 1.6rem; height: 1.6rem; fill: var(--leaf); }
.mark-stem { fill: none; stroke: var(--leaf); stroke-width: 2; }
.as-of { color: var(--board-soft); font-size: .9375rem; }
.as-of time { color: var(--board-lamp); font-weight: 700; }
#link { color: var(--amber-text); }
.hero { display: grid; grid-template-columns: minmax(21rem, 1fr) 15rem minmax(0, 30rem); gap: 1rem 2.5rem; align-items: end; min-height: 18rem; }
.statement { align-self: center; padding: 2rem 0; }
h1 { font-size: clamp(2.25rem, 3.9vw, 4.25rem); line-height: 1.02; letter-spacing: -.035em; font-weight: 700; text-wrap: balance; overflow-wrap: anywhere; }
.counts { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin-top: 1.25rem; color: var(--board-soft); }
.counts li { display: inline-flex; align-items: center; gap: .4em; }
.counts b { color: var(--board-ink); }
.plant { display: block; width: 15rem; height: auto; overflow: visible; }
.plant-stem { fill: none; stroke: #4d7a5b; stroke-width: 3.5; stroke-linecap: round; }
.plant-soil { fill: none; stroke: var(--board-line); stroke-width: 2; stroke-linecap: round; }
.plant-leaf { fill: #58b374; stroke: var(--board); stroke-width: 1; }
.plant-leaf:nth-of-type(3n) { fill: #46a063; }
.plant-leaf:nth-of-type(5n) { fill: #74c98d; }
.plant-leaf.renewing, .plant-leaf.new { fill: #c6efb4; }
.plant-leaf.partly-live, .plant-leaf.waiting { fill: var(--amber); }
.plant-leaf.failing, .plant-leaf.needs-attention { fill: var(--red); }
.plant-leaf.retired { fill: none; stroke: var(--board-soft); }
.vein { fill: none; stroke: var(--board); stroke-opacity: .45; stroke-width: 1; }
.departures { width: 100%; border-collapse: collapse; align-self: center; margin: 1.5rem 0; font-size: .9375rem; }
.departures caption { text-align: left; color: var(--board-soft); padding-bottom: .35rem; }
.departures td, .departures th { border-top: 1px solid var(--board-line); padding: .42rem 1rem .42rem 0; text-align: left; vertical-align: baseline; font-weight: 400; }
.departures td:first-child { color: var(--board-lamp); white-space: nowrap; font-weight: 700; width: 1%; }
.departures th { font-weight: 700; width: 1%; white-space: nowrap; max-width: 14rem; overflow: hidden; text-overflow: ellipsis; }
.departures a { text-decoration: none; }
.departures .why { color: var(--board-soft); padding-right: 0; max-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.departures .why b { color: var(--board-ink); font-weight: 400; }

/* The sheet */
main { padding: 0 clamp(1rem, 4vw, 4rem) 4rem; }
.columns { display: grid; grid-template-columns: minmax(0, 1fr) 19rem; gap: 2rem clamp(2rem, 4vw, 4.5rem); }
h2 { font-size: 1.375rem; letter-spacing: -.02em; line-height: 1.2; }
.section-head { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .75rem; padding: 2rem 0 1rem; }
.certificate { display: grid; grid-template-columns: minmax(0, 15rem) minmax(0, 1fr) 7.5rem; grid-template-areas: "head life days" "head line line" "head next next" "head where actions"; gap: 0 2.25rem; padding: 1.5rem 0 1.6rem; border-top: 1px solid var(--line); }
.certificate > header { grid-area: head; }
.certificate > .days { grid-area: days; }
.certificate > .life { grid-area: life; }
.certificate > .line-of-renewal { grid-area: line; }
.certificate > .next { grid-area: next; margin-top: .4rem; }
.certificate > .where { grid-area: where; margin-top: .6rem; }
.certificate > .actions { grid-area: actions; align-self: end; margin-top: .75rem; }
.certificate h3 { font-size: 1.375rem; line-height: 1.15; letter-spacing: -.02em; overflow-wrap: anywhere; }
.certificate h3 a { text-decoration: none; }
.certificate h3 a:hover { text-decoration: underline; text-decoration-thickness: 2px; }
.certificate header .badge { margin-top: .3rem; }
.names { margin-top: .5rem; font-size: .9375rem; line-height: 1.4; overflow-wrap: anywhere; }
.days { text-align: right; line-height: 1; }
.days b { display: block; font-size: 3.25rem; letter-spacing: -.045em; font-weight: 700; line-height: .86; }
.days span { display: block; margin-top: .45rem; color: var(--soft); font-size: .875rem; }
.days.due b { color: var(--amber-text); }
.days.critical b, .days.expired b { color: var(--red-text); }
.days.none b { color: var(--soft); }
.lifeline { --full: var(--leaf); }
.lifeline.due { --full: var(--amber); }
.lifeline.critical, .lifeline.expired { --full: var(--red); }
.lifeline > svg { display: block; width: 100%; height: auto; max-height: 3.5rem; overflow: visible; }
.stem { fill: none; stroke: var(--full); stroke-width: 1.5; }
.stem.kept { stroke-opacity: .34; }
.stem.lived, .bare .stem { stroke: var(--spent); }
.bare .stem { stroke-dasharray: 2 8; stroke-linecap: round; stroke-width: 2; }
.spent { fill: var(--spent); }
.full { fill: var(--full); }
.reserve { fill: var(--full); fill-opacity: .34; }
.bud { fill: var(--sheet); stroke: var(--ink); stroke-width: 2; }
.today { stroke: var(--ink); stroke-width: 2; }
figcaption { display: flex; justify-content: space-between; gap: 1rem; color: var(--soft); font-size: .8125rem; margin-top: .1rem; }
.next > p { max-width: 48rem; }
.next .why { display: block; color: var(--soft); }
.next .waiting { color: var(--sky-text); font-weight: 700; }
.next .waiting span { color: var(--soft); font-weight: 400; }
.where { font-size: .9375rem; }
.deliveries { display: grid; gap: .5rem; }
.delivery { display: flex; flex-wrap: wrap; align-items: baseline; gap: .1rem .6rem; }
.delivery code { color: var(--soft); overflow-wrap: anywhere; }
.verdicts { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; font-size: .8125rem; }
.verdicts li { white-space: nowrap; color: var(--soft); overflow: hidden; text-overflow: ellipsis; max-width: 100%; }
.verdicts i { font-style: normal; color: var(--tone-text); font-weight: 700; }
.fingerprint { white-space: nowrap; letter-spacing: -.01em; }
.fingerprint.whole { white-space: normal; overflow-wrap: anywhere; }
.explanation { overflow-wrap: anywhere; }
.proof { margin-top: .3rem; font-size: .875rem; }
.failure { margin: .5rem 0; padding: .65rem .9rem; background: var(--wash-red); color: var(--ink); border-radius: 3px; max-width: 48rem; font-size: .9375rem; }
.failure .look { color: var(--red-text); font-weight: 700; }
.left { margin: .35rem 0; max-width: 48rem; font-size: .9375rem; color: var(--soft); overflow-wrap: anywhere; }
.left b { color: var(--ink); }
.incident { margin: .35rem 0; max-width: 48rem; font-size: .9375rem; overflow-wrap: anywhere; }
.failure code { color: var(--red-text); overflow-wrap: anywhere; }
.failure .hint { font-weight: 700; }
.failure .hint .soft { font-weight: 400; }
.failure pre { font-weight: 400; white-space: pre-wrap; overflow-wrap: anywhere; margin: .4rem 0 .6rem; }
.actions { display: flex; flex-direction: column; gap: .4rem; align-items: stretch; }
button { font: inherit; font-size: .875rem; line-height: 1.2; color: var(--ink); background: none; border: 1px solid color-mix(in srgb, var(--ink) 32%, transparent); border-radius: 3px; padding: .4rem .6rem; cursor: pointer; width: 100%; min-height: 2.25rem; }
@media (pointer: coarse) { button, input, select { min-height: 2.75rem; } }
button:hover { background: var(--ink); color: var(--paper); }
button.plain { border: 0; padding: .25rem 0; min-height: 0; width: auto; color: var(--board-soft); text-decoration: underline; text-underline-offset: .18em; }
button.plain:hover { background: none; color: var(--board-ink); }

/* DNS zones */
.zones { margin-top: 1rem; }
.zone { display: grid; grid-template-columns: minmax(0, 15rem) minmax(0, 1fr); gap: .5rem 2.25rem; padding: 1.25rem 0 1.35rem; border-top: 1px solid var(--line); scroll-margin-top: 1rem; }
.zone h3 { font-size: 1.1875rem; line-height: 1.2; letter-spacing: -.015em; overflow-wrap: anywhere; }
.zone header .badge { margin-top: .25rem; }
.zone header .soft { font-size: .875rem; overflow-wrap: anywhere; }
.zone-facts { display: grid; grid-template-columns: minmax(0, 1fr); gap: .5rem; align-content: start; }
.zone-facts > p { max-width: 48rem; overflow-wrap: anywhere; }
.zone-facts > .soft { font-size: .875rem; }
.zone-facts .failure { margin: 0; overflow-wrap: anywhere; }
.zone-facts .waiting { color: var(--sky-text); font-weight: 700; }
.zone-facts .waiting span { color: var(--soft); font-weight: 400; }
.stopped { display: grid; grid-template-columns: minmax(0, 1fr); gap: .5rem; }
.stopped pre { margin: 0; }
.difference { display: grid; gap: 1px; margin: .1rem 0 .35rem; }
.difference li { padding: .2rem .6rem .2rem 1.6rem; text-indent: -1rem; overflow-wrap: anywhere; background: color-mix(in srgb, var(--sheet) 70%, transparent); border-left: 3px solid var(--line); }
.difference code { color: var(--ink); white-space: pre-wrap; }
.difference .plus { border-color: var(--leaf); }
.difference .minus { border-color: var(--red); }
summary { cursor: pointer; width: max-content; max-width: 100%; text-decoration: underline; text-decoration-color: color-mix(in srgb, currentColor 40%, transparent); text-underline-offset: .18em; }
summary:hover { text-decoration-color: currentColor; }
.plan { margin: .5rem 0 .25rem; font-size: .9375rem; }
.plan li { display: grid; grid-template-columns: 7.5rem minmax(0, 1fr); gap: .1rem 1rem; padding: .4rem 0; border-top: 1px solid var(--line); }
.plan .action { color: var(--tone-text); font-weight: 700; font-size: .875rem; white-space: nowrap; }
.planned { display: grid; grid-template-columns: minmax(0, 1fr); overflow-wrap: anywhere; }
.planned .soft { font-size: .875rem; }
.declared form { margin-top: .6rem; }
.declared button { width: auto; padding-inline: 1rem; }
.problems ul { margin-top: .75rem; }
.problems a { font-weight: 700; }

/* The line of a renewal */
.line-of-renewal { container: renewal / inline-size; }
.stepper { display: grid; grid-template-columns: repeat(8, auto) max-content; margin: .9rem 0 .6rem; }
.stepper li { position: relative; padding: 1.6rem .5rem 0 0; font-size: .8125rem; line-height: 1.3; color: var(--soft); }
.stepper li::before { content: ""; position: absolute; left: 0; right: 0; top: .56rem; height: 2px; background: var(--spent); }
.stepper li:last-child::before { right: auto; width: 0; }
.stepper .done::before { background: var(--leaf); }
.station { position: absolute; top: .1rem; left: 0; width: 1rem; height: 1rem; background: var(--paper); border: 2px solid var(--spent); border-radius: 50%; }
.done .station { background: var(--leaf); border-color: var(--leaf); border-radius: 0 100% 0 100%; }
.skipped .station { border-style: dashed; }
.current .station { border: 4px solid var(--sky); animation: breathe 1.6s ease-in-out infinite; }
.failed .station { background: var(--red); border-color: var(--red); border-radius: 0; rotate: 45deg; scale: .8; }
.step-name { display: block; }
.done .step-name { color: var(--ink); }
.current .step-name { color: var(--sky-text); font-weight: 700; }
.failed .step-name { color: var(--red-text); font-weight: 700; }
.length { display: block; }
@container renewal (max-width: 32rem) {
  .stepper { grid-template-columns: 1fr; }
  .stepper li { padding: 0 0 .4rem 1.8rem; display: flex; justify-content: space-between; font-size: .9375rem; }
  .stepper li::before { left: .44rem; right: auto; top: .5rem; bottom: -.3rem; width: 2px; height: auto; }
  .stepper li:last-child::before { display: none; }
  .stepper .station { top: .2rem; }
}
@keyframes breathe { 50% { box-shadow: 0 0 0 6px color-mix(in srgb, var(--sky) 25%, transparent); } }

/* What stands beside and around */
aside { padding-top: 2rem; display: flex; flex-direction: column; gap: 2.25rem; font-size: .9375rem; }
aside h2 { font-size: 1.0625rem; padding-bottom: .5rem; border-bottom: 1px solid var(--line); }
.health li { padding: .6rem 0; border-bottom: 1px solid var(--line); }
.health li > p:first-child { display: flex; justify-content: space-between; gap: 1rem; align-items: baseline; overflow-wrap: anywhere; }
.relay, .health .soft { font-size: .875rem; }
.under { display: block; }
.authorities code { overflow-wrap: anywhere; }
.authorities .failure { font-size: .875rem; }
.authorities summary { margin-top: .25rem; font-size: .875rem; }
.authorities form { margin-top: .4rem; }
.relay .tone-warn { color: var(--amber-text); }
.events li { display: grid; grid-template-columns: 5.2rem 1fr; gap: .75rem; font-size: .875rem; }
.events li > p { display: block; overflow-wrap: anywhere; }
.events time { color: var(--soft); }
.events .tone-mark { margin-right: .3em; }
.problems, .notice { margin-top: 2rem; padding: 1.25rem 1.5rem; background: var(--wash-red); border-radius: 3px; }
.problems.setup, .notice { background: var(--wash-amber); }
.problems ol { margin-top: .75rem; display: grid; grid-template-columns: minmax(0, 1fr); gap: .75rem; }
.problems li { overflow-wrap: anywhere; }
.problems li > p:first-child { max-width: 60rem; }
pre { margin: .4rem 0 0; padding: .7rem .9rem; background: var(--board); color: var(--board-ink); border-radius: 3px; overflow-x: auto; }
.search { display: flex; gap: .5rem; }
.search button { width: auto; }
input, select { font: inherit; color: var(--ink); background: var(--sheet); border: 1px solid color-mix(in srgb, var(--ink) 45%, transparent); border-radius: 3px; padding: .5rem .7rem; min-height: 2.5rem; width: 100%; }
.blank { border-top: 1px solid var(--line); padding: 2rem 0; max-width: 44rem; }
.blank pre { margin-top: 1rem; }
.pages { display: flex; justify-content: space-between; gap: 1rem; border-top: 1px solid var(--line); padding-top: 1rem; }
.pages a { font-weight: 700; }

/* One certificate */
.detail .hero { grid-template-columns: minmax(0, 1fr) auto; align-items: center; min-height: 0; padding: 1rem 0 1.5rem; }
.detail .statement { padding: 1.25rem 0; }
.detail .days b { font-size: clamp(4rem, 9vw, 8rem); }
.detail h1 { margin: .25rem 0 .6rem; }
.crumb { color: var(--board-soft); }
.certificate-page { max-width: 84rem; padding-top: 2rem; display: grid; grid-template-columns: minmax(0, 1fr); gap: 2.75rem; }
.certificate-page .lifeline > svg { max-height: none; }
.certificate-page > section > h2 { margin-bottom: .75rem; }
.certificate-page .actions { flex-direction: row; margin-top: 1rem; }
.propagation { margin-top: .5rem; }
.delivery-detail { margin-bottom: 2rem; }
.delivery-detail h3 { font-size: 1.0625rem; }
.scroll { overflow-x: auto; margin-top: .75rem; }
.scroll table { width: 100%; border-collapse: collapse; font-size: .9375rem; }
.scroll th, .scroll td { min-width: 7rem; text-align: left; vertical-align: top; padding: .55rem 1.25rem .55rem 0; border-top: 1px solid var(--line); }
.scroll thead th { color: var(--soft); font-weight: 400; border: 0; font-size: .875rem; padding-bottom: .2rem; }
.facts { display: grid; grid-template-columns: 10rem minmax(0, 1fr); gap: .55rem 1.5rem; }
.facts dt { color: var(--soft); }
.facts .names { margin: 0; font-size: 1rem; }
.facts dd { min-width: 0; overflow-wrap: anywhere; }
.revoke p { margin: .6rem 0; max-width: 48rem; }
.revoke form { display: grid; gap: .3rem; width: min(100%, 26rem); }
.revoke label { color: var(--soft); font-size: .9375rem; }
.revoke button { margin-top: .6rem; }
button.danger { color: var(--red-text); border-color: var(--red); font-weight: 700; }
button.danger:hover { background: var(--red-text); color: var(--paper); }
.history { display: grid; gap: 1.5rem; }
.history li { min-width: 0; overflow-wrap: anywhere; }
.history .line { display: flex; flex-wrap: wrap; gap: .2rem 1rem; align-items: baseline; }
.phases svg { display: block; width: 100%; height: .7rem; margin: .5rem 0 .3rem; }
.phases ul { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; font-size: .8125rem; color: var(--soft); }
.phases b { color: var(--ink); font-weight: 400; }
.shade-0 { fill: var(--leaf); } .shade-1 { fill: var(--amber); } .shade-2 { fill: var(--sky); }
.phases li::before { content: ""; display: inline-block; width: .6em; height: .6em; margin-right: .4em; border-radius: 0 100% 0 100%; background: currentColor; }
.phases li.shade-0::before { background: var(--leaf); } .phases li.shade-1::before { background: var(--amber); } .phases li.shade-2::before { background: var(--sky); }

/* Plain pages: the board alone */
.plain { min-height: 100vh; min-height: 100svh; display: grid; align-content: center; gap: 1.25rem; padding: 3rem clamp(1.5rem, 8vw, 10rem); --ink: var(--board-ink); }
.plain .mark { width: 3.5rem; height: 3.5rem; }
.plain .failure { background: none; border: 1px solid var(--red); color: var(--red-text); }
.plain p { color: var(--board-soft); }
.plain a { color: var(--board-ink); }
.overall { grid-template-columns: minmax(0, 1fr) auto; align-items: end; gap: 2rem clamp(2rem, 6vw, 6rem); }
.overall h1 { font-size: clamp(2.75rem, 8vw, 8rem); }
.overall .words { display: grid; gap: 1.5rem; align-self: center; }
.overall .tone-mark { width: 2.25rem; height: 2.25rem; }
.overall .plant { width: min(32vw, 62vh); }
.login { display: grid; gap: .5rem; width: min(100%, 24rem); }
.login label { color: var(--board-soft); }
.login input { background: transparent; border-color: var(--board-soft); }
button.strong { margin-top: .5rem; background: var(--board-ink); color: #12241b; border-color: var(--board-ink); font-weight: 700; min-height: 2.75rem; }
button.strong:hover { background: var(--leaf-text); color: #12241b; }

@media (min-width: 108rem) {
  .certificate { grid-template-columns: minmax(0, 14rem) minmax(0, 1fr) minmax(0, 27rem) 7.5rem; grid-template-areas: "head life where days" "head next where actions" "head line line line"; grid-template-rows: auto 1fr; }
  .certificate > .where { margin-top: 0; }
}
@media (max-width: 75rem) {
  .hero { grid-template-columns: minmax(0, 1fr) 12rem; }
  .hero .plant { width: 12rem; }
  .departures { grid-column: 1 / -1; margin-top: 0; }
  .columns { grid-template-columns: minmax(0, 1fr); }
  aside { padding-top: 1rem; display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); }
}
@media (max-width: 52rem) {
  .certificate { grid-template-columns: minmax(0, 1fr) auto; grid-template-areas: "head days" "life life" "line line" "next next" "where where" "actions actions"; gap: 0 1rem; }
  .days b { font-size: 2.75rem; }
  .certificate > .life, .certificate > .actions { margin-top: .75rem; }
  .actions { flex-direction: row; }
  .actions form { flex: 1; }
  .certificate-page .actions form { flex: 1; }
  .facts { grid-template-columns: minmax(0, 1fr); gap: .1rem; }
  .facts dd { margin-bottom: .75rem; }
  .zone { grid-template-columns: minmax(0, 1fr); gap: .6rem; }
}
@media (max-width: 40rem) {
  .masthead { padding: .75rem 0; }
  .weekday { display: none; }
  .hero { grid-template-columns: minmax(0, 1fr) 6.5rem; gap: .5rem; min-height: 0; }
  .hero .plant { width: 6.5rem; }
  .statement { padding: 1.5rem 0; }
  .departures tbody tr:nth-child(n + 4) { display: none; }
  .departures .why { white-space: normal; }
  .departures tr { display: grid; grid-template-columns: 6rem 1fr; border-top: 1px solid var(--board-line); padding: .4rem 0; }
  .departures td, .departures th { border: 0; padding: 0; width: auto; max-width: none; }
  .departures .why { grid-column: 2; max-width: none; font-size: .875rem; }
  .search { width: 100%; }
  .detail .days b { font-size: 4rem; }
  .problems, .notice { padding: 1rem; }
  .plan li { grid-template-columns: minmax(0, 1fr); gap: .1rem; }
  .overall { grid-template-columns: 1fr; align-content: space-between; padding-bottom: 0; }
  .overall .plant { width: min(64vw, 40vh); justify-self: end; }
}
@media (prefers-reduced-motion: reduce) { *, *::before, *::after { animation: none !important; transition: none !important; } }
@media (forced-colors: active) { .tone-mark path, .station { forced-color-adjust: none; } }
@media print {
  :root { --paper: #fff; --sheet: #fff; --ink: #000; --soft: #444; --board: #fff; --board-ink: #000; --board-soft: #444; --board-lamp: #000; --board-line: #bbb; }
  .actions, .search, .masthead form, .declared form, .revoke, .pages { display: none; }
  .certificate, .zone, .health li, .history li { break-inside: avoid; }
  svg { print-color-adjust: exact; }
}
`;
