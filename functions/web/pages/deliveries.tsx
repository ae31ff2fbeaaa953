/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** Where a certificate is served: cluster, variable, instances, and the verdict of each (DESIGN §7, proof by dial). */
import { Badge, ToneMark } from './badge.tsx';
import { Failure } from './failure.tsx';
import type { DeliveryModel } from './model.ts';
import { Ago, Fingerprint, Sentence } from './time-text.tsx';
import { utcDate } from './time.ts';

/** Instances named in a list row; the certificate's own page shows all of them. */
const INSTANCES_IN_ROW = 6;

const served = ({ serving, instances }: DeliveryModel): string =>
  instances.length === 0 ? 'no instance' : `${serving} of ${instances.length} ${instances.length === 1 ? 'instance' : 'instances'}`;

export const Deliveries = ({ deliveries, certificate, now }: { deliveries: readonly DeliveryModel[]; certificate: string; now: number }) => (
  <ul class="deliveries">
    {deliveries.map((model) => (
      <li>
        <p class="delivery">
          <b>{model.delivery.cluster}</b> <code>{model.delivery.variable}</code> <span class="served">{served(model)}</span>
          {model.delivery.state === 'live' ? null : <Badge wording={model.wording} />}
        </p>
        {model.instances.length === 0 ? null : (
          <ul class="verdicts">
            {model.instances.slice(0, INSTANCES_IN_ROW).map(({ instance, wording }) => (
              <li class={`tone-${wording.tone}`} title={wording.meaning}>
                <ToneMark tone={wording.tone} /> {instance.address}:{instance.port} <i>{wording.label}</i>
              </li>
            ))}
            {model.instances.length > INSTANCES_IN_ROW ? (
              <li>
                <a href={`/certificates/${certificate}#${encodeURIComponent(model.delivery.id)}`}>and {model.instances.length - INSTANCES_IN_ROW} more</a>
              </li>
            ) : null}
          </ul>
        )}
        <RollBack rollback={model.delivery.rollback} now={now} />
        {model.delivery.failure === null ? null : <Failure failure={model.delivery.failure} now={now} press="Redeliver" />}
      </li>
    ))}
  </ul>
);

export const DeliveryTable = ({ model, now }: { model: DeliveryModel; now: number }) => (
  <section class="delivery-detail" id={model.delivery.id}>
    <h3>
      {model.delivery.cluster} <code>{model.delivery.variable}</code>
    </h3>
    <p>
      <Badge wording={model.wording} /> <span class="soft">{model.wording.meaning}</span>
    </p>
    <p class="soft">
      {model.delivery.index === null ? 'nothing written yet' : `ModifyIndex ${model.delivery.index}`}
      {model.delivery.sha256 === null ? null : (
        <>
          {' · installed '}
          <Fingerprint sha256={model.delivery.sha256} />
        </>
      )}
    </p>
    <RollBack rollback={model.delivery.rollback} now={now} />
    {model.delivery.failure === null ? null : <Failure failure={model.delivery.failure} now={now} press="Redeliver" />}
    {model.instances.length === 0 ? (
      <p class="soft">Service discovery names no instance.</p>
    ) : (
      <div class="scroll" tabindex={0} role="region" aria-label={`Instances in ${model.delivery.cluster}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Instance</th>
              <th scope="col">Verdict</th>
              <th scope="col">Leaf served</th>
              <th scope="col">Dialled</th>
            </tr>
          </thead>
          <tbody>
            {model.instances.map(({ instance, wording }) => (
              <tr>
                <th scope="row">
                  {instance.address}:{instance.port} <small title={instance.id}>{instance.id}</small>
                </th>
                <td>
                  <Badge wording={wording} />
                  <small>{instance.detail === '' ? wording.meaning : <Sentence text={instance.detail} />}</small>
                </td>
                <td>
                  {instance.sha256 === null ? '–' : <Fingerprint sha256={instance.sha256} />}
                  {instance.verdict === 'new' ? null : <Served instance={instance} />}
                </td>
                <td>
                  <Ago now={now} at={instance.at} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    )}
  </section>
);

/** Of a leaf that is not ours: who issued it, and how long it is valid. */
const Served = ({ instance: { issuer, notAfter } }: Pick<DeliveryModel['instances'][number], 'instance'>) =>
  issuer === null && notAfter === null ? null : (
    <small>
      {issuer ?? 'unknown issuer'}
      {notAfter === null ? null : `, valid until ${utcDate(notAfter)}`}
    </small>
  );

const RollBack = ({ rollback, now }: { rollback: DeliveryModel['delivery']['rollback']; now: number }) =>
  rollback === null ? null : (
    <p class="incident tone-warn">
      <ToneMark tone="warn" />{' '}
      {rollback.done ? (
        <>
          Rolled back <Ago now={now} at={rollback.at} />:
        </>
      ) : (
        'Is being rolled back:'
      )}{' '}
      {rollback.to === null ? 'the pair before' : <Fingerprint sha256={rollback.to} />} stands in place of <Fingerprint sha256={rollback.from} />, which is
      quarantined.
    </p>
  );
