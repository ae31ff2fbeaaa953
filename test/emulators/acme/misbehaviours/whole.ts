/** What a CA does to everybody at once. */
import type { Misbehaviour } from './misbehaviour.ts';

const TEN_MINUTES_MS = 600_000;
const HALF = 50;

export const NONCES_REFUSED: Misbehaviour = {
  name: 'refuses half of all good nonces',
  begin: ({ nonces }) => {
    const before = nonces.rejectPercent;
    nonces.rejectPercent = HALF;
    return () => void (nonces.rejectPercent = before);
  },
};

function skewed(name: string, ms: number): Misbehaviour {
  return {
    name,
    begin: ({ settings }) => {
      settings.clockSkewMs = ms;
      return () => void (settings.clockSkewMs = 0);
    },
  };
}

export const CLOCK_AHEAD: Misbehaviour = skewed('has a clock that is ten minutes fast', TEN_MINUTES_MS);
export const CLOCK_BEHIND: Misbehaviour = skewed('has a clock that is ten minutes slow', -TEN_MINUTES_MS);

export const DIRECTORY_MOVED: Misbehaviour = {
  name: 'moves everything that its directory lists',
  begin: ({ paths }) => {
    paths.moveDirectory();
    // Nobody moves back.
    return () => undefined;
  },
};

export const AUTHORIZATIONS_REUSED: Misbehaviour = {
  name: 'lets valid authorizations serve for the next orders',
  begin: ({ settings }) => {
    settings.authorizationReuse = true;
    return () => void (settings.authorizationReuse = false);
  },
};
