/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** A state as word and mark. The mark's shape differs by tone, so that colour is never the only difference. */
import type { Tone, Wording } from './wording.ts';

const SHAPE: Record<Tone, string> = {
  well: 'M2 9C2 4 6 1 14 1C14 9 11 14 6 14C3 14 2 12 2 9Z',
  busy: 'M8 1.5A6.5 6.5 0 1 1 1.5 8',
  warn: 'M8 1.5L15 14.5H1Z',
  bad: 'M2.5 2.5L13.5 13.5M13.5 2.5L2.5 13.5',
  quiet: 'M3 8H13',
};

export const ToneMark = ({ tone }: { tone: Tone }) => (
  <svg class={`tone-mark tone-${tone}`} viewBox="0 0 16 16" aria-hidden="true">
    <path d={SHAPE[tone]} />
  </svg>
);

export const Badge = ({ wording }: { wording: Wording }) => (
  <span class={`badge tone-${wording.tone}`} title={wording.meaning}>
    <ToneMark tone={wording.tone} />
    {wording.label}
  </span>
);
