/** The relay's handshake with a proxy. */
import type { Dial } from '../../../infra/relay/verify/dial.ts';
import { current } from './current.ts';

export const DIAL_TIMEOUT_MS = 5_000;

export const dial: Dial = async ({ address, port, name }) => {
  const { outside, proxyAt } = current();
  try {
    return await outside.byActor(
      'dial',
      `dial ${address} ${name}`,
      () => proxyAt(address, port)?.handshake() ?? { kind: 'unreachable', detail: 'No connection.' },
    );
  } catch {
    return { kind: 'unreachable', detail: 'No connection in time.' };
  }
};
