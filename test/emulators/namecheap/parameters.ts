/**
 * The parameters of a request, from the query and from a form body alike. Names count in any case, as the vendor's own
 * documents spell them differently; a parameter without a value is one that is missing.
 */
import type { HostInput } from './host.ts';

/** More hosts than this come by POST only. */
export const MAX_HOSTS_BY_GET = 10;
const NUMBERED = /^(hostname|recordtype|address|mxpref|ttl)([1-9]\d{0,3})$/;
const MAX_BODY_BYTES = 2_097_152;

export class Parameters {
  readonly #values: ReadonlyMap<string, string>;

  private constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  static async of(request: Request): Promise<Parameters> {
    const values = new Map<string, string>();
    const put = (pairs: URLSearchParams) => {
      for (const [name, value] of pairs) values.set(name.toLowerCase(), value);
    };
    put(new URL(request.url).searchParams);
    const form = /^application\/x-www-form-urlencoded(?:;|$)/i.test(request.headers.get('content-type') ?? '');
    if (request.method === 'POST' && form) put(new URLSearchParams(new TextDecoder().decode((await request.arrayBuffer()).slice(0, MAX_BODY_BYTES))));
    return new Parameters(values);
  }

  get(name: string): string {
    return this.#values.get(name.toLowerCase()) ?? '';
  }

  has(name: string): boolean {
    return this.#values.has(name.toLowerCase());
  }

  /** The hosts of `setHosts` by their number; a number without a name, type and address at all ends nothing, it is skipped. */
  hosts(): HostInput[] {
    const positions = new Set<number>();
    for (const name of this.#values.keys()) {
      const [, , position] = NUMBERED.exec(name) ?? [];
      if (position !== undefined) positions.add(Number(position));
    }
    return [...positions]
      .toSorted((a, b) => a - b)
      .map((position) => ({
        name: this.get(`HostName${position}`),
        type: this.get(`RecordType${position}`),
        address: this.get(`Address${position}`),
        ...numberOf('mxPref', this.get(`MXPref${position}`)),
        ...numberOf('ttl', this.get(`TTL${position}`)),
      }))
      .filter(({ name, type, address }) => name !== '' || type !== '' || address !== '');
  }
}

function numberOf<K extends 'mxPref' | 'ttl'>(key: K, text: string): { [P in K]?: number } {
  return text === '' ? {} : ({ [key]: /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN } as { [P in K]: number });
}
