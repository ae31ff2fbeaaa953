/**
 * Lets days pass in moments: the clock that the Worker reads may be set forward. Alarms that were set before then are late,
 * and the hourly sweep finds them, as it finds those that a platform has lost.
 */

/** The platform's own clock, which nobody sets: for measuring how long something took. */
export const platformNow = Date.now;
let offset = 0;

/** From here on `Date.now()` is the platform's time and what {@link letPass} has added. */
export function installClock(): void {
  Date.now = () => platformNow() + offset;
}

export function letPass(ms: number): void {
  offset += ms;
}

/** What the platform stamps itself, and when it is to ring, in the Worker's time. */
export function shiftObject(context: DurableObjectState): void {
  const { storage } = context;
  const set = storage.setAlarm.bind(storage);
  const get = storage.getAlarm.bind(storage);
  const heard = context.getWebSocketAutoResponseTimestamp.bind(context);
  Object.defineProperty(storage, 'setAlarm', {
    configurable: true,
    value: (at: number | Date, options?: DurableObjectSetAlarmOptions) => set(Number(at) - offset, options),
  });
  Object.defineProperty(storage, 'getAlarm', {
    configurable: true,
    value: async (options?: DurableObjectGetAlarmOptions) => {
      const at = await get(options);
      return at === null ? null : at + offset;
    },
  });
  Object.defineProperty(context, 'getWebSocketAutoResponseTimestamp', {
    configurable: true,
    value: (socket: WebSocket) => {
      const at = heard(socket);
      return at === null ? null : new Date(at.getTime() + offset);
    },
  });
}
