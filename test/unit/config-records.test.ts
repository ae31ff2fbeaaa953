import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileConfiguration } from '../../functions/config/compile.ts';
import { declaredRecordSchema, type DeclaredRecord } from '../../functions/config/configuration.ts';

const ONE = `[clusters.main]\nkeys = ["relay-1:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"]\n`;
const TWO = `${ONE}[clusters.other]\nkeys = ["relay-2:d75AGAVsYvR9MPTIDuBhCrc2nLxjH9aNIlHS3vuJm_I"]\n`;
const DNS = '[dns.main]\nprovider = "cloudflare"\ntoken = "secret:cloudflare-token"\n';
const FRAME = ONE + DNS;
const block = (...lines: string[]) => `[[records]]\n${lines.join('\n')}\n`;
const record = (name: string, type: string, value: string) => block(`name = "${name}"`, `type = "${type}"`, `value = ${value}`);

function accepted(text: string): DeclaredRecord[] {
  const compiled = compileConfiguration(text);
  if (!compiled.valid) throw new Error(JSON.stringify(compiled.problems));
  return compiled.configuration.records;
}

function problems(text: string): string[] {
  const compiled = compileConfiguration(text);
  return compiled.valid ? [] : compiled.problems.map(({ path, message }) => `${path}: ${message}`);
}

describe('a declared record', () => {
  it('is complete with name, type and value; the rest has defaults', () => {
    expect(accepted(FRAME + record('www.example.net', 'A', '"192.0.2.1"'))).toEqual([
      { name: 'www.example.net', type: 'A', source: { kind: 'values', values: ['192.0.2.1'] }, ttl: 300, adopt: false },
    ]);
  });

  it('may have several values, a TTL, and take over what is there', () => {
    expect(
      accepted(FRAME + block('name = "*.example.net"', 'type = "AAAA"', 'values = ["2001:DB8:0:0::1", "2001:db8::2"]', 'ttl = 60', 'adopt = true')),
    ).toEqual([{ name: '*.example.net', type: 'AAAA', source: { kind: 'values', values: ['2001:db8::1', '2001:db8::2'] }, ttl: 60, adopt: true }]);
  });

  it('is named as DNS names it: A-labels, underscores, any depth', () => {
    const names = ['Bücher.Example.', '_dmarc.example.co.uk', 'a.b.c.eu.shop.example.com.au', '*.例え。テスト'];
    expect(accepted(FRAME + names.map((name) => record(name, 'TXT', '"x"')).join('')).map(({ name }) => name)).toEqual([
      '*.xn--r8jz45g.xn--zckzah',
      '_dmarc.example.co.uk',
      'a.b.c.eu.shop.example.com.au',
      'xn--bcher-kva.example',
    ]);
  });

  it('changes the hash of the configuration; the order of the blocks does not', () => {
    const [a, b] = [record('a.example.net', 'A', '"192.0.2.1"'), record('a.example.net', 'TXT', '"x"')];
    const hash = (text: string) => compileConfiguration(FRAME + text).hash;
    expect(hash(a + b)).toBe(hash(b + a));
    expect(hash(a)).not.toBe(hash(a + b));
    expect(hash(a)).not.toBe(hash(a.replace('192.0.2.1', '192.0.2.2')));
  });
});

describe('values', () => {
  it.each([
    ['A', '"203.0.113.255"', '203.0.113.255'],
    ['AAAA', '"2001:0DB8::0:1"', '2001:db8::1'],
    ['CNAME', '"Ingress.Example.NET."', 'ingress.example.net'],
    ['CNAME', '"bücher.example"', 'xn--bcher-kva.example'],
    ['TXT', '"v=spf1 include:_spf.example.net ~all"', 'v=spf1 include:_spf.example.net ~all'],
    ['CAA', `'0 issue "letsencrypt.org"'`, '0 issue "letsencrypt.org"'],
    ['CAA', '"0 IssueWild ;"', '0 issuewild ";"'],
    [
      'CAA',
      `'128 issue "ca.example; accounturi=https://ca.example/1; validationmethods=dns-01"'`,
      '128 issue "ca.example; accounturi=https://ca.example/1; validationmethods=dns-01"',
    ],
    ['CAA', `'0 iodef "mailto:security@example.net"'`, '0 iodef "mailto:security@example.net"'],
  ])('of type %s: %s becomes %s', (type, typed, value) => {
    expect(accepted(FRAME + record('x.example.net', type, typed))[0]?.source).toEqual({ kind: 'values', values: [value] });
  });

  it.each([
    ['A', '"192.0.2"', '"192.0.2" is not an IPv4 address. Write for example: value = "192.0.2.1"'],
    ['A', '"192.0.2.256"', 'is not an IPv4 address'],
    ['A', '"192.000.002.001"', 'write "192.0.2.1"'],
    ['A', '"2001:db8::1"', 'needs type = "AAAA"'],
    ['A', '"www.example.net"', 'is not an IPv4 address'],
    ['A', '7', '7 is not an IPv4 address'],
    ['AAAA', '"192.0.2.1"', 'needs type = "A"'],
    ['AAAA', '"2001:db8:::1"', 'is not an IPv6 address'],
    ['AAAA', '"fe80::1%eth0"', 'A zone index'],
    ['CNAME', '"192.0.2.1"', 'It is an IP address'],
    ['CNAME', '"*.example.net"', 'A wildcard cannot be pointed to'],
    ['CNAME', '"https://www.example.net/"', 'It is a URL'],
    ['CNAME', '"x.example.net"', 'x.example.net would lead to itself.'],
    ['TXT', String.raw`"\"v=spf1 -all\""`, 'without quotes around it'],
    ['TXT', '""', 'It is empty.'],
    ['TXT', '" padded"', 'begins or ends with a space'],
    ['TXT', String.raw`"two\nlines"`, 'It holds line breaks'],
    ['TXT', '"grün"', 'characters beyond ASCII'],
    ['TXT', `"${'x'.repeat(2_049)}"`, 'It has 2049 characters; at most 2048 are possible.'],
    ['CAA', '"letsencrypt.org"', 'is not a CAA value'],
    ['CAA', `'0 isue "letsencrypt.org"'`, 'There is no CAA property "isue". Did you mean "issue"?'],
    ['CAA', `'1 issue "letsencrypt.org"'`, 'Its flags are 0, or 128'],
    ['CAA', `'0 issue "https://letsencrypt.org"'`, 'After "issue" stands the name of a CA'],
    ['CAA', `'0 issue "ca.example accounturi=x"'`, 'parameters behind semicolons'],
    ['CAA', `'0 issue ""'`, 'or ";" alone for no CA'],
    ['CAA', `'0 iodef "security@example.net"'`, 'After "iodef" stands a mailto: or https: URL.'],
  ])('of type %s: %s is refused: %s', (type, typed, reason) => {
    const found = problems(FRAME + record('x.example.net', type, typed));
    expect(found).toEqual([expect.stringMatching(/^records\[0\]\.value: /)]);
    expect(found.join()).toContain(reason);
  });

  it('of CNAMEs that lead round in a circle are refused at each of them, and not at one that leads into it', () => {
    const alias = (name: string, target: string) => record(name, 'CNAME', JSON.stringify(target));
    const circle = alias('a.example.net', 'b.example.net') + alias('b.example.net', 'c.example.net') + alias('c.example.net', 'a.example.net');
    expect(problems(FRAME + circle + alias('in.example.net', 'a.example.net'))).toEqual([
      expect.stringMatching(/^records\[0\]\.value: .* a\.example\.net → b\.example\.net → c\.example\.net → a\.example\.net\. Let one/),
      expect.stringMatching(/^records\[1\]\.value: /),
      expect.stringMatching(/^records\[2\]\.value: /),
    ]);
  });

  it('are reported one by one, each at its place in the list', () => {
    expect(problems(FRAME + block('name = "x.example.net"', 'type = "A"', 'values = ["192.0.2.1", "nonsense", "192.0.2.1"]'))).toEqual([
      expect.stringMatching(/^records\[0\]\.values\[1\]: "nonsense" is not an IPv4 address/),
      'records[0].values[2]: "192.0.2.1" is listed twice.',
    ]);
  });

  it('that are accepted are accepted again in the form that is kept', () => {
    const typed = fc.oneof(
      fc.record({ type: fc.constant('A'), value: fc.ipV4() }),
      fc.record({ type: fc.constant('AAAA'), value: fc.ipV6() }),
      fc.record({ type: fc.constant('CNAME'), value: fc.domain() }),
      fc.record({ type: fc.constant('TXT'), value: fc.string({ minLength: 1, maxLength: 300 }) }),
      fc.record({ type: fc.constant('CAA'), value: fc.tuple(fc.constantFrom('issue', 'issuewild'), fc.domain()).map(([tag, ca]) => `0 ${tag} ${ca}`) }),
    );
    const compile = (type: string, value: string) => compileConfiguration(FRAME + record('x.example.net', type, JSON.stringify(value)));
    fc.assert(
      fc.property(typed, ({ type, value }) => {
        const once = compile(type, value);
        if (!once.valid) return;
        const [kept] = once.configuration.records;
        const canonical = kept?.source.kind === 'values' ? (kept.source.values[0] ?? '') : '';
        expect(compile(type, canonical)).toMatchObject({ valid: true, configuration: { records: [kept] } });
      }),
      { numRuns: 300 },
    );
  });
});

describe('a record that follows the instances of Traefik', () => {
  const follow = (...more: string[]) => block('name = "ingress.example.net"', 'type = "A"', 'target = "traefik"', ...more);

  it('means the only cluster and the service traefik', () => {
    expect(accepted(FRAME + follow())[0]?.source).toEqual({ kind: 'instances', cluster: 'main', service: 'traefik', namespace: 'default' });
    expect(accepted(TWO + DNS + follow('cluster = "other"', 'service = "edge"', 'namespace = "web"'))[0]?.source).toEqual({
      kind: 'instances',
      cluster: 'other',
      service: 'edge',
      namespace: 'web',
    });
  });

  it('has to say which cluster when there are several', () => {
    expect(problems(TWO + DNS + follow())).toEqual([
      `records[0].target: There are the clusters "main", "other": say which one's instances are meant. Write for example: cluster = "main"`,
    ]);
    expect(problems(FRAME + follow('cluster = "mian"'))).toEqual(['records[0].cluster: There is no cluster "mian". Did you mean "main"?']);
  });

  it('is of a type that holds addresses', () => {
    expect(problems(FRAME + follow().replace('"A"', '"CNAME"')).join()).toContain(
      'Instances have addresses, so with "target" the type is "A" or "AAAA", not "CNAME".',
    );
    expect(problems(FRAME + follow().replace('type = "A"\n', '')).join()).toContain('Write type = "A" for the IPv4 addresses');
    expect(problems(FRAME + follow().replace('"traefik"', '"192.0.2.1"')).join()).toContain('a fixed address or name is a value');
  });
});

describe('managed CAA', () => {
  const managed = (...more: string[]) => block('name = "example.net"', 'caa = "managed"', ...more);
  const certificate = (ca: string) =>
    `[[certificates]]\nname = "web"\ndomains = ["*.shop.example.net"]\nca = ${ca}\n[[certificates.deliver]]\ncluster = "main"\nvariable = "web"\n`;

  it('is made for the CAs of [acme], or for those it names', () => {
    expect(
      accepted(`[acme]\nca = ["letsencrypt", "sectigo-of-mine"]\n[ca.sectigo-of-mine]\ndirectory = "https://ca.example.net"\n${FRAME}${managed()}`),
    ).toEqual([{ name: 'example.net', type: 'CAA', source: { kind: 'authorities', authorities: ['letsencrypt', 'sectigo-of-mine'] }, ttl: 300, adopt: false }]);
    expect(accepted(FRAME + managed('type = "CAA"', 'ca = ["letsencrypt-staging"]'))[0]?.source).toEqual({
      kind: 'authorities',
      authorities: ['letsencrypt-staging'],
    });
  });

  it('brings a CA into the configuration that nothing else names, since its account is needed', () => {
    const compiled = compileConfiguration(FRAME + managed('ca = ["letsencrypt-staging"]'));
    expect(compiled).toMatchObject({ valid: true, configuration: { authorities: [{ name: 'letsencrypt' }, { name: 'letsencrypt-staging' }] } });
  });

  it('names a CA that does not exist', () => {
    expect(problems(FRAME + managed('ca = ["letsencrpt"]'))).toEqual([
      expect.stringMatching(/^records\[0\]\.ca\[0\]: There is no CA "letsencrpt"\. Did you mean "letsencrypt"\?/),
    ]);
  });

  it('must not shut out a CA that a certificate below it uses', () => {
    expect(problems(FRAME + managed() + certificate('["letsencrypt", "letsencrypt-staging"]'))).toEqual([
      'records[0].ca: The certificate "web" may be issued by "letsencrypt-staging", which this CAA would forbid. Write: ca = ["letsencrypt", "letsencrypt-staging"]',
    ]);
    expect(problems(FRAME + managed('ca = ["letsencrypt", "letsencrypt-staging"]') + certificate('["letsencrypt", "letsencrypt-staging"]'))).toEqual([]);
  });

  it('of a name further up does not count where a nearer one stands (RFC 8659 §3)', () => {
    const nearer = block('name = "shop.example.net"', 'caa = "managed"', 'ca = ["letsencrypt-staging"]');
    expect(problems(FRAME + managed() + nearer + certificate('["letsencrypt-staging"]'))).toEqual([]);
  });

  it('is CAA and nothing else', () => {
    expect(problems(FRAME + managed('type = "TXT"')).join()).toContain('caa = "managed" makes CAA records, not TXT. Leave "type" out.');
    expect(problems(FRAME + managed().replace('"managed"', '"letsencrypt.org"')).join()).toContain('a CAA record of your own is type = "CAA" with a value');
  });
});

describe('a block', () => {
  it.each([
    ['without anything to hold', ['type = "A"'], 'records[0]: Nothing says what the record holds. Write one of: value = '],
    ['with two sources', ['type = "A"', 'value = "192.0.2.1"', 'target = "traefik"'], 'records[0].target: "value" and "target" exclude each other.'],
    ['without a type', ['value = "192.0.2.1"'], 'records[0]: "type" is missing; expected one of "A", "AAAA", "CNAME", "TXT", "CAA".'],
    [
      'of a type that is not offered',
      ['type = "MX"', 'value = "10 mail.example.net"'],
      'records[0].type: "MX" is not one of "A", "AAAA", "CNAME", "TXT", "CAA".',
    ],
    [
      'with a stray key',
      ['type = "A"', 'value = "192.0.2.1"', 'cluster = "main"'],
      'records[0].cluster: "cluster" has a meaning only together with target = "traefik".',
    ],
    [
      'with a CA for a plain record',
      ['type = "A"', 'value = "192.0.2.1"', 'ca = "letsencrypt"'],
      'records[0].ca: "ca" has a meaning only together with caa = "managed".',
    ],
    ['with an unknown key', ['type = "A"', 'vlaue = "192.0.2.1"'], 'records[0].vlaue: Unknown key "vlaue". Did you mean "value"?'],
    ['with a TTL that vendors refuse', ['type = "A"', 'value = "192.0.2.1"', 'ttl = 30'], 'records[0].ttl: 30 is not whole seconds from 60 to 60000.'],
    ['with no values', ['type = "A"', 'values = []'], 'records[0].values: an empty list is not a list of 1 to 50 values'],
  ])('%s is refused', (_what, lines, problem) => {
    expect(problems(FRAME + block('name = "x.example.net"', ...lines)).filter((found) => found.startsWith(problem))).toHaveLength(1);
  });

  it('must be the only one of its name and type, and says where the other is', () => {
    expect(problems(FRAME + record('x.example.net', 'A', '"192.0.2.1"') + record('X.example.net.', 'A', '"192.0.2.2"'))).toEqual([
      'records[1].name: records[0] declares A x.example.net already. Keep one block, with all its values: values = ["…", "…"]',
    ]);
  });

  it('stands alone at the name of a CNAME', () => {
    expect(problems(FRAME + record('x.example.net', 'TXT', '"x"') + record('x.example.net', 'CNAME', '"y.example.net"'))).toEqual([
      "records[0].name: records[1] declares a CNAME for x.example.net, and nothing may stand beside a CNAME. Remove one of them, or declare this at the CNAME's target.",
    ]);
    expect(problems(FRAME + block('name = "x.example.net"', 'type = "CNAME"', 'values = ["y.example.net", "z.example.net"]'))).toEqual([
      'records[0].values: A name has one CNAME at most. Keep one of these values.',
    ]);
  });

  it('is one of a thousand at most', () => {
    const many = (count: number) => FRAME + Array.from({ length: count }, (_, index) => record(`r${index}.example.net`, 'A', '"192.0.2.1"')).join('');
    expect(accepted(many(1_000))).toHaveLength(1_000);
    expect(problems(many(1_001))).toEqual(['records: Expected at most 1000 [[records]] blocks, found 1001.']);
  });
});

describe('names of challenges', () => {
  const delegated = `${FRAME}delegation = "acme.example.net"\n`;

  it('are published without being declared', () => {
    for (const name of ['_acme-challenge.example.net', '*._acme-challenge.example.net'])
      expect(problems(FRAME + record(name, 'TXT', '"x"'))).toEqual([
        expect.stringMatching(/^records\[0\]\.name: Challenges of certificates are published at this name/),
      ]);
  });

  it('may be delegated to where delegated challenges go, and nowhere else', () => {
    const to = (target: string) => record('_acme-challenge.www.example.co.uk', 'CNAME', `"${target}"`);
    expect(problems(delegated + to('abc.acme.example.net'))).toEqual([]);
    expect(problems(delegated + to('abc.elsewhere.example'))).toEqual([expect.stringContaining('it has to lead below acme.example.net')]);
    expect(problems(delegated + to('notacme.example.net'))).toHaveLength(1);
    expect(problems(FRAME + to('abc.acme.example.net'))).toEqual([
      expect.stringContaining('sends the challenges of www.example.co.uk elsewhere, and no [dns.<name>] block says'),
    ]);
  });

  it('are not judged while the block that would say so is broken', () => {
    const broken = delegated.replace('secret:cloudflare-token', 'pasted');
    expect(problems(broken + record('_acme-challenge.example.co.uk', 'CNAME', '"abc.acme.example.net"'))).toEqual([
      expect.stringMatching(/^dns\.main\.token: /),
    ]);
  });
});

describe('whatever is accepted', () => {
  it('fits the shape that the edge reads', () => {
    const lines = fc.subarray(
      [
        'type = "A"',
        'type = "CAA"',
        'value = "192.0.2.1"',
        'values = ["192.0.2.1"]',
        'target = "traefik"',
        'caa = "managed"',
        'ca = "letsencrypt"',
        'ttl = 60',
        'adopt = true',
        'cluster = "main"',
      ],
      { minLength: 1 },
    );
    fc.assert(
      fc.property(lines, (chosen) => {
        const unique = chosen.filter((line, index) => chosen.findIndex((other) => other.split(' ')[0] === line.split(' ')[0]) === index);
        const compiled = compileConfiguration(FRAME + block('name = "x.example.net"', ...unique));
        if (compiled.valid) for (const found of compiled.configuration.records) expect(declaredRecordSchema.safeParse(found).success).toBe(true);
        else expect(compiled.problems.every(({ path }) => path.startsWith('records[0]'))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
