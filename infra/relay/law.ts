/**
 * The relay's law: what its job file allows. A compromised edge can do what stands here and nothing else (DESIGN §7).
 *
 * One JSON document, rendered by the job's template; `PERENNIAL_RELAY_LAW` names the file. A law with any problem stops
 * the relay, and every problem is reported with its place.
 */
import { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';
import { publicKeySchema } from '../../shared/link/signatures.ts';
import { certificateNameSchema, CONTRACT, dnsNameSchema, idSchema } from '../../shared/relay/contract.ts';
import { namespace, originSchema, pem, port, socketAddress, variablePath } from './law-values.ts';
import { namecheapAccountsSchema } from './namecheap/account.ts';

/** A DNS name that may be delivered, or with a leading dot a suffix: `.example.net` allows every name below it, wildcards too. */
const allowedNameSchema = z
  .string()
  .refine(
    (text) => dnsNameSchema.safeParse(text.replace(/^\./, '')).success,
    'a lower-case DNS name (an international one as "xn--…"), or a suffix with a leading dot, is expected',
  );

const targetRuleSchema = z.strictObject({
  /** Only this certificate may go there; absent: any certificate with allowed names. */
  certificate: certificateNameSchema.optional(),
  variable: variablePath,
  namespace,
  names: z.array(allowedNameSchema).min(1).max(200),
});

const serviceRuleSchema = z.strictObject({
  service: z.string().min(1).max(128),
  namespace,
  /** Job ids whose instances are dialled, signalled and restarted. */
  jobs: z.array(z.string().min(1).max(128)).min(1).max(50),
  /** May the edge restart these jobs' tasks? */
  restart: z.boolean().default(false),
  /** The task that a signal or restart is for. */
  task: z.string().min(1).max(128).default('traefik'),
  /** Ports that may be dialled; absent: whatever the instance registered. */
  ports: z.array(port).min(1).max(20).optional(),
});
export type ServiceRule = z.infer<typeof serviceRuleSchema>;

const egressRuleSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .max(253)
    .regex(/^([a-z0-9.-]+|\[[0-9a-f:]+\])$/, 'a lower-case host name or address is expected'),
  port: port.default(443),
  methods: z.array(z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])).min(1),
  /** Matches whole path segments: `/acme` allows `/acme` and `/acme/new-order`, not `/acmes`. */
  pathPrefix: z.string().max(300).startsWith('/').default('/'),
  /** Another root that is trusted for this host: a private CA. */
  ca: pem.optional(),
  /** Private, loopback and link-local addresses are refused unless this is set. */
  allowPrivate: z.boolean().default(false),
});
export type EgressRule = z.infer<typeof egressRuleSchema>;

export const lawSchema = z.strictObject({
  origin: originSchema,
  cluster: idSchema,
  /** The edge's public keys; several while a key is being rotated. */
  edgeKeys: z.array(publicKeySchema).min(1).max(8),
  /** The relay's own Ed25519 private JWK: in an item of a Nomad variable, or in a file. */
  identity: z.union([
    z.strictObject({ variable: variablePath, item: z.string().min(1).max(64).default('identity'), namespace: namespace }),
    z.strictObject({ file: z.string().min(1).max(1_000) }),
  ]),
  /** The task's own API socket with its workload identity (default), or an address with a token in `NOMAD_TOKEN`. */
  nomad: z
    .discriminatedUnion('via', [
      z.strictObject({ via: z.literal('task-api'), socket: z.string().min(1).max(107).optional() }),
      z.strictObject({ via: z.literal('address'), address: z.url().optional(), caFile: z.string().min(1).max(1_000).optional() }),
    ])
    .default({ via: 'task-api' }),
  /** Where pending keys and previous pairs live; all four capabilities on everything below are needed. */
  area: z.strictObject({ prefix: variablePath.max(60), namespace }).default({ prefix: 'nomad/jobs/relay', namespace: 'default' }),
  targets: z.array(targetRuleSchema).min(1).max(5_000),
  services: z.array(serviceRuleSchema).max(100).default([]),
  egress: z.array(egressRuleSchema).max(100).default([]),
  /** Accounts at Namecheap whose keys this relay holds. */
  namecheap: namecheapAccountsSchema.default([]),
  /** Roots that a delivered chain must lead to: the public root store, or these. */
  roots: z.union([z.literal('public'), z.array(pem).min(1).max(20)]).default('public'),
  dns: z
    .strictObject({
      /** Recursive resolver in place of the system's. */
      resolver: socketAddress.optional(),
      /** Name server host name -> address and port, in place of its address records and port 53. */
      nameservers: z.record(z.string(), socketAddress).default({}),
    })
    .default({ nameservers: {} }),
  /** Relays of other clusters with which certificate keys may be exchanged. */
  partners: z
    .array(z.strictObject({ cluster: idSchema, keys: z.array(publicKeySchema).min(1).max(8) }))
    .max(100)
    .default([]),
  /** Serves `/healthz`, and with `push` the whole contract, for an edge that can reach this address. */
  listen: z.strictObject({ host: z.string().min(1).max(253).default('127.0.0.1'), port: port, push: z.boolean().default(false) }).optional(),
  /** Speaks the previous contract version when set to it; for the time of an upgrade. */
  contract: z.union([z.literal(CONTRACT.current), z.literal(CONTRACT.previous)]).default(CONTRACT.current),
});
export type Law = z.infer<typeof lawSchema>;
/** The law as its author writes it: defaults left out. */
export type LawDocument = z.input<typeof lawSchema>;

/**
 * Reads a law from its JSON text. Throws `relay_law_invalid` whose message lists every problem with its place, such as
 * `targets[0].variable: …`.
 */
export function parseLaw(text: string): Law {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw invalid([`the document is not JSON (${cause instanceof Error ? cause.message : 'unreadable'})`], cause);
  }
  const parsed = lawSchema.safeParse(data);
  if (!parsed.success) throw invalid(parsed.error.issues.map((issue) => `${place(issue.path)}: ${issue.message}`));
  return parsed.data;
}

function invalid(problems: string[], cause?: unknown): PerennialError {
  return new PerennialError(
    'relay_law_invalid',
    `The relay's law has ${problems.length} problem(s):\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
    {
      hint: 'Correct the law in the relay job file (PERENNIAL_RELAY_LAW names the rendered file) and run the job again.',
      cause,
    },
  );
}

function place(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return text === '' ? 'the document' : text.replace(/^\./, '');
}

/** Whether one allowed name of the law admits a certificate name. */
export function nameAllowed(name: string, allowed: readonly string[]): boolean {
  return allowed.some((entry) => (entry.startsWith('.') ? name.endsWith(entry) : entry === name));
}
