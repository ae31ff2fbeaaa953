import { PerennialError } from '../shared/errors.ts';
import type { PrivateKey } from '../shared/link/signatures.ts';
import type { CertificatePorts } from './certificates/phases/context.ts';
import type { FleetPort } from './certificates/ports.ts';
import type { WakeReason } from './certificates/store.ts';
import type { Environment } from './environment.ts';
export function certificatePorts(_env: Environment): CertificatePorts { throw new PerennialError('x_x', ''); }
export function fleetPort(_env: Environment): FleetPort { throw new PerennialError('x_x', ''); }
export function certificateWaker(_env: Environment): { wake(name: string, reason: WakeReason): Promise<void> } { throw new PerennialError('x_x', ''); }
export function edgeKey(_env: Environment): PrivateKey { throw new PerennialError('x_x', ''); }
