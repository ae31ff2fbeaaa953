import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { build } from '../../infra/build/build.ts';

const written = z.object({ valid: z.boolean(), problems: z.array(z.object({ path: z.string() })).optional() });

describe('the build', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-build-'));
  const out = join(folder, 'out');
  const invalid = join(folder, 'invalid.toml');
  const errors: string[] = [];
  beforeAll(() => {
    writeFileSync(invalid, '[acme]\ncontct = "ops@example.net"\n');
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => errors.push(String(text)) > 0);
  });
  beforeEach(() => {
    errors.length = 0;
    rmSync(out, { recursive: true, force: true });
  });
  afterAll(() => {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });
  const run = (environment: Record<string, string>) => build({ PERENNIAL_BUILD_DIR: out, ...environment });
  const configuration = () => written.parse(JSON.parse(readFileSync(join(out, 'configuration.json'), 'utf8')));

  it('writes the compiled configuration and the relay, whose checksum is that of the file', async () => {
    expect(await run({ WRANGLER_COMMAND: 'deploy' })).toBe(0);
    expect(configuration().valid).toBe(true);
    const facts = z.object({ sha256: z.string(), bytes: z.number() }).parse(JSON.parse(readFileSync(join(out, 'relay.json'), 'utf8')));
    const relay = readFileSync(join(out, 'relay.txt'));
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', relay)).toString('hex');
    expect(facts).toMatchObject({ sha256: digest, bytes: relay.length });
  });

  it.each(['deploy', 'versions upload', undefined])('stops at an invalid file (wrangler %s) and writes nothing', async (command) => {
    expect(await run({ PERENNIAL_CONFIG: invalid, ...(command === undefined ? {} : { WRANGLER_COMMAND: command }) })).toBe(1);
    expect(() => configuration()).toThrow('ENOENT');
    expect(errors.join('')).toContain('Did you mean "contact"?');
  });

  it('hands the problems to the Worker under wrangler dev, so that it starts and shows them', async () => {
    expect(await run({ PERENNIAL_CONFIG: invalid, WRANGLER_COMMAND: 'dev' })).toBe(0);
    expect(configuration()).toMatchObject({ valid: false, problems: [{ path: 'clusters' }, { path: 'dns' }, { path: 'acme.contct' }] });
  });

  it('says so when the file is missing or is no text', async () => {
    expect(await run({ PERENNIAL_CONFIG: join(folder, 'nowhere.toml') })).toBe(1);
    expect(errors.join('')).toContain('cannot be read');
    writeFileSync(join(folder, 'binary.toml'), Buffer.from([0xff, 0xfe, 0x00]));
    expect(await run({ PERENNIAL_CONFIG: join(folder, 'binary.toml') })).toBe(1);
    expect(errors.join('')).toContain('is not UTF-8 text');
  });
});
