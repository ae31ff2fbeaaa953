/** The zones of the administration API. */
import { choices } from '../../functions/config/suggest.ts';
import { Api } from '../administration/api.ts';
import { zonesAnswer, type ListedZone } from './answers.ts';

export class ZoneApi extends Api {
  async zones(): Promise<ListedZone[]> {
    return (await this.get('/api/v1/zones', zonesAnswer)).zones;
  }

  /** @param typed a zone's name or its vendor's id. Throws an Error that names those there are. */
  async zone(typed: string): Promise<ListedZone> {
    const zones = await this.zones();
    const wanted = typed.replace(/\.$/, '').toLowerCase();
    const found = zones.filter(({ zoneId, zoneName }) => zoneName === wanted || zoneId.toLowerCase() === wanted.replaceAll('~', '/'));
    const [first, second] = found;
    if (first === undefined) {
      const names = zones.map(({ zoneName }) => zoneName);
      throw new Error(`There is no zone ${JSON.stringify(typed.slice(0, 253))}, or nothing was written to it yet. ${choices(wanted, names, 'zone')}`);
    }
    if (second !== undefined) throw new Error(`Several zones are named ${first.zoneName}. Give the id of one: ${found.map(({ zoneId }) => zoneId).join(', ')}`);
    return first;
  }
}
