/** Both vendors keep the same contract. */
import { describeZone } from '../contracts/dns-zone.ts';
import { openAtCloudflare } from './dns-contract-cloudflare.ts';
import { openAtNamecheap } from './dns-contract-namecheap.ts';

describeZone('Cloudflare', openAtCloudflare);
describeZone('Namecheap', openAtNamecheap);
