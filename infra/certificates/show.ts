/** How certificates look in a terminal. */
import { revocationReason } from '../../functions/web/revocation-reasons.ts';
import { CERTIFICATE_STATE, DELIVERY_STATE, KEY_TYPE, verdictWording } from '../../functions/web/pages/wording.ts';
import { moment } from '../../shared/moment.ts';
import { printable, table } from '../administration/text.ts';
import type { Certificate, Listed } from './client.ts';

type Delivery = Certificate['deliveries'][number];
interface Failure {
  code: string;
  message: string;
  hint: string | null;
  retryAt: number | null;
  stopped?: boolean;
}

export function listText(certificates: readonly Listed[], query: string): string {
  if (certificates.length === 0) return query === '' ? 'No certificate is configured.' : `Nothing matches ${JSON.stringify(query)}.`;
  const rows = certificates.map(({ name, state, notAfter, dueAt, domains }) => [
    name,
    state === 'needs-attention' ? CERTIFICATE_STATE[state].label.toUpperCase() : CERTIFICATE_STATE[state].label,
    notAfter === null ? '-' : moment(notAfter),
    dueAt === null ? '-' : moment(dueAt),
    domains.join(' '),
  ]);
  return table(['CERTIFICATE', 'STATE', 'EXPIRES', 'NEXT', 'NAMES'], rows);
}

/** Everything that a person may want to know of one, top to bottom by how urgent it is. */
export function certificateText(view: Certificate): string {
  return [
    `${view.name}: ${CERTIFICATE_STATE[view.state].label}. ${printable(view.reason)}`,
    ...(view.waitingFor === null ? [] : [`  waits for   ${printable(view.waitingFor)}`]),
    ...liveLines(view),
    ...(view.renewal === null ? [] : [`  renewal     ${moment(view.renewal.at)}: ${printable(view.renewal.reason)}`]),
    ...suggestedLines(view),
    ...issuanceLines(view),
    ...(view.hold === null ? [] : failureLines('held back', view.hold)),
    ...revocationLines(view),
    ...view.deliveries.flatMap(deliveryLines),
    ...view.quarantined.map((sha256) => `  quarantined ${sha256}`),
  ].join('\n');
}

/** The certificate that is meant, for somebody who is about to revoke it. */
export function revocationText(view: Certificate, live: NonNullable<Certificate['live']>): string {
  return [`${view.name}, live since ${moment(live.since)}`, `  names       ${live.names.join(' ')}`, ...liveLines(view)].join('\n');
}

function liveLines({ live, domains }: Certificate): string[] {
  if (live === null) return [`  names       ${domains.join(' ')}`, '  live        nothing yet'];
  return [
    `  names       ${domains.join(' ')}`,
    `  SHA-256     ${live.sha256}`,
    `  issuer      ${printable(live.issuer)}${live.authority === null ? '' : ` (${live.authority})`}${live.why === null ? '' : `. ${printable(live.why)}`}`,
    ...(live.keyType === null ? [] : [`  key         ${KEY_TYPE[live.keyType]}`]),
    `  valid       ${moment(live.notBefore)} to ${moment(live.notAfter)}`,
    ...(live.revoked === null ? [] : [`  REVOKED     ${moment(live.revoked.at)}: ${revocationReason(live.revoked.reason)}`]),
  ];
}

function suggestedLines({ ari }: Certificate): string[] {
  if (ari === null || ari.start === null || ari.end === null) return [];
  return [
    `  CA suggests ${moment(ari.start)} to ${moment(ari.end)}${ari.selectedAt === null ? '' : `; chosen ${moment(ari.selectedAt)}`}`,
    ...(ari.explanationUrl === null ? [] : [`              explained at ${printable(ari.explanationUrl)}`]),
  ];
}

function issuanceLines({ issuance, phase }: Certificate): string[] {
  if (issuance === null) return [];
  return [
    `  under way   ${phase}, attempt ${issuance.attempt}, at ${issuance.authority} since ${moment(issuance.startedAt)}`,
    ...issuance.left.map(({ authority, at, code, message }) => `  left        ${authority} ${moment(at)}: ${printable(message)} (${code})`),
    ...(issuance.failure === null ? [] : failureLines('failed', issuance.failure)),
  ];
}

function revocationLines({ revocation }: Certificate): string[] {
  if (revocation === null) return [];
  return [
    `  revocation  asked for ${moment(revocation.at)} (${revocationReason(revocation.reason)}), not done yet`,
    ...(revocation.failure === null ? [] : failureLines('failed', revocation.failure)),
  ];
}

function deliveryLines(delivery: Delivery): string[] {
  const { cluster, variable, state, sha256, rollback, failure, instances } = delivery;
  return [
    `  delivery    ${cluster} ${variable}: ${DELIVERY_STATE[state].label}${sha256 === null ? '' : `, installed ${sha256}`}`,
    ...(rollback === null ? [] : [`  rolled back ${moment(rollback.at)}: ${rollback.to ?? 'the pair before'} in place of ${rollback.from}`]),
    ...(failure === null ? [] : failureLines('failed', failure)),
    ...instances.map(({ address, port, verdict, detail, sha256: served, issuer, notAfter }) => {
      const what =
        verdict === 'new' || served === null
          ? ''
          : `; ${served}, ${printable(issuer ?? 'unknown issuer')}${notAfter === null ? '' : `, until ${moment(notAfter)}`}`;
      return `    ${address}:${port} ${verdictWording(verdict).label}${detail === '' ? '' : `: ${printable(detail)}`}${what}`;
    }),
  ];
}

function failureLines(title: string, { code, message, hint, retryAt, stopped }: Failure): string[] {
  return [
    `  ${title.padEnd(11)} ${printable(message)} (${code})`,
    ...(hint === null ? [] : [`              ${printable(hint)}`]),
    `              ${retryAt === null || stopped === true ? 'Not tried again by itself.' : `Next try ${moment(retryAt)}.`}`,
  ];
}
