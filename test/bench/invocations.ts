/**
 * How often the Worker and its objects were invoked for one renewal, counted from what can be seen outside. Each count is
 * the least that can have happened, so that CPU time divided by it is an upper bound. Pure.
 */

export interface Observed {
  /** HTTP requests that the benchmark itself sent to the Worker. */
  fetches: number;
  /** Requests that the relay logged. */
  relayRequests: number;
  /** Those of them that dialled the proxy. */
  verifications: number;
}

export const INVOCATIONS_NOTE =
  'CPU: utime + stime of the workerd that runs the Worker, from just before the renewal is asked for until half a second after it is live. ' +
  'Invocations are counted low: each HTTP request and its call to the fleet, the wake, one alarm to begin, one after the challenges and one per further dial, a report of each alarm, ' +
  'a call and a message for each relay request, two calls to the CA object, two to the zone.';

/** At least two: nothing happens unasked. */
export function invocationsOf({ fetches, relayRequests, verifications }: Observed): number {
  const alarms = 1 + Math.max(1, verifications);
  const reports = alarms;
  const wake = 1;
  const authority = 2;
  const zone = 2;
  return 2 * fetches + wake + alarms + reports + 2 * relayRequests + authority + zone;
}
