/** From a handshake to a verdict (DESIGN §7), and from the verdicts of names to that of their instance. Pure. */
import type { InstanceVerdict, Verdict } from '../../../shared/relay/contract.ts';
import { coveredBy } from '../../../shared/x509/chain.ts';
import type { Leaf } from '../../../shared/x509/chain.ts';
import { moment } from '../../../shared/moment.ts';

export type NameVerdict = InstanceVerdict['names'][number];

export interface Expected {
  /** Leaf that must be served. */
  sha256: string;
  /** Leaves that count as `old`. */
  previous: readonly string[];
}

/** What was served, parsed: its leaf, and why the chain does not lead to a configured root, if it does not. */
export interface ServedChain {
  leaf: Leaf;
  /** Common name of the leaf's subject, or empty. */
  subject: string;
  chainProblem: string | null;
}

/** Common name of the certificate that Traefik makes itself when no other fits. */
const TRAEFIK_DEFAULT = 'TRAEFIK DEFAULT CERT';
/** From best to worst; a proxy that cuts handshakes is worse than one that serves the wrong certificate. */
const ORDER: readonly Verdict[] = ['new', 'old', 'foreign', 'default', 'cut', 'unreachable'];

export function judge(name: string, served: ServedChain, expected: Expected, now: number): NameVerdict {
  const { leaf, subject, chainProblem } = served;
  const shown = {
    sha256: leaf.sha256,
    names: leaf.names.slice(0, 200).map((text) => text.slice(0, 253)),
    issuer: leaf.issuer.slice(0, 300),
    notAfter: Math.max(0, leaf.notAfter),
  };
  const verdict = (kind: Verdict, detail: string): NameVerdict => ({ name, verdict: kind, served: shown, detail: detail.slice(0, 300) });
  if (leaf.sha256 === expected.sha256) {
    if (chainProblem !== null) return verdict('foreign', `The installed certificate, but with another chain: ${chainProblem}`);
    if (!coveredBy(name, leaf.names)) return verdict('foreign', 'The installed certificate does not cover this name.');
    return leaf.notAfter <= now ? verdict('foreign', 'The installed certificate has expired.') : verdict('new', 'The installed certificate is served.');
  }
  if (expected.previous.includes(leaf.sha256)) return verdict('old', 'The previous certificate is still served.');
  if (subject === TRAEFIK_DEFAULT) return verdict('default', 'Traefik serves its self-signed default certificate.');
  return verdict('foreign', `Another certificate is served (SHA-256 ${leaf.sha256}), issued by ${leaf.issuer.slice(0, 100)}, ${untilSentence(leaf, now)}.`);
}

/** Somebody else's certificate expires on its own date, which nobody here renews. */
function untilSentence({ notAfter }: Leaf, now: number): string {
  const end = moment(Math.max(0, notAfter));
  return notAfter <= now ? `expired since ${end}` : `valid until ${end}`;
}

/** The worst of its names: the one an unlucky visitor meets. */
export function worst(names: readonly NameVerdict[]): { verdict: Verdict; detail: string } {
  const [first] = names.toSorted((a, b) => ORDER.indexOf(b.verdict) - ORDER.indexOf(a.verdict));
  return first === undefined
    ? { verdict: 'unreachable', detail: 'No name was dialled.' }
    : { verdict: first.verdict, detail: `${first.name}: ${first.detail}`.slice(0, 300) };
}
