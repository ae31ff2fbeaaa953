/** `perennial:configuration`: the one in the bundle of whoever asks, since old and new bundles run side by side. */
import { actor, surroundings } from './virtual.ts';

export default {
  valid: true,
  hash: 'simulated',
  get configuration(): unknown {
    return surroundings().configuration(actor());
  },
};
