/**
 * A certificate in a backup, and what an import makes of it. Pure.
 *
 * The backup is older than the world: after an import the cluster is always asked what it serves (`adoptionDone` is false
 * again), and `phases/settle-restored.ts` decides whether the restored facts still hold. Nothing that happened here since
 * is replaced.
 */
import { z } from 'zod';
import { IDENTICAL, kept, RESTORED, type Restoration } from '../../shared/backup/restoration.ts';
import { ariSchema, deliveriesSchema, historySchema, issuanceSchema, liveSchema, recordSchema, type CertificateState, type Issuance } from './state.ts';

export const certificateDumpSchema = z.object({
  record: recordSchema,
  live: liveSchema.nullable(),
  ari: ariSchema.nullable(),
  /** With the open order's URL, the CSR and where its challenge records are. No private key: that stays in the cluster. */
  issuance: issuanceSchema.nullable(),
  deliveries: deliveriesSchema.max(1_000),
  /** Newest first. */
  history: z.array(historySchema).max(100),
});
export type CertificateDump = z.infer<typeof certificateDumpSchema>;

export interface RestorePlan {
  restoration: Restoration;
  /** The state to write; null when nothing is to be changed. */
  state: CertificateState | null;
}

/** @param here the state of the object, null when it was never specified. */
export function planRestore(here: CertificateState | null, dump: CertificateDump, history: readonly { id: string }[]): RestorePlan {
  if (here === null) return restored(dump, dump.record);
  if (sameFacts(here, dump)) return { restoration: IDENTICAL, state: null };
  const reason = refusal(here, dump, history);
  if (reason !== null) return { restoration: kept(reason), state: null };
  const { quarantined, revocation, guardedUntil, hold } = dump.record;
  return restored(dump, {
    ...here.record,
    quarantined: [...new Set([...here.record.quarantined, ...quarantined])].slice(0, 16),
    revocation: here.record.revocation ?? revocation,
    hold: here.record.hold ?? hold,
    guardedUntil: Math.max(here.record.guardedUntil, guardedUntil),
    zones: here.record.zones.length > 0 ? here.record.zones : dump.record.zones,
  });
}

function restored({ live, ari, issuance, deliveries }: CertificateDump, record: CertificateState['record']): RestorePlan {
  return {
    restoration: RESTORED,
    state: { record: { ...record, adoptionDone: false, adoptionFailure: null }, live, ari, issuance, deliveries },
  };
}

function sameFacts({ live, issuance }: CertificateState, dump: CertificateDump): boolean {
  return live?.leaf.sha256 === dump.live?.leaf.sha256 && live?.issuance === dump.live?.issuance && (issuance?.id ?? null) === (dump.issuance?.id ?? null);
}

/** Why what is here stays as it is; null when the backup only adds to it. */
function refusal({ live, issuance }: CertificateState, dump: CertificateDump, history: readonly { id: string }[]): string | null {
  if (dump.issuance !== null && (history.some(({ id }) => id === dump.issuance?.id) || live?.issuance === dump.issuance.id))
    return 'The issuance that was open in the backup has ended here.';
  if (issuance !== null && issuance.id !== dump.issuance?.id && !isUntouched(issuance)) return 'Another order is open here.';
  if (live === null || live.leaf.sha256 === dump.live?.leaf.sha256) return null;
  if (!live.adopted) return 'It was issued anew here after the backup.';
  return dump.issuance !== null && isOf(dump.issuance, live.leaf)
    ? null
    : 'The cluster serves another certificate than the backup knows; what is served counts.';
}

/** Nothing of it is outside yet: no order, and no call that might have made one. */
function isUntouched({ order, intent, issued, placed }: Issuance): boolean {
  return order === null && intent === null && issued === null && placed.length === 0;
}

/** Whether this leaf was issued for this issuance: its key says so, also before the chain was downloaded. */
export function isOf({ key, issued }: Pick<Issuance, 'key' | 'issued'>, leaf: { sha256: string; spki: string }): boolean {
  return issued === null ? key?.spki === leaf.spki : issued.leaf.sha256 === leaf.sha256;
}
