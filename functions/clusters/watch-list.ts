/**
 * What relays are to look at by themselves (DESIGN §7: the relay dials every five minutes). A relay keeps nothing over a
 * restart, and of several only one is asked to verify; so the cluster remembers the latest verification of each
 * certificate and hands the list to every relay that connects. Pure.
 */
import { z } from 'zod';
import { MAX_BODY_BYTES, verdictSchema, verifyRequest, type WatchEntry } from '../../shared/relay/contract.ts';
import type { LinkRequest, LinkResponse } from './link.ts';

/** Entries and characters of one request: small enough to be signed in a moment. */
const ENTRIES_PER_REQUEST = 200;
const LENGTH_PER_REQUEST = 200_000;

/** The part of an answer that the next look is compared with. */
const verdictsOnly = z.object({ instances: z.array(z.object({ id: z.string(), verdict: verdictSchema })) });

/** What a verification that went well gives to watch; null for any other exchange. */
export function watchEntryOf(request: LinkRequest, response: LinkResponse, at: number): WatchEntry | null {
  if (request.method !== 'POST' || request.path !== '/v1/verify' || response.status !== 200) return null;
  const asked = verifyRequest.safeParse(parseJson(request.body));
  const answered = verdictsOnly.safeParse(parseJson(response.body));
  if (!asked.success || !answered.success) return null;
  const verdicts = answered.data.instances.map(({ id, verdict }) => [id, verdict] as const).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return { request: asked.data, verdicts: Object.fromEntries(verdicts), at };
}

/** The list in portions of one request each. An entry that is too large by itself is left out: the daily dial remains. */
export function portionsOf(entries: readonly WatchEntry[]): WatchEntry[][] {
  const portions: WatchEntry[][] = [];
  let room = 0;
  for (const entry of entries) {
    const { length } = JSON.stringify(entry);
    if (length > MAX_BODY_BYTES / 2) continue;
    const last = portions.at(-1);
    if (last !== undefined && length <= room && last.length < ENTRIES_PER_REQUEST) {
      last.push(entry);
      room -= length;
    } else {
      portions.push([entry]);
      room = LENGTH_PER_REQUEST - length;
    }
  }
  return portions;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
