/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/**
 * The drawn parts: the mark, the leaves that every lifeline shares, and the plant that stands for the whole deployment,
 * one leaf per certificate (or per group of them) in the colour of its state. Decoration only: the words stand beside it.
 */
import type { Tally } from './overall.ts';

/** Units of the lifeline's drawing; the page scales it. */
export const STEM = { width: 720, height: 40, middle: 22, leaves: 36 } as const;

/** Leaves along a straight stem, alternately above and below it, as one path. */
const LEAVES = Array.from({ length: STEM.leaves }, (_, index) => {
  const x = 2 + Math.round((index * (STEM.width - 28)) / (STEM.leaves - 1));
  const up = index % 2 === 0 ? -1 : 1;
  const y = (offset: number): number => STEM.middle + up * offset;
  return `M${x} ${y(0)}C${x + 1} ${y(9)} ${x + 9} ${y(17)} ${x + 24} ${y(16)}C${x + 23} ${y(6)} ${x + 14} ${y(-1)} ${x} ${y(0)}Z`;
}).join('');

/** One leaf, 40 units long, growing from the origin to the right. */
const LEAF = 'M0 0C6 -15 24 -19 42 -6C30 6 12 10 0 0Z';

/** Shapes that the page draws many times; stands once in each document. */
export const Sprite = () => (
  <svg class="sprite" width="0" height="0" aria-hidden="true">
    <symbol id="leaves" viewBox={`0 0 ${STEM.width} ${STEM.height}`}>
      <path d={LEAVES} />
    </symbol>
    <symbol id="leaf" overflow="visible">
      <path d={LEAF} />
      <path d="M3 0C14 -5 26 -7 36 -6" class="vein" />
    </symbol>
  </svg>
);

/** The product's mark: two leaves on one stem. */
export const Mark = () => (
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
    <path d="M16 31V14" class="mark-stem" />
    <path d="M16 21C15 12 9 8 1 8C1 16 7 22 16 21Z" />
    <path d="M16 16C16 7 22 2 31 1C32 11 25 17 16 16Z" />
  </svg>
);

type LeafState = keyof Tally;
/** Bottom to top: what is well carries what is not, so that trouble stands where the eye goes. */
const LEAF_ORDER: readonly LeafState[] = ['retired', 'live', 'renewing', 'new', 'waiting', 'partly-live', 'failing', 'needs-attention'];
const MOST_LEAVES = 22;

/**
 * Which leaves the plant has, bottom to top. Up to 22 certificates get one leaf each; above that a leaf stands for
 * several, and every state that occurs keeps at least one.
 */
export function leavesOf(tally: Tally): LeafState[] {
  const total = LEAF_ORDER.reduce((sum, state) => sum + tally[state], 0);
  const scale = total <= MOST_LEAVES ? 1 : MOST_LEAVES / total;
  return LEAF_ORDER.flatMap((state) => Array.from({ length: tally[state] === 0 ? 0 : Math.max(1, Math.round(tally[state] * scale)) }, () => state));
}

export const Plant = ({ tally }: { tally: Tally }) => {
  const leaves = leavesOf(tally);
  const gap = leaves.length === 0 ? 0 : Math.min(34, 190 / leaves.length);
  const foot = leaves.length <= 3 ? 196 : 236;
  const top = leaves.length === 0 ? 238 : foot - gap * (leaves.length - 1);
  return (
    <svg class="plant" viewBox="0 0 220 270" aria-hidden="true">
      <path class="plant-stem" d={`M112 266C106 ${Math.round(266 - (266 - top) / 3)} 115 ${Math.round(266 - (266 - top) / 1.5)} 111 ${Math.round(top)}`} />
      {leaves.map((state, index) => {
        const right = index % 2 === 0;
        const share = leaves.length === 1 ? 0 : index / (leaves.length - 1);
        const size = (leaves.length <= 3 ? 2.3 : 1.9 - share) * (leaves.length > 12 ? 0.86 : 1);
        const lift = state === 'failing' || state === 'needs-attention' ? 38 : -8 - share * 44;
        return (
          <use
            href="#leaf"
            class={`plant-leaf ${state}`}
            transform={`translate(${111 + (right ? 1 : -1)} ${Math.round(foot - gap * index)}) scale(${right ? size.toFixed(2) : (-size).toFixed(2)} ${size.toFixed(2)}) rotate(${lift.toFixed(0)})`}
          />
        );
      })}
      {leaves.length > 0 ? null : (
        <>
          <use href="#leaf" class="plant-leaf" transform="translate(111 240) scale(0.7 0.7) rotate(-28)" />
          <use href="#leaf" class="plant-leaf" transform="translate(110 240) scale(-0.7 0.7) rotate(-28)" />
        </>
      )}
      <path class="plant-soil" d="M40 267C80 262 144 262 184 267" />
    </svg>
  );
};
