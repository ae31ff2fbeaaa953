/** What the web layer needs; `composition.ts` provides it. */
import type { Clock } from '../../shared/clock.ts';
import type { ErrorData, Outcome } from '../../shared/errors.ts';
import type { AuthorityStatus } from '../acme/authority-status.ts';
import type { ExportAnswer, ExportRequest } from '../backup/export.ts';
import type { ImportedItem, ImportRequest } from '../backup/import.ts';
import type { CompiledConfiguration } from '../config/configuration.ts';
import type { ZoneAdministration } from '../dns/zone-requests.ts';
import type { FleetClient } from '../fleet/client.ts';
import type { RecordsStatus } from '../records/status.ts';
import type { ClusterHealth, SetupProblem } from './pages/model.ts';

export interface WebDependencies {
  clock: Clock;
  /** The configuration in this bundle, valid or not. */
  compiled: CompiledConfiguration;
  fleet: FleetClient;
  /** ADMIN_TOKEN; undefined or too short closes everything that needs an administrator. */
  adminToken: string | undefined;
  /** See {@link setupProblemsOf}. */
  setupProblems: readonly SetupProblem[];
  /** Reads `secret:<name>`; throws PerennialError. */
  secret: (reference: string) => Promise<string>;
  /** Stores a secret in the SecretStore; throws PerennialError. */
  putSecret: (name: string, value: string) => Promise<void>;
  /** Seals every secret with the current SEALING_KEY; throws PerennialError. */
  resealSecrets: () => Promise<{ resealed: number; unreadable: string[] }>;
  /** Links of the configured clusters. */
  clusters: () => Promise<ClusterHealth[]>;
  /** The CertificateObject of that name; a fresh stub each time. */
  certificate: (name: string) => CertificateAdministration;
  /** Every configured CA, in the order of the configuration. */
  authorities: () => Promise<AuthorityReport[]>;
  /** Gives the account at this CA a new key (RFC 8555 §7.3.5). The same `request` again answers what the first did. Throws PerennialError. */
  rollOver: (authority: string, request: string) => Promise<{ accountUrl: string }>;
  /** The ZoneObject of that name; a fresh stub each time. */
  zone: (provider: string, zoneId: string) => ZoneAdministration;
  /** Where `[[records]]` go, and what keeps them from it. */
  records: () => Promise<RecordsStatus>;
  /** Backups, part by part. */
  backup: { exportPart: (request: ExportRequest) => Promise<ExportAnswer>; importItems: (request: ImportRequest) => Promise<ImportedItem[]> };
  /** The relay bundle of this Worker, or null when none was built. */
  relay: { sha256: string; source: string } | null;
  /** Answers `/relay/connect`, with its WebSocket. */
  connectRelay: (request: Request) => Promise<Response>;
}

/** What an administrator may ask of one certificate directly. */
export interface CertificateAdministration {
  /** Writes down that the live certificate is to be revoked; it happens at once, and is tried until it is done. */
  revoke(request: RevocationRequest): Promise<Outcome<{ sha256: string }>>;
}

export interface RevocationRequest {
  /** SHA-256 of the live leaf, hex. */
  sha256: string;
  /** RFC 5280 §5.3.1. */
  reason: number;
  signer: 'account' | 'certificate';
}

/** A CA as its object knows it, or why that could not be asked. */
export interface AuthorityReport {
  name: string;
  /** URL of its directory. */
  directory: string;
  status: AuthorityStatus | null;
  failure: ErrorData | null;
}

/** Shorter tokens could be guessed. */
export const ADMIN_TOKEN_MIN = 20;
