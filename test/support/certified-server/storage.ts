/** The storage of oidc-provider, in a Map: nothing is dropped to save room, and no notice is printed. */
interface Payload {
  grantId?: string;
  uid?: string;
  userCode?: string;
  consumed?: number;
}

export function storage(): (model: string) => object {
  const everything = new Map<string, Payload>();

  return (model) => {
    const keyOf = (id: string) => `${model}:${id}`;
    const where = (matches: (payload: Payload) => boolean) =>
      Promise.resolve(
        [...everything].find(([key, payload]) => key.startsWith(`${model}:`) && matches(payload))?.[1],
      );

    return {
      upsert(id: string, payload: Payload): Promise<void> {
        everything.set(keyOf(id), payload);
        return Promise.resolve();
      },
      find: (id: string) => Promise.resolve(everything.get(keyOf(id))),
      findByUid: (uid: string) => where((payload) => payload.uid === uid),
      findByUserCode: (userCode: string) => where((payload) => payload.userCode === userCode),
      consume(id: string): Promise<void> {
        const payload = everything.get(keyOf(id));
        if (payload) payload.consumed = Math.floor(Date.now() / 1000);
        return Promise.resolve();
      },
      destroy(id: string): Promise<void> {
        everything.delete(keyOf(id));
        return Promise.resolve();
      },
      revokeByGrantId(grantId: string): Promise<void> {
        for (const [key, payload] of everything) {
          if (key.startsWith(`${model}:`) && payload.grantId === grantId) everything.delete(key);
        }
        return Promise.resolve();
      },
    };
  };
}
