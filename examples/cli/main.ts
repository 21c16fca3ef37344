/** A command line as one would publish it: data on stdout, everything else on stderr, and exit codes for scripts. */
import { get, logIn, logOut } from './commands.ts';
import { openSession, type Session } from './session.ts';
import { exitCodes, explain, interrupted } from './trouble.ts';

const commands: Record<string, (session: Session, signal: AbortSignal, path: string) => Promise<void>> = {
  login: logIn,
  get,
  logout: logOut,
};

// The first Ctrl+C ends what waits for a person or the API; a refresh that is in progress is finished and stored.
// A second one ends the program at once.
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM']) {
  process.once(name, () => {
    console.error('Stopping. Ctrl+C once more stops at once.');
    stop.abort();
  });
}

let session: Session | undefined;
try {
  const [name = '', path = ''] = process.argv.slice(2);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    console.error('Usage: my-cli login | get <path> | logout');
    process.exitCode = exitCodes.usage;
  } else {
    session = openSession();
    await command(session, stop.signal, path);
  }
} catch (error) {
  const { message, exitCode } = stop.signal.aborted ? interrupted : explain(error);
  if (message) console.error(message);
  process.exitCode = exitCode;
} finally {
  await session?.manager.close();
}
