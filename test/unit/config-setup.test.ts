import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { storeSecret } from '../../infra/setup/secret.ts';
import { setUp } from '../../infra/setup/setup.ts';
import { compileConfiguration } from '../../functions/config/compile.ts';
import { lawSchema } from '../../infra/relay/law.ts';
import { privateKeySchema, publicKeySchema, signMessage, verifyMessage } from '../../shared/link/signatures.ts';

describe('the setup', () => {
  const folders: string[] = [];
  const newFolder = () => {
    const folder = mkdtempSync(join(tmpdir(), 'perennial-setup-'));
    folders.push(folder);
    return join(folder, '.perennial');
  };
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });
  const run = (folder: string, cluster = 'main') =>
    setUp({ cluster, origin: 'https://perennial.example.workers.dev', folder, today: '2026-11-21', environment: {} });
  const read = (folder: string, name: string) => readFileSync(join(folder, name), 'utf8').trim();

  it('makes keys that work, for its owner alone, and prints none of them', async () => {
    const folder = newFolder();
    const instructions = await run(folder);
    const edge = privateKeySchema.parse(JSON.parse(read(folder, 'edge-key.json')));
    const claims = { aud: 'main/a', challenge: 'c'.repeat(43), connection: 'n'.repeat(43), contract: 2, time: 1 };
    expect(await verifyMessage('welcome', await signMessage('welcome', claims, edge), [publicKeySchema.parse(edge)], 'main/a')).toEqual(claims);
    expect(Buffer.from(read(folder, 'sealing-key'), 'base64')).toHaveLength(32);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const secret of [
      edge.d,
      read(folder, 'sealing-key'),
      read(folder, 'admin-token'),
      privateKeySchema.parse(JSON.parse(read(folder, 'relay-main.json'))).d,
    ])
      expect(instructions).not.toContain(secret);
  });

  it('prints a line for certificates.toml that compiles, and drafts a law that the relay accepts', async () => {
    const folder = newFolder();
    const block = /\[clusters\.main\]\n +(keys = .*)\n/.exec(await run(folder))?.[1] ?? '';
    const compiled = compileConfiguration(`[dns.main]\nprovider = "cloudflare"\ntoken = "secret:t"\n[clusters.main]\n${block}\n`);
    expect(compiled.valid && compiled.configuration.clusters[0]?.keys[0]).toMatchObject({ kid: 'relay-2026-11-21' });
    const law = lawSchema.parse(JSON.parse(read(folder, 'law-main.json')));
    expect(law.targets).toMatchObject([{ certificate: 'example', variable: 'nomad/jobs/proxy', names: ['example.net', '*.example.net'] }]);
    expect(law.egress).toMatchObject([{ host: 'acme-v02.api.letsencrypt.org', port: 443 }]);
    expect(law.edgeKeys[0]).not.toHaveProperty('d');
  });

  it('drafts what an account at Namecheap and records of instances need, and says where the key belongs', async () => {
    const folder = newFolder();
    const toml = join(folder, '..', 'certificates.toml');
    const cluster = `[clusters.main]\nkeys = ["relay-1:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"]\n`;
    const vendor = `[dns.registrar]\nprovider = "namecheap"\nuser = "ops"\negress = "main"\n`;
    writeFileSync(toml, `${cluster}${vendor}[[records]]\nname = "in.example.net"\ntype = "A"\ntarget = "traefik"\nservice = "edge"\n`);
    const environment = { PERENNIAL_CONFIG: toml };
    const instructions = await setUp({ cluster: 'main', origin: 'https://perennial.example.workers.dev', folder, today: '2026-11-21', environment });
    expect(instructions).toContain('nomad var put nomad/jobs/relay/namecheap key=@namecheap-key.txt');
    const law = lawSchema.parse(JSON.parse(read(folder, 'law-main.json')));
    expect(law.namecheap).toMatchObject([{ account: 'ops', key: { variable: 'nomad/jobs/relay/namecheap', item: 'key' }, changes: 'any' }]);
    expect(law.services).toMatchObject([{ service: 'edge', namespace: 'default' }]);
    expect(await run(newFolder())).not.toContain('namecheap');
  });

  it.each([{ args: ['--bogus'] }, { args: ['--cluster', 'Not A Name'] }, { args: ['--origin', 'nowhere'] }])(
    'answers $args with its usage and makes nothing',
    ({ args }) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dirname, '../../infra/setup/setup.ts'), ...args], { encoding: 'utf8' });
      expect([status, stdout, stderr]).toEqual([2, '', expect.stringMatching(/^usage: npm run setup.*\n$/)]);
    },
  );

  it('keeps what is there, and makes a relay key for a further cluster', async () => {
    const folder = newFolder();
    await run(folder);
    const before = Object.fromEntries(readdirSync(folder).map((name) => [name, read(folder, name)]));
    expect(await run(folder)).toContain('edge-key.json (was there, kept)');
    await run(folder, 'other');
    for (const [name, text] of Object.entries(before)) expect(read(folder, name)).toBe(text);
    expect(read(folder, 'relay-other.json')).not.toBe(read(folder, 'relay-main.json'));
  });
});

describe('storing a secret', () => {
  const store = (origin: string, fetch: typeof globalThis.fetch) =>
    storeSecret({ name: 'cloudflare-token', value: 's3cret', origin, adminToken: 'administrator-token', fetch });

  it('sends it to the administration API, over https or loopback only', async () => {
    const requests: Request[] = [];
    const accept: typeof fetch = async (input, init) => {
      requests.push(new Request(input, init));
      return new Response(null, { status: 204 });
    };
    await store('https://perennial.example.net/some/path', accept);
    await store('http://127.0.0.1:8787', accept);
    await expect(store('http://perennial.example.net', accept)).rejects.toThrow('is not https');
    await expect(store('http://127.example.net', accept)).rejects.toThrow('is not https');
    expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'PUT https://perennial.example.net/api/v1/secrets/cloudflare-token',
      'PUT http://127.0.0.1:8787/api/v1/secrets/cloudflare-token',
    ]);
    expect(await requests[0]?.json()).toEqual({ value: 's3cret' });
    expect(requests[0]?.headers.get('authorization')).toBe('Bearer administrator-token');
  });

  it('passes on why it was refused, and never the value', async () => {
    const refuse: typeof fetch = async () =>
      Response.json({ error: { code: 'unauthorized', message: 'An administrator is needed here.', retryable: false, hint: 'Sign in.' } }, { status: 401 });
    await expect(store('https://perennial.example.net', refuse)).rejects.toThrow('An administrator is needed here. Sign in.');
    await expect(store('https://perennial.example.net', () => Promise.reject(new Error('s3cret')))).rejects.toThrow('could not be reached');
    await expect(store('https://perennial.example.net', async () => new Response('<html>', { status: 502 }))).rejects.toThrow('answered 502');
  });
});
