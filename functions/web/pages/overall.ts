/**
 * The state of the whole deployment in one word and one sentence. `publicSentence` is what people without a token see:
 * it holds no name and no number.
 */
import type { CertificateView } from '../../certificates/ports.ts';
import type { ZoneHealth } from '../../dns/zone-requests.ts';
import type { Tone } from './wording.ts';
import { zoneAsks, zoneIsFailing } from './zone-model.ts';

export type OverallState = 'well' | 'working' | 'attention' | 'failing' | 'misconfigured' | 'empty';
export type Tally = Readonly<Record<CertificateView['state'], number>>;

export interface Overall {
  state: OverallState;
  tone: Tone;
  /** For people with a session: with counts. */
  sentence: string;
  publicSentence: string;
}

/** Facts besides the certificates that make a deployment need somebody. */
export interface OverallFacts {
  tally: Tally;
  configurationInvalid: boolean;
  setupIncomplete: boolean;
  relaysAway: number;
  zones: ZoneTally;
}

/** Zones that need somebody. */
export interface ZoneTally {
  stopped: number;
  failing: number;
  /** A plan waits for approval, or a record of somebody else is in the way. */
  asking: number;
}

export const TONE_OF: Record<OverallState, Tone> = { well: 'well', working: 'busy', attention: 'warn', failing: 'bad', misconfigured: 'bad', empty: 'quiet' };

export const PUBLIC_SENTENCE: Record<OverallState, string> = {
  well: 'Every certificate is live.',
  working: 'A renewal is under way.',
  attention: 'Something needs attention.',
  failing: 'A certificate is failing.',
  misconfigured: 'The configuration needs attention.',
  empty: 'Nothing is planted yet.',
};

export function tallyOf(views: readonly Pick<CertificateView, 'state'>[]): Tally {
  const tally = { new: 0, live: 0, 'partly-live': 0, renewing: 0, waiting: 0, failing: 0, 'needs-attention': 0, retired: 0 };
  for (const view of views) tally[view.state] += 1;
  return tally;
}

export function zoneTally(zones: readonly ZoneHealth[]): ZoneTally {
  return {
    stopped: zones.filter(({ stopped }) => stopped !== null).length,
    failing: zones.filter((zone) => zone.stopped === null && zoneIsFailing(zone)).length,
    asking: zones.filter(zoneAsks).length,
  };
}

export function overallOf(facts: OverallFacts): Overall {
  const state = stateOf(facts);
  return { state, tone: TONE_OF[state], sentence: sentenceOf(state, facts), publicSentence: PUBLIC_SENTENCE[state] };
}

function stateOf({ tally, ...facts }: OverallFacts): OverallState {
  if (facts.configurationInvalid) return 'misconfigured';
  if (tally.failing + tally['needs-attention'] > 0) return 'failing';
  if (tally['partly-live'] + tally.waiting > 0 || facts.setupIncomplete || facts.relaysAway > 0 || zonesNeedSomebody(facts.zones)) return 'attention';
  if (tally.renewing + tally.new > 0) return 'working';
  return tally.live > 0 ? 'well' : 'empty';
}

function zonesNeedSomebody({ stopped, failing, asking }: ZoneTally): boolean {
  return stopped + failing + asking > 0;
}

function sentenceOf(state: OverallState, { tally, ...facts }: OverallFacts): string {
  const stuck = tally['needs-attention'];
  const kept = tally.new + tally.live + tally['partly-live'] + tally.renewing + tally.waiting + tally.failing + stuck;
  const moving = tally.renewing + tally.new;
  const sentences: Record<OverallState, () => string> = {
    misconfigured: () => 'The configuration has an error.',
    failing: () => (stuck > 0 ? needsSomebody(stuck, kept) : failing(tally.failing, kept)),
    attention: () => attention(tally['partly-live'] + tally.waiting, kept, facts),
    working: () =>
      kept === 1
        ? 'The certificate is on its way.'
        : `${moving} of ${kept} certificates ${moving === 1 ? 'is' : 'are'} on ${moving === 1 ? 'its' : 'their'} way.`,
    well: () => (kept === 1 ? 'The certificate is live.' : `All ${kept} certificates are live.`),
    empty: () => PUBLIC_SENTENCE.empty,
  };
  return sentences[state]();
}

/** What does not get better by itself is said before what is still tried. */
function needsSomebody(stuck: number, kept: number): string {
  return kept === 1 ? 'The certificate needs somebody to look.' : `${stuck} of ${kept} certificates ${stuck === 1 ? 'needs' : 'need'} somebody to look.`;
}

function failing(count: number, kept: number): string {
  return kept === 1 ? 'The certificate is failing.' : `${count} of ${kept} certificates ${count === 1 ? 'is' : 'are'} failing.`;
}

function attention(troubled: number, kept: number, { zones, ...facts }: Omit<OverallFacts, 'tally'>): string {
  if (zones.stopped > 0) return zones.stopped === 1 ? 'A DNS zone is stopped.' : `${zones.stopped} DNS zones are stopped.`;
  if (troubled > 0)
    return kept === 1 ? 'The certificate needs attention.' : `${troubled} of ${kept} certificates ${troubled === 1 ? 'needs' : 'need'} attention.`;
  if (facts.setupIncomplete) return 'The setup is not complete.';
  if (facts.relaysAway > 0) return facts.relaysAway === 1 ? 'A cluster’s relay is away.' : `The relays of ${facts.relaysAway} clusters are away.`;
  if (zones.failing > 0) return zones.failing === 1 ? 'A DNS zone refuses changes.' : `${zones.failing} DNS zones refuse changes.`;
  return zones.asking === 1 ? 'DNS records wait for you.' : `DNS records of ${zones.asking} zones wait for you.`;
}
