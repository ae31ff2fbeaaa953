import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileConfiguration } from '../../functions/config/compile.ts';
import type { Configuration } from '../../functions/config/configuration.ts';
import { formatProblems } from '../../infra/build/report.ts';

const KEY = 'relay-1:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
const FRAME = `[acme]\ncontact = "ops@example.net"\n[dns.main]\nprovider = "cloudflare"\ntoken = "secret:cloudflare-token"\n[clusters.main]\nkeys = ["${KEY}"]\n`;
const certificate = (name: string, domains: string, deliver = `cluster = "main"\nvariable = "certificates/${name}"`) =>
  `[[certificates]]\nname = "${name}"\ndomains = ${domains}\n[[certificates.deliver]]\n${deliver}\n`;

function accepted(text: string): Configuration {
  const compiled = compileConfiguration(text);
  if (!compiled.valid) throw new Error(JSON.stringify(compiled.problems));
  return compiled.configuration;
}

/** `path: message` of every problem. */
function problems(text: string): string[] {
  const compiled = compileConfiguration(text);
  return compiled.valid ? [] : compiled.problems.map(({ path, message }) => `${path}: ${message}`);
}

describe('a certificate for two clusters', () => {
  it('is refused, because its key never leaves the cluster where it is made', () => {
    const other = FRAME.replace('[clusters.main]', '[clusters.other]\nkeys = ["relay-2:d75AGAVsYvR9MPTIDuBhCrc2nLxjH9aNIlHS3vuJm_I"]\n[clusters.main]');
    const text = `${other}${certificate('web', '"web.example.net"')}\n[[certificates.deliver]]\ncluster = "other"\nvariable = "certificates/web"\n`;
    expect(problems(text)).toEqual([expect.stringMatching(/^certificates\[0\]\.deliver\[1\]\.cluster: .*Its key never leaves/)]);
  });
});

describe('the example in the repository', () => {
  it('compiles, with the defaults filled in', () => {
    const { certificates, authorities, resolvers } = accepted(readFileSync(new URL('../../certificates.toml', import.meta.url), 'utf8'));
    expect(certificates[0]?.deliveries[0]).toEqual({
      id: 'main/default/nomad/jobs/proxy',
      cluster: 'main',
      target: { variable: 'nomad/jobs/proxy', namespace: 'default', certificateItem: 'certificate', keyItem: 'key' },
      service: 'traefik',
      probes: [],
      reload: 'watch',
      blind: false,
      rollback: false,
    });
    expect(authorities).toEqual([
      {
        name: 'letsencrypt',
        directory: 'https://acme-v02.api.letsencrypt.org/directory',
        contact: ['mailto:ops@example.net'],
        egress: 'auto',
        externalAccount: null,
        caa: ['letsencrypt.org'],
        profile: null,
        limits: {
          newOrders: { capacity: 300, refillMs: 36_000 },
          perDomain: { capacity: 50, refillMs: 12_096_000 },
          perSet: { capacity: 5, refillMs: 120_960_000 },
          failedValidations: { capacity: 5, refillMs: 720_000 },
        },
        deactivateAuthorizations: true,
      },
    ]);
    expect(resolvers).toHaveLength(2);
  });
});

describe('what the example shows as comments', () => {
  it('compiles when the comment signs are removed', () => {
    const example = readFileSync(new URL('../../certificates.toml', import.meta.url), 'utf8');
    const shown = (header: string) =>
      [...example.matchAll(/^# \[.*(?:\n#.*)*/gm)]
        .map(([text]) => text.replaceAll(/^#\s?(# )?/gm, ''))
        .filter((text) => text.startsWith(header))
        .join('\n');
    const { dns, records } = accepted(`${example}\n${shown('[dns.')}\n${shown('[[records]]')}`);
    expect(dns.map(({ name, provider }) => `${name} ${provider}`)).toEqual(['main cloudflare', 'registrar namecheap']);
    expect(records.map(({ name, type, source }) => `${name} ${type} ${source.kind}`)).toEqual([
      'example.net CAA authorities',
      'ingress.example.net A instances',
      'www.example.net CNAME values',
    ]);
  });
});

describe('the hash', () => {
  const hash = (text: string) => compileConfiguration(text).hash;
  const [a, b] = [certificate('a', '"a.example.net"'), certificate('b', '"b.example.net"')];
  it('names the configuration: comments and the order of blocks do not change it', () => {
    expect(hash(`${FRAME}# a comment\n${b}${a}`)).toBe(hash(FRAME + a + b));
  });
  it('changes with anything that matters', () => {
    expect(hash(FRAME + a)).not.toBe(hash(FRAME + b));
    expect(hash(`${FRAME}${a}reload = "sighup"\n`)).not.toBe(hash(FRAME + a));
  });
});

describe('names', () => {
  it('become lower-case A-labels without trailing dot', () => {
    expect(accepted(FRAME + certificate('x', '["Bücher.Example.", "*.bücher.example"]')).certificates[0]?.domains).toEqual([
      'xn--bcher-kva.example',
      '*.xn--bcher-kva.example',
    ]);
  });

  it.each([
    ['below a public suffix of two labels', '["example.co.uk", "*.example.co.uk"]', ['example.co.uk', '*.example.co.uk']],
    [
      'in a zone three labels deep, and below it',
      '["*.eu.shop.example.com.au", "a.b.eu.shop.example.com.au"]',
      ['*.eu.shop.example.com.au', 'a.b.eu.shop.example.com.au'],
    ],
    [
      'of several scripts, with the full stop of one',
      '["例え。テスト", "*.Straße.example", "пример.рф"]',
      ['xn--r8jz45g.xn--zckzah', '*.xn--strae-oqa.example', 'xn--e1afmkfd.xn--p1ai'],
    ],
    ['that are A-labels already', '"XN--BCHER-KVA.co.uk."', ['xn--bcher-kva.co.uk']],
  ])('are taken %s', (_which, domains, names) => {
    expect(accepted(FRAME + certificate('x', domains)).certificates[0]?.domains).toEqual(names);
  });

  it('leave room for the challenge name below _acme-challenge', () => {
    const long = (length: number) => `${'a.'.repeat(100)}${'b'.repeat(length - 212)}.example.net`;
    expect(problems(FRAME + certificate('x', `"*.${long(237)}"`))).toEqual([]);
    expect(problems(FRAME + certificate('x', `"*.${long(238)}"`)).join()).toContain('It is longer than 237 characters, so its challenge name');
  });

  it.each([
    ['"https://x.example.net/a"', 'It is a URL; write the host name alone: "x.example.net".'],
    ['"x.example.net:443"', 'It holds a port; write "x.example.net".'],
    ['"10.0.0.1"', 'It is an IP address'],
    ['"2001:db8::1"', 'It is an IP address'],
    ['"localhost"', 'write the full name, for example "localhost.example.net"'],
    ['"*"', 'A wildcard needs a domain below it'],
    ['"*.net"', 'No CA issues a wildcard for a whole top-level domain.'],
    ['"a.*.net"', 'A wildcard must be the whole first label'],
    ['"*.*.example.net"', 'A wildcard must be the whole first label'],
    ['"w*.example.net"', 'A wildcard must be the whole first label'],
    ['"a_b.example.net"', 'Public CAs refuse underscores'],
    ['"a..example.net"', 'It has an empty label'],
    ['"-a.example.net"', 'must not begin or end with a hyphen'],
    ['"ops@example.net"', 'It is a mail address.'],
    ['"a b.example.net"', 'may hold letters, digits and hyphens only'],
    [`"${'a'.repeat(64)}.example.net"`, 'is longer than 63 characters'],
    ['["a.example.net", "a.example.net"]', '"a.example.net" is listed twice.'],
    ['["a.example.net", "*.example.net"]', 'is covered by "*.example.net" of the same certificate'],
    ['"bücher.example?x"', 'It holds "?", which no name may.'],
    ['"bücher.example#x"', 'It holds "#", which no name may.'],
    ['"x.example.n_t"', 'Public CAs refuse underscores'],
    ['[]', '"domains" is empty; expected 1 to 100 values'],
    ['7', '7 is not a domain name'],
  ])('%s is refused: %s', (domains, reason) => {
    expect(problems(FRAME + certificate('x', domains)).join('\n')).toContain(reason);
  });
});

describe('references', () => {
  it.each([
    [
      'an unknown cluster',
      certificate('x', '"a.example.net"', 'cluster = "mian"\nvariable = "v"'),
      'certificates[0].deliver[0].cluster: There is no cluster "mian". Did you mean "main"?',
    ],
    [
      'an unknown CA',
      certificate('x', '"a.example.net"').replace('[[certificates.deliver]]', 'ca = "letsencrypt-stagin"\n[[certificates.deliver]]'),
      'certificates[0].ca[0]: There is no CA "letsencrypt-stagin". Did you mean "letsencrypt-staging"?',
    ],
    [
      'a second certificate of that name',
      certificate('x', '"a.example.net"') + certificate('x', '"b.example.net"', 'cluster = "main"\nvariable = "other"'),
      'certificates[1].name: Another certificate is named "x" already.',
    ],
    [
      'a variable that is taken',
      certificate('x', '"a.example.net"', 'cluster = "main"\nvariable = "v"') + certificate('y', '"b.example.net"', 'cluster = "main"\nvariable = "v"'),
      'certificates[1].deliver[0].variable: The certificate "x" is delivered to "v" in this cluster and namespace already.',
    ],
    [
      'a probe outside of the names',
      certificate('x', '"*.example.net"', 'cluster = "main"\nvariable = "v"\nprobes = ["a.b.example.net"]'),
      'certificates[0].deliver[0].probes[0]: The certificate is not valid for "a.b.example.net"',
    ],
    [
      'a webhook for an unknown certificate',
      `${certificate('x', '"a.example.net"')}[[webhooks]]\nname = "h"\ntoken = "secret:h"\ncertificates = ["y"]\n`,
      'webhooks[0].certificates[0]: There is no certificate "y". Did you mean "x"?',
    ],
    ['a relay that is no cluster', '[ca.letsencrypt]\negress = "nowhere"\n', 'ca.letsencrypt.egress: There is no cluster "nowhere"'],
  ])('%s is named', (_what, blocks, problem) => {
    expect(problems(FRAME + blocks).some((found) => found.startsWith(problem))).toBe(true);
  });

  it('lets the same variable be used in another namespace, and "*" stand for all certificates', () => {
    const text = `${FRAME}${certificate('x', '"a.example.net"', 'cluster = "main"\nvariable = "v"')}${certificate('y', '"b.example.net"', 'cluster = "main"\nvariable = "v"\nnamespace = "other"')}[[webhooks]]\nname = "h"\nsigning = "secret:h"\ncertificates = "*"\n`;
    expect(accepted(text).webhooks).toEqual([{ name: 'h', kind: 'signing', secret: 'secret:h', certificates: '*', scopes: ['renew', 'reload'] }]);
  });
});

describe('variables', () => {
  it.each([
    ['nomad/jobs/proxy.example', 'write "nomad/jobs/proxy_example"'],
    ['/certificates/x/', 'write "certificates/x"'],
    ['nomad/job-templates/x', 'Below "nomad/" Nomad accepts "nomad/jobs"'],
    ['a'.repeat(129), 'longer than 128 characters'],
  ])('%s is refused as Nomad would refuse it', (variable, reason) => {
    expect(problems(FRAME + certificate('x', '"a.example.net"', `cluster = "main"\nvariable = "${variable}"`)).join()).toContain(reason);
  });
});

describe('services', () => {
  it.each(['<script>alert(1)</script>', 'traefik proxy', '-traefik', 'a'.repeat(64)])('%s is refused, since Nomad registers none of that name', (service) => {
    expect(problems(FRAME + certificate('x', '"a.example.net"', `cluster = "main"\nvariable = "v"\nservice = "${service}"`)).join()).toContain(
      'Write for example: service = "traefik"',
    );
  });
});

describe('secrets and endpoints', () => {
  it('never repeats what was pasted in place of a reference, in the problem or around it', () => {
    const text = FRAME.replace('secret:cloudflare-token', 'v1.0-real-token');
    const compiled = compileConfiguration(text);
    const shown = compiled.valid ? '' : formatProblems('certificates.toml', text, compiled.problems);
    expect(shown).toContain('Secrets never stand in this file');
    expect(shown).not.toContain('real-token');
  });

  it('refuses a private key where a public one belongs, without repeating it', () => {
    const d = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A';
    const text = FRAME.replace(`"${KEY}"`, `{ kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", d = "${d}", kid = "r" }`);
    expect(problems(text).join()).toContain('It is a private key');
    expect(problems(text).join()).not.toContain(d);
  });

  it('accepts plain http on loopback only', () => {
    const at = (endpoint: string) => problems(FRAME.replace('[clusters.main]', `endpoint = "${endpoint}"\n[clusters.main]`));
    expect(at('http://127.0.0.1:8080/client/v4')).toEqual([]);
    expect(at('http://[::1]:8080/')).toEqual([]);
    expect(at('http://api.example.net').join()).toContain('Plain http is accepted on loopback only');
    expect(at('http://127.0.0.1.example.net').join()).toContain('Plain http is accepted on loopback only');
    expect(at('https://user:password@api.example.net').join()).toContain('It holds credentials');
  });
});

describe('vendors', () => {
  it('says what a CA needs before it will register an account', () => {
    expect(problems(FRAME.replace('[acme]', '[acme]\nca = ["google"]').replace('contact = "ops@example.net"', '')).join()).toMatch(
      /external account binding.*wants a contact/,
    );
  });

  it('takes a CA of your own, with an account of its own', () => {
    const text = `${FRAME}[ca.internal]\ndirectory = "https://ca.example.net/directory"\negress = "main"\neab = { key_id = "kid", hmac_key = "secret:internal-eab" }\n`;
    expect(accepted(text).authorities[0]).toEqual({
      name: 'internal',
      directory: 'https://ca.example.net/directory',
      contact: ['mailto:ops@example.net'],
      egress: { cluster: 'main' },
      externalAccount: { keyId: 'kid', hmacKey: 'secret:internal-eab' },
      caa: [],
      profile: null,
      limits: null,
      deactivateAuthorizations: true,
    });
  });

  it('takes the names by which CAA records know a CA, and knows none for a directory of your own', () => {
    const own = (line: string) => `${FRAME}[ca.letsencrypt]\ndirectory = "https://ca.example.net/directory"\n${line}\n`;
    expect(accepted(own('')).authorities[0]?.caa).toEqual([]);
    expect(accepted(own('caa = ["CA.example.net.", "ca.example.net", "pki.example"]')).authorities[0]?.caa).toEqual(['ca.example.net', 'pki.example']);
    expect(accepted(own('caa = "ca.example.net"')).authorities[0]?.caa).toEqual(['ca.example.net']);
    expect(problems(own(`caa = '0 issue "ca.example.net"'`)).join()).toContain('is not the name by which CAA records know the CA');
    expect(problems(own('caa = []')).join()).toContain('"caa" is empty; expected 1 to 20 values');
  });

  it('takes a profile for one CA, and whether authorizations are given up, for all and for one', () => {
    const text = FRAME.replace('[acme]', '[acme]\nca = ["letsencrypt", "internal"]\ndeactivate_authorizations = false');
    const own = `[ca.internal]\ndirectory = "https://ca.example.net/directory"\nprofile = "short"\ndeactivate_authorizations = true\n`;
    expect(accepted(text + own).authorities).toMatchObject([
      { name: 'internal', profile: 'short', deactivateAuthorizations: true },
      { name: 'letsencrypt', profile: null, deactivateAuthorizations: false },
    ]);
    expect(problems(text.replace('= false', '= "no"') + own).join()).toContain('"no" is not true or false, without quotes.');
  });

  it('takes whether a key is kept and a pair put back, and refuses to put back what it cannot read', () => {
    const text = (delivery: string) =>
      FRAME + certificate('x', '"a.example.net"', `cluster = "main"\nvariable = "v"\n${delivery}`).replace('domains', 'reuse_key = true\ndomains');
    expect(accepted(text('rollback = true')).certificates[0]).toMatchObject({ reuseKey: true, deliveries: [{ rollback: true }] });
    expect(accepted(FRAME + certificate('x', '"a.example.net"')).certificates[0]).toMatchObject({ reuseKey: false, deliveries: [{ rollback: false }] });
    expect(problems(text('rollback = true\nblind = true'))).toEqual([
      'certificates[0].deliver[0].rollback: A blind delivery cannot read the pair that stood there before, so there is nothing to put back. Remove rollback, or write: blind = false',
    ]);
    expect(problems(text('rolback = true')).join()).toContain('Did you mean "rollback"?');
  });

  it('refuses a CA that is listed twice, wherever that is', () => {
    const twice = 'ca = ["letsencrypt", "letsencrypt"]';
    expect(problems(FRAME.replace('[acme]', `[acme]\n${twice}`))).toEqual(['acme.ca[1]: The CA "letsencrypt" is listed twice.']);
    expect(problems(FRAME + certificate('x', '"a.example.net"').replace('domains', `${twice}\ndomains`))).toEqual([
      'certificates[0].ca[1]: The CA "letsencrypt" is listed twice.',
    ]);
  });

  it('takes limits of a CA as a count and a time, over what is known of it', () => {
    const known = accepted(`${FRAME}[ca.letsencrypt]\nlimits = { new_orders = "3000 per 3h", per_set = "none" }\n`).authorities[0]?.limits;
    expect(known).toMatchObject({ newOrders: { capacity: 3_000, refillMs: 3_600 }, perDomain: { capacity: 50 }, perSet: null });
    const own = (limits: string) => `${FRAME}[ca.internal]\ndirectory = "https://ca.example.net/directory"\nlimits = ${limits}\n`;
    expect(accepted(own('{ per_set = "2 per 1d" }')).authorities[0]?.limits).toEqual({
      newOrders: null,
      perDomain: null,
      perSet: { capacity: 2, refillMs: 43_200_000 },
      failedValidations: null,
    });
    // Another directory under a known name is another CA.
    expect(accepted(`${FRAME}[ca.letsencrypt]\ndirectory = "https://ca.example.net/directory"\n`).authorities[0]?.limits).toBeNull();
  });

  it.each([
    ['{ new_orders = 300 }', 'ca.internal.limits.new_orders: 300 is not a count and a time'],
    ['{ new_orders = "300/3h" }', 'ca.internal.limits.new_orders: "300/3h" is not a count and a time'],
    ['{ per_set = "0 per 7d" }', 'ca.internal.limits.per_set: "0 per 7d" is not'],
    ['{ per_set = "1 per 32d" }', '31 days'],
    ['{ per_sett = "1 per 7d" }', 'ca.internal.limits.per_sett: Unknown key "per_sett". Did you mean "per_set"?'],
    ['"none"', 'ca.internal.limits: "none" is not a table. Write for example: limits = {'],
    ['[]', 'ca.internal.limits: an empty list is not a table'],
  ])('says what is wrong with limits = %s', (limits, message) => {
    expect(problems(`${FRAME}[ca.internal]\ndirectory = "https://ca.example.net/directory"\nlimits = ${limits}\n`).join()).toContain(message);
  });

  it('asks for what is missing in an empty file', () => {
    expect(problems('').map((problem) => problem.split(':')[0])).toEqual(['clusters', 'dns']);
  });
});

describe('many mistakes at once', () => {
  it('are all reported in the order of the file, as a terminal shows them', () => {
    const text = `[acme]\ncontct = "ops@example.net"\n\n[dns.main]\nprovider = "cloudflare"\n\n[clusters.main]\n\n[[certificates]]\nname = "matrix"\ndomains = "*.net"\n[[certificates.deliver]]\ncluster = "mian"\nvariable = "a.b"\nreload = "wach"\n`;
    const compiled = compileConfiguration(text);
    expect(formatProblems('certificates.toml', text, compiled.valid ? [] : compiled.problems)).toMatchInlineSnapshot(`
      "certificates.toml:2:1  acme.contct
        │ contct = "ops@example.net"
        │ ^
        Unknown key "contct". Did you mean "contact"?

      certificates.toml:4:2  dns.main.token
        │ [dns.main]
        │  ^
        "token" is missing; expected a reference to a secret ("secret:" and its name). Write for example: token = "secret:cloudflare-token", and store the value with: npm run secret -- cloudflare-token

      certificates.toml:7:2  clusters.main.keys
        │ [clusters.main]
        │  ^
        "keys" is missing; expected 1 to 8 values, for example: keys = ["relay-1:<public key>"] (npm run setup prints the line)

      certificates.toml:11:11  certificates[0].domains[0]
        │ domains = "*.net"
        │           ^
        "*.net" is not a domain name. No CA issues a wildcard for a whole top-level domain. Write for example: domains = ["example.net", "*.example.net"]

      certificates.toml:13:11  certificates[0].deliver[0].cluster
        │ cluster = "mian"
        │           ^
        There is no cluster "mian". Did you mean "main"?

      certificates.toml:14:12  certificates[0].deliver[0].variable
        │ variable = "a.b"
        │            ^
        "a.b" is not the path of a Nomad variable. Nomad accepts letters, digits and - _ ~ / (no dots); write "a_b". Write for example: variable = "nomad/jobs/proxy"

      certificates.toml:15:10  certificates[0].deliver[0].reload
        │ reload = "wach"
        │          ^
        "wach" is not one of "watch", "sighup", "http", "restart". Write for example: reload = "watch"

      7 problems in certificates.toml."
    `);
  });
});
