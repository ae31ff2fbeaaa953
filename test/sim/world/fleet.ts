/** What the fleet knows: the rows for the sweep, and every view it was ever sent, checked as it checks them. */
import type { CertificateReport, CertificateView } from '../../../functions/certificates/ports.ts';
import type { World } from './world.ts';

export class SimulatedFleet {
  readonly rows = new Map<string, { view: CertificateView; sequence: number; touchedAt: number }>();
  readonly #world: World;
  reports = 0;
  onReport: (report: CertificateReport) => void = () => undefined;

  constructor(world: World) {
    this.#world = world;
  }

  report(report: CertificateReport): { ok: true; value: null } {
    const { laws, parts, scheduler } = this.#world;
    this.reports += 1;
    try {
      parts.parseReport(report);
    } catch (thrown) {
      laws.violation('view', `The view of ${report.name} cannot be read: ${thrown instanceof Error ? thrown.message.slice(0, 500) : ''}`);
    }
    const { view } = report;
    if (view.reason.trim() === '') laws.violation('view', `${report.name} is ${view.state} and does not say why.`);
    if (view.state === 'needs-attention' && view.reason.length < 10) laws.violation('view', `${report.name} needs attention and says nothing.`);
    this.onReport(report);
    const before = this.rows.get(report.name);
    if (before === undefined || before.sequence < report.sequence) this.rows.set(report.name, { view, sequence: report.sequence, touchedAt: scheduler.now });
    return { ok: true, value: null };
  }

  /** The hourly cron. */
  sweep(): void {
    const { parts, scheduler, names } = this.#world;
    const candidates = names.map((name) => {
      const row = this.rows.get(name);
      return { name, wakeAt: row?.view.nextAt ?? null, touchedAt: row?.touchedAt ?? 0 };
    });
    for (const name of parts.selectForSweep(candidates, scheduler.now)) {
      const row = this.rows.get(name);
      if (row !== undefined) row.touchedAt = scheduler.now;
      this.#world.wake(name, 'sweep');
    }
  }
}
