/** The one session that all invocations of this user share. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { discover, TokenManager } from 'tokenkeep';
import { fileStorage, keyringStorage } from 'tokenkeep/node';

export interface Session {
  readonly manager: TokenManager;
  readonly client: { readonly clientId: string; readonly authorizationServer: ReturnType<typeof discover> };
  /** Ends with a slash. */
  readonly api: string;
}

/** `MY_CLI_STORAGE=keyring` is a choice: where there is no keyring, that is said, and nothing is written to a file. */
export function openSession(): Session {
  const { ISSUER = 'http://127.0.0.1:4000', API = 'http://127.0.0.1:4001/' } = process.env;
  const { MY_CLI_STORAGE = 'file', MY_CLI_HOME = join(homedir(), '.my-cli') } = process.env;
  const client = { clientId: 'cli', authorizationServer: discover(ISSUER) };
  const storage =
    MY_CLI_STORAGE === 'keyring'
      ? keyringStorage({ service: 'my-cli', directory: MY_CLI_HOME })
      : fileStorage({ path: join(MY_CLI_HOME, 'tokens') });
  return { manager: new TokenManager({ ...client, protectedResources: [API], storage }), client, api: API };
}
