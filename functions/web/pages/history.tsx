/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** The last issuances: how each ended and where its time went, phase by phase. */
import type { CertificateView } from '../../certificates/ports.ts';
import { Badge } from './badge.tsx';
import { Fingerprint, Sentence } from './time-text.tsx';
import { duration, iso, utcMinute } from './time.ts';
import { OUTCOME } from './wording.ts';

type Issuance = CertificateView['history'][number];

export const History = ({ history }: { history: CertificateView['history'] }) => (
  <section>
    <h2>Last issuances</h2>
    {history.length === 0 ? <p class="soft">None yet.</p> : null}
    <ol class="history">
      {history.map((issuance) => (
        <li>
          <p class="line">
            <time datetime={iso(issuance.startedAt)}>{utcMinute(issuance.startedAt)}</time> <Badge wording={OUTCOME[issuance.outcome]} />{' '}
            <b>{duration(issuance.endedAt - issuance.startedAt)}</b> {issuance.sha256 === null ? null : <Fingerprint sha256={issuance.sha256} />}
          </p>
          <p>
            <Sentence text={issuance.message} />
          </p>
          <PhaseBar phases={issuance.phases} />
          <p class="soft">
            {issuance.authority} · requests: {issuance.requests.acme} ACME, {issuance.requests.dns} DNS, {issuance.requests.relay} relay
          </p>
        </li>
      ))}
    </ol>
  </section>
);

const WIDTH = 720;

/** The phases' shares of the whole, drawn; their lengths beside it as text. */
const PhaseBar = ({ phases }: { phases: Issuance['phases'] }) => {
  const total = phases.reduce((sum, phase) => sum + phase.ms, 0);
  if (total === 0) return null;
  let at = 0;
  return (
    <div class="phases">
      <svg viewBox={`0 0 ${WIDTH} 10`} preserveAspectRatio="none" aria-hidden="true">
        {phases.map((phase, index) => {
          const x = at;
          const width = (phase.ms / total) * WIDTH;
          at += width;
          return <rect x={x.toFixed(1)} width={Math.max(0, width - 2).toFixed(1)} height="10" class={`shade-${index % 3}`} />;
        })}
      </svg>
      <ul>
        {phases.map((phase, index) => (
          <li class={`shade-${index % 3}`}>
            {phase.name} <b>{duration(phase.ms)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
};
