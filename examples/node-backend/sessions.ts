/** The users' sessions, in Redis, where all workers see them. */
import { createClient } from 'redis';
import { discover, TokenManager } from 'tokenkeep';
import { clientSecretBasic } from 'tokenkeep/client-authentication';
import { redisStorage } from 'tokenkeep/redis';

const { env } = process;
/** How long a token request may take. A worker that is killed keeps its sessions from a refresh for 10 s longer. */
const timeout = Number(env['TIMEOUT'] ?? 10_000);

/** The protected API. Ends with a slash. */
export const api = env['API'] ?? 'http://127.0.0.1:4001/';
/** In seconds: how long a session is kept that nobody uses. */
export const thirtyDays = 30 * 24 * 60 * 60;

/** The client id and secret of this backend. */
export const client = {
  clientId: 'backend',
  clientAuthentication: clientSecretBasic(env['CLIENT_SECRET'] ?? 'backend-secret'),
  authorizationServer: discover(env['ISSUER'] ?? 'http://127.0.0.1:4000'),
  timeout,
};

export type Redis = Awaited<ReturnType<typeof connect>>;

export async function connect() {
  const redis = createClient({ url: env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' });
  redis.on('error', ({ message }: Error) => console.error(`Redis: ${message}`));
  return await redis.connect();
}

/** One manager for all: `forSession(name)` is that of a user. */
export function openSessions(redis: Redis): TokenManager {
  const storage = redisStorage({ client: redis, lease: timeout + 10_000, expireAfter: thirtyDays * 1000 });
  const manager = new TokenManager({ ...client, protectedResources: [api], storage });
  manager.on('sessionEnded', ({ session, error }) => console.log(`${session} has ended: ${error.reason}.`));
  return manager;
}
