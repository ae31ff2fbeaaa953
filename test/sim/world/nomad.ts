/**
 * One cluster's Nomad as its relay asks it: variables with check-and-set, service discovery, signals. Items that somebody
 * else keeps in a delivered variable have to survive every write of ours.
 */
import type { NomadCall, NomadReply } from '../../../infra/relay/nomad/client.ts';
import { NoReply } from '../outside.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { current } from './current.ts';
import type { SimulatedProxy } from './proxy.ts';

export interface StoredVariable {
  path: string;
  items: Record<string, string>;
  index: number;
  modifiedAt: number;
}

export class SimulatedNomad {
  readonly variables = new Map<string, StoredVariable>();
  readonly proxies: SimulatedProxy[] = [];
  readonly cluster: string;
  #index = 100;

  constructor(cluster: string) {
    this.cluster = cluster;
  }

  /** The product's NomadClient asks this. */
  async call({ method, path, body }: NomadCall): Promise<NomadReply> {
    const { outside } = current();
    const label = `${method} ${path.split('?')[0]}`;
    try {
      return await outside.byActor('nomad', label, () => this.#answer(method, new URL(path, 'http://nomad'), body));
    } catch (thrown) {
      if (!(thrown instanceof NoReply)) throw thrown;
      throw new PerennialError('nomad_unavailable', 'Nomad did not answer in time.', { retryable: true });
    }
  }

  close(): void {}

  /** Somebody writes a variable by hand. */
  edit(path: string, items: Record<string, string>): void {
    const before = this.variables.get(path)?.items ?? {};
    this.#put(path, { ...before, ...items });
  }

  #answer(method: string, url: URL, body: string | undefined): NomadReply {
    const { pathname, searchParams } = url;
    const service = pathname.split('/')[3];
    const proxies = this.proxies.filter((proxy) => proxy.service === service);
    if (pathname.startsWith('/v1/service/'))
      return reply(
        200,
        proxies.map((proxy) => proxy.registration()),
      );
    if (pathname.startsWith('/v1/job/'))
      return reply(
        200,
        proxies.map(({ allocation }) => ({ ID: allocation, DesiredStatus: 'run', ClientStatus: 'running' })),
      );
    if (pathname.startsWith('/v1/client/')) return reply(200, {});
    if (pathname === '/v1/vars') {
      const prefix = searchParams.get('prefix') ?? '';
      const found = [...this.variables.values()].filter(({ path }) => path.startsWith(prefix));
      return reply(
        200,
        found.map(({ path, index, modifiedAt }) => ({ Path: path, ModifyIndex: index, ModifyTime: modifiedAt * 1e6 })),
      );
    }
    const path = pathname.slice('/v1/var/'.length);
    const standing = this.variables.get(path);
    if (method === 'GET') return standing === undefined ? reply(404, {}) : reply(200, { Path: path, ModifyIndex: standing.index, Items: standing.items });
    if (method === 'DELETE') {
      this.variables.delete(path);
      return reply(200, {});
    }
    this.#interfere(path);
    const cas = Number(searchParams.get('cas'));
    if ((this.variables.get(path)?.index ?? 0) !== cas) return reply(409, {});
    const { Items: items } = JSON.parse(body ?? '{}') as { Items: Record<string, string> };
    current().laws.variableWritten(this, path, this.variables.get(path)?.items ?? {}, items);
    return reply(200, { ModifyIndex: this.#put(path, items) });
  }

  /** Now and then somebody else's item changes right before our write. */
  #interfere(path: string): void {
    const { random, weather } = current();
    const standing = this.variables.get(path);
    if (standing === undefined || !random.chance(weather.conflict)) return;
    const own = path.includes('/keys/') || path.includes('/previous/');
    this.#put(path, own ? { ...standing.items } : { ...standing.items, note: `edit ${this.#index}` });
  }

  #put(path: string, items: Record<string, string>): number {
    const { scheduler } = current();
    this.#index += 1;
    this.variables.set(path, { path, items, index: this.#index, modifiedAt: scheduler.now });
    for (const proxy of this.proxies) proxy.noticed(path);
    return this.#index;
  }
}

function reply(status: number, document: unknown): NomadReply {
  return { status, body: JSON.stringify(document) };
}
