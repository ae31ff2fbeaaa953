/**
 * One write of a whole zone: snapshot and intent first, then the request. What became of it is for whoever reads the zone
 * back: until a reply says otherwise, that is not before it cannot take effect any more.
 */
import { MINUTE } from '../../shared/clock.ts';
import type { HostTable } from '../../shared/namecheap/host-table.ts';
import { PerennialError } from '../../shared/errors.ts';
import { DnsError } from './dns-error.ts';
import type { TableContext } from './table-context.ts';
import { READ_BACK_MS, WRITE_MARGIN_MS, WRITE_TIME_MS, type Attempt } from './table-state.ts';

export interface Sending {
  kind: Attempt['kind'];
  before: HostTable;
  /** As the vendor sent it. */
  text: string;
  write: HostTable;
  /** Ledger rows whose records are added. */
  adding: readonly number[];
  reason: string;
}

/**
 * Sends a write whose calls are paid. Returns when a reply has come, or when none will.
 * @throws what says that nothing was sent, or that the vendor refused; then all is as before.
 */
export async function send(context: TableContext, sending: Sending): Promise<void> {
  const { store, ledger, calls, clock } = context;
  const attempt = intend(context, sending);
  try {
    await calls.replace({ expect: attempt.before, write: attempt.write }, attempt.over - WRITE_MARGIN_MS);
  } catch (thrown) {
    const held = store.attempt();
    if (held?.id !== attempt.id) return;
    if (mayTakeEffect(thrown)) return store.setAttempt({ ...held, readAt: Math.max(clock() + READ_BACK_MS, limitedUntil(thrown, clock())) });
    store.setAttempt(null);
    ledger.clearIntent(attempt.id);
    ledger.markUnsent(attempt.firstSent);
    throw thrown;
  }
  const held = store.attempt();
  if (held?.id === attempt.id) store.setAttempt({ ...held, acknowledged: true, readAt: clock() + READ_BACK_MS });
}

/** No `await` here: all of it is stored, or nothing is, before the request leaves. */
function intend({ store, ledger, clock, holder }: TableContext, { kind, before, text, write, adding, reason }: Sending): Attempt {
  const now = clock();
  const { burst, srv } = store.progress();
  const snapshot = store.keepSnapshot({ table: before, srv: burst?.srv ?? srv?.rows ?? null }, text, reason, now);
  const deadline = now + WRITE_TIME_MS;
  const over = deadline + WRITE_MARGIN_MS;
  const firstSent = ledger.entries(adding).filter(({ sentAt, found }) => sentAt === null || found);
  const id = crypto.randomUUID();
  const attempt: Attempt = {
    id,
    kind,
    snapshot,
    before,
    write,
    firstSent: firstSent.map((entry) => entry.id),
    over,
    acknowledged: false,
    readAt: over,
    reads: 0,
    failures: 0,
  };
  ledger.setIntent({ id, holder, deadline });
  ledger.markSent(adding, now);
  store.setAttempt(attempt);
  store.update({ burst: burst === null ? null : { ...burst, snapshot: burst.snapshot ?? snapshot } });
  store.setGathering(null);
  return attempt;
}

/** Everything but a typed error that says otherwise: an unknown throw may have come after the request had left. */
function mayTakeEffect(thrown: unknown): boolean {
  return thrown instanceof DnsError ? thrown.inDoubt : !(thrown instanceof PerennialError);
}

/** Asking before a limit is over would only prolong it. */
function limitedUntil(thrown: unknown, now: number): number {
  return thrown instanceof DnsError && thrown.code === 'dns_rate_limited' ? (thrown.retryAt ?? now + MINUTE) : 0;
}
