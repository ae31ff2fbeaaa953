/** Points in time within a sentence: to the minute, always UTC. */
import { MINUTE } from './clock.ts';

/** `2026-11-21 01:07 UTC`. @param at Unix ms. */
export function moment(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** For what is possible again then: rounded up, so that whoever comes at that minute is not too early. @param at Unix ms. */
export function momentAfter(at: number): string {
  return moment(Math.ceil(at / MINUTE) * MINUTE);
}
