import { describe, expect, it } from 'vitest';
import { nameAllowed, parseLaw } from '../../../infra/relay/law.ts';
import type { LawDocument } from '../../../infra/relay/law.ts';
import { PerennialError } from '../../../shared/errors.ts';

const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43), kid: 'edge' } as const;
const smallest: LawDocument = {
  origin: 'https://perennial.example',
  cluster: 'matrix',
  edgeKeys: [key],
  identity: { variable: 'nomad/jobs/relay' },
  targets: [{ variable: 'nomad/jobs/proxy', names: ['matrix.example.net', '.matrix.example.net'] }],
};

function problemsOf(document: unknown): string {
  try {
    parseLaw(typeof document === 'string' ? document : JSON.stringify(document));
  } catch (thrown) {
    if (thrown instanceof PerennialError && thrown.code === 'relay_law_invalid') return thrown.message;
    throw thrown;
  }
  return '';
}

describe('a law', () => {
  it('needs only what has no safe default', () => {
    expect(parseLaw(JSON.stringify(smallest))).toMatchObject({
      nomad: { via: 'task-api' },
      area: { prefix: 'nomad/jobs/relay', namespace: 'default' },
      services: [],
      egress: [],
      roots: 'public',
      contract: 2,
    });
  });

  it('is refused with every problem at its place', () => {
    const text = problemsOf({
      ...smallest,
      origin: 'http://perennial.example',
      edgeKeys: [],
      targets: [{ variable: 'no.dots', names: ['-'] }],
      egress: [{ host: 'UPPER', methods: [] }],
      more: 1,
    });
    for (const place of ['origin: ', 'edgeKeys: ', 'targets[0].variable: ', 'targets[0].names[0]: ', 'egress[0].host: ', 'egress[0].methods: ', '"more"'])
      expect(text).toContain(place);
  });

  it('says how an international name is written', () => {
    const withNames = (...names: string[]) => problemsOf({ ...smallest, targets: [{ variable: 'nomad/jobs/proxy', names }] });
    expect(withNames('bücher.example', '.bücher.example')).toMatch(/names\[0\]: .*"xn--….*\n.*names\[1\]: .*"xn--…/);
    expect(withNames('xn--bcher-kva.example', '.xn--bcher-kva.example')).toBe('');
  });

  it('that is not JSON is refused', () => {
    expect(problemsOf('{')).toContain('not JSON');
  });

  it.each(['https://perennial.example/path', 'ftp://perennial.example', 'http://10.0.0.1', 'perennial.example'])('does not take %s for an origin', (origin) => {
    expect(problemsOf({ ...smallest, origin })).toContain('origin: ');
  });

  it('takes plain http on the loopback only', () => {
    expect(problemsOf({ ...smallest, origin: 'http://127.0.0.1:8787' })).toBe('');
    expect(problemsOf({ ...smallest, origin: 'http://localhost:8787' })).toBe('');
  });
});

describe('names that a law allows', () => {
  it.each([
    ['matrix.example.net', ['matrix.example.net'], true],
    ['*.matrix.example.net', ['matrix.example.net'], false],
    ['*.matrix.example.net', ['*.matrix.example.net'], true],
    ['a.matrix.example.net', ['*.matrix.example.net'], false],
    ['*.matrix.example.net', ['.matrix.example.net'], true],
    ['a.b.matrix.example.net', ['.matrix.example.net'], true],
    ['matrix.example.net', ['.matrix.example.net'], false],
    ['evilmatrix.example.net', ['.matrix.example.net'], false],
    ['*.example.net', ['.matrix.example.net'], false],
  ])('%s under %j: %s', (name, allowed, expected) => {
    expect(nameAllowed(name, allowed)).toBe(expected);
  });
});
