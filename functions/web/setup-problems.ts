/** Worker secrets that must be set once. The Worker starts without them and says so. */
import type { Environment } from '../environment.ts';
import { ADMIN_TOKEN_MIN } from './dependencies.ts';
import type { SetupProblem } from './pages/model.ts';

/** @param sealed whether secrets are kept sealed in the Worker's own storage. */
export function setupProblemsOf(
  environment: Pick<Environment, 'HOLD' | 'ADMIN_TOKEN' | 'EDGE_KEY' | 'SEALING_KEY' | 'AWS_ACCESS_KEY_ID' | 'AWS_SECRET_ACCESS_KEY'>,
  sealed: boolean,
): SetupProblem[] {
  const problems: SetupProblem[] = [];
  const need = (name: string, present: boolean, why: string, command = `npm run setup makes it; store it with: npx wrangler secret put ${name}`) => {
    if (!present) problems.push({ what: `The Worker secret ${name} is not set.`, why, command });
  };
  if ((environment.ADMIN_TOKEN ?? '') === '') need('ADMIN_TOKEN', false, 'Nobody can sign in, store secrets or use the administration API.');
  else if ((environment.ADMIN_TOKEN ?? '').length < ADMIN_TOKEN_MIN)
    problems.push({
      what: `The Worker secret ADMIN_TOKEN is shorter than ${ADMIN_TOKEN_MIN} characters.`,
      why: 'It could be guessed, so it opens nothing.',
      command: 'npm run setup makes a good one; store it with: npx wrangler secret put ADMIN_TOKEN',
    });
  if ((environment.HOLD ?? '').trim() !== '')
    problems.push({
      what: 'HOLD is set on the Worker.',
      why: 'Nothing is ordered, registered or delivered while it is: it is meant for the time of an import.',
      command: 'Once the import is done, deploy without it: npm run deploy',
    });
  need('EDGE_KEY', (environment.EDGE_KEY ?? '') !== '', 'Without it no relay can trust this Worker, so nothing can be delivered.');
  if (sealed) need('SEALING_KEY', (environment.SEALING_KEY ?? '') !== '', 'Without it secrets can be neither stored nor read, so nothing can be issued.');
  else {
    const command = (name: string) => `npx wrangler secret put ${name}`;
    need(
      'AWS_ACCESS_KEY_ID',
      (environment.AWS_ACCESS_KEY_ID ?? '') !== '',
      'Secrets are kept in AWS Secrets Manager, which asks for it.',
      command('AWS_ACCESS_KEY_ID'),
    );
    need(
      'AWS_SECRET_ACCESS_KEY',
      (environment.AWS_SECRET_ACCESS_KEY ?? '') !== '',
      'Secrets are kept in AWS Secrets Manager, which asks for it.',
      command('AWS_SECRET_ACCESS_KEY'),
    );
  }
  return problems;
}
