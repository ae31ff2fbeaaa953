/** Small decisions: how TXT content is written and read, and when the janitor comes back. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextJanitorRun } from '../../../functions/dns/janitor.ts';
import { quoteTxt, unquoteTxt } from '../../../functions/dns/cloudflare/txt-content.ts';
import { HOUR, MINUTE } from '../../../shared/clock.ts';

describe('TXT content', () => {
  it('is quoted on write, in strings of at most 255 bytes', () => {
    expect(quoteTxt('gfj9Xq')).toBe('"gfj9Xq"');
    expect(quoteTxt('say "hi" \\o/')).toBe(String.raw`"say \"hi\" \\o/"`);
    expect(quoteTxt('x'.repeat(300))).toBe(`"${'x'.repeat(255)}" "${'x'.repeat(45)}"`);
  });

  it.each([
    ['bare', 'bare'],
    ['"quoted"', 'quoted'],
    ['"two" "strings"', 'twostrings'],
    [String.raw`"\"\065"`, '"A'],
    ['v=spf1 "half', 'v=spf1 "half'],
  ])('is read as what it stands for: %s', (content, value) => {
    expect(unquoteTxt(content)).toBe(value);
  });

  it('survives the way there and back', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (value) => unquoteTxt(quoteTxt(value)) === value));
  });
});

describe('the janitor', () => {
  const now = 1_000 * HOUR;

  it('comes when the next row expires, and not at all when nothing is left', () => {
    expect(nextJanitorRun(now, { removing: 0, nextExpiry: now + HOUR }, 0, null)).toBe(now + HOUR);
    expect(nextJanitorRun(now, { removing: 0, nextExpiry: null }, 3, null)).toBeNull();
  });

  it('tries removals again ever less often, up to once an hour, and not before the vendor allows it', () => {
    const at = (failures: number, retryAt: number | null = null) => (nextJanitorRun(now, { removing: 1, nextExpiry: null }, failures, retryAt) ?? 0) - now;
    expect([0, 1, 2, 3].map((failures) => at(failures))).toEqual([MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]);
    expect(at(40)).toBe(HOUR);
    expect(at(0, now + 5 * MINUTE)).toBe(5 * MINUTE);
  });
});
