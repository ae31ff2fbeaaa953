/** What ships in `infra/nomad/` and `infra/traefik/` agrees with itself; a real agent is asked where one is given. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseLaw } from '../../../infra/relay/law.ts';
import { parsePolicyRules } from '../../emulators/nomad/policy-hcl.ts';

const read = (path: string) => readFileSync(new URL(`../../../infra/${path}`, import.meta.url), 'utf8');

describe('the shipped policies', () => {
  it('give the relay the delivered variable, its own area and the reading of a key, and nothing else', () => {
    expect(parsePolicyRules(read('nomad/relay.policy.hcl')).namespaces).toMatchObject([
      {
        namespace: 'default',
        variables: [
          { path: 'nomad/jobs/proxy', capabilities: ['read', 'write', 'list'] },
          { path: 'nomad/jobs/relay/*', capabilities: ['read', 'write', 'list', 'destroy'] },
          { path: 'nomad/jobs/relay/namecheap', capabilities: ['read'] },
        ],
      },
    ]);
  });

  it('show which instances are healthy only with a policy of their own', () => {
    expect(parsePolicyRules(read('nomad/relay-instances.policy.hcl')).namespaces).toMatchObject([{ namespace: 'default', capabilities: ['read-job'] }]);
  });

  it('give signals only with a policy of their own', () => {
    expect(parsePolicyRules(read('nomad/relay-signal.policy.hcl')).namespaces).toMatchObject([
      { namespace: 'default', capabilities: ['read-job', 'alloc-lifecycle'] },
    ]);
  });
});

describe('the shipped jobs', () => {
  it.each(['relay', 'proxy'])('never give up a %s that keeps dying, and wait seconds for it', (job) => {
    const [, restart = ''] = /^ {4}restart \{\n([^}]+)\}/m.exec(read(`nomad/${job}.nomad.hcl`)) ?? [];
    expect(/mode += "(.+)"/.exec(restart)?.[1]).toBe('delay');
    expect(Number(/delay += "(\d+)s"/.exec(restart)?.[1])).toBeLessThanOrEqual(5);
  });
});

const address = process.env['NOMAD_ADDR'];

describe.skipIf(address === undefined)('the agent at NOMAD_ADDR (skipped without one)', () => {
  const given: Record<string, Record<string, string>> = {
    relay: { origin: 'https://perennial.example.net', relay_sha256: '0'.repeat(64), law: '{}', node: '/usr/bin/node' },
    proxy: { traefik: '/usr/bin/traefik' },
  };

  it.each([
    ['relay', 'docker'],
    ['relay', 'raw_exec'],
    ['proxy', 'docker'],
    ['proxy', 'raw_exec'],
  ])('takes the job %s for %s', async (job, driver) => {
    const ask = async (path: string, body: unknown) =>
      fetch(new URL(path, address), { method: 'POST', headers: { 'x-nomad-token': process.env['NOMAD_TOKEN'] ?? '' }, body: JSON.stringify(body) });
    const variables = Object.entries({ ...given[job], driver }).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`);
    const parsed = await ask('/v1/jobs/parse', { JobHCL: read(`nomad/${job}.nomad.hcl`), Variables: variables.join(''), Canonicalize: true });
    const text = await parsed.text();
    expect(parsed.status, text).toBe(200);
    const validated = await ask('/v1/validate/job', { Job: JSON.parse(text) as unknown });
    expect(await validated.json()).toMatchObject({ Error: '', ValidationErrors: null });
  });
});

describe('the law in the README', () => {
  it('is one that the relay takes, with and without an account at Namecheap', () => {
    const [law = '', account = ''] = [...read('nomad/README.md').matchAll(/```json\n([\s\S]+?)```/g)].map(([, example = '']) => example);
    const whole = law.replace('"x": "…"', `"x": "${'A'.repeat(43)}"`);
    expect(parseLaw(whole)).toMatchObject({ cluster: 'matrix', namecheap: [] });
    const both: unknown = { ...(JSON.parse(whole) as object), ...(JSON.parse(account) as object) };
    expect(parseLaw(JSON.stringify(both))).toMatchObject({ namecheap: [{ account: 'example', changes: 'challenges', key: { item: 'key' } }] });
  });
});

describe('the static configuration of Traefik', () => {
  /** `a:` over `b: c` as `--a.b=c`; two spaces of indentation, no lists. */
  const options = (yaml: string) => {
    const path: string[] = [];
    return yaml.split('\n').flatMap((line) => {
      const [, indent = '', key = '', value = ''] = /^( *)([a-zA-Z]+): *(.*)$/.exec(line) ?? [];
      if (key === '') return [];
      path.splice(indent.length / 2, path.length, key);
      return value === '' ? [] : [`--${path.join('.').toLowerCase()}=${value.replaceAll('"', '')}`];
    });
  };

  it('is the same in the job and in the file, but for port and directory', () => {
    const job = [...read('nomad/proxy.nomad.hcl').matchAll(/"(--[^"]+=[^"]*)",/g)].map(([, option = '']) =>
      option.replace(/^(--[^=]+)/, (name) => name.toLowerCase()),
    );
    const file = options(read('traefik/traefik.yml')).map((option) =>
      option.replace(/:443$/, ':${NOMAD_PORT_https}').replace('/secrets/', '${NOMAD_SECRETS_DIR}/'),
    );
    expect(job.toSorted()).toEqual(file.toSorted());
  });
});
