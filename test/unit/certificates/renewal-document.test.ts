import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAILURE_POLICIES } from '../../../functions/certificates/backoff.ts';
import { survivedOutage } from '../../../functions/certificates/outage.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../../shared/clock.ts';
import { checkedBlocks } from '../../persisted/document.ts';

const documented = checkedBlocks(readFileSync(new URL('../../../docs/renewal.md', import.meta.url), 'utf8'));

function duration(ms: number): string {
  // 100 minutes is a number of its own in Let's Encrypt's guide.
  if (ms % HOUR === 0) return `${ms / HOUR} h`;
  return ms % MINUTE === 0 ? `${ms / MINUTE} min` : `${ms / SECOND} s`;
}

describe('docs/renewal.md says exactly', () => {
  it('the waits and give-up points of every class', () => {
    const lines = Object.entries(FAILURE_POLICIES).map(([name, { steps, attentionAfter, stopsAfter, patient }]) => {
      // Nothing waits for a class that stops at its first failure.
      const waits = stopsAfter === 1 ? [] : [steps.map(duration).join(', ')];
      const stops = stopsAfter === null ? [] : [`stops after ${stopsAfter}`];
      const pace = patient && stopsAfter !== 1 ? ['patient'] : [];
      return `${name}: ${[...waits, `attention after ${attentionAfter}`, ...stops, ...pace].join('; ')}`;
    });
    expect(lines.join('\n')).toBe(documented.get('classes of failure'));
  });

  it('which outages a lifetime survives', () => {
    const lines = [90, 64, 47, 45, 6.7].map((days) => `${days} days: ${(survivedOutage(days * DAY) / DAY).toFixed(1)} days`);
    expect(lines.join('\n')).toBe(documented.get('outages survived'));
  });
});
