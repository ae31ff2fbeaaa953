import { DurableObject } from 'cloudflare:workers';
import type { Environment } from '../environment.ts';

export class CertificateObject extends DurableObject<Environment> {}
