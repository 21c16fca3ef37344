/** In place of the UserManager. */
import { discover, TokenManager, type TokenStorage } from 'tokenkeep';
import { indexedDbStorage } from 'tokenkeep/browser';
import { type ImportResult, importSession } from 'tokenkeep/login';
import { type LegacySettings, legacyUser } from './legacy-user.ts';

export interface Settings extends LegacySettings {
  readonly api: string;
  readonly storage?: TokenStorage;
}

/** Call it once, when the page starts, before anything else: afterwards the session is in this manager only. */
export async function openSession(
  settings: Settings,
): Promise<{ manager: TokenManager; taken: ImportResult }> {
  const manager = new TokenManager({
    clientId: settings.clientId,
    authorizationServer: discover(settings.issuer),
    protectedResources: [settings.api],
    storage: settings.storage ?? indexedDbStorage(),
  });
  const taken = await importSession(manager, legacyUser(settings));
  if (taken.outcome === 'refused') console.warn(`The old session cannot be used: ${taken.reason}. Log in.`);
  return { manager, taken };
}
