import { DurableObject } from 'cloudflare:workers';
import type { Environment } from '../environment.ts';

export class FleetObject extends DurableObject<Environment> {}
