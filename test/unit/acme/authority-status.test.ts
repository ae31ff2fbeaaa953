import { describe, expect, it } from 'vitest';
import { authorityStatus } from '../../../functions/acme/authority-status.ts';
import { OrderLedger } from '../../../functions/acme/ledger.ts';
import { KNOWN_LIMITS } from '../../../functions/config/authority-limits.ts';
import { HOUR, MINUTE, SECOND } from '../../../shared/clock.ts';
import { memoryState } from './authority-in-memory.ts';

const NOW = Date.UTC(2026, 10, 21);
const LIMITS = KNOWN_LIMITS['letsencrypt'] ?? null;
const order = (attempt: string, names: string[]) => ({
  names,
  replaces: false,
  attempt,
  inWindow: false,
  emergency: false,
  renewal: false,
  limits: LIMITS,
  caller: null,
});

describe('what is known of a CA', () => {
  it('is nothing before anything was asked of it, but for what its limits allow', () => {
    expect(authorityStatus(memoryState(), LIMITS, NOW)).toEqual({
      accountUrl: null,
      route: { kind: 'direct' },
      stopped: null,
      breakers: [],
      limits: [{ limit: 'newOrders', scope: 'account', capacity: 300, left: 300, fullAt: NOW }],
      rolloverOpen: false,
    });
    expect(authorityStatus(memoryState(), null, NOW).limits).toBeNull();
  });

  it('is what is left of each limit that orders were taken from, until all of it is back', () => {
    const state = memoryState();
    const ledger = new OrderLedger(state);
    ledger.admit(order('one', ['a.example.net', '*.a.example.net']), NOW);
    ledger.admit(order('two', ['b.example.net']), NOW);
    const left = (now: number) =>
      Object.fromEntries((authorityStatus(state, LIMITS, now).limits ?? []).map(({ scope, left: tokens, capacity }) => [scope, `${tokens}/${capacity}`]));
    expect(left(NOW)).toEqual({
      account: '298/300',
      'domain:example.net': '48/50',
      'set:*.a.example.net,a.example.net': '4/5',
      'set:b.example.net': '4/5',
    });
    // One new order in 36 s comes back; the others take hours and more.
    expect(left(NOW + 36 * SECOND)['account']).toBe('299/300');
    expect(left(NOW + MINUTE + 20 * SECOND)).toMatchObject({ account: '300/300', 'domain:example.net': '48/50' });
    expect(left(NOW + 400 * 24 * HOUR)).toEqual({ account: '300/300' });
  });

  it('is what the ledger itself would say: no more orders are left than it admits', () => {
    const state = memoryState();
    const ledger = new OrderLedger(state);
    const left = () => authorityStatus(state, LIMITS, NOW).limits?.find(({ scope }) => scope === 'domain:example.net')?.left ?? 50;
    let admitted = 0;
    for (; left() > 0; admitted += 1) ledger.admit(order(`order-${admitted}`, [`host-${admitted}.example.net`]), NOW);
    expect(admitted).toBe(50);
    expect(() => ledger.admit(order('one more', ['more.example.net']), NOW)).toThrow(expect.objectContaining({ code: 'acme_limit_predicted' }));
  });

  it('is who is left alone, the one that ends last first, the account that is refused, the route, and an open rollover, but no key', async () => {
    const state = memoryState();
    await state.saveAccount({ keyName: 'acme-secret-name', url: 'https://ca.example.net/account/1', intentUntil: null, intentBy: null });
    await state.saveRollover({ request: 'r', oldKey: 'acme-secret-name', newKey: 'acme-secret-name-2', startedAt: NOW, done: false });
    state.saveRoute({ kind: 'relay', cluster: 'matrix' }, NOW + HOUR);
    state.saveBreaker({ scope: 'authority', class: 'overload', until: NOW + MINUTE, detail: 'busy' });
    state.saveBreaker({ scope: 'domain:example.net', class: 'limit', until: NOW + HOUR, detail: 'too many' });
    state.saveAccountStop({
      code: 'acme_account_unauthorized',
      message: 'Deactivated.',
      hint: null,
      count: 2,
      since: NOW - HOUR,
      until: NOW + HOUR,
      configuration: '["secret:hmac"]',
    });
    const status = authorityStatus(state, null, NOW);
    expect(status).toMatchObject({
      accountUrl: 'https://ca.example.net/account/1',
      route: { kind: 'relay', cluster: 'matrix' },
      stopped: { code: 'acme_account_unauthorized', since: NOW - HOUR, until: NOW + HOUR },
      breakers: [{ scope: 'domain:example.net' }, { scope: 'authority' }],
      rolloverOpen: true,
    });
    expect(JSON.stringify(status)).not.toMatch(/secret/);
    expect(authorityStatus(state, null, NOW + HOUR).route).toEqual({ kind: 'direct' });
  });
});
