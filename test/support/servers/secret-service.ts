/** A Secret Service of its own: a bus, GNOME Keyring on it, and a home for both, which go away with the test. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type Child, startServer, temporaryFolder } from './child.ts';

const packages = ['dbus-daemon', 'dbus-bin', 'gnome-keyring', 'procps'];
const programs = {
  bus: '/usr/bin/dbus-daemon',
  send: '/usr/bin/dbus-send',
  ring: '/usr/bin/gnome-keyring-daemon',
};

const busName = 'org.freedesktop.DBus';
const secrets = 'string:org.freedesktop.secrets';

export class SecretService implements AsyncDisposable {
  readonly folder: string;
  /** Environment that a process needs to find it. */
  readonly env: NodeJS.ProcessEnv;
  readonly #place: ReturnType<typeof temporaryFolder>;
  readonly #bus: Child;
  #ring: Child | undefined;

  private constructor(place: ReturnType<typeof temporaryFolder>, env: NodeJS.ProcessEnv, bus: Child) {
    this.folder = place.path;
    this.env = env;
    this.#place = place;
    this.#bus = bus;
  }

  /**
   * Starts the bus and, by default, an open keyring. This process and its children find it: only one in the lifetime
   * of a process, because D-Bus looks for its bus once.
   */
  static async start({ open = true }: { open?: boolean } = {}): Promise<SecretService> {
    const missing = Object.values(programs).find((path) => !existsSync(path));
    if (missing) throw new Error(`${missing} is missing. Run: apt-get install ${packages.join(' ')}`);
    const place = temporaryFolder();
    const folder = place.path;
    const env: NodeJS.ProcessEnv = { ...process.env, HOME: folder };
    for (const name of ['XDG_DATA_HOME', 'XDG_RUNTIME_DIR', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME']) {
      const path = join(folder, name);
      mkdirSync(path, { mode: 0o700 });
      env[name] = path;
    }
    // With a display a locked keyring would ask a person, and wait.
    for (const name of ['DISPLAY', 'WAYLAND_DISPLAY', 'GNOME_KEYRING_CONTROL']) delete env[name];
    // In this folder, so that nothing else that is done with temporary files cuts the bus off.
    const address = `unix:path=${folder}/bus`;
    writeFileSync(join(folder, 'bus.conf'), configuration(address));
    const bus = await startServer({
      command: programs.bus,
      parameters: [`--config-file=${folder}/bus.conf`, '--nofork', '--print-address'],
      cwd: folder,
      env,
      ready: /^unix:/m,
    });
    env['DBUS_SESSION_BUS_ADDRESS'] = address;
    process.env['DBUS_SESSION_BUS_ADDRESS'] = address;
    const service = new SecretService(place, env, bus);
    try {
      await service.startRing(open);
      return service;
    } catch (error) {
      await service[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The daemon starts: as after a login, or without anybody having opened the keyring. */
  async startRing(open: boolean): Promise<void> {
    this.#ring = await startServer({
      command: programs.ring,
      parameters: [open ? '--unlock' : '--start', '--components=secrets', '--foreground'],
      cwd: this.folder,
      env: this.env,
      input: open ? '\n' : undefined,
    });
    // It says nothing. Its name comes a moment after it.
    for (let looks = 0; !(await this.#hasOwner()); looks++)
      if (looks > 500) throw new Error('The keyring has not come up.');
  }

  async #hasOwner(): Promise<boolean> {
    return (await this.#send([busName, '/', `${busName}.NameHasOwner`], [secrets])).includes('true');
  }

  /** The daemon is killed. Its data is on the disk. */
  async killRing(): Promise<void> {
    await this.#ring?.end('SIGKILL');
    this.#ring = undefined;
    // Its name goes a moment after it, and the next one would not get it.
    while (await this.#hasOwner());
  }

  async lock(): Promise<void> {
    await this.#send(
      ['org.freedesktop.secrets', '/org/freedesktop/secrets', 'org.freedesktop.Secret.Service.Lock'],
      ['array:objpath:/org/freedesktop/secrets/collection/login'],
    );
  }

  /** Without a person at a display only a new daemon takes the password. */
  async unlock(): Promise<void> {
    await this.killRing();
    await this.startRing(true);
  }

  async #send([destination, path, method]: [string, string, string], contents: string[]): Promise<string> {
    return await this.#run(programs.send, [
      '--session',
      '--print-reply',
      `--dest=${destination}`,
      path,
      method,
      ...contents,
    ]);
  }

  async #run(program: string, parameters: string[], input?: string): Promise<string> {
    const child = spawn(program, parameters, {
      env: this.env,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    child.stdin?.end(input);
    const ended = once(child, 'close');
    const [output, complaint, [code]] = await Promise.all([
      textOf(child.stdout),
      textOf(child.stderr),
      ended,
    ]);
    if (code !== 0) throw new Error(`${program} ${parameters.join(' ')}: ${complaint}`);
    return output;
  }

  /** Ends both, also if one of them has ended by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ring?.end('SIGKILL');
    await this.#bus.end();
    this.#place.remove();
  }
}

const textOf = (stream: Readable | null) => (stream === null ? '' : text(stream));

/**
 * A bus for this test alone. It starts nothing by itself. As on a desktop its connections are not counted: each entry of a
 * keyring has one, until it is collected as garbage.
 */
const configuration = (address: string) => `<busconfig>
  <type>session</type>
  <limit name="max_completed_connections">100000</limit>
  <limit name="max_connections_per_user">100000</limit>
  <listen>${address}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>`;
