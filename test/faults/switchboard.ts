/**
 * Every outside call passes here: it is named, counted for the certificates it belongs to, and stopped when a strike
 * waits for it. One certificate's calls of a kind are numbered from the beginning of its renewal.
 */
import type { Phase } from '../../functions/certificates/ports.ts';
import type { Call, CallReply, Fate, Interception, Side } from './calls.ts';
import { labelOf, phaseOfCall } from './labels.ts';
import { Orders } from './orders.ts';
import { Owners } from './owners.ts';
import type { Point, SeenCall } from './points.ts';

/** A call that stands at the point of a strike until it is told its fate. */
export interface HeldCall {
  call: Call;
  owners: readonly string[];
  settle: (fate: Fate) => void;
}

/** Takes a call that has come to the point; `null` lets it go on. */
export type OnPoint = (owners: readonly string[]) => ((held: HeldCall) => void) | null;

interface Named {
  label: string;
  owners: readonly string[];
  /** By owner. */
  nth: ReadonlyMap<string, number>;
}

export class Switchboard implements Interception {
  readonly orders = new Orders();
  readonly #owners: Owners;
  readonly #certificates: readonly string[];
  /** `certificate part label` -> calls in this renewal. */
  #counts = new Map<string, number>();
  #seen = new Map<string, SeenCall & { by: Set<string> }>();
  #phases = new Map<string, Phase>();
  readonly #named = new WeakMap<Call, Named>();
  #armed: { point: Point; orLater: boolean; onPoint: OnPoint } | null = null;

  constructor(certificates: readonly string[]) {
    this.#certificates = certificates;
    this.#owners = new Owners(certificates);
  }

  /** A renewal of all certificates begins: counting starts anew. */
  begin(): void {
    this.#counts = new Map();
    this.#seen = new Map();
    this.#phases = new Map();
    this.orders.begin(this.#certificates);
  }

  /** Calls since {@link begin}, in the order of their first appearance. */
  seen(): SeenCall[] {
    return [...this.#seen.values()].map(({ part, label, nth, by }) => ({ part, label, nth, renewals: by.size }));
  }

  /** The phase of a certificate by the last call it was seen to make. */
  phaseOf(certificate: string): Phase {
    return this.#phases.get(certificate) ?? 'idle';
  }

  /** @param orLater also stops later calls of the kind: a first one may get lost together with somebody else's. */
  arm(point: Point, onPoint: OnPoint, { orLater = false } = {}): void {
    this.#armed = { point, orLater, onPoint };
  }

  disarm(): void {
    this.#armed = null;
  }

  async before(call: Call): Promise<Fate> {
    const named = this.#name(call);
    this.#named.set(call, named);
    this.#owners.learnRequest(call, named.owners);
    const fate = await this.#stop(call, 'before');
    if (fate === 'pass') this.orders.reached(call, named.label, named.owners);
    return fate;
  }

  async after(call: Call, reply: CallReply): Promise<Fate> {
    const { label, owners } = this.#named.get(call) ?? this.#name(call);
    this.#owners.learn(call, reply, owners);
    this.orders.answered(call, label, owners, reply);
    return await this.#stop(call, 'after');
  }

  #name(call: Call): Named {
    const label = labelOf(call);
    const owners = this.#owners.of(call);
    const nth = new Map<string, number>();
    for (const owner of owners) {
      const key = `${owner} ${call.part} ${label}`;
      const count = (this.#counts.get(key) ?? 0) + 1;
      this.#counts.set(key, count);
      nth.set(owner, count);
      this.#phases.set(owner, phaseOfCall(call.part, label));
      this.#remember(call.part, label, count, owner);
    }
    if (owners.length === 0) this.#remember(call.part, label, null, '');
    return { label, owners, nth };
  }

  #remember(part: Call['part'], label: string, nth: number | null, owner: string): void {
    const key = `${part} ${label} ${nth}`;
    const entry = this.#seen.get(key) ?? { part, label, nth, renewals: 0, by: new Set<string>() };
    entry.by.add(owner);
    this.#seen.set(key, entry);
  }

  async #stop(call: Call, side: Side): Promise<Fate> {
    const armed = this.#armed;
    const named = this.#named.get(call);
    if (armed === null || named === undefined) return 'pass';
    const { point, orLater } = armed;
    if (point.side !== side || point.part !== call.part || point.label !== named.label) return 'pass';
    const { nth } = point;
    const owners = nth === null ? [] : named.owners.filter((owner) => isNth(named.nth.get(owner) ?? 0, nth, orLater));
    if ((nth === null) !== (named.owners.length === 0) || (nth !== null && owners.length === 0)) return 'pass';
    const hold = armed.onPoint(owners);
    if (hold === null) return 'pass';
    return await new Promise<Fate>((resolve) => {
      hold({ call, owners, settle: resolve });
    });
  }
}

function isNth(count: number, wanted: number, orLater: boolean): boolean {
  return orLater ? count >= wanted : count === wanted;
}
