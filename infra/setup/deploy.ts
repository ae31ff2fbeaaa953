/** `npm run deploy [-- <arguments of wrangler deploy>]`: checks the configuration first, then deploys. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { formatProblems } from '../build/report.ts';
import { readSource, ROOT } from '../build/source.ts';

const { file, text, compiled } = readSource(process.env);
if (compiled.valid) {
  // Wrangler runs the build step itself, which checks once more what it is about to upload.
  const wrangler = spawn(join(ROOT, 'node_modules', '.bin', 'wrangler'), ['deploy', ...process.argv.slice(2)], { cwd: ROOT, stdio: 'inherit' });
  wrangler.on('error', (error) => {
    process.stderr.write(`wrangler could not be started: ${error.message}\n`);
    process.exitCode = 1;
  });
  wrangler.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
} else {
  process.stderr.write(`${formatProblems(file, text, compiled.problems, process.stderr.isTTY)}\nNothing was deployed.\n`);
  process.exitCode = 1;
}
