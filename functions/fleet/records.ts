/** RecordsPort over the RECORDS namespace, with a fresh stub for every call. */
import { unwrap } from '../../shared/errors.ts';
import type { Environment } from '../environment.ts';
import type { RecordsPort } from './ports.ts';

export function recordsPort(namespace: Environment['RECORDS']): RecordsPort {
  return {
    async declare({ records, dns, authorities, clusters }, generation) {
      const declaration = { generation, records, vendors: dns, authorities, clusters: clusters.map(({ name }) => name) };
      return unwrap(await namespace.getByName('records').apply(declaration));
    },
  };
}
