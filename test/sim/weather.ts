/** How bad it is: what goes wrong in one simulation, and how often. Calm weather has no faults at all. */
import type { Random } from './random.ts';

/** Who is talked to. */
export type Line = 'object' | 'ca' | 'vendor' | 'resolver' | 'relay' | 'nomad' | 'authority' | 'dial';

/** What becomes of one call; `crash…`: the caller dies there. */
export type Fate = 'answered' | 'lost-before' | 'lost-after' | 'crash-before' | 'crash-between' | 'crash-after' | 'crash-with-reply';

export interface Weather {
  /** Per line: share of calls that get no reply; half of them took effect. */
  lost: Partial<Record<Line, number>>;
  /** Share of calls during which the caller is killed. */
  crash: number;
  /** Share of calls during which the caller is replaced and runs on unaware. */
  zombie: number;
  /** Share of replies that take up to a minute. */
  slow: number;
  /** Share of requests to a CA that its front refuses, by kind of refusal. */
  refusals: { badNonce: number; busy: number; limit: number; edge: number; garbled: number; gone: number };
  /** Share of validations, issuances, chains that go wrong at the CA. */
  mishaps: { invalid: number; stuck: number; late: number; wrongChain: number };
  /** Share of vendor calls that the vendor refuses or answers with an outage. */
  vendor: { limit: number; failure: number };
  /** Share of variables whose writes meet somebody else's. */
  conflict: number;
}

export const CALM: Weather = {
  lost: {},
  crash: 0,
  zombie: 0,
  slow: 0,
  refusals: { badNonce: 0, busy: 0, limit: 0, edge: 0, garbled: 0, gone: 0 },
  mishaps: { invalid: 0, stuck: 0, late: 0, wrongChain: 0 },
  vendor: { limit: 0, failure: 0 },
  conflict: 0,
};

/** A few kinds of trouble, each at a rate of its own: trouble of every kind at once only hides one behind the other. */
export function drawWeather(random: Random): Weather {
  const rate = (share: number, most: number) => (random.chance(share) ? random.next() * most : 0);
  const lines: Line[] = ['object', 'ca', 'vendor', 'resolver', 'relay', 'nomad', 'authority', 'dial'];
  return {
    lost: Object.fromEntries(lines.map((line) => [line, rate(0.3, 0.15)])),
    crash: rate(0.6, 0.06),
    zombie: rate(0.3, 0.02),
    slow: rate(0.3, 0.05),
    refusals: {
      badNonce: rate(0.2, 0.4),
      busy: rate(0.2, 0.1),
      limit: rate(0.15, 0.05),
      edge: rate(0.15, 0.1),
      garbled: rate(0.15, 0.05),
      gone: rate(0.1, 0.1),
    },
    mishaps: { invalid: rate(0.15, 0.2), stuck: rate(0.25, 0.3), late: rate(0.2, 0.5), wrongChain: rate(0.1, 0.2) },
    vendor: { limit: rate(0.15, 0.1), failure: rate(0.2, 0.1) },
    conflict: rate(0.2, 0.2),
  };
}

export function drawFate(weather: Weather, line: Line, random: Random): Fate {
  if (random.chance(weather.crash)) return random.pick(['crash-before', 'crash-between', 'crash-after', 'crash-with-reply'] as const);
  if (random.chance(weather.lost[line] ?? 0)) return random.chance(0.5) ? 'lost-before' : 'lost-after';
  return 'answered';
}
