/** An account that the CA refuses is refused for everybody: one knocks, the others wait with the CA's words in hand. */
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../../shared/clock.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { ORIGIN, problem } from './scripted-ca.ts';
import { failureOf, NAMES, NOW, scriptedWorld, type ScriptedWorld } from './world.ts';

const wanted = { names: NAMES, profile: null, replaces: null };
const deactivated = () => problem(403, 'unauthorized', 'Account is not valid, has status "deactivated"');

async function stoppedWorld(): Promise<ScriptedWorld> {
  const scene = scriptedWorld();
  const session = await scene.port.open('ca', null);
  scene.ca.script('/new-order', deactivated());
  expect(await failureOf(session.newOrder(wanted))).toMatchObject({ code: 'acme_account_unauthorized' });
  return scene;
}

describe('a refused account', () => {
  it('stops every certificate without a request, with the words of the CA and what to do', async () => {
    const { ca, port, as } = await stoppedWorld();
    const before = ca.requests.length;
    const moments = [];
    for (let count = 0; count < 100; count += 1) {
      const failure = await failureOf(as(`certificate-${count}`).open('ca', null));
      expect(failure).toMatchObject({
        code: 'acme_account_stopped',
        retryable: true,
        message: expect.stringContaining('has status "deactivated"') as string,
        hint: expect.stringContaining('renew by hand') as string,
      });
      expect(port.classify(failure)).toBe('account');
      if (failure instanceof PerennialError) moments.push(failure.retryAt);
    }
    expect(ca.requests).toHaveLength(before);
    expect(new Set(moments).size).toBe(100);
    expect(Math.min(...moments.map((moment) => moment ?? 0))).toBe(NOW + HOUR);
  });

  it('is tried by one at a time, after an hour, six hours, and then every day', async () => {
    const { ca, as, pass } = await stoppedWorld();
    for (const wait of [HOUR, 6 * HOUR, DAY, DAY]) {
      pass(wait - 1);
      expect(await failureOf(as('early').open('ca', null))).toMatchObject({ code: 'acme_account_stopped' });
      pass(1);
      const session = await as('first').open('ca', null);
      expect(await failureOf(as('second').open('ca', null))).toMatchObject({ code: 'acme_account_stopped' });
      ca.script('/new-order', deactivated());
      await failureOf(session.newOrder(wanted));
    }
  });

  it('is tried by the next one when the first does not come back', async () => {
    const { as, pass } = await stoppedWorld();
    pass(HOUR);
    await as('first').open('ca', null);
    pass(5 * MINUTE);
    await expect(as('second').open('ca', null)).resolves.toMatchObject({ authority: 'ca' });
  });

  it('is free for everybody after a success', async () => {
    const { as, pass, state } = await stoppedWorld();
    pass(HOUR);
    await (await as('first').open('ca', null)).order(`${ORIGIN}/orders/1`);
    expect(state.accountStop()).toBeNull();
    await expect(as('second').open('ca', null)).resolves.toMatchObject({ authority: 'ca' });
  });

  it('is tried at once when a person insists', async () => {
    const { as } = await stoppedWorld();
    await (await as('first').open('ca', null, { insist: true })).newOrder(wanted);
    await expect(as('second').open('ca', null)).resolves.toMatchObject({ authority: 'ca' });
  });

  it('is tried at once when the configuration of the CA has changed, and stopped anew when that is refused too', async () => {
    const { authority, as, ca } = await stoppedWorld();
    authority.contact = ['mailto:other@example.net'];
    const session = await as('first').open('ca', null);
    ca.script('/new-order', deactivated());
    await failureOf(session.newOrder(wanted));
    expect(await failureOf(as('second').open('ca', null))).toMatchObject({ code: 'acme_account_stopped' });
  });

  it('counts refusals of requests that were on their way as one', async () => {
    const { ca, port, state } = scriptedWorld();
    const sessions = [await port.open('ca', null), await port.open('ca', null)];
    ca.script('/new-order', deactivated(), deactivated());
    for (const session of sessions) await failureOf(session.newOrder(wanted));
    expect(state.accountStop()).toMatchObject({ count: 1, until: NOW + HOUR });
  });

  it('at registration stops as well, and asks no second time', async () => {
    const { ca, port, as } = scriptedWorld();
    ca.script('/new-account', problem(400, 'invalidContact', 'contact email has forbidden domain "example.net"'));
    expect(await failureOf(port.open('ca', null))).toMatchObject({ code: 'acme_account_invalid_contact' });
    expect(await failureOf(as('another').open('ca', null))).toMatchObject({
      code: 'acme_account_stopped',
      message: expect.stringContaining('forbidden domain') as string,
      hint: expect.stringContaining('Correct the contact address') as string,
    });
    expect(ca.count('/new-account')).toBe(1);
  });
});

describe('an account that the CA does not know', () => {
  const unknown = () => problem(400, 'accountDoesNotExist', 'unable to find account');

  it('after that look-up still, stops', async () => {
    const { ca, port, state } = scriptedWorld();
    const session = await port.open('ca', null);
    ca.script('/new-order', unknown(), unknown());
    expect(await failureOf(session.newOrder(wanted))).toMatchObject({ code: 'acme_account_does_not_exist' });
    expect(ca.count('/new-order')).toBe(2);
    expect(state.accountStop()).toMatchObject({ code: 'acme_account_does_not_exist' });
  });

  it('with an order of its own says that the order is gone, and stops nobody', async () => {
    const { ca, port, state } = scriptedWorld();
    const session = await port.open('ca', null);
    const lost = session.accountUrl;
    ca.script('/orders/1', unknown());
    ca.script('/new-account', problem(400, 'accountDoesNotExist', 'gone'), () =>
      Response.json({ status: 'valid' }, { status: 201, headers: { location: `${lost}-again` } }),
    );
    expect(await failureOf(session.order(`${ORIGIN}/orders/1`))).toMatchObject({
      code: 'acme_account_does_not_exist',
      hint: expect.stringContaining('registered anew') as string,
    });
    expect(session.accountUrl).toBe(`${lost}-again`);
    expect(state.accountStop()).toBeNull();
  });
});
