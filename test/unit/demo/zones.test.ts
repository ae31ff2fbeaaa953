import { describe, expect, it } from 'vitest';
import { compareContents } from '../../../infra/demo/zones.ts';

const MAIL = 'namecheap example.co.uk MX @ ["mx.example.",10,1799,true,false]';
const ROUTING = 'namecheap example.co.uk EmailType MX';
const CHALLENGE = 'namecheap example.co.uk TXT _acme-challenge ["value",10,60,true,false]';
const DELEGATED = 'cloudflare TXT abc.acme.example.net ["\\"value\\"",60,false,"perennial x","1"]';

describe('zones before and after', () => {
  it('are the same in any order', () => {
    expect(compareContents([MAIL, ROUTING, CHALLENGE], [CHALLENGE, ROUTING, MAIL])).toEqual({ missing: [], challenges: [], further: [] });
  });

  it('show challenge records that are still there', () => {
    expect(compareContents([MAIL], [CHALLENGE, MAIL, DELEGATED])).toEqual({ missing: [], challenges: [CHALLENGE, DELEGATED], further: [] });
  });

  it('show what is missing, changed, or there once more or once less', () => {
    const changed = MAIL.replace(',10,', ',20,');
    expect(compareContents([MAIL, ROUTING], [ROUTING, changed])).toEqual({ missing: [MAIL], challenges: [], further: [changed] });
    expect(compareContents([MAIL, MAIL], [MAIL])).toMatchObject({ missing: [MAIL] });
    expect(compareContents([MAIL], [MAIL, MAIL])).toMatchObject({ further: [MAIL] });
  });
});
