import { conformance } from './scenarios/conformance.ts';
import { cookies } from './scenarios/cookies.ts';
import { endings } from './scenarios/ends.ts';
import { everywhere } from './scenarios/everywhere.ts';
import { idle } from './scenarios/idle.ts';
import { kept } from './scenarios/kept.ts';
import { keys } from './scenarios/keys.ts';
import { lives } from './scenarios/lives.ts';
import { logins, windows } from './scenarios/logins.ts';
import { sleepers } from './scenarios/sleepers.ts';
import { tabs } from './scenarios/tabs.ts';
import { describeBrowser } from './support/describe.ts';

describeBrowser('firefox', [
  conformance,
  tabs,
  cookies,
  keys,
  lives,
  everywhere,
  endings,
  sleepers,
  kept,
  idle,
  logins,
  windows,
]);
