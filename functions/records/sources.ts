/** Where the values of declared records come from, what is known of each source, and what a record is to hold now. Pure. */
import { z } from 'zod';
import { HOUR, MINUTE } from '../../shared/clock.ts';
import type { DeclaredRecord } from '../config/configuration.ts';
import { addressesOf, followedSchema } from './instances.ts';
import { managedCaa } from './managed-caa.ts';

/** Instances are asked for this often while a record follows them. */
const INSTANCES_EVERY_MS = MINUTE;
/** A CA's account and names hardly ever change; when they do, an outdated CAA record stops every renewal. */
const AUTHORITY_EVERY_MS = 10 * MINUTE;
const LONGEST_RETRY_MS = HOUR;

const timestamp = z.number().int().nonnegative();
const asked = { askAt: timestamp, failures: z.number().int().nonnegative(), why: z.string().nullable() };

export const knownSourceSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('instances'),
    followed: z.array(followedSchema),
    /** Unix ms of the next question. */
    ...asked,
  }),
  z.object({
    kind: z.literal('authority'),
    identity: z.object({ identities: z.array(z.string()), accountUrl: z.string().nullable() }).nullable(),
    ...asked,
  }),
]);
/** `why`: the last question failed, one sentence. */
export type KnownSource = z.infer<typeof knownSourceSchema>;

export type Source = { kind: 'instances'; key: string; cluster: string; service: string; namespace: string } | { kind: 'authority'; key: string; name: string };

export function sourcesOf(records: readonly DeclaredRecord[]): Source[] {
  const sources = records.flatMap(({ source }): Source[] => {
    if (source.kind === 'authorities') return source.authorities.map((name) => ({ kind: 'authority', key: authorityKey(name), name }));
    if (source.kind === 'instances') {
      const { cluster, service, namespace } = source;
      return [{ kind: 'instances', key: instancesKey(source), cluster, service, namespace }];
    }
    return [];
  });
  return [...new Map(sources.map((source) => [source.key, source])).values()];
}

/** When to ask next. A relay that is gone is asked as often as before: the question costs nothing outside. */
export function askAgainAt(kind: Source['kind'], failures: number, now: number): number {
  if (kind === 'instances') return now + INSTANCES_EVERY_MS;
  return now + (failures === 0 ? AUTHORITY_EVERY_MS : Math.min(MINUTE * 2 ** Math.min(failures - 1, 10), LONGEST_RETRY_MS));
}

export type Resolved = { values: string[] } | { held: string };

/** What the record is to hold; `held` while that is not known, and then nothing of it is touched. */
export function resolve({ type, source }: DeclaredRecord, known: (key: string) => KnownSource | undefined): Resolved {
  switch (source.kind) {
    case 'values':
      return { values: source.values };
    case 'instances': {
      const state = known(instancesKey(source));
      const where = `${source.service} in ${source.cluster}`;
      if (state?.kind !== 'instances') return { held: `The instances of ${where} have not been asked for yet.` };
      if (state.why !== null) return { held: `The instances of ${where} are not known: ${state.why}` };
      const values = addressesOf(type === 'AAAA' ? 'AAAA' : 'A', state.followed);
      return values === null ? { held: `No instance of ${where} with an ${type === 'AAAA' ? 'IPv6' : 'IPv4'} address is healthy.` } : { values };
    }
    case 'authorities': {
      const parts = source.authorities.map((name) => {
        const state = known(authorityKey(name));
        if (state?.kind === 'authority' && state.identity !== null) return managedCaa(name, state.identity);
        return { why: state?.why ?? `${name} has not been asked yet.` };
      });
      // One CA less would shut it out: all of them, or nothing is touched.
      const unknown = parts.flatMap((part) => ('why' in part ? part.why : []));
      const [first] = unknown;
      return first === undefined ? { values: [...new Set(parts.flatMap((part) => ('values' in part ? part.values : [])))] } : { held: first };
    }
  }
}

/** For people. */
export function describeSource({ source }: DeclaredRecord): string {
  switch (source.kind) {
    case 'values':
      return 'as written';
    case 'instances':
      return `healthy instances of ${source.service} in ${source.cluster}`;
    case 'authorities':
      return `CAA of ${source.authorities.join(', ')}`;
  }
}

function instancesKey({ cluster, service, namespace }: { cluster: string; service: string; namespace: string }): string {
  return `instances ${cluster} ${namespace} ${service}`;
}

function authorityKey(name: string): string {
  return `authority ${name}`;
}
