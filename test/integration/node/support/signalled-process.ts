/** A process that receives a signal during a refresh. Its parent runs the token endpoint and sends it commands. */
import { TokenManager } from '../../../../src/index.ts';
import { closeOnSignals, fileStorage } from '../../../../src/node/index.ts';

const [, , scene, origin, path] = process.argv as [string, string, string, string, string];

function open(session?: string): TokenManager {
  return new TokenManager({
    clientId: 'signalled',
    authorizationServer: { tokenEndpoint: `${origin}/token` },
    protectedResources: ['https://api.test/'],
    storage: fileStorage({ path }),
    session,
  });
}

async function refresh(manager: TokenManager): Promise<void> {
  await manager.setTokens({ access_token: 'first', refresh_token: 'refresh', expires_in: 300 });
  manager.getAccessToken({ rejectedToken: 'first' }).catch(() => undefined);
}

/** A manager that notifies its parent when it closes. */
const seen = ({ close }: { close(): Promise<void> }) => ({
  close: () => {
    process.send?.('closing');
    return close();
  },
});
const manage = (manager: TokenManager) => seen({ close: () => manager.close() });
const stuck = seen({ close: () => new Promise<never>(() => undefined) });

const scenes: Record<string, () => unknown> = {
  'one manager': async () => {
    const manager = open();
    closeOnSignals(manage(manager));
    await refresh(manager);
  },
  'several managers': async () => {
    const managers = [open('ada'), open('bob')];
    closeOnSignals(managers.map(manage));
    await Promise.all(managers.map(refresh));
  },
  'two calls': async () => {
    const managers = [open('ada'), open('bob')];
    for (const manager of managers) closeOnSignals(manage(manager));
    await Promise.all(managers.map(refresh));
  },
  'a manager that never closes': () => {
    closeOnSignals(stuck);
    setInterval(() => undefined, 1_000);
    process.send?.('open');
  },
  stopped: () => {
    closeOnSignals(stuck)();
    setInterval(() => undefined, 1_000);
    process.send?.('open');
  },
  'a handler of the application': async () => {
    const manager = open();
    closeOnSignals(manage(manager));
    process.on('SIGTERM', () => {
      void manager.close().then(() => process.exit(7));
    });
    await refresh(manager);
  },
};

await scenes[scene]?.();
