/** What the fleet needs from certificates and declared records: calls go down only (DESIGN §3). Every call may be repeated. */
import type { WakeReason } from '../certificates/state.ts';
import type { CertificateSpec, Configuration } from '../config/configuration.ts';

/** Each method throws PerennialError when the certificate could not be told; the fleet tries again. */
export interface CertificatesPort {
  /** Hands over a specification; older generations are ignored there. */
  apply(name: string, spec: CertificateSpec, generation: number): Promise<void>;
  /** No longer configured: nothing is issued any more, the variable stays. */
  retire(name: string, generation: number): Promise<void>;
  wake(name: string, reason: WakeReason): Promise<void>;
}

/** Throws PerennialError when it could not be told; the fleet tries again. */
export interface RecordsPort {
  /** Hands over `[[records]]` and what they refer to. @returns the generation known there: an older one is ignored. */
  declare(configuration: Configuration, generation: number): Promise<number>;
}
