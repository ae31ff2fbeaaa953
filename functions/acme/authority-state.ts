/** What outlives the object of a CA; every write is durable before the next request leaves. */
import type { AccountStop } from './account-stop.ts';
import type { Breaker } from './breakers.ts';
import type { LedgerState } from './ledger.ts';
import type { PlaceState } from './places.ts';
import type { Directory } from './resources.ts';
import type { Route } from './transport.ts';

export interface AccountRow {
  keyName: string;
  /** Null until the CA has named it. */
  url: string | null;
  /** Unix milliseconds until which `intentBy` may be registering; null when nobody is. */
  intentUntil: number | null;
  intentBy: string | null;
}

/** A change of the account key (RFC 8555 §7.3.5), written before the new key is made. */
export interface RolloverRow {
  request: string;
  oldKey: string;
  newKey: string;
  /** Unix milliseconds. */
  startedAt: number;
  /** The CA knows the new key and the old one is gone. */
  done: boolean;
}

export interface AuthorityState extends LedgerState, PlaceState {
  account(): AccountRow | null;
  saveAccount(row: AccountRow): Promise<void>;
  rollover(): RolloverRow | null;
  saveRollover(row: RolloverRow | null): Promise<void>;
  accountStop(): AccountStop | null;
  saveAccountStop(stop: AccountStop | null): void;
  directory(): { directory: Directory; fetchedAt: number } | null;
  saveDirectory(directory: Directory, fetchedAt: number): void;
  route(): { route: Route; until: number } | null;
  saveRoute(route: Route, until: number): void;
  breakers(now: number): Breaker[];
  saveBreaker(breaker: Breaker): void;
}
