/** Nomad where there is none: the emulator, whose variables survive a restart of the demo as those of an agent would. */
import { z } from 'zod';
import { startNomad, type NomadEmulator } from '../../../test/emulators/nomad/nomad.ts';
import type { DemoState } from '../state.ts';
import type { NomadPart } from './nomad.ts';

const FILE = 'nomad-variables.json';
const savedSchema = z.object({
  last: z.number().int(),
  variables: z.array(z.object({ namespace: z.string(), path: z.string(), items: z.record(z.string(), z.string()), modifyIndex: z.number().int() })),
});

export interface EmulatorOptions {
  state: DemoState;
  port: number;
}

export async function startNomadEmulator(options: EmulatorOptions): Promise<NomadPart & { emulator: NomadEmulator }> {
  const emulator = await startNomad({ port: options.port });
  restore(emulator, options.state);
  const save = (): void => {
    const variables = emulator.variables.list('*', '').map(({ namespace, path, items, modifyIndex }) => ({ namespace, path, items, modifyIndex }));
    options.state.writeJson(FILE, { last: emulator.state.last, variables } satisfies z.infer<typeof savedSchema>);
  };
  const forget = emulator.observeVariables(save);
  return {
    kind: 'emulator',
    address: emulator.address,
    token: emulator.managementToken,
    ca: undefined,
    emulator,
    requests: () => emulator.requests.length,
    stop: async () => {
      forget();
      await emulator.stop();
    },
  };
}

/** Writes every variable again at the index it had: whoever compares indexes finds nothing changed. */
function restore({ state, variables }: NomadEmulator, folder: DemoState): void {
  const saved = folder.read(FILE, savedSchema);
  if (saved === undefined) return;
  const advanceTo = (index: number): void => {
    while (state.last < index) state.next();
  };
  for (const { namespace, path, items, modifyIndex } of saved.variables.sort((left, right) => left.modifyIndex - right.modifyIndex)) {
    advanceTo(modifyIndex - 1);
    variables.put(namespace, path, items, undefined);
  }
  advanceTo(saved.last);
}
