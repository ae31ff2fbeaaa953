/** The vendor's emulator behind the project's own forms and readers: what a relay does, without a relay. */
import { splitDomain } from '../../../shared/namecheap/domain-name.ts';
import { type HostList, readHostList, GET_HOSTS } from '../../../shared/namecheap/host-list.ts';
import type { HostTable } from '../../../shared/namecheap/host-table.ts';
import { queryForm } from '../../../shared/namecheap/query-form.ts';
import { readSetHosts, SET_HOSTS, setHostsForm } from '../../../shared/namecheap/set-hosts.ts';
import { Namecheap, type DomainSpec, type NamecheapOptions } from '../../emulators/namecheap/index.ts';
import type { CorpusSet } from './corpus.ts';

export class Vendor {
  readonly emulator: Namecheap;
  readonly #domain: DomainSpec;

  /** Holds one domain with the rows of a set, its flags included. */
  constructor({ emailType, rows }: CorpusSet, spec: Partial<DomainSpec> = {}, options: Partial<NamecheapOptions> = {}) {
    const hosts = rows.map(({ attributes, ...row }) => ({
      ...row,
      isActive: attributes['IsActive'] !== 'false',
      isDDNSEnabled: attributes['IsDDNSEnabled'] === 'true',
    }));
    this.#domain = { name: 'example.com', emailType, hosts, ...spec };
    this.emulator = new Namecheap({ accounts: [{ user: 'example', key: 'key-of-the-account' }], domains: [this.#domain], limits: false, ...options });
  }

  async read(): Promise<HostList> {
    return readHostList(await this.ask(GET_HOSTS, queryForm(GET_HOSTS, this.#split())), this.#domain.name);
  }

  async write(table: HostTable): Promise<void> {
    readSetHosts(await this.ask(SET_HOSTS, setHostsForm(table, this.#split())), this.#domain.name);
  }

  async ask(command: string, form: URLSearchParams): Promise<{ status: number; body: string }> {
    const body = new URLSearchParams({ ApiUser: 'example', ApiKey: 'key-of-the-account', UserName: 'example', ClientIp: '203.0.113.7', Command: command });
    for (const [name, value] of form) body.append(name, value);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const response = await this.emulator.fetch(new Request('https://api.namecheap.example/xml.response', { method: 'POST', headers, body: body.toString() }));
    return { status: response.status, body: await response.text() };
  }

  #split(): { sld: string; tld: string } {
    const { name, sld, tld } = this.#domain;
    return sld === undefined || tld === undefined ? splitDomain(name) : { sld, tld };
  }
}
