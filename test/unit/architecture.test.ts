import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { importsOf, readSources } from './architecture/imports.ts';
import { PURE, violations } from './architecture/rules.ts';

const root = new URL('../../', import.meta.url);
const sources = readSources(root, ['functions', 'shared', 'infra']);

describe('imports', () => {
  it('point one way', () => {
    expect(violations(sources)).toEqual([]);
  });

  it('lead to files that exist', () => {
    const missing = [...sources].flatMap(([path, source]) =>
      importsOf(path, source)
        .filter(({ target }) => /^(functions|shared|infra)\//.test(target) && /\.tsx?$/.test(target) && !sources.has(target))
        .map(({ target }) => `${path} -> ${target}`),
    );
    expect(missing).toEqual([]);
  });

  it('of the pure decisions are looked at, every one', () => {
    expect(PURE.filter((path) => !sources.has(path))).toEqual([]);
  });
});

describe('the check itself', () => {
  it('sees every import that a bundler follows', async () => {
    const { metafile } = await build({
      entryPoints: ['functions/index.ts', 'infra/relay/main.ts'].filter((path) => sources.has(path)),
      absWorkingDir: fileURLToPath(root),
      bundle: true,
      write: false,
      outdir: 'unused',
      metafile: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      external: ['cloudflare:*', 'perennial:*'],
      jsx: 'automatic',
      jsxImportSource: 'hono/jsx',
      logLevel: 'silent',
    });
    const followed = Object.entries(metafile.inputs).filter(([path]) => sources.has(path));
    expect(followed.length).toBeGreaterThan(80);
    for (const [path, { imports }] of followed) {
      const seen = new Set(importsOf(path, sources.get(path) ?? '').map(({ target }) => target));
      const unseen = imports
        .filter((each) => !seen.has(each.path) && !each.path.startsWith('hono/jsx/') && !each.path.startsWith('<'))
        .map((each) => each.path);
      expect(unseen, path).toEqual([]);
    }
  });

  it('reads every way to import', () => {
    const source = [
      "import a from './a.ts';",
      "import type { B } from './b.ts';",
      "import {\n  type C,\n  c,\n} from './c.ts';",
      "export { d } from './d.ts';",
      "export type { E } from './e.ts';",
      "export * from './f.ts';",
      "import './g.ts';",
      "const h = await import('./h.ts');",
      "type I = typeof import('./i.ts');",
      "let j: import('./j.ts').J;",
      "  // import k from './k.ts';",
      "/**\n * import l from './l.ts';\n */",
      "import * as m from 'package/m';",
    ].join('\n');
    expect(
      importsOf('functions/x/y.ts', source)
        .map(({ target, typeOnly }) => `${typeOnly ? 'type ' : ''}${target.replace('functions/x/', '')}`)
        .toSorted(),
    ).toEqual(['a.ts', 'type b.ts', 'c.ts', 'd.ts', 'type e.ts', 'f.ts', 'g.ts', 'h.ts', 'type i.ts', 'type j.ts', 'package/m'].toSorted());
  });

  it('refuses an import that is named at run time only', () => {
    expect(() => importsOf('functions/x.ts', 'await import(name)')).toThrow('run time');
  });

  it.each([
    ['functions/dns/port.ts', "import { decide } from '../certificates/decide.ts';"],
    ['functions/dns/port.ts', "import type { Issuance } from '../certificates/state.ts';"],
    ['functions/dns/port.ts', "import { DnsPort } from '../certificates/ports.ts';"],
    ['functions/dns/port.ts', "import { relayRoutes } from '../clusters/relay-port.ts';"],
    ['functions/dns/port.ts', "import type { Session } from '../acme/session.ts';"],
    ['functions/acme/port.ts', "export { sealed } from '../secrets/sealed-store.ts';"],
    ['functions/clusters/relay-port.ts', "import { edgeKey } from '../composition.ts';"],
    ['functions/certificates/decide.ts', "import { createAcmePort } from '../acme/port.ts';"],
    ['functions/certificates/decide.ts', "import type { Row } from '../fleet/registry.ts';"],
    ['functions/certificates/decide.ts', "import { createHash } from 'node:crypto';"],
    ['functions/certificates/decide.ts', "import { env } from 'cloudflare:workers';"],
    ['functions/web/app.ts', "import { DurableObject } from 'cloudflare:workers';"],
    ['functions/web/app.ts', "import { Fleet } from '../fleet/fleet.ts';"],
    ['functions/fleet/fleet.ts', "import { CertificateObject } from '../certificates/certificate-object.ts';"],
    ['functions/fleet/fleet.ts', "import data from 'perennial:configuration';"],
    ['functions/web/app.ts', "import acme from 'acme-client';"],
    ['functions/dns/port.ts', "import Cloudflare from 'cloudflare';"],
    ['functions/acme/port.ts', "const sdk = await import('@aws-sdk/client-secrets-manager');"],
    ['functions/config/compile.ts', "import { report } from '../../infra/build/report.ts';"],
    ['functions/config/compile.ts', "import { zone } from '../../test/emulators/dns/index.ts';"],
    ['functions/new-area/file.ts', "import { z } from '../config/values.ts';"],
    ['shared/clock.ts', "import type { Law } from '../infra/relay/law.ts';"],
    ['shared/clock.ts', "import { compiled } from '../functions/config/compiled.ts';"],
    ['shared/clock.ts', "import { hrtime } from 'node:process';"],
    ['infra/relay/app.ts', "import type { Configuration } from '../../functions/config/configuration.ts';"],
    ['infra/relay/app.ts', "import { supervise } from '../demo/supervisor.ts';"],
    ['infra/relay/app.ts', "import { emulator } from '../../test/emulators/nomad/nomad.ts';"],
  ])('catches %s with %s', (path, statement) => {
    const [added] = importsOf(path, statement);
    const found = violations(new Map([...sources, [path, `${statement}\n${sources.get(path) ?? ''}`]]));
    expect(found.some((violation) => violation.startsWith(`${path} -> ${added?.target}: `))).toBe(true);
  });

  it('catches a platform that a pure decision reaches by a detour', () => {
    const detour = new Map(sources);
    detour.set('functions/certificates/renewal.ts', `import { CertificateStore } from './store.ts';\n${sources.get('functions/certificates/renewal.ts')}`);
    expect(violations(detour)).toContain('functions/certificates/decide.ts -> functions/storage/schema.ts: a pure decision loads a platform');
  });
});
