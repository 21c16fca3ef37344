import { conformance } from './scenarios/conformance.ts';
import { tabs } from './scenarios/tabs.ts';
import { describeBrowser } from './support/describe.ts';

describeBrowser('firefox', [conformance, tabs]);
