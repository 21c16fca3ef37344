import { access, keyboard } from './support/access.ts';
import { buttons } from './support/buttons.ts';
import { describePlayground } from './support/describe.ts';

describePlayground('webkit', [buttons, keyboard, access]);
