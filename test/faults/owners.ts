/**
 * Whose call it is: the certificates that a call is about, by the names in it and by the URLs and ids that earlier replies
 * gave out. A call of several certificates belongs to all of them; one about none (a directory, a zone) to nobody.
 */
import { z } from 'zod';
import type { Call, CallReply } from './calls.ts';
import { acmePayload, parseJson, questionOf } from './labels.ts';

const ID = /[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f-]{27}/g;
const recordSchema = z.looseObject({ id: z.string().regex(/^[0-9a-f]{32}$/), name: z.string() });

export class Owners {
  readonly #names: readonly string[];
  /** Path or id -> certificate. */
  readonly #learned = new Map<string, string>();

  /** @param names of certificates, none the beginning of another. */
  constructor(names: readonly string[]) {
    this.#names = names;
  }

  of(call: Call): string[] {
    const text = `${call.path} ${textOf(call)}`;
    const known = [pathOf(call), ...(text.match(ID) ?? [])].flatMap((token) => this.#learned.get(token) ?? []);
    return [...new Set([...this.#named(text), ...known])];
  }

  /** Remembers what a reply gives to the one certificate that the call was about. */
  learn(call: Call, reply: CallReply, owners: readonly string[]): void {
    if (call.part === 'cloudflare') return this.#learnRecords(parseJson(reply.body.toString('utf8')));
    const [owner, other] = owners;
    if (owner === undefined || other !== undefined) return;
    if (call.part === 'ca') {
      const urls = reply.body.toString('utf8').match(/https:\/\/[^"\s]+/g) ?? [];
      for (const url of [...urls, ...(reply.location === null ? [] : [reply.location])]) this.#learnUrl(url, owner);
    } else if (call.part === 'link') {
      for (const id of textOf(call).match(ID) ?? []) this.#learned.set(id, owner);
    }
  }

  /** The key area is written to before the link's reply is seen. */
  learnRequest(call: Call, owners: readonly string[]): void {
    const [owner, other] = owners;
    if (call.part === 'link' && owner !== undefined && other === undefined) for (const id of textOf(call).match(ID) ?? []) this.#learned.set(id, owner);
  }

  #learnUrl(url: string, owner: string): void {
    if (URL.canParse(url)) this.#learned.set(new URL(url).pathname, owner);
  }

  #learnRecords(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    const record = recordSchema.safeParse(value);
    const [owner] = record.success ? this.#named(record.data.name) : [];
    if (record.success && owner !== undefined) this.#learned.set(record.data.id, owner);
    for (const member of Object.values(value)) this.#learnRecords(member);
  }

  #named(text: string): string[] {
    return this.#names.filter((name) => text.includes(name));
  }
}

function textOf(call: Call): string {
  if (call.part === 'ca') return acmePayload(call) ?? '';
  if (call.part === 'resolver') return questionOf(call)?.name ?? '';
  return call.body.toString('utf8');
}

function pathOf(call: Call): string {
  return call.path.split('?', 1)[0] ?? '/';
}
