/**
 * What is wrong with a token, exactly. Refusals of the API say "authentication error" for a missing permission, and the
 * same "invalid access token" for one that is unknown, disabled and expired; asking about the token itself tells them apart.
 */
import { z } from 'zod';
import { APIError } from 'cloudflare/error';
import type { Clock } from '../../../shared/clock.ts';
import { momentAfter } from '../../../shared/moment.ts';
import type { CloudflareVendor } from '../../config/configuration.ts';
import { DnsError } from '../dns-error.ts';
import type { Zone } from '../provider.ts';
import { parsePage, parseAnswer, tokenSchema } from './results.ts';
import type { Session } from './session.ts';
import type { Zones } from './zones.ts';

/** No record has it: whether deleting it is refused tells whether records may be written. */
const NO_RECORD = '0'.repeat(32);
const answerSchema = z.object({ result: z.unknown() });

export interface TokenCheck {
  /**
   * Whether the token may read and write records of this zone. Changes nothing.
   * @throws DnsError that says which permission is missing, or what is wrong with the token itself.
   */
  check(zone: Zone): Promise<void>;
  /** The same failure, or a more exact one when the token itself is the reason. */
  explain(failure: unknown): Promise<unknown>;
}

export function createTokenCheck(vendor: CloudflareVendor, session: Session, zones: Zones, clock: Clock): TokenCheck {
  /** Null when the token is in force; `unknown` when this address knows no such token (those of accounts have another one). */
  async function trouble(account: string | null): Promise<DnsError | 'unknown' | null> {
    const path = account === null ? '/user/tokens/verify' : `/accounts/${account}/tokens/verify`;
    return session.call('Zone → Zone → Read', async (client) => {
      try {
        const { result } = parseAnswer(answerSchema, await client.get(path));
        return unusable(vendor, parseAnswer(tokenSchema, result), clock());
      } catch (thrown) {
        if (thrown instanceof APIError && (thrown.status === 401 || thrown.status === 403)) return 'unknown';
        throw thrown;
      }
    });
  }

  return {
    async check(zone) {
      const state = await trouble(null);
      const account = state === 'unknown' ? ((await zones.read(zone.id))?.account?.id ?? null) : null;
      const found = account === null ? state : await trouble(account);
      if (found instanceof DnsError) throw found;
      await session.call('Zone → DNS → Read', async (client) =>
        parsePage(await (await client.dns.records.list({ zone_id: zone.id, type: 'TXT', per_page: 5 }).asResponse()).json()),
      );
      await session.call('Zone → DNS → Edit', async (client) => {
        try {
          await client.dns.records.delete(NO_RECORD, { zone_id: zone.id });
        } catch (thrown) {
          // Who may delete is told that there is no such record, or that this is no id.
          if (!(thrown instanceof APIError && (thrown.status === 404 || thrown.status === 400))) throw thrown;
        }
      });
    },

    async explain(failure) {
      if (!(failure instanceof DnsError) || (failure.code !== 'dns_unauthorized' && failure.code !== 'dns_forbidden')) return failure;
      const state = await trouble(null).catch(() => null);
      return state instanceof DnsError ? state : failure;
    },
  };
}

function unusable(vendor: CloudflareVendor, token: z.infer<typeof tokenSchema>, now: number): DnsError | null {
  const { status, expires_on: expires, not_before: from } = token;
  const begins = from == null ? Number.NaN : Date.parse(from);
  const ends = expires == null ? Number.NaN : Date.parse(expires);
  const say = (what: string, hint: string) =>
    new DnsError('dns_unauthorized', `The token of [dns.${vendor.name}] ${what}.`, { hint: `${hint} (${vendor.token}).`, details: { status } });
  if (status === 'expired' || ends <= now) {
    return say(`expired${Number.isNaN(ends) ? '' : ` on ${new Date(ends).toISOString().slice(0, 10)}`}`, 'Make a new token at Cloudflare and store it');
  }
  if (begins > now) return say(`is not valid before ${momentAfter(begins)}`, 'Wait, or correct the start of the token at Cloudflare');
  if (status !== 'active') return say(`is ${status}`, 'Enable it at Cloudflare, or make a new one and store it');
  return null;
}
