/**
 * An account at Namecheap in the relay's law: whose key is used, for which domains, and how much a write may change.
 * The key buys domains and moves name servers, so it stays here and serves the listed domains only (DESIGN §7).
 */
import { z } from 'zod';
import { joinDomain, splitDomain, type SplitDomain } from '../../../shared/namecheap/domain-name.ts';
import { namecheapError } from '../../../shared/namecheap/failures.ts';
import { dnsNameSchema, namecheapAccountSchema } from '../../../shared/relay/contract.ts';
import { namespace, pem, serviceUrl, variablePath } from '../law-values.ts';

const domainSchema = dnsNameSchema.refine((name) => !name.startsWith('*.'), 'a domain is expected, not a wildcard');
const splitSchema = z
  .strictObject({ sld: z.string().min(1).max(70), tld: z.string().min(1).max(60) })
  .refine(
    (split) => domainSchema.safeParse(joinDomain(split)).success,
    'SLD and TLD of a domain are expected, such as { "sld": "1605.carlini", "tld": "com" }',
  );

const namecheapAccountRule = z.strictObject({
  /** `ApiUser`; the edge names the account by it. */
  account: namecheapAccountSchema,
  /** `UserName`, where it is another one. */
  userName: namecheapAccountSchema.optional(),
  /** In an item of a Nomad variable of its own, or in a file. Read for every call, so that it can be changed at any time. */
  key: z.union([
    z.strictObject({ variable: variablePath, item: z.string().min(1).max(64).default('key'), namespace }),
    z.strictObject({ file: z.string().min(1).max(1_000) }),
  ]),
  /** Domains that may be read and written; one that is not split at its first dot is written out. */
  domains: z
    .array(z.union([domainSchema, splitSchema]))
    .min(1)
    .max(500),
  /** `challenges`: TXT records below `_acme-challenge` are all a write may change. */
  changes: z.enum(['challenges', 'any']).default('challenges'),
  endpoint: serviceUrl.default('https://api.namecheap.com/xml.response'),
  /** The public IPv4 address that calls leave from; absent: `addressService` tells it. */
  address: z.ipv4().optional(),
  addressService: serviceUrl.default('https://dynamicdns.park-your-domain.com/getip'),
  /** Another root that is trusted for the endpoint and the address service. */
  ca: pem.optional(),
  /** Lets both be at private addresses, and the address itself be one. Needless for a URL on the loopback. */
  allowPrivate: z.boolean().default(false),
});
export type NamecheapAccount = z.infer<typeof namecheapAccountRule>;

export const namecheapAccountsSchema = z
  .array(namecheapAccountRule)
  .max(20)
  .refine((accounts) => new Set(accounts.map(({ account }) => account)).size === accounts.length, 'an account stands there twice');

/** Lower-case A-labels, as the edge names them. */
export function domainsOf({ domains }: NamecheapAccount): string[] {
  return domains.map((domain) => (typeof domain === 'string' ? domain : joinDomain(domain)));
}

/** @throws PerennialError `namecheap_account_not_allowed` */
export function accountOf(accounts: readonly NamecheapAccount[], name: string): NamecheapAccount {
  const found = accounts.find(({ account }) => account === name);
  if (found !== undefined) return found;
  throw namecheapError('namecheap_account_not_allowed', `The relay's law does not list the Namecheap account ${name}.`, {
    hint: 'Add it to "namecheap" of the law in the relay job file, with its key in a Nomad variable of its own.',
  });
}

/** How the API wants a domain. @throws PerennialError `namecheap_domain_not_allowed` */
export function splitOf(account: NamecheapAccount, domain: string): SplitDomain {
  const listed = account.domains.find((candidate) => (typeof candidate === 'string' ? candidate : joinDomain(candidate)) === domain);
  if (listed !== undefined) return typeof listed === 'string' ? splitDomain(listed) : listed;
  throw namecheapError('namecheap_domain_not_allowed', `The relay's law does not list the domain ${domain} for the Namecheap account ${account.account}.`, {
    hint: 'Add it to "domains" of the account in the relay job file.',
  });
}
