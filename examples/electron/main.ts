/** The main process: it keeps the tokens, and signs in in the user's own browser. Pages have a `fetch` without tokens. */
import { join } from 'node:path';
import { app, ipcMain, safeStorage, shell } from 'electron';
import { discover, TokenManager } from 'tokenkeep';
import { electronStorage, serveTokenManager } from 'tokenkeep/electron';
import { loopbackLogin } from 'tokenkeep/login';
import { openWindow, origin, servePages } from './windows.ts';

const { ISSUER = 'http://127.0.0.1:4000', API = 'http://127.0.0.1:4001/' } = process.env;
const client = { clientId: 'desktop', authorizationServer: discover(ISSUER) };

const manager = new TokenManager({
  ...client,
  protectedResources: [API],
  storage: electronStorage({ safeStorage, path: join(app.getPath('userData'), 'tokenkeep', 'tokens') }),
});

const stopServing = serveTokenManager({
  ipcMain,
  manager,
  allowedOrigins: [origin],
  protectedResources: [API],
  async login(_, signal) {
    const scope = ['openid', 'offline_access', 'read'];
    const { tokens } = await loopbackLogin({
      ...client,
      scope,
      signal,
      open: (url) => shell.openExternal(url),
    });
    return tokens;
  },
});

// Not `await`: the application is not ready before its main module has run to its end.
app.whenReady().then(() => {
  servePages();
  openWindow();
  openWindow(); // a second one, to see that it knows what the first one does
});

app.on('window-all-closed', () => app.quit());

// Now no page can call any more. A refresh that is in progress is waited for: its successor has to be stored.
app.once('will-quit', (event) => {
  event.preventDefault();
  stopServing();
  void manager.close().finally(() => app.quit());
});
