/** How CAs look in a terminal. */
import { authorityModel } from '../../functions/web/pages/authority-model.ts';
import { moment } from '../../shared/moment.ts';
import { printable } from '../administration/text.ts';
import type { ListedAuthority } from './client.ts';

/** @param now Unix ms. */
export function authoritiesText(authorities: readonly ListedAuthority[], now: number): string {
  return authorities.length === 0 ? 'No CA is configured.' : authorities.map((authority) => authorityText(authority, now)).join('\n\n');
}

function authorityText(authority: ListedAuthority, now: number): string {
  const { name, directory, status, failure } = authority;
  const model = authorityModel(authority, now);
  const title = `${name} (${directory}): ${model.wording.label}`;
  if (status === null) return `${title}\n  ${printable(failure?.message ?? 'Its state could not be read.')}`;
  return [
    title,
    `  account     ${status.accountUrl === null ? 'none yet' : printable(status.accountUrl)}, ${model.route}`,
    ...(status.stopped === null
      ? []
      : [`  REFUSED     ${printable(status.stopped.message)} ${printable(status.stopped.hint ?? '')} Asked again ${moment(status.stopped.until)}.`]),
    ...model.breakers.map(
      ({ held, until, detail }) => `  held back   ${printable(held)} before ${moment(until)}${detail === '' ? '' : `: ${printable(detail)}`}`,
    ),
    ...model.limits.map(({ words, fullAt }) => `  limit       ${printable(words)}${fullAt <= now ? '' : `, all of them ${moment(fullAt)}`}`),
    ...(status.limits === null ? ['  limit       nothing is known of its limits; it says when one is reached'] : []),
    ...(status.rolloverOpen ? [`  account key a change is not settled yet: npm run authorities -- rollover ${name}`] : []),
  ].join('\n');
}
