/**
 * One certificate (DESIGN §3): its specification, live pair, current issuance, deliveries and timer.
 *
 * Only `alarm()` advances; everything else records a reason and sets the alarm. The alarm never throws: a thrown alarm is
 * dropped for good after seven runs, so it first sets a dead-man alarm and the real next time last.
 */
import { DurableObject } from 'cloudflare:workers';
import { MINUTE, SECOND } from '../../shared/clock.ts';
import { type Outcome, settle, toPerennialError } from '../../shared/errors.ts';
import { certificatePorts, fleetPort, onHold } from '../composition.ts';
import { compiled } from '../config/compiled.ts';
import { certificateSpecSchema, type CertificateSpec } from '../config/configuration.ts';
import type { Environment } from '../environment.ts';
import { busy, type Restoration } from '../../shared/backup/restoration.ts';
import { certificateDumpSchema, planRestore, type CertificateDump } from './certificate-dump.ts';
import { countedDns, countedRelay } from './counting.ts';
import type { CertificatePorts } from './phases/context.ts';
import type { CertificateView } from './ports.ts';
import { reconcile } from './reconcile.ts';
import { acceptRevocation, type RevocationRequest } from './revocation.ts';
import type { CertificateState, WakeReason } from './state.ts';
import { CertificateStore } from './store.ts';
import { viewOf } from './view.ts';

/**
 * An interrupted run is resumed this soon. It may be shorter than a run: an alarm that comes due while another runs waits
 * for its end, and that sets the next time anew.
 */
const DEAD_MAN_MS = 10 * SECOND;
/** A state that cannot be read or written is tried again this soon. */
const UNREADABLE_RETRY_MS = 5 * MINUTE;
/** The fleet could not be told; it is tried again this soon. */
const REPORT_RETRY_MS = 30 * SECOND;

export class CertificateObject extends DurableObject<Environment> {
  readonly #store: CertificateStore;
  readonly #runner = crypto.randomUUID();
  readonly #clock = () => Date.now();
  readonly #spent = { dns: 0, relay: 0 };
  #ports: CertificatePorts | null = null;

  constructor(context: DurableObjectState, environment: Environment) {
    super(context, environment);
    this.#store = new CertificateStore(context.storage);
  }

  /** Takes a specification of generation `generation`; older generations are ignored. Idempotent. */
  apply(name: string, spec: CertificateSpec, generation: number): Promise<Outcome<null>> {
    return settle(async () => {
      this.#store.receive({ name, spec: certificateSpecSchema.parse(spec), generation, retired: false });
      await this.#wake('configuration');
      return null;
    });
  }

  /** The certificate is no longer configured: nothing is issued any more, our records go, the variable stays. */
  retire(name: string, generation: number): Promise<Outcome<null>> {
    return settle(async () => {
      this.#store.receive({ name, spec: null, generation, retired: true });
      await this.#wake('configuration');
      return null;
    });
  }

  /** Records why and sets the alarm; returns before anything is done. */
  wake(reason: WakeReason): Promise<Outcome<null>> {
    return settle(async () => {
      await this.#wake(reason);
      return null;
    });
  }

  /**
   * Revokes the live certificate (RFC 8555 §7.6) and replaces it at once; returns once that is written down. Refused as
   * {@link acceptRevocation} says. Safe to repeat.
   */
  revoke(request: RevocationRequest): Promise<Outcome<{ sha256: string }>> {
    return settle(async () => {
      const wanted = acceptRevocation(this.#store.read(), request);
      this.#store.wantRevocation(wanted);
      await this.#wake('alarm');
      return { sha256: wanted.sha256 };
    });
  }

  /** The view as of now; null before the first specification. */
  view(): Promise<Outcome<CertificateView | null>> {
    return settle(() => {
      const state = this.#store.read();
      return state === null ? null : this.#view(state);
    });
  }

  /** For a backup; null before the first specification. */
  dump(): Promise<Outcome<CertificateDump | null>> {
    return settle(() => {
      const state = this.#store.read();
      return state === null ? null : { ...state, history: this.#store.history() };
    });
  }

  /** Brings a backup's facts back where nothing newer is known here; the cluster is asked next. Idempotent. */
  restoreDump(dump: CertificateDump, dryRun: boolean): Promise<Outcome<Restoration>> {
    return settle(async () => {
      const known = certificateDumpSchema.parse(dump);
      // A run owns the documents while it works; its last write would undo this one.
      if (this.#store.isRunning()) return busy('It is being worked on.');
      const { restoration, state } = planRestore(this.#store.read(), known, this.#store.history());
      if (state === null || dryRun) return restoration;
      this.#store.write(state);
      for (const entry of known.history.toReversed()) this.#store.finish(entry);
      await this.#wake('configuration');
      return restoration;
    });
  }

  override async alarm(): Promise<void> {
    const started = this.#clock();
    await this.ctx.storage.setAlarm(started + DEAD_MAN_MS);
    const interrupted = this.#store.beginRun(started);
    let next: number | null;
    let again = false;
    try {
      next = await this.#advance(interrupted);
      again = this.#store.hasWakes();
    } catch (thrown) {
      // Our own state could not be read or written; the next release may know how.
      const error = toPerennialError(thrown);
      console.error(JSON.stringify({ event: 'alarm-failed', code: error.code, message: error.message }));
      // A wake that came meanwhile waits as well: what cannot be read now would only be tried in a circle.
      next = started + UNREADABLE_RETRY_MS;
    }
    this.#store.endRun();
    const at = again ? this.#clock() : next;
    await (at === null ? this.ctx.storage.deleteAlarm() : this.ctx.storage.setAlarm(Math.max(at, this.#clock())));
  }

  async #wake(reason: WakeReason): Promise<void> {
    this.#store.addWake(reason, this.#clock());
    await this.ctx.storage.setAlarm(this.#clock());
  }

  async #advance(interrupted: boolean): Promise<number | null> {
    this.#store.takeReceived();
    let reporting = Promise.resolve(true);
    const next = await reconcile(
      {
        store: this.#store,
        connect: () => this.#connected(),
        spent: () => ({ ...this.#spent }),
        clock: this.#clock,
        random: Math.random,
        newId: () => crypto.randomUUID(),
        runner: this.#runner,
        configuration: compiled,
        onHold: onHold(this.env),
        onStep: (state) => {
          this.#store.stage(this.#view(state));
          reporting = reporting.then(() => this.#report());
        },
      },
      interrupted,
    );
    const reported = await reporting;
    if (reported) return next;
    return Math.min(next ?? Number.POSITIVE_INFINITY, this.#clock() + REPORT_RETRY_MS);
  }

  /** Delivers the outbox. @returns false when the fleet could not be told; the row stays. */
  async #report(): Promise<boolean> {
    const report = this.#store.report(this.#clock());
    if (report === null) return true;
    try {
      await fleetPort(this.env).report(report);
      this.#store.acknowledge(report.sequence);
      return true;
    } catch {
      return false;
    }
  }

  /** Wired on first use: an invalid configuration must not keep the object from starting. */
  #connected(): CertificatePorts {
    if (this.#ports === null) {
      const ports = certificatePorts(this.env, this.#store.name() ?? '', () => (this.#spent.dns += 1));
      this.#ports = {
        acme: ports.acme,
        dns: countedDns(ports.dns, () => (this.#spent.dns += 1)),
        relay: countedRelay(ports.relay, () => (this.#spent.relay += 1)),
      };
    }
    return this.#ports;
  }

  #view(state: CertificateState): CertificateView {
    return viewOf({ state, history: this.#store.history(), now: this.#clock(), held: !compiled.valid, onHold: onHold(this.env) });
  }
}
