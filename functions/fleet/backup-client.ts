/** FleetObject as a backup asks it: what there is, and what an import tells it. A fresh stub for every call. */
import { unwrap } from '../../shared/errors.ts';
import type { Environment } from '../environment.ts';
import { zoneName } from './zones.ts';

export function fleetBackup(namespace: Environment['FLEET']) {
  const fleet = () => namespace.getByName('fleet');
  return {
    inForce: async () => unwrap(await fleet().promotion()),
    certificates: async (after: string, limit: number) => unwrap(await fleet().certificateNames(after, limit)),
    configured: async (names: readonly string[]) => unwrap(await fleet().configured([...names])),
    zones: async () => unwrap(await fleet().zones()).map((zone) => zoneName(zone)),
    async raise(generation: number): Promise<void> {
      unwrap(await fleet().raise(generation));
    },
    async note(kind: string, message: string): Promise<void> {
      unwrap(await fleet().note(kind, message));
    },
  };
}
