import { access, keyboard, preferences } from './support/access.ts';
import { buttons } from './support/buttons.ts';
import { describePlayground } from './support/describe.ts';

describePlayground('chromium', [buttons, keyboard, access, preferences]);
