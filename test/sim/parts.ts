/** The product's own code, loaded after the simulation was put below it. */
import { cryptoProvider } from '@peculiar/x509';
import type { Configuration } from '../../functions/config/configuration.ts';
import type { ObjectClass } from './runtime.ts';
import type { RelayParts } from './world/cluster.ts';

export interface Parts extends RelayParts {
  classes: Record<'certificate' | 'ca' | 'zone', ObjectClass>;
  parseConfiguration: (input: unknown) => Configuration;
  /** Throws what is wrong with a report. */
  parseReport: (report: unknown) => void;
  selectForSweep: (candidates: readonly { name: string; wakeAt: number | null; touchedAt: number }[], now: number, limit?: number) => string[];
}

interface Parser {
  parse(input: unknown): unknown;
}

/** Types of the platform stay out of this graph: the objects are known by their names. */
async function load(path: string): Promise<Record<string, unknown>> {
  return (await import(new URL(`../../${path}`, import.meta.url).href)) as Record<string, unknown>;
}

export async function loadParts(): Promise<Parts> {
  const objects = await load('functions/objects.ts');
  const configuration = await load('functions/config/configuration.ts');
  const reports = await load('functions/fleet/reports.ts');
  const sweep = await load('functions/fleet/sweep.ts');
  // A library that was loaded meanwhile has put the real one there.
  cryptoProvider.set(globalThis.crypto);
  const relay = await load('infra/relay/relay.ts');
  const law = await load('infra/relay/law.ts');
  return {
    classes: {
      certificate: objects['CertificateObject'] as ObjectClass,
      ca: objects['CaObject'] as ObjectClass,
      zone: objects['ZoneObject'] as ObjectClass,
    },
    parseConfiguration: (input) => (configuration['configurationSchema'] as Parser).parse(input) as Configuration,
    parseReport: (report) => (reports['certificateReportSchema'] as Parser).parse(report),
    selectForSweep: sweep['selectForSweep'] as Parts['selectForSweep'],
    createRelay: relay['createRelay'] as Parts['createRelay'],
    parseLaw: law['parseLaw'] as Parts['parseLaw'],
  };
}
