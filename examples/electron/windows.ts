/** Windows that show pages of this application, and nothing else. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { app, BrowserWindow, protocol } from 'electron';

/** Pages come from a scheme of their own. From `file:` every file of this machine would be one of them. */
export const origin = 'app://main';

const files = new Map([
  ['/index.html', 'text/html'],
  ['/renderer.js', 'text/javascript'],
]);

// Before the application is ready. Secure, as https is: the platform's cryptography is there for such pages only.
protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges: { standard: true, secure: true } }]);

app.on('web-contents-created', (_, contents) => {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  contents.on('will-navigate', (event) => event.preventDefault());
});

/** Once the application is ready. */
export function servePages(): void {
  protocol.handle('app', async ({ url }) => {
    const { host, pathname } = new URL(url);
    const type = host === 'main' ? files.get(pathname) : undefined;
    if (type === undefined) return new Response(null, { status: 404 });
    const file = await readFile(join(import.meta.dirname, pathname));
    return new Response(file, { headers: { 'content-type': type } });
  });
}

export function openWindow(): void {
  const preload = join(import.meta.dirname, 'preload.cjs');
  const window = new BrowserWindow({ webPreferences: { preload, contextIsolation: true, sandbox: true } });
  window.loadURL(`${origin}/index.html`).catch((error: unknown) => console.error(error));
}
