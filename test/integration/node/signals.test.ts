/** K4f: a process that receives a signal during a refresh ends after the new tokens are stored. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeOnSignals, fileStorage } from 'tokenkeep/node';
import { expect, onTestFinished, test } from 'vitest';
import { bundledProgram } from '../../support/processes/program.ts';

const program = await bundledProgram(new URL('support/signalled-process.ts', import.meta.url));

interface Scene {
  readonly child: ChildProcess;
  /** Resolves when so many refreshes have arrived. */
  arrived(count: number): Promise<void>;
  /** Answers all refreshes that have arrived. */
  answer(): void;
  /** The refresh token that is stored for a session. */
  stored(session: string): Promise<unknown>;
  readonly exit: Promise<readonly [code: number | null, signal: string | null]>;
}

async function scene(name: string): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'tokenkeep-signals-'));
  const waiting: ServerResponse[] = [];
  const server = createServer((request, response) => {
    request.resume();
    waiting.push(response);
    server.emit('refresh');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const path = join(folder, 'tokens');
  const child = spawn(process.execPath, [program, name, origin, path], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  onTestFinished(() => {
    child.kill('SIGKILL');
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return {
    child,
    exit,
    async arrived(count) {
      while (waiting.length < count) await once(server, 'refresh');
    },
    answer() {
      for (const response of waiting.splice(0)) {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ access_token: 'second', refresh_token: 'successor', expires_in: 300 }));
      }
    },
    async stored(session) {
      const found = await fileStorage({ path }).read(`signalled/${session}`);
      return (found?.record as { refreshToken?: unknown } | undefined)?.refreshToken;
    },
  };
}

test.each([
  ['one manager', ['default']],
  ['several managers', ['ada', 'bob']],
  ['two calls', ['ada', 'bob']],
])('%s: the refresh is stored first, and the process ends by the signal', async (name, sessions) => {
  const { child, arrived, answer, stored, exit } = await scene(name);
  await arrived(sessions.length);
  const closing = sessions.map(() => once(child, 'message'));
  child.kill('SIGTERM');
  await Promise.all(closing);
  answer();
  expect(await exit).toEqual([null, 'SIGTERM']);
  expect(await Promise.all(sessions.map(stored))).toEqual(sessions.map(() => 'successor'));
});

test('a second signal ends the process at once', async () => {
  const { child, exit } = await scene('a manager that never closes');
  await once(child, 'message');
  child.kill('SIGTERM');
  expect(await once(child, 'message')).toEqual(['closing', undefined]);
  child.kill('SIGINT');
  expect(await exit).toEqual([null, 'SIGINT']);
});

test('a handler of the application decides when the process ends, and with which code', async () => {
  const { child, arrived, answer, stored, exit } = await scene('a handler of the application');
  await arrived(1);
  child.kill('SIGTERM');
  await once(child, 'message');
  answer();
  expect(await exit).toEqual([7, null]);
  expect(await stored('default')).toBe('successor');
});

test('after it was stopped, signals have their default effect', async () => {
  const { child, exit } = await scene('stopped');
  await once(child, 'message');
  child.kill('SIGTERM');
  expect(await exit).toEqual([null, 'SIGTERM']);
});

test('installs one handler for each signal while a manager exists', () => {
  const manager = { close: async () => undefined };
  const count = () => ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => process.listenerCount(signal));
  const before = count();
  const stops = [
    closeOnSignals(manager),
    closeOnSignals([manager, manager], { signals: ['SIGHUP', 'SIGTERM'] }),
  ];
  expect(count()).toEqual(before.map((some) => some + 1));
  for (const stop of stops) stop();
  for (const stop of stops) stop();
  expect(count()).toEqual(before);
});

test.each([
  ['no manager', [undefined], /pass a TokenManager/],
  ['something else', [[{ close: async () => undefined }, {}]], /pass a TokenManager/],
  ['no signals', [{ close: async () => undefined }, { signals: [] }], /signals/],
  [
    'an unknown signal',
    [{ close: async () => undefined }, { signals: ['SIGNOPE'] }],
    /cannot handle SIGNOPE/,
  ],
  [
    'a signal that ends at once',
    [{ close: async () => undefined }, { signals: ['SIGKILL'] }],
    /cannot handle SIGKILL/,
  ],
])('%s is refused', (_name, parameters, message) => {
  const call = closeOnSignals as (...given: unknown[]) => unknown;
  expect(() => call(...parameters)).toThrow(expect.objectContaining({ code: 'ERR_CONFIGURATION' }));
  expect(() => call(...parameters)).toThrow(message);
});
