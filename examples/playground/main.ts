/** `npm run playground`: prints where the page is, and serves it until it is stopped. */
import { openSite } from './site.ts';

const wished = Number(process.argv[2] ?? 4747);
// Somebody else has the port: any other will do.
const { url } = await openSite(wished).catch(() => openSite());
console.log(`\n  The playground is open:  ${url}\n\n  Ctrl+C closes it.\n`);
