import { describe, expect, it } from 'vitest';
import { compileConfiguration } from '../../functions/config/compile.ts';
import { formatProblems } from '../../infra/build/report.ts';

const CLUSTERS = `[clusters.main]\nkeys = ["relay-1:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"]\n`;
const KEY = '0123456789abcdef0123456789ABCDEF';
const namecheap = (...lines: string[]) => `${CLUSTERS}[dns.registrar]\nprovider = "namecheap"\n${lines.join('\n')}\n`;
const cloudflare = (...lines: string[]) => `${CLUSTERS}[dns.main]\nprovider = "cloudflare"\ntoken = "secret:cloudflare-token"\n${lines.join('\n')}\n`;

function vendors(text: string) {
  const compiled = compileConfiguration(text);
  if (!compiled.valid) throw new Error(JSON.stringify(compiled.problems));
  return compiled.configuration.dns;
}

function problems(text: string): string[] {
  const compiled = compileConfiguration(text);
  return compiled.valid ? [] : compiled.problems.map(({ path, message }) => `${path}: ${message}`);
}

describe('a Namecheap account', () => {
  it('is its user name and the cluster whose relay speaks for it', () => {
    expect(vendors(namecheap('user = "example"', 'egress = "main"'))).toEqual([{ name: 'registrar', provider: 'namecheap', user: 'example', egress: 'main' }]);
  });

  it('asks for both', () => {
    expect(problems(namecheap())).toEqual([
      expect.stringMatching(/^dns\.registrar\.egress: "egress" is missing; expected the name of the cluster whose address the account lists/),
      expect.stringMatching(/^dns\.registrar\.user: "user" is missing; .*Write for example: user = "example"$/),
    ]);
  });

  it('names the clusters there are when it is sent through another one', () => {
    expect(problems(namecheap('user = "example"', 'egress = "mian"'))).toEqual([
      'dns.registrar.egress: There is no cluster "mian" through whose relay Namecheap is called. Did you mean "main"?',
    ]);
    expect(problems(namecheap('user = "example"', 'egress = "elsewhere"')).join()).toContain('Known: "main".');
  });

  it('stands in one block', () => {
    const twice = `${namecheap('user = "example"', 'egress = "main"')}[dns.again]\nprovider = "namecheap"\nuser = "Example"\negress = "main"\n`;
    expect(problems(twice)).toEqual(['dns.again.user: [dns.registrar] is this account through this cluster already. Remove one of the two blocks.']);
  });

  it.each([
    ['under the name of the API', [`api_key = "${KEY}"`, 'user = "example"', 'egress = "main"']],
    ['under a short name', [`apikey = '${KEY}'`, 'user = "example"', 'egress = "main"']],
    ['as a reference to a secret', ['key = "secret:namecheap"', 'user = "example"', 'egress = "main"']],
    ['as a token', [`token = "${KEY}"`, 'user = "example"', 'egress = "main"']],
    ['in place of the user', [`user = "${KEY}"`, 'egress = "main"']],
    ['in place of the cluster', ['user = "example"', `egress = "${KEY}"`]],
    ['under a name that says nothing', [`pin = "${KEY}"`, 'user = "example"', 'egress = "main"']],
  ])('has its key refused %s, with the place where it belongs, and repeats it nowhere', (_how, lines) => {
    const text = namecheap(...lines);
    expect(problems(text).filter((problem) => problem.includes('nomad var put nomad/jobs/relay/namecheap'))).toHaveLength(1);
    const compiled = compileConfiguration(text);
    const shown = `${JSON.stringify(compiled)} ${formatProblems('certificates.toml', text, compiled.valid ? [] : compiled.problems)}`;
    expect(shown.toLowerCase()).not.toContain(KEY.toLowerCase());
  });
});

describe('a Cloudflare block', () => {
  it('may name where delegated challenges are published', () => {
    expect(vendors(cloudflare('delegation = "ACME.Bücher.example."'))[0]).toMatchObject({ delegation: 'acme.xn--bcher-kva.example' });
    expect(vendors(cloudflare('delegation = "_acme.example.co.uk"'))[0]).toMatchObject({ delegation: '_acme.example.co.uk' });
    expect(vendors(cloudflare())[0]).toMatchObject({ delegation: null });
  });

  it.each([
    ['*.example.net', 'A wildcard cannot be pointed to'],
    ['_acme-challenge.example.net', 'Challenges of the name itself go there.'],
    [`${'a.'.repeat(90)}example.net`, 'so no challenge fits below it'],
    ['net', 'write the full name'],
  ])('refuses %s for that', (delegation, reason) => {
    expect(problems(cloudflare(`delegation = "${delegation}"`))).toEqual([expect.stringMatching(/^dns\.main\.delegation: /)]);
    expect(problems(cloudflare(`delegation = "${delegation}"`)).join()).toContain(reason);
  });
});

describe('another vendor', () => {
  it('is refused with those there are, and with the way that works for every vendor', () => {
    const other = (name: string) => problems(`${CLUSTERS}[dns.x]\nprovider = "${name}"\n`).join();
    expect(other('namecheep')).toContain('Did you mean "namecheap"?');
    expect(other('route53')).toContain('Known: "cloudflare", "namecheap". Names at other vendors can be delegated by CNAME');
  });
});
