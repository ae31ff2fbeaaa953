/**
 * The words of the page for states and verdicts, and the tone each is shown in. A tone is never the only carrier:
 * its word stands beside it.
 */
import type { KeyType, Verdict } from '../../../shared/relay/contract.ts';
import type { CertificateView } from '../../certificates/ports.ts';

/** `well` green, `busy` blue, `warn` amber, `bad` red, `quiet` grey. */
export type Tone = 'well' | 'busy' | 'warn' | 'bad' | 'quiet';
export interface Wording {
  label: string;
  tone: Tone;
  meaning: string;
  /** The label after a number above one, where it is another. */
  many?: string;
}

export const CERTIFICATE_STATE: Record<CertificateView['state'], Wording> = {
  'needs-attention': {
    label: 'needs attention',
    many: 'need attention',
    tone: 'bad',
    meaning: 'A person has to look: it has failed for long, or does not get better by itself.',
  },
  new: { label: 'new', tone: 'busy', meaning: 'Not issued yet.' },
  live: { label: 'live', tone: 'well', meaning: 'Every instance serves it.' },
  'partly-live': { label: 'partly live', tone: 'warn', meaning: 'Not every instance could be dialled.' },
  renewing: { label: 'renewing', tone: 'busy', meaning: 'A renewal is under way.' },
  waiting: { label: 'waiting', tone: 'warn', meaning: 'Something outside has to return first.' },
  failing: { label: 'failing', tone: 'bad', meaning: 'The last attempt failed; it is tried again.' },
  retired: { label: 'retired', tone: 'quiet', meaning: 'Removed from the configuration; shown until it expires.' },
};

export const DELIVERY_STATE: Record<CertificateView['deliveries'][number]['state'], Wording> = {
  pending: { label: 'pending', tone: 'quiet', meaning: 'Not installed yet.' },
  installed: { label: 'installed', tone: 'busy', meaning: 'In the variable; not every instance serves it yet.' },
  live: { label: 'live', tone: 'well', meaning: 'Every instance serves it.' },
  'partly-live': { label: 'partly live', tone: 'warn', meaning: 'Some instances could not be reached.' },
  'waiting-for-instance': { label: 'waiting for an instance', tone: 'warn', meaning: 'Service discovery names no instance.' },
  wrong: { label: 'wrong certificate served', tone: 'bad', meaning: 'An instance answers with something else.' },
  drift: { label: 'drift', tone: 'warn', meaning: 'The variable holds a pair that was not written from here. The next renewal or a redelivery replaces it.' },
  failing: { label: 'failing', tone: 'bad', meaning: 'The delivery failed; it is tried again.' },
};

export const VERDICT: Record<Verdict, Wording> = {
  new: { label: 'new', tone: 'well', meaning: 'serves the installed chain' },
  old: { label: 'old', tone: 'warn', meaning: 'still serves the previous chain' },
  foreign: { label: 'foreign', tone: 'bad', meaning: 'serves a chain that is not ours' },
  default: { label: 'default', tone: 'bad', meaning: 'serves the proxy’s own self-signed certificate' },
  cut: { label: 'cut', tone: 'bad', meaning: 'cuts the handshake' },
  unreachable: { label: 'unreachable', tone: 'warn', meaning: 'cannot be reached' },
};

/** Views carry verdicts as text, and a relay of a later version may know one more: it is shown as it is. */
export function verdictWording(verdict: string): Wording {
  return Object.entries(VERDICT).find(([known]) => known === verdict)?.[1] ?? { label: verdict, tone: 'quiet', meaning: '' };
}

export type RelayState = 'online' | 'silent' | 'offline' | 'too-old';
export const RELAY_STATE: Record<RelayState, Wording> = {
  online: { label: 'online', tone: 'well', meaning: 'The link is open.' },
  silent: { label: 'silent', tone: 'warn', meaning: 'The link is open, but no heartbeat arrives.' },
  offline: { label: 'offline', tone: 'bad', meaning: 'No relay has a link open.' },
  'too-old': { label: 'too old', tone: 'bad', meaning: 'The relay speaks a contract this edge no longer knows. Deploy the current bundle.' },
};

export const OUTCOME: Record<CertificateView['history'][number]['outcome'], Wording> = {
  live: { label: 'live', tone: 'well', meaning: 'Issued, installed and seen by dialling.' },
  failed: { label: 'failed', tone: 'bad', meaning: 'Given up.' },
  abandoned: { label: 'abandoned', tone: 'quiet', meaning: 'Replaced by a later issuance.' },
};

/** Key types as people write them. */
export const KEY_TYPE: Record<KeyType, string> = {
  'ec-p256': 'ECDSA P-256',
  'ec-p384': 'ECDSA P-384',
  'rsa-2048': 'RSA 2048',
  'rsa-3072': 'RSA 3072',
  'rsa-4096': 'RSA 4096',
};
