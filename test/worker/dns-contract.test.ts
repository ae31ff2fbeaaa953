/** Both vendors keep the same contract. */
import { describeZone } from '../contracts/dns-zone.ts';
import { openAtCloudflare } from './dns-contract-cloudflare.ts';

describeZone('Cloudflare', openAtCloudflare);
