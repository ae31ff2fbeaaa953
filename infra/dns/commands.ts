/** What each command of `npm run dns` does. A command returns its exit code, or throws an Error that is shown. */
import type { z } from 'zod';
import { agrees as agreed, type Terminal } from '../administration/terminal.ts';
import { DONE, FAILED } from '../administration/command.ts';
import { moment } from '../../shared/moment.ts';
import { json, printable } from '../administration/text.ts';
import { declaredAnswer, doneAnswer, planAnswer, previewAnswer, recordsAnswer, snapshotsAnswer, type ListedZone } from './answers.ts';
import type { CommandName, Invocation } from './arguments.ts';
import type { ZoneApi } from './client.ts';
import { differenceText, planText, recordsText, snapshotsText, stoppedText, zonesText } from './show.ts';

interface Call {
  api: ZoneApi;
  terminal: Terminal;
  invocation: Invocation;
}

export function run(call: Call): Promise<number> {
  return COMMANDS[call.invocation.command](call);
}

const COMMANDS: Readonly<Record<CommandName, (call: Call) => Promise<number>>> = {
  async zones({ api, terminal, invocation }) {
    const zones = await api.zones();
    terminal.out(invocation.json ? json({ zones }) : zonesText(zones));
    return DONE;
  },

  records: (call) => forEachZone(call, async ({ address }) => api(call).get(`${address}/records`, recordsAnswer), recordsText),

  async plan(call) {
    if (call.invocation.zone !== null)
      return forEachZone(
        call,
        ({ address }) => api(call).get(`${address}/plan`, planAnswer),
        ({ zone, plan }) => planText(zone, plan),
      );
    const declared = await call.api.get('/api/v1/records', declaredAnswer);
    if (call.invocation.json) call.terminal.out(json(declared));
    else showDeclared(call.terminal, declared);
    return declared.plans.some(({ failure }) => failure !== null) ? FAILED : DONE;
  },

  async apply(call) {
    const { invocation, terminal } = call;
    const zones = invocation.zone === null ? (await call.api.zones()).filter(({ health }) => health.declared !== null) : [await call.api.zone(invocation.zone)];
    if (zones.length === 0)
      terminal.note('No zone has declared records. They are [[records]] in certificates.toml; a new one is known some seconds after the deploy.');
    const done = [];
    for (const zone of zones) done.push({ zone: zone.zoneName, ...(await applyTo(call, zone)) });
    if (invocation.json) terminal.out(json({ zones: done }));
    return done.some(({ outcome }) => outcome === 'declined') ? FAILED : DONE;
  },

  async snapshots({ api, terminal, invocation }) {
    const { address } = await api.zone(invocation.zone ?? '');
    const answer = await api.get(`${address}/snapshots`, snapshotsAnswer);
    terminal.out(invocation.json ? json(answer) : snapshotsText(answer));
    return DONE;
  },

  restore,

  async release(call) {
    const { terminal, invocation } = call;
    const zone = await call.api.zone(invocation.zone ?? '');
    const { stopped } = zone.health;
    if (stopped === null) {
      terminal.note(`${zone.zoneName} is not stopped; there is nothing to release.`);
      return DONE;
    }
    terminal.note(stoppedText(zone.zoneName, stopped));
    if (!(await agrees(call, `Leave ${zone.zoneName} as it is, and go on writing to it?`))) return FAILED;
    const answer = await call.api.post(`${zone.address}/release`, {}, doneAnswer);
    report(call, answer, `${zone.zoneName} goes on.`);
    return DONE;
  },
};

/** The same for one zone or for all; a zone that fails does not hide the others. */
async function forEachZone<T>(call: Call, ask: (zone: ListedZone) => Promise<T>, show: (answer: T) => string): Promise<number> {
  const { terminal, invocation } = call;
  const zones = invocation.zone === null ? await call.api.zones() : [await call.api.zone(invocation.zone)];
  const answers: unknown[] = [];
  let code = DONE;
  for (const zone of zones) {
    try {
      const answer = await ask(zone);
      answers.push(answer);
      if (!invocation.json) terminal.out(`${show(answer)}\n`);
    } catch (thrown) {
      code = FAILED;
      terminal.note(`${zone.zoneName}: ${messageOf(thrown)}`);
    }
  }
  if (invocation.json) terminal.out(json({ zones: answers }));
  else if (zones.length === 0) terminal.out('No zone has been written to yet.');
  return code;
}

function showDeclared(terminal: Terminal, { records, plans, unread }: z.infer<typeof declaredAnswer>): void {
  if (records.length === 0 && plans.length === 0) {
    terminal.out('Nothing is declared. Write [[records]] into certificates.toml, and deploy.');
    return;
  }
  for (const { zone, plan, failure } of plans) {
    if (failure !== null) terminal.note(`${zone.zoneName}: ${printable(failure.message)} ${printable(failure.hint ?? '')}`.trim());
    else {
      terminal.out(planText(zone, plan));
      if (plan !== null)
        terminal.out(
          plan.approved
            ? '  Approved: it is written by itself.\n'
            : `  Nothing of it is written before you approve it: npm run dns -- apply ${zone.zoneName}\n`,
        );
    }
  }
  if (unread > 0) terminal.note(`${unread} more zones have declared records; ask for each by its name.`);
  for (const { name, type, state, held, failure } of records) {
    if (state === 'failing' && failure !== null)
      terminal.note(`${type} ${name} has no place yet: ${printable(failure.message)} ${printable(failure.hint ?? '')}`.trim());
    if (state === 'held' && held !== null) terminal.note(`${type} ${name} is held: ${printable(held)}`);
    if (state === 'pending') terminal.note(`${type} ${name} was not looked at yet; ask again in some seconds.`);
  }
}

async function applyTo(call: Call, zone: ListedZone): Promise<{ outcome: 'nothing' | 'approved already' | 'approved' | 'declined' }> {
  const { terminal, invocation } = call;
  const { plan } = await call.api.get(`${zone.address}/plan`, planAnswer);
  (invocation.json ? terminal.note : terminal.out)(planText(zone, plan));
  if (plan === null) return { outcome: 'nothing' };
  if (plan.approved) {
    terminal.note(`  ${plan.records.every(({ action }) => action === 'keep') ? 'Nothing is to be done.' : 'It is approved, and written by itself.'}`);
    return { outcome: 'approved already' };
  }
  if (!(await agrees(call, `Approve this plan for ${zone.zoneName}?`))) return { outcome: 'declined' };
  const { health } = await call.api.post(`${zone.address}/plan/approve`, { digest: plan.digest }, doneAnswer);
  terminal.note(`Approved. ${progressOf(health) ?? `${zone.zoneName} is written now; npm run dns -- plan ${zone.zoneName} shows how far it is.`}`);
  return { outcome: 'approved' };
}

async function restore(call: Call): Promise<number> {
  const { api, terminal, invocation } = call;
  const zone = await api.zone(invocation.zone ?? '');
  const snapshot = invocation.snapshot ?? (await newestSnapshot(api, zone));
  const preview = await api.get(`${zone.address}/snapshots/${snapshot}`, previewAnswer);
  const { digest, lines } = preview;
  terminal.note(`${zone.zoneName} as it was on ${moment(preview.snapshot.at)} (snapshot ${snapshot}, ${printable(preview.snapshot.reason)}).`);
  if (lines.length === 0) {
    terminal.note('Nothing differs from it; nothing is to be restored.');
    if (zone.health.stopped !== null) terminal.note(`The zone is stopped all the same. Let it go on: npm run dns -- release ${zone.zoneName}`);
    if (invocation.json) terminal.out(json({ ...preview, restored: false }));
    return DONE;
  }
  terminal.note(`Restoring it would do this to the zone as it is now:\n${differenceText(lines)}`);
  if (invocation.confirm === null) {
    const again = `npm run dns -- restore ${zone.zoneName} ${snapshot} --confirm ${digest}`;
    if (!terminal.interactive) throw new Error(`Nobody can be asked here. To restore exactly this, run: ${again}`);
    const typed = await terminal.ask(`Type ${zone.zoneName} to restore it: `);
    if (typed?.trim() !== zone.zoneName) throw new Error('That is not its name; nothing was restored.');
  } else if (invocation.confirm !== digest) {
    throw new Error(
      `The difference is another one than that of --confirm ${printable(invocation.confirm.slice(0, 100))}; nothing was restored. If this one is right: --confirm ${digest}`,
    );
  }
  const answer = await api.post(`${zone.address}/snapshots/${snapshot}/restore`, { digest }, doneAnswer);
  const sentence =
    answer.health?.stopped == null
      ? `${zone.zoneName} is restored.`
      : `The snapshot is written. ${zone.zoneName} is read back now, and goes on when it is as it should be: npm run dns -- zones`;
  report(call, { ...answer, restored: true }, sentence);
  return DONE;
}

async function newestSnapshot(api: ZoneApi, zone: ListedZone): Promise<number> {
  const { snapshots } = await api.get(`${zone.address}/snapshots`, snapshotsAnswer);
  if (snapshots.length === 0) throw new Error(`${zone.zoneName} has no snapshots: they are kept where a vendor replaces whole zones.`);
  const newest = snapshots.reduce((latest, snapshot) => (snapshot.id > latest.id ? snapshot : latest));
  if (/restored/.test(newest.reason))
    throw new Error(`The newest snapshot of ${zone.zoneName} was taken before another restore. Choose one: npm run dns -- snapshots ${zone.zoneName}`);
  return newest.id;
}

function agrees({ terminal, invocation }: Call, question: string): Promise<boolean> {
  return agreed(terminal, invocation.yes, question);
}

function report<T extends { health: ListedZone['health'] | null }>({ terminal, invocation }: Call, answer: T, sentence: string): void {
  if (invocation.json) terminal.out(json(answer));
  else terminal.out(progressOf(answer.health) ?? sentence);
}

/** What is still to come before it is done; null when nothing is. */
function progressOf(health: ListedZone['health'] | null): string | null {
  if (health === null || health.waiting === null) return null;
  return `It is under way: ${printable(health.waiting.reason).replace(/\.$/, '')}. Next step ${moment(health.waiting.until)}.`;
}

function api({ api: client }: Call): ZoneApi {
  return client;
}

function messageOf(thrown: unknown): string {
  return printable(thrown instanceof Error ? thrown.message : 'It failed.');
}
