/** Calls that leave the Worker or the relay, as what listens in between sees them. */

/** What is called. Over the link the Worker calls the relay; Nomad is called by the relay, the others by the Worker. */
export type Part = 'ca' | 'cloudflare' | 'resolver' | 'nomad' | 'link';

/** `before`: the call has not reached the part. `after`: it took effect, and its reply has not come back. */
export type Side = 'before' | 'after';
export const SIDES: readonly Side[] = ['before', 'after'];

export interface Call {
  part: Part;
  method: string;
  /** Path and query. */
  path: string;
  body: Buffer;
}

export interface CallReply {
  status: number;
  /** `location` of the reply, where it has one. */
  location: string | null;
  body: Buffer;
}

/**
 * What becomes of a call that was stopped at a point: it goes on, it is lost as a whole, or it is lost in the middle of
 * its bytes (on the link).
 */
export type Fate = 'pass' | 'lost' | 'cut';

/** Asked on both sides of every call; the call goes on when the promise settles. */
export interface Interception {
  before(call: Call): Promise<Fate>;
  after(call: Call, reply: CallReply): Promise<Fate>;
}
