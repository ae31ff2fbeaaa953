import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileConfiguration } from '../../functions/config/compile.ts';

const example = readFileSync(new URL('../../certificates.toml', import.meta.url), 'utf8');
const words = [
  '[',
  ']',
  '[[',
  ']]',
  '=',
  '"',
  "'",
  '"""',
  "'''",
  '\n',
  '.',
  ',',
  '{',
  '}',
  '#',
  '\\',
  'certificates',
  'deliver',
  'name',
  'acme',
  'ca',
  'keys',
  '1',
  'true',
  '1979-05-27',
  '__proto__',
  'constructor',
  ' ',
];

describe('any text at all', () => {
  it('is compiled or refused with at least one problem, never thrown at', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'grapheme', maxLength: 200 }),
          fc.array(fc.constantFrom(...words), { maxLength: 60 }).map((parts) => parts.join('')),
        ),
        (text) => {
          const compiled = compileConfiguration(text);
          if (!compiled.valid) expect(compiled.problems.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('keeps every place inside the file when the example is cut or edited anywhere', () => {
    const lines = example.split('\n').length;
    fc.assert(
      fc.property(fc.nat(example.length), fc.nat(40), fc.constantFrom(...words, ''), (at, length, insert) => {
        const compiled = compileConfiguration(example.slice(0, at) + insert + example.slice(at + length));
        if (compiled.valid) return;
        for (const { line, column } of compiled.problems) {
          expect(line ?? 1).toBeGreaterThan(0);
          expect(line ?? 1).toBeLessThanOrEqual(lines + 1);
          expect(column ?? 1).toBeGreaterThan(0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('may nest, quote and name things as badly as it likes', () => {
    for (const text of [
      'a = '.concat('['.repeat(2_000)),
      '__proto__ = { polluted = true }',
      '[constructor]\nprototype = 1',
      '"" = 1',
      '[dns."a.b"]\nprovider = "cloudflare"',
      'certificates = 3',
      'certificates = [1]',
      'clusters = []',
      'acme = 1979-05-27',
    ])
      expect(compileConfiguration(text).valid).toBe(false);
    expect('polluted' in {}).toBe(false);
  });
});

describe('places', () => {
  const placeOf = (text: string, path: string) => {
    const compiled = compileConfiguration(text);
    const problem = compiled.valid ? undefined : compiled.problems.find((candidate) => candidate.path === path);
    return problem === undefined ? undefined : [problem.line, problem.column];
  };

  it('are those of the value, through comments, multi-line strings and lists', () => {
    const text = '# [acme]\n[acme]\nprofile = """\nca = 1\n"""\ncontact = [\n  "ops@example.net", # fine\n  "nobody",\n]\n';
    expect(placeOf(text, 'acme.contact[1]')).toEqual([8, 3]);
  });

  it('are those of the key for an unknown one, also dotted, quoted and inline', () => {
    expect(placeOf('acme.colour = 1\n', 'acme.colour')).toEqual([1, 1]);
    expect(placeOf('acme = { contact = "ops@example.net", colour = 1 }\n', 'acme.colour')).toEqual([1, 39]);
    expect(placeOf('[acme]\n"a b" = 1\n', 'acme."a b"')).toEqual([2, 1]);
  });

  it('are those of the block for what is missing in it, the right one of several', () => {
    const text =
      '[[certificates]]\nname = "a"\n[[certificates]]\nname = "b"\n[[certificates.deliver]]\ncluster = "x"\n[[certificates.deliver]]\nvariable = "v"\n';
    expect(placeOf(text, 'certificates[0].domains')).toEqual([1, 3]);
    expect(placeOf(text, 'certificates[1].deliver[1].cluster')).toEqual([7, 3]);
  });

  it('are those of the parser when the file is no TOML', () => {
    expect(placeOf('a = 1\nb = = 2', '')).toEqual([2, 5]);
  });
});
