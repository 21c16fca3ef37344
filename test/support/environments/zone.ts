/** Angular's zones: they replace `Promise`, timers, `fetch` and event targets, while async functions return native promises. */
import 'zone.js';
