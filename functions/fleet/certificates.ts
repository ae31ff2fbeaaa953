/** CertificatesPort over the CERTIFICATES namespace. A fresh stub for every call: one that has failed once may stay broken. */
import { unwrap } from '../../shared/errors.ts';
import type { Environment } from '../environment.ts';
import type { CertificatesPort } from './ports.ts';

export function certificatesPort(namespace: Environment['CERTIFICATES']): CertificatesPort {
  return {
    async apply(name, spec, generation) {
      unwrap(await namespace.getByName(name).apply(name, spec, generation));
    },
    async retire(name, generation) {
      unwrap(await namespace.getByName(name).retire(name, generation));
    },
    async wake(name, reason) {
      unwrap(await namespace.getByName(name).wake(reason));
    },
  };
}
