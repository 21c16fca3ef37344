/**
 * tokenkeep/login: logins that obtain the first tokens, for pages, popups, native apps, command lines and devices.
 *
 * @module tokenkeep/login
 */
export { LoginFailedError, type LoginFailedReason } from '../core/errors.ts';
export type { ImportResult, LegacySession, LegacyTokens } from '../session/import-session.ts';
export { type CompleteLoginOptions, completeLogin } from './complete-login.ts';
export { type CompletedLogout, type CompleteLogoutOptions, completeLogout } from './complete-logout.ts';
export { type DeviceLoginOptions, type DevicePrompt, deviceLogin } from './device-login.ts';
export { type ImportingManager, importSession } from './legacy-session.ts';
export type { Login } from './login.ts';
export type { AuthorizationDetail, LoginClientOptions, LoginRequest } from './login-options.ts';
export type {
  IdTokenHint,
  LogoutManager,
  SignedOutHereReason,
  StartedLogout,
  StartLogoutOptions,
} from './logout-options.ts';
export { type LoopbackLoginOptions, loopbackLogin } from './loopback-login.ts';
export type { LoginPage, PageTransition } from './page-navigation.ts';
export type { ItemStore, PendingLogins } from './pending-entries.ts';
export { type PopupLoginOptions, popupLogin, returnFromPopup } from './popup-login.ts';
export { redirectLogin } from './redirect-login.ts';
export type {
  BeginLoginOptions,
  RedirectLogin,
  RedirectLoginManager,
  RedirectLoginOptions,
  RedirectLoginResult,
} from './redirect-login-options.ts';
export { redirectToLogin, type StartedLogin, type StartLoginOptions, startLogin } from './start-login.ts';
export { startLogout } from './start-logout.ts';
export { type StepUpRequest, withStepUp } from './step-up.ts';
export { openSystemBrowser } from './system-browser.ts';
export type { IdTokenClaims } from './validate-id-token.ts';
