/** An API that asks for more gets it: the user signs in once more, and the call is made again. */
import type { TokenEvents, TokenManager } from 'tokenkeep';
import { type Login, type LoginRequest, withStepUp } from 'tokenkeep/login';

type StepUp = TokenEvents['stepUpRequired'];

export interface SteppingUp<Options extends LoginRequest> {
  /** The usual login. */
  readonly options: Options;
  /** How the user signs in: `popupLogin` in a page, `loopbackLogin` in a native app. */
  readonly logIn: (options: Options) => Promise<Login>;
  /** Asks the user, and looks at what is asked for: an API can ask for anything, above all for any scope. */
  readonly agrees: (stepUp: StepUp) => boolean | Promise<boolean>;
}

/** A `fetch` for calls that may need a better login. However many wait for it, there is one. */
export function steppingUp<Options extends LoginRequest>(
  manager: TokenManager,
  { options, logIn, agrees }: SteppingUp<Options>,
): typeof globalThis.fetch {
  let told = 0;
  let latest: StepUp | undefined;
  let logins = 0;
  let asked: Promise<boolean> | undefined;

  manager.on('stepUpRequired', (stepUp) => {
    told += 1;
    latest = stepUp;
  });

  async function ask(stepUp: StepUp): Promise<boolean> {
    if (!(await agrees(stepUp))) return false;
    const { tokens } = await logIn(withStepUp(options, stepUp));
    await manager.setTokens(tokens); // until here all other calls have used the tokens that were there
    logins += 1;
    return true;
  }

  return async (input, init) => {
    const request = new Request(input, init); // kept, to be sent twice
    const before = { told, logins };
    const response = await manager.fetch(request.clone());
    if (response.status !== 401 && response.status !== 403) return response;
    if (told === before.told || latest === undefined) return response; // something else is wrong
    // Who was sent before a login that has succeeded meanwhile needs no other one.
    if (logins === before.logins) {
      asked ??= ask(latest).finally(() => {
        asked = undefined;
      });
    }
    if (asked !== undefined && !(await asked)) return response;
    await response.body?.cancel();
    return await manager.fetch(request);
  };
}
