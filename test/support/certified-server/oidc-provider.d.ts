/** The part of oidc-provider that the certified server uses. The package has no declarations of its own. */
declare module 'oidc-provider' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

  export interface StoredModel {
    readonly jti: string;
    readonly grantId?: string;
    readonly clientId?: string;
    readonly consumed?: boolean | number;
    readonly rotations?: number;
    readonly acr?: string;
    readonly authTime?: number;
    destroy(): Promise<void>;
  }

  export interface Grant extends StoredModel {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
    save(): Promise<string>;
  }

  export interface OidcContext {
    readonly oidc: {
      readonly route: string;
      readonly params: Readonly<Record<string, string | undefined>> | undefined;
      readonly entities: Readonly<Record<string, StoredModel | undefined>>;
      readonly client: { readonly clientId: string } | undefined;
      readonly session: { readonly accountId: string };
    };
  }

  interface Model {
    find(value: string): Promise<StoredModel | undefined>;
  }

  export const errors: { readonly InvalidTarget: new () => Error };

  export class Provider {
    constructor(issuer: string, configuration: object);
    readonly Grant: new (properties: {
      accountId: string;
      clientId: string;
    }) => Grant;
    readonly AccessToken: Model;
    readonly RefreshToken: Model;
    callback(): RequestListener;
    interactionDetails(
      request: IncomingMessage,
      response: ServerResponse,
    ): Promise<{ params: Readonly<Record<string, string | undefined>> }>;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: object,
      options: { mergeWithLastSubmission: boolean },
    ): Promise<void>;
    on(event: `${string}.saved` | `${string}.consumed`, listener: (token: StoredModel) => void): this;
    on(event: 'grant.revoked', listener: (context: OidcContext, grantId: string) => void): this;
    on(event: 'grant.success', listener: (context: OidcContext) => void): this;
    on(event: 'grant.error' | 'server_error', listener: (context: OidcContext, error: Error) => void): this;
  }
}
