/** What a backup reads and an import writes. Every method throws PerennialError; composition wires them to the objects. */
import type { Restoration } from '../../shared/backup/restoration.ts';
import type { AuthorityDump } from '../acme/authority-dump.ts';
import type { CertificateDump } from '../certificates/certificate-dump.ts';
import type { ZoneDump } from '../dns/zone-dump.ts';
import type { SecretStore } from '../secrets/store.ts';

export interface BackupPorts {
  secrets: SecretStore;
  fleet: {
    /** The configuration in force; null before the first. */
    inForce(): Promise<{ generation: number; hash: string; at: number } | null>;
    /** Names of certificates behind `after`, in order, at most `limit`. */
    certificates(after: string, limit: number): Promise<string[]>;
    /** Of these names, those in the configuration in force. */
    configured(names: readonly string[]): Promise<string[]>;
    /** Names of the ZoneObjects that have reported. */
    zones(): Promise<string[]>;
    /** Numbers given out from now on are above this one. */
    raise(generation: number): Promise<void>;
    note(kind: string, message: string): Promise<void>;
  };
  /** URLs of the directories of all CAs that the configuration in force, or this bundle's, names. */
  directories(): Promise<string[]>;
  authority(directory: string): {
    dump(): Promise<AuthorityDump>;
    restore(dump: AuthorityDump, keyIsSame: boolean, dryRun: boolean): Promise<Restoration>;
  };
  zone(name: string): { dump(): Promise<ZoneDump | null>; restore(dump: ZoneDump, dryRun: boolean): Promise<Restoration> };
  certificate(name: string): { dump(): Promise<CertificateDump | null>; restore(dump: CertificateDump, dryRun: boolean): Promise<Restoration> };
}
