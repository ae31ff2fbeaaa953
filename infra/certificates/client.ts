/** The certificates of the administration API. */
import { z } from 'zod';
import { certificateViewSchema } from '../../functions/fleet/reports.ts';
import { choices } from '../../functions/config/suggest.ts';
import { certificateNameSchema } from '../../shared/relay/contract.ts';
import { Api } from '../administration/api.ts';

/** The most that the API lists at once. */
const PAGE_SIZE = 500;

const listed = z.object({
  name: z.string().max(63),
  state: certificateViewSchema.shape.state,
  domains: z.array(z.string().max(253)),
  notAfter: z.number().nullable(),
  dueAt: z.number().nullable(),
});
export type Listed = z.infer<typeof listed>;
export type Certificate = z.infer<typeof certificateViewSchema>;

const listAnswer = z.object({ total: z.number(), certificates: z.array(listed) });
/** After something was asked for: where to follow it. */
export const acceptedAnswer = z.object({ url: z.string().max(2_048), accepted: z.array(z.string().max(63)) });
export const revokedAnswer = z.object({ certificate: z.string(), sha256: z.string(), reason: z.string(), signer: z.string() });

export class CertificateApi extends Api {
  async list(query: string): Promise<Listed[]> {
    const found: Listed[] = [];
    for (let page = 1; ; page += 1) {
      const { total, certificates } = await this.get(
        `/api/v1/certificates?${new URLSearchParams({ page: String(page), size: String(PAGE_SIZE), q: query }).toString()}`,
        listAnswer,
      );
      found.push(...certificates);
      if (certificates.length < PAGE_SIZE || found.length >= total) return found;
    }
  }

  /** Throws an Error that names those there are. */
  async certificate(name: string): Promise<Certificate> {
    if (!certificateNameSchema.safeParse(name).success || !(await this.#knows(name))) throw await this.#unknown(name);
    return this.get(`/api/v1/certificates/${name}`, certificateViewSchema);
  }

  async #knows(name: string): Promise<boolean> {
    return (await this.list(name)).some((certificate) => certificate.name === name);
  }

  async #unknown(name: string): Promise<Error> {
    const names = (await this.list('')).map((certificate) => certificate.name);
    return new Error(`There is no certificate ${JSON.stringify(name.slice(0, 63))}. ${choices(name, names, 'certificate')}`);
  }
}
