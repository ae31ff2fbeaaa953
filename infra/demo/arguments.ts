/** The demo's command line. */
import { parseArgs } from 'node:util';
import { PerennialError } from '../../shared/errors.ts';
import { DEMO_VENDORS, isDemoVendor, type DemoVendor } from './vendors.ts';

export interface DemoArguments {
  /** Who has the zone that is written to. */
  dns: DemoVendor;
  /** Stop after the proof. */
  once: boolean;
  /** One JSON object on standard output instead of prose. */
  json: boolean;
  /** Forget everything an earlier start has left. */
  fresh: boolean;
  /** Print a freshly signed webhook call for the demo that is running, and nothing else. */
  webhook: boolean;
  help: boolean;
}

export const USAGE = `Usage: npm run demo [-- options]

Watch a wildcard certificate being ordered, validated over DNS, put into a Nomad variable and served by a TLS proxy.
Everything runs on loopback. The demo stays up until Ctrl-C.

  --dns <vendor>   who has the zone: cloudflare (default), or namecheap: the relay writes into a zone full of a
                   stranger's records, and one name is delegated to a zone at Cloudflare by CNAME
  --once           stop after the proof: exit code 0, or 1 with the reason
  --json           print one JSON object instead of prose (what happens meanwhile goes to standard error)
  --fresh          forget the certificate, keys and storage of earlier starts
  --webhook        print a freshly signed webhook call (curl) for the demo that is running
  --help           this text

Real parts are used where the environment names them:
  PEBBLE_BIN                              the ACME CA Pebble (else "pebble" on PATH, else a stand-in)
  TRAEFIK_BIN                             Traefik (else "traefik" on PATH, else a TLS stand-in)
  NOMAD_ADDR, NOMAD_TOKEN, NOMAD_CACERT   a Nomad agent with raw_exec, which runs the shipped jobs (else an emulator)
`;

/** Throws `demo_usage` for anything that is no option, and for a vendor that is none. */
export function parseArguments(input: readonly string[]): DemoArguments {
  const flag = { type: 'boolean', default: false } as const;
  let values;
  try {
    const options = {
      dns: { type: 'string', default: 'cloudflare' },
      once: flag,
      json: flag,
      fresh: flag,
      webhook: flag,
      help: { ...flag, short: 'h' },
    } as const;
    ({ values } = parseArgs({ args: [...input], options, strict: true, allowPositionals: false }));
  } catch (cause) {
    throw wrong(cause instanceof Error ? (cause.message.split('. ')[0] ?? cause.message) : 'The options cannot be read.', cause);
  }
  const { dns } = values;
  if (!isDemoVendor(dns)) throw wrong(`--dns takes ${DEMO_VENDORS.join(' or ')}, and not ${JSON.stringify(dns)}.`);
  return { ...values, dns };
}

function wrong(message: string, cause?: unknown): PerennialError {
  return new PerennialError('demo_usage', message, { hint: 'npm run demo -- --help lists the options.', cause });
}
