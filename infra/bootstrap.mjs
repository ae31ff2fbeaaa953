/**
 * Entry of every npm script that must work in a fresh clone: installs what is missing, then runs the given
 * TypeScript file on the Node that the project pins. Plain JavaScript without dependencies, for Node 20 and newer.
 *
 * Installs: npm packages (`npm ci`) when node_modules does not hold what package-lock.json names, and, unless
 * PERENNIAL_NO_APT is set, the Debian packages that the file needs (see `debianPackages`) when they are absent,
 * the process is root and apt-get exists.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const [entry, ...args] = process.argv.slice(2);
const say = (line) => process.stderr.write(`${line}\n`);

/** Commands and the Debian package that brings each; `env` names a variable that points to another copy. */
const debianPackages = {
  'infra/demo/main.ts': [{ command: 'pebble', package: 'pebble', env: 'PEBBLE_BIN' }],
  'infra/test.ts': [
    { command: 'pebble', package: 'pebble', env: 'PEBBLE_BIN' },
    { command: 'chromium', package: 'chromium', env: 'CHROMIUM_BIN' },
  ],
  'test/faults/main.ts': [{ command: 'pebble', package: 'pebble', env: 'PEBBLE_BIN' }],
  'test/bench/main.ts': [{ command: 'pebble', package: 'pebble', env: 'PEBBLE_BIN' }],
};

/** Whether node_modules holds what package-lock.json names; npm keeps its own account of what it installed there. */
function isInstalled() {
  try {
    const read = (file) => JSON.parse(readFileSync(join(root, file), 'utf8')).packages;
    const installed = read('node_modules/.package-lock.json');
    const wanted = Object.entries(read('package-lock.json')).filter(([path, entry]) => path !== '' && !entry.optional && !entry.link);
    return existsSync(join(root, 'node_modules/.bin/node')) && wanted.every(([path, { version }]) => installed[path]?.version === version);
  } catch {
    return false;
  }
}

function installNpmPackages() {
  if (isInstalled()) return;
  say('Installing npm packages (npm ci) ...');
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.status === 0) return;
  say('npm ci failed; see its output above. Perennial needs the npm registry for its first start.');
  process.exit(1);
}

function onPath(command) {
  return (process.env.PATH ?? '').split(':').some((folder) => folder !== '' && existsSync(join(folder, command)));
}

function installDebianPackages() {
  const missing = (debianPackages[entry] ?? []).filter((need) => !process.env[need.env] && !onPath(need.command));
  if (missing.length === 0 || process.env.PERENNIAL_NO_APT) return;
  const names = missing.map((need) => need.package);
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    say(`Not installed: ${names.join(', ')} (needs root and apt-get). Stand-ins take their place where one exists.`);
    return;
  }
  say(`Installing Debian packages: ${names.join(', ')} ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const quiet = { env, stdio: ['ignore', 'ignore', 2] };
  spawnSync('apt-get', ['update', '-qq'], quiet);
  const result = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], quiet);
  if (result.status !== 0) say(`apt-get could not install ${names.join(', ')}; going on with stand-ins where one exists.`);
}

/** Process ids: our parent, and npm where that parent is the shell of its script. Without /proc (macOS) the parent alone. */
function npmAbove() {
  const parent = process.ppid;
  try {
    const isShellOfScript = readFileSync(`/proc/${parent}/cmdline`, 'utf8').split('\0')[1] === '-c';
    // The name of the program stands in parentheses and may hold spaces; what follows is its state and its parent.
    const stat = readFileSync(`/proc/${parent}/stat`, 'utf8');
    return { parent, npm: isShellOfScript ? Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) : undefined };
  } catch {
    return { parent, npm: undefined };
  }
}

if (!entry) {
  say('usage: node infra/bootstrap.mjs <file.ts> [arguments]');
  process.exit(2);
}
installNpmPackages();
installDebianPackages();

const bin = join(root, 'node_modules', '.bin');
// The fourth descriptor is a pipe that nobody writes to: its end tells the child that this process is gone, however.
const child = spawn(join(bin, 'node'), ['--disable-warning=ExperimentalWarning', join(root, entry), ...args], {
  stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
  env: { ...process.env, PATH: `${bin}:${process.env.PATH ?? ''}`, PERENNIAL_PARENT_FD: '3', PERENNIAL_PARENT_PID: String(process.pid) },
});
child.on('error', (error) => {
  say(`Node could not be started: ${error.message}`);
  process.exit(1);
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
// npm that was killed cannot pass anything on, and a shell between npm and us may not even notice.
if (process.env.npm_lifecycle_event) {
  const started = npmAbove();
  setInterval(() => {
    const { parent, npm } = npmAbove();
    if (parent !== started.parent || (started.npm !== undefined && npm !== started.npm)) child.kill('SIGTERM');
  }, 500).unref();
}
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
