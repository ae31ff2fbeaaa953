/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** One certificate on the status page: what it is, how much life it has, where it is served, what happens next and why. */
import { Badge } from './badge.tsx';
import { Deliveries } from './deliveries.tsx';
import { Failure, isStopped } from './failure.tsx';
import { Held, LeftAuthorities, Revocation } from './incidents.tsx';
import { BareStem, Lifeline } from './lifeline-bar.tsx';
import type { CertificateModel } from './model.ts';
import { Stepper } from './stepper.tsx';
import { Fingerprint, Moment } from './time-text.tsx';

/** Names shown before "and n more". */
const NAMES_IN_ROW = 4;

export const CertificateRow = ({ model, now }: { model: CertificateModel; now: number }) => {
  const { view } = model;
  return (
    <article class={`certificate tone-${model.wording.tone}`} id={`certificate-${view.name}`} data-keep>
      <header>
        <h3>
          <a href={`/certificates/${view.name}`}>{view.name}</a>
        </h3>
        <Badge wording={model.wording} />
        <Names names={view.domains} />
      </header>
      <DaysLeft model={model} />
      <div class="life">{model.lifeline === null ? <BareStem /> : <Lifeline line={model.lifeline} />}</div>
      <Line model={model} />
      <NextStep model={model} now={now} />
      <div class="where">
        <Deliveries deliveries={model.deliveries} certificate={view.name} now={now} />
        {view.live === null ? null : (
          <p class="proof">
            <Fingerprint sha256={view.live.sha256} /> <span class="soft">{view.live.issuer}</span>
            {view.live.why === null ? null : <span class="soft under">{view.live.why}</span>}
          </p>
        )}
      </div>
      <Actions model={model} />
    </article>
  );
};

export const Names = ({ names }: { names: readonly string[] }) => (
  <ul class="names">
    {names.slice(0, NAMES_IN_ROW).map((name) => (
      <li>{name}</li>
    ))}
    {names.length > NAMES_IN_ROW ? <li class="soft">and {names.length - NAMES_IN_ROW} more</li> : null}
  </ul>
);

export const DaysLeft = ({ model: { lifeline } }: { model: CertificateModel }) =>
  lifeline === null ? (
    <p class="days none">
      <b>–</b>
      <span>not issued yet</span>
    </p>
  ) : (
    <p class={`days ${lifeline.urgency}`}>
      <b>{lifeline.left.value}</b>
      <span>{lifeline.urgency === 'expired' ? 'expired' : `${lifeline.left.unit} left`}</span>
    </p>
  );

/** The line of the renewal under way. */
export const Line = ({ model }: { model: CertificateModel }) =>
  model.steps === null ? null : (
    <div class="line-of-renewal">
      <Stepper steps={model.steps} label={`Renewal of ${model.view.name}`} />
    </div>
  );

/** While something is under way: what it waits for, what failed. Otherwise the planned renewal and its reason. */
export const NextStep = ({ model, now }: { model: CertificateModel; now: number }) => {
  const { view, mayRenew } = model;
  const failure = view.issuance?.failure ?? null;
  // The reason of a failing certificate begins with the failure's own sentence, which stands below with its hint.
  const saidBelow = [failure, view.hold, ...view.deliveries.map((delivery) => delivery.failure)].some(
    (said) => said != null && view.reason.startsWith(said.message.trim()),
  );
  return (
    <div class="next">
      {view.issuance === null && view.renewal !== null && view.state === 'live' ? (
        <p>
          Renews <Moment now={now} at={view.renewal.at} /> <span class="why">{view.renewal.reason}</span>
        </p>
      ) : saidBelow ? null : (
        <p>{view.reason}</p>
      )}
      {view.waitingFor === null || failure !== null ? null : (
        <p class="waiting">
          <span>Waits for:</span> {view.waitingFor}
        </p>
      )}
      {failure === null && view.issuance !== null && view.nextAt !== null ? (
        <p class="soft">
          Next look <Moment now={now} at={view.nextAt} />
        </p>
      ) : null}
      {view.issuance === null ? null : <LeftAuthorities issuance={view.issuance} now={now} />}
      {failure === null ? null : <Failure failure={failure} now={now} press={mayRenew ? renewLabel(view) : null} />}
      <Held hold={view.hold} now={now} press={mayRenew ? renewLabel(view) : null} />
      <Revocation view={view} now={now} />
    </div>
  );
};

/** What runs into a next try can be tried sooner; what has stopped has to be started. */
function renewLabel({ issuance }: CertificateModel['view']): string {
  return issuance === null || (issuance.failure !== null && isStopped(issuance.failure)) ? 'Renew now' : 'Try now';
}

/** Plain forms: they work without script and need the session's cookie and Origin. */
export const Actions = ({ model: { view, mayRenew, mayRedeliver } }: { model: CertificateModel }) =>
  mayRenew || mayRedeliver ? (
    <div class="actions">
      {mayRenew ? <Action certificate={view.name} action="renew" label={renewLabel(view)} /> : null}
      {mayRedeliver ? <Action certificate={view.name} action="redeliver" label="Redeliver" /> : null}
    </div>
  ) : null;

const Action = ({ certificate, action, label }: { certificate: string; action: 'renew' | 'redeliver'; label: string }) => (
  <form method="post" action={`/api/v1/certificates/${certificate}/${action}`}>
    <button>
      {label}
      <span class="hidden">: {certificate}</span>
    </button>
  </form>
);
