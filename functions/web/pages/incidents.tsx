/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** What happened to a certificate besides renewals: CAs that were left, a hold after a rollback, a revocation. */
import type { CertificateView } from '../../certificates/ports.ts';
import { revocationReason } from '../revocation-reasons.ts';
import { ToneMark } from './badge.tsx';
import { Failure } from './failure.tsx';
import { Ago, Sentence } from './time-text.tsx';

/** CAs that this renewal has left behind, and where it is now. */
export const LeftAuthorities = ({ issuance, now }: { issuance: NonNullable<CertificateView['issuance']>; now: number }) =>
  issuance.left.length === 0 ? null : (
    <ul class="left">
      {issuance.left.map(({ authority, at, code, message }) => (
        <li>
          <b>{authority}</b> was left <Ago now={now} at={at} />: <Sentence text={message} /> <code>{code}</code>
        </li>
      ))}
      <li>
        Now with <b>{issuance.authority}</b>.
      </li>
    </ul>
  );

export const Held = ({ hold, now, press }: { hold: CertificateView['hold']; now: number; press: string | null }) =>
  hold === null ? null : <Failure failure={hold} now={now} press={press} />;

/** One that is asked for, and one that is done. */
export const Revocation = ({ view: { live, revocation }, now }: { view: Pick<CertificateView, 'live' | 'revocation'>; now: number }) => (
  <>
    {revocation === null ? null : (
      <p class="incident tone-warn">
        <ToneMark tone="warn" /> Its revocation ({revocationReason(revocation.reason)}) was asked for <Ago now={now} at={revocation.at} /> and is not done yet.
      </p>
    )}
    {revocation?.failure == null ? null : <Failure failure={revocation.failure} now={now} press={null} />}
    {live?.revoked == null ? null : (
      <p class="incident tone-bad">
        <ToneMark tone="bad" /> Revoked <Ago now={now} at={live.revoked.at} />: {revocationReason(live.revoked.reason)}.
      </p>
    )}
  </>
);
