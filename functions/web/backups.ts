/** `POST /api/v1/export` and `/api/v1/import`: one part of a backup each way. */
import type { Context } from 'hono';
import { IMPORT_BYTES } from '../backup/document.ts';
import { exportRequestSchema } from '../backup/export.ts';
import { importRequestSchema } from '../backup/import.ts';
import { parseJsonBody, readText } from './body.ts';
import type { WebDependencies } from './dependencies.ts';

const MAX_EXPORT_BODY_BYTES = 8_192;

export function backups(deps: WebDependencies) {
  return {
    exportPart: async (context: Context) => {
      const text = await readText(context.req.raw, MAX_EXPORT_BODY_BYTES);
      const request = parseJsonBody(text, exportRequestSchema, '{"recipient":{"kty":"EC","crv":"P-256","x":"…","y":"…"},"cursor":null}, a public key');
      return context.json(await deps.backup.exportPart(request));
    },

    importItems: async (context: Context) => {
      const text = await readText(context.req.raw, IMPORT_BYTES);
      const request = parseJsonBody(text, importRequestSchema, '{"dryRun":true,"items":[…]}, or use: npm run import');
      return context.json({ items: await deps.backup.importItems(request) });
    },
  };
}
