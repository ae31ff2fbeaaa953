/** What a new order may ask for: identifiers, profile, replacement (RFC 8555 §7.4, RFC 9773 §5, profiles draft). */
import type { Authority } from './authority.ts';
import { AcmeProblem, malformed } from './problem.ts';
import type { Account } from './records.ts';
import { orderStatus } from './records.ts';

const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

export interface Identifier {
  type: string;
  value: string;
}

/** Names in lower case, without duplicates, sorted. @throws {AcmeProblem} with a subproblem per refused identifier. */
export function checkIdentifiers(identifiers: readonly Identifier[], maxNames: number): string[] {
  if (identifiers.length === 0) throw malformed('An order needs at least one identifier');
  const problems = identifiers.flatMap((identifier) => {
    const refusal = refuseIdentifier(identifier);
    return refusal === undefined ? [] : [{ ...refusal.document, identifier }];
  });
  const [first] = problems;
  if (first !== undefined) {
    const type = first.type.endsWith('unsupportedIdentifier') ? 'unsupportedIdentifier' : 'rejectedIdentifier';
    throw new AcmeProblem(type, 400, problems.length === 1 ? first.detail : `${problems.length} identifiers are refused`, {
      members: { subproblems: problems },
    });
  }
  const names = [...new Set(identifiers.map(({ value }) => value))].sort();
  if (names.length > maxNames) throw malformed(`An order may hold at most ${maxNames} names`);
  const redundant = names.find((name) => !name.startsWith('*.') && names.includes(`*.${name.split('.').slice(1).join('.')}`));
  if (redundant !== undefined) throw malformed(`Domain name "${redundant}" is redundant with a wildcard domain in the same request`);
  return names;
}

function refuseIdentifier({ type, value }: Identifier): AcmeProblem | undefined {
  if (type !== 'dns') return new AcmeProblem('unsupportedIdentifier', 400, `Identifiers of type ${JSON.stringify(type)} are not supported`);
  const labels = value.replace(/^\*\./, '').split('.');
  const sound = value.length <= 253 && labels.length >= 2 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '');
  return sound ? undefined : new AcmeProblem('rejectedIdentifier', 400, `Invalid identifier ${JSON.stringify(value)}`);
}

/** @throws {AcmeProblem} invalidProfile. */
export function checkProfile(authority: Authority, profile: string | undefined): string {
  const { defaultProfile, profiles } = authority.settings;
  if (profile === undefined) return defaultProfile;
  if (!Object.hasOwn(profiles, profile)) throw new AcmeProblem('invalidProfile', 400, `Profile ${JSON.stringify(profile)} is not offered`);
  return profile;
}

/** @throws {AcmeProblem} alreadyReplaced, unauthorized or malformed. */
export function checkReplacement(authority: Authority, account: Account, names: readonly string[], replaces: string | undefined): void {
  if (replaces === undefined) return;
  if (!/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(replaces)) throw malformed('replaces is no certificate identifier');
  const predecessor = authority.records.certificateByIdentifier(replaces);
  if (predecessor === undefined) throw new AcmeProblem('malformed', 404, 'The certificate to replace is unknown');
  if (predecessor.accountId !== account.id) throw new AcmeProblem('unauthorized', 403, 'The certificate to replace belongs to another account');
  if (!names.some((name) => predecessor.names.includes(name))) throw malformed('The order shares no identifier with the certificate to replace');
  const now = authority.clock();
  const successor = [...authority.records.orders.values()].find((order) => order.replaces === replaces && orderStatus(order, now) !== 'invalid');
  if (successor !== undefined) throw new AcmeProblem('alreadyReplaced', 409, 'The certificate has already been replaced by another order');
}
