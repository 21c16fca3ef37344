/** The page that a login in a window comes back to. */
import { returnFromPopup } from 'tokenkeep/login';

returnFromPopup();
